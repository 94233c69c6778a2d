// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Logs in to an EKS cluster from outside of it: has AWS credentials kept fresh, and makes tokens of them when kube/ asks
 * for one (kube/login.h says when). kube/ and awsapi/ know nothing of each other; this is what connects them.
 */
#pragma once

#include "kube/config.h"

struct eks;
struct err;
struct gateway_config;
struct loop;

/*
 * Begins to fetch credentials, and the instance's region if no key says one. `on_known` comes once, from the loop: they
 * are there, or they couldn't be had at first, which is tried again and again. NULL with the reason.
 */
struct eks *eks_new(struct loop *loop, const struct gateway_config *config,
		    void (*on_known)(void *data), void *data, struct err *err);
/* Wipes the credentials. NULL is fine. */
void eks_free(struct eks *eks);
/* The kube_token_fn; `data` is the eks. */
int eks_token(bool is_refused, struct kube_token *ret, void *data, struct err *err);
