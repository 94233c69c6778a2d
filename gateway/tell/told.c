// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void told_begin(struct told_list *list)
{
	list->round++;
}

static struct told *find(const struct told_list *list, const char *uid, const char *part)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i]->uid, uid) == 0 && strcmp(list->v[i]->part, part) == 0)
			return list->v[i];
	}
	return NULL;
}

static struct told *add(struct told_list *list)
{
	struct told **v = reallocarray(list->v, list->n + 1, sizeof(struct told *));

	if (!v)
		return NULL;
	list->v = v;
	v[list->n] = calloc(1, sizeof(struct told));
	return v[list->n] ? v[list->n++] : NULL;
}

struct told *told_find(struct told_list *list, const char *uid, const char *object,
		       const char *part)
{
	struct told *told = find(list, uid, part);

	if (!told) {
		told = add(list);
		if (!told)
			return NULL;
		snprintf(told->uid, sizeof(told->uid), "%s", uid);
		snprintf(told->object, sizeof(told->object), "%s", object);
		snprintf(told->part, sizeof(told->part), "%s", part);
	}
	told->round = list->round;
	return told;
}

static bool has_object(const struct told_list *list, const char *object)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i] && strcmp(list->v[i]->object, object) == 0)
			return true;
	}
	return false;
}

void told_end(struct told_list *list, void (*on_gone)(const char *object, void *data), void *data)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct told *told = list->v[i];

		if (told->round == list->round)
			continue;
		list->v[i] = NULL;
		if (on_gone && !has_object(list, told->object))
			on_gone(told->object, data);
		free(told);
	}
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i])
			list->v[kept++] = list->v[i];
	}
	list->n = kept;
}

void told_done(struct told_list *list)
{
	told_begin(list);
	told_end(list, NULL, NULL);
	free(list->v);
	*list = (struct told_list){ .n = 0 };
}

enum told_news told_say(struct told *told, const char *reason)
{
	enum told_news news = told->reason[0] ? TOLD_OTHER : TOLD_FIRST;

	if (strcmp(told->reason, reason) == 0)
		return TOLD_SAME;
	snprintf(told->reason, sizeof(told->reason), "%s", reason);
	kube_time_format(time(NULL), told->since);
	return news;
}
