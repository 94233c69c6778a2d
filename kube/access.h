// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who the API server takes us for, and what we may: questions that everybody may put who has logged in. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;

#define KUBE_WHOAMI_PATH "/apis/authentication.k8s.io/v1/selfsubjectreviews" /* POST; since 1.28 */
#define KUBE_ACCESS_PATH "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" /* POST */

struct kube_right {
	const char *verb;
	const char *group; /* ""; "eipgw.io" */
	const char *resource;
	const char *subresource; /* NULL: none */
	const char *namespace;   /* NULL: all of them */
};

/* The bodies of the requests, freed by free(); NULL: no memory. */
char *kube_whoami_question(void);
char *kube_access_question(const struct kube_right *right);

struct kube_whoami {
	char user[256];
	char groups[512]; /* "a, b"; cut where there are too many */
	bool has_group;   /* the one that was asked for */
};
/* 0; -EPROTO, -ENOMEM. */
int kube_whoami_read(const char *body, size_t length, const char *group, struct kube_whoami *ret,
		     struct err *err);
int kube_access_read(const char *body, size_t length, bool *ret_allowed, struct err *err);
/* Of GET /apis/GROUP/VERSION: whether that resource is served. */
int kube_served_read(const char *body, size_t length, const char *resource, bool *ret_served,
		     struct err *err);
