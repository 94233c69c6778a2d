// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside cli/: what a gateway needs of Kubernetes, and what the API server said about it. Plain data. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "kube/access.h"
#include "kube/failure.h"

#define KUBE_GROUP "eipgw:gateways" /* whom deploy/rbac-gateway.yaml gives the rights */
#define KUBE_KINDS_PATH "/apis/eipgw.io/v1alpha1"
enum { KUBE_RIGHTS = 17, KUBE_KINDS = 2 };

extern const struct kube_right kube_rights[KUBE_RIGHTS]; /* as in deploy/rbac-gateway.yaml */
extern const char *const kube_needed_kinds[KUBE_KINDS];  /* as in deploy/crds */

struct kube_facts {
	bool is_wanted; /* "source" is "kubernetes" */
	char server[512];
	struct err error; /* why nothing could be asked; "": it was */
	/* Of each question: class OK, or why there's no answer. */
	struct kube_failure version; /* any answer, also a refusal, says that it is there */
	struct kube_failure whoami;
	struct kube_failure rights; /* the first that failed */
	struct kube_failure kinds;
	struct kube_whoami me;
	bool allowed[KUBE_RIGHTS];
	bool is_served[KUBE_KINDS];
};
