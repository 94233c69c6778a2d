// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/tls.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* TLS_AES_128_GCM_SHA256: its hash is the one that pre-shared keys are made for unless something else is said. */
static const unsigned char cipher_id[] = { 0x13, 0x01 };

/*
 * What one knows beyond the first version is said in the handshake (ALPN, RFC 7301): who doesn't know of that says nothing, and is
 * not told of anything that he would take for an error. The newest first: that is what the other side takes.
 */
static const unsigned char protocols[] = "\x07"
					 "eipgw/3"
					 "\x07"
					 "eipgw/2";

static SSL_SESSION *session_of(SSL *ssl, const struct peer_key *key)
{
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, cipher_id);
	SSL_SESSION *session = SSL_SESSION_new();

	if (session && cipher &&
	    SSL_SESSION_set1_master_key(session, key->channel, sizeof(key->channel)) &&
	    SSL_SESSION_set_cipher(session, cipher) &&
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static const struct peer_keys *keys_of(SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* The client's: offers the first key. */
static int use_key(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_length,
		   SSL_SESSION **session)
{
	const struct peer_key *key = &keys_of(ssl)->v[0];

	*session = NULL;
	/* In the second flight of a handshake the hash is fixed already. */
	if (md && EVP_MD_is_a(md, "SHA256") != 1)
		return 1;
	*session = session_of(ssl, key);
	*id = (const unsigned char *)key->identity;
	*id_length = strlen(key->identity);
	return *session != NULL;
}

/* The server's: none for an unknown name, and then the handshake fails, since there is no certificate either. */
static int find_key(SSL *ssl, const unsigned char *id, size_t id_length, SSL_SESSION **session)
{
	const struct peer_key *key = peer_keys_find(keys_of(ssl), (const char *)id, id_length);

	*session = key ? session_of(ssl, key) : NULL;
	return !key || *session;
}

static int choose(SSL *ssl, const unsigned char **ret, unsigned char *ret_length,
		  const unsigned char *offered, unsigned length, void *data)
{
	unsigned char *chosen;

	(void)ssl;
	(void)data;
	if (SSL_select_next_proto(&chosen, ret_length, protocols, sizeof(protocols) - 1, offered,
				  length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

unsigned tls_version(const SSL *ssl)
{
	const unsigned char *chosen;
	unsigned length = 0;

	/* One of ours: the number is one digit. */
	SSL_get0_alpn_selected(ssl, &chosen, &length);
	return length ? chosen[length - 1] - '0' : 1;
}

SSL_CTX *tls_context(const struct peer_keys *keys, bool is_client)
{
	SSL_CTX *context = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());

	if (!context)
		return NULL;
	SSL_CTX_set_app_data(context, (void *)keys);
	SSL_CTX_set_psk_use_session_callback(context, use_key);
	SSL_CTX_set_psk_find_session_callback(context, find_key);
	SSL_CTX_set_alpn_select_cb(context, choose, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	/* A client that was given a certificate instead of the key must not believe it. (A server has no use for either.) */
	if (is_client)
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_alpn_protos(context, protocols, sizeof(protocols) - 1) == 0 &&
	    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) &&
	    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") &&
	    SSL_CTX_set_num_tickets(context, 0))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

static int fd_of(BIO *bio)
{
	return (int)(intptr_t)BIO_get_data(bio);
}

static int settle(BIO *bio, ssize_t rc, int retry)
{
	BIO_clear_retry_flags(bio);
	if (rc < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
	return (int)rc;
}

static int send_some(BIO *bio, const char *bytes, int n)
{
	return settle(bio, send(fd_of(bio), bytes, (size_t)n, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static int receive_some(BIO *bio, char *ret, int n)
{
	return settle(bio, recv(fd_of(bio), ret, (size_t)n, 0), BIO_FLAGS_READ);
}

static long control(BIO *bio, int command, long number, void *data)
{
	(void)bio;
	(void)number;
	(void)data;
	return command == BIO_CTRL_FLUSH;
}

bool tls_set_socket(SSL *ssl, int fd)
{
	static BIO_METHOD *method; /* one for the process, never freed: the library refers to it */
	BIO *bio;

	if (!method)
		method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
	if (!method || !BIO_meth_set_write(method, send_some) ||
	    !BIO_meth_set_read(method, receive_some) || !BIO_meth_set_ctrl(method, control))
		return false;
	bio = BIO_new(method);
	if (!bio)
		return false;
	BIO_set_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	return true;
}
