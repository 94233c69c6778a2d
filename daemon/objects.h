// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: from Kubernetes' objects as kube/ reads them to what the inventory takes. Each is one allocation (free it
 * with free(3)) that owns all that it points to, so that it may outlive the object. NULL: no memory.
 */
#pragma once

#include "policy/objects.h"

struct kube_namespace;
struct kube_pod;
struct kube_policy;

struct inventory_pod *object_pod(const struct kube_pod *pod);
struct inventory_namespace *object_namespace(const struct kube_namespace *space);
struct inventory_policy *object_policy(const struct kube_policy *policy);

/* metadata.creationTimestamp ("2026-11-28T09:00:00Z") as seconds since 1970; what is none is 0. */
int64_t object_created(const char *text);
