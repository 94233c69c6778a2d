// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What was last said of an object's parts - an egress IP of an EgressGateway, a condition of an EgressPolicy - and since
 * when. An object that was deleted and made again has another uid, and nothing was said of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kube/time.h"

struct told {
	char uid[64], object[64], part[64];
	char reason[64];
	char since[KUBE_TIME_MAX];
	unsigned round;
};

/* Each stays where it is as long as it is in the list: what is being written points to its times. */
struct told_list {
	struct told **v;
	size_t n;
	unsigned round;
};

/* A new round: what isn't asked for in it will be forgotten at its end. */
void told_begin(struct told_list *list);
/* The entry, new or not, which the round has come by. NULL: no memory. */
struct told *told_find(struct told_list *list, const char *uid, const char *object,
		       const char *part);
/* `on_gone` (NULL: nobody) hears of each object that has no part left, under this uid or another. */
void told_end(struct told_list *list, void (*on_gone)(const char *object, void *data), void *data);
void told_done(struct told_list *list);

enum told_news {
	TOLD_SAME,
	TOLD_FIRST,
	TOLD_OTHER, /* than last time */
};
/* If it is news, the time is now. */
enum told_news told_say(struct told *told, const char *reason);
