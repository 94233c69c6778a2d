// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside contact.c: TLS 1.2 and up (RFC 5425, RFC 9662) on a socket that doesn't block. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct how_place;
struct how_tls;
struct contact;

/* Shakes hands on a connected socket. 0; -errno with the reason; what was made is for tls_close. */
int tls_open(struct contact *contact, const struct how_place *place, const struct how_tls *tls,
	     struct err *err);
void tls_close(struct contact *contact);
/* Bytes that went; -EAGAIN; else -errno with the reason. */
long tls_send(struct contact *contact, const char *bytes, size_t n, struct err *err);
/* Reads and forgets what came. 0: nothing more now; -errno with the reason. */
int tls_check(struct contact *contact, struct err *err);
