// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Points in time as Kubernetes writes them (meta/v1, Time and MicroTime). */
#pragma once

#include <stdint.h>

struct kube_conditions;

#define KUBE_TIME_MAX 32

/* "2026-01-31T23:59:59Z". Both return `buf`. */
const char *kube_time_format(int64_t sec, char buf[static KUBE_TIME_MAX]);
/* "2026-01-31T23:59:59.000000Z" */
const char *kube_micro_time_format(int64_t us, char buf[static KUBE_TIME_MAX]);

/*
 * lastTransitionTime: what `old` has for a condition of this type with this status, else `now`. Borrowed of either.
 */
const char *kube_condition_since(const struct kube_conditions *old, const char *type,
				 const char *status, const char *now);
