// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/time.h"

#include "kube/kinds.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static size_t format(int64_t sec, char buf[static KUBE_TIME_MAX])
{
	const time_t seconds = sec;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		memset(&tm, 0, sizeof(tm));
	return strftime(buf, KUBE_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
}

const char *kube_time_format(int64_t sec, char buf[static KUBE_TIME_MAX])
{
	const size_t n = format(sec, buf);

	snprintf(buf + n, KUBE_TIME_MAX - n, "Z");
	return buf;
}

const char *kube_micro_time_format(int64_t us, char buf[static KUBE_TIME_MAX])
{
	const size_t n = format(us / 1000000, buf);

	snprintf(buf + n, KUBE_TIME_MAX - n, ".%06dZ", (int)(us % 1000000));
	return buf;
}

const char *kube_condition_since(const struct kube_conditions *old, const char *type,
				 const char *status, const char *now)
{
	for (size_t i = 0; i < old->n; i++) {
		const struct kube_condition *const condition = &old->v[i];
		if (strcmp(condition->type, type) == 0 && condition->status && condition->since &&
		    strcmp(condition->status, status) == 0)
			return condition->since;
	}
	return now;
}
