// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside channel.c: TLS 1.3 with pre-shared keys and nothing else. */
#pragma once

#include <stdbool.h>

#include <openssl/ssl.h>

#include "peer/keys.h"

/* NULL: the library failed. `keys` must outlive it. SSL_CTX_free. */
SSL_CTX *tls_context(const struct peer_keys *keys, bool is_client);
/* The newest that both sides know; 1 if one of them doesn't say. From the end of the handshake on. */
unsigned tls_version(const SSL *ssl);
/* The library's own way would raise SIGPIPE on a connection that the other side has left. False: out of memory. */
bool tls_set_socket(SSL *ssl, int fd);
