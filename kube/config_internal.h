// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside kube/: what the ways to a configuration share. */
#pragma once

#include <stddef.h>

struct err;
struct kube_config;

/* https, or http to a loopback address (kubectl proxy); no user, no query. Slashes at its end are cut. */
int kube_config_set_server(struct kube_config *config, const char *url, struct err *err);
/* -EINVAL where it isn't PEM, which libcurl would tell late and badly. `what` begins the sentence. */
int kube_config_check_pem(const char *what, const char *text, struct err *err);
/* At most `max` bytes of a file, with a NUL after them; the caller wipes and frees. -errno, -EMSGSIZE. */
int kube_file_read(const char *path, size_t max, char **ret, size_t *ret_length, struct err *err);
/* Standard base64, blanks allowed; the caller wipes and frees. -EINVAL, -ENOMEM. */
int kube_base64_decode(const char *text, char **ret, size_t *ret_length);
/* Wipes and frees a text; NULL is fine. */
void kube_text_free(char *text);
