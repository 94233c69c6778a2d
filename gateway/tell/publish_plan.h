// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what one member of a group writes into the status that all of them share, so that nodes never see an egress IP
 * without a gateway while it is handed over, and never again the one that it was taken from.
 *
 * Each member has its own part by server-side apply, and what it writes wins over what others wrote. So who no longer
 * translates doesn't just write on: he names the one who does, or writes nothing, until the object names another one. What
 * a write that was stalled has put there all the same, is put right by who finds something else there than he wrote.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/ip4.h"
#include "base/mono.h"
#include "gateway/group/failover_facts.h"
#include "policy/policy.h"

#define PUBLISH_MEMBERS_MAX 32
#define PUBLISH_ORPHAN_MS 15000      /* nobody carries it: it's written so */
#define PUBLISH_DEAD_MS (10 * 60000) /* who isn't heard for so long is no member any more */
#define PUBLISH_REFRESH_MS 60000     /* all is written again, whatever others did to it */

/* An egress IP as it is now, beside what failover_facts say. */
struct publish_egress {
	const char *name;
	struct ip4 told; /* who carries it by the object's status: his address; 0: nobody */
};

struct publish_input {
	const struct failover_facts *facts;
	const struct publish_egress *egress; /* one for each of facts->egress */
	size_t n;                            /* at most POLICY_EGRESS_MAX */
	struct ip4 address;                  /* of this gateway */
	bool is_listed;                      /* it's among the object's members */
};

enum publish_entry {
	PUBLISH_NOTHING,
	PUBLISH_SELF,    /* it translates, here */
	PUBLISH_CARRIER, /* facts' carrier does, and the object doesn't say so yet */
	PUBLISH_LAST,    /* nobody is known to; as it was */
};

/* What is written in the place of a member that isn't heard. */
enum publish_peer { PUBLISH_PEER_NOTHING, PUBLISH_PEER_NOT_READY, PUBLISH_PEER_GONE };

/* Kept from one plan to the next; zeroed at the start. */
struct publish_memory {
	struct publish_past {
		char name[CONFIG_NAME_MAX];
		bool is_ours;    /* translated here, and no other one was seen to carry it since */
		bool translated; /* when last looked */
		bool shared;     /* likewise, with a partner */
		struct mono since; /* nobody carries it; 0: somebody does */
	} egress[POLICY_EGRESS_MAX];
	size_t n;
	struct publish_silence {
		char name[CONFIG_NAME_MAX];
		struct mono since;
	} silent[PUBLISH_MEMBERS_MAX];
	size_t n_silent;
	struct mono refreshed_at;
};

struct publish_plan {
	enum publish_entry entries[POLICY_EGRESS_MAX];
	enum publish_peer peers[PUBLISH_MEMBERS_MAX]; /* of facts->members */
	int state;                                    /* enum kube_member_state */
	size_t n_translated, n_carried;               /* here; by anybody */
	bool is_speaker; /* the conditions are his to write, and what a dead member can't */
	bool is_held;    /* nothing is written now */
	bool is_urgent;  /* what is written doesn't wait */
	bool is_doubted; /* it's written even if it's the same as before */
	int64_t next_ms; /* until something is otherwise only because time goes by; negative: never */
};

/* Whether any member translates the egress IP, as far as is known. */
bool publish_is_carried(const struct failover_facts *facts, size_t i);
void publish_plan(struct publish_memory *memory, const struct publish_input *input, struct mono now,
		  struct publish_plan *ret);
