// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What a request needs to be let in, kept fresh: files are read again after a minute (a pod's token is rewritten each
 * hour, certificates now and then), a token that has an end is asked for anew well before it (kube_token_keep_ms), and
 * whatever the server has refused at once. What can't be had again stays as it was.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"

struct err;
struct http_tls;
struct kube_config;
struct kube_login;

#define KUBE_REREAD_MS 60000

/*
 * Pure: for how many ms a token that is good for `good_sec` is used before a new one is asked for. Two thirds to four
 * fifths of it, by `random`: an EKS token's 900 s are 10 to 12 minutes, which leaves 3 for a source that is away, and
 * gateways that started together don't ask together. A second at least, a day at most.
 */
int64_t kube_token_keep_ms(int64_t good_sec, uint64_t random);

/* `config` is borrowed and must outlive it. NULL: no memory. */
struct kube_login *kube_login_new(const struct kube_config *config);
void kube_login_free(struct kube_login *login);

/*
 * *ret_token (NULL: none is used) and *ret_tls are borrowed until the next call. 0; -EACCES: there's none now, with
 * the reason in `err`, which never has a secret; -ENOMEM.
 */
int kube_login_get(struct kube_login *login, struct mono now, const char **ret_token,
		   const struct http_tls **ret_tls, struct err *err);
/* The server didn't take it: the next call gets all anew, but not twice within ten seconds. */
void kube_login_refused(struct kube_login *login);
