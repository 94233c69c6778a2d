// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The times of gateway/group/decide.h, and of those who do what it says. Milliseconds. */
#pragma once

#define DECIDE_TICK_MS 50        /* the shell calls at least so often */
#define DECIDE_BEAT_MS 100       /* between two heartbeats */
#define DECIDE_LOST_MS 300       /* without one */
#define DECIDE_SILENT_MS 250     /* from a look at the Lease to taking it */
#define DECIDE_UNHEARD_MS 4500   /* likewise, of a holder who doesn't know that we listen */
#define DECIDE_CARRIED_MS 3000   /* a Lease is free, but a member carries what it stands for */
#define DECIDE_TURN_MS 300       /* for each member that should rather have it */
#define DECIDE_DURATION_MS 10000 /* of the Lease */
#define DECIDE_MARGIN_MS 1000    /* stop so long before it ends */
#define DECIDE_RENEW_MS 2000     /* between two asks, of whoever holds it and of who looks */
#define DECIDE_RETRY_MS 500      /* after a failed call */
#define DECIDE_DEADLINE_MS 1500  /* of a call: it ends before its Lease does */
#define DECIDE_FRESH_MS 1500     /* a holder heard so lately knows that he isn't any more */
#define DECIDE_SIGN_MS 100       /* between two signs of life */
#define DECIDE_SIGNS_MS 2000     /* so long they are given */
#define DECIDE_QUIET_MS \
	5000 /* after a take-over that wasn't one: no other from a holder who is silent */
#define DECIDE_VERIFY_MS 2000   /* between two questions to EC2 when there's doubt */
#define DECIDE_VERIFIED_MS 8000 /* so long EC2's word lets somebody translate without a Lease */
#define DECIDE_START_MS 3000    /* after a restart the kernel goes on so long without an answer */
#define DECIDE_REFUSED_MS 10000 /* an Elastic IP that doesn't come is left to others */
#define DECIDE_GIVE_UP_MS 30000 /* and so long not tried again */
#define DECIDE_HANDOVER_MS 10000
#define DECIDE_PREPARE_MS \
	1000 /* both translate, and nodes send to both, before the Elastic IP moves */
#define DECIDE_LINGER_MS 3000 /* and after: until EC2's network has followed, and all nodes have */
