// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mono.h"
#include "natlog/contact.h"

enum { SHAKE_MS = 5000 };

static int fail(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_mark(err, MSG_NATLOG_TLS,
			err_set(err, -EPROTO, "TLS: %s: %s", what, reason ? reason : "it failed"));
}

/* ---- who is believed, and who we are */

static int set_trust(SSL_CTX *context, const struct how_tls *tls, struct err *err)
{
	if (tls->ca_file[0] && SSL_CTX_load_verify_file(context, tls->ca_file) != 1)
		return fail(err, tls->ca_file);
	if (!tls->ca_file[0] && SSL_CTX_set_default_verify_paths(context) != 1)
		return fail(err, "the system's certificates");
	SSL_CTX_set_verify(context, tls->is_unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	return 0;
}

static int set_identity(SSL_CTX *context, const struct how_tls *tls, struct err *err)
{
	if (!tls->cert_file[0])
		return 0;
	if (SSL_CTX_use_certificate_chain_file(context, tls->cert_file) != 1)
		return fail(err, tls->cert_file);
	if (SSL_CTX_use_PrivateKey_file(context, tls->key_file, SSL_FILETYPE_PEM) != 1)
		return fail(err, tls->key_file);
	return 0;
}

/* A name that is an address is looked for among the certificate's addresses. */
static bool set_name(SSL *ssl, const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* ---- the library's answers */

/* Why the other side isn't believed says more than that it isn't. */
static int fail_shake(struct contact *contact, struct err *err)
{
	long verdict = SSL_get_verify_result(contact->ssl);

	if (verdict == X509_V_OK)
		return fail(err, "no connection");
	ERR_clear_error();
	return err_mark(err, MSG_NATLOG_TLS,
			err_set(err, -EPROTO, "TLS: its certificate isn't accepted: %s",
				X509_verify_cert_error_string(verdict)));
}

static short events_of(const SSL *ssl, int rc)
{
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return POLLIN;
	case SSL_ERROR_WANT_WRITE:
		return POLLOUT;
	default:
		return 0;
	}
}

static int shake(struct contact *contact, struct err *err)
{
	const struct mono deadline = mono_add_ms(mono_now(), SHAKE_MS);
	int rc;

	while ((rc = SSL_connect(contact->ssl)) != 1) {
		struct pollfd wait = { .fd = contact->fd, .events = events_of(contact->ssl, rc) };
		int64_t left = mono_diff_ms(deadline, mono_now());

		if (!wait.events)
			return fail_shake(contact, err);
		if (left <= 0 || poll(&wait, 1, (int)left) == 0)
			return err_set(err, -ETIMEDOUT, "TLS: no answer");
	}
	return 0;
}

/* ---- life */

int tls_open(struct contact *contact, const struct how_place *place, const struct how_tls *tls,
	     struct err *err)
{
	const char *name = tls->server_name[0] ? tls->server_name : place->host;
	int rc;

	ERR_clear_error();
	contact->context = SSL_CTX_new(TLS_client_method());
	if (!contact->context || !SSL_CTX_set_min_proto_version(contact->context, TLS1_2_VERSION))
		return fail(err, "the library");
	SSL_CTX_set_mode(contact->context,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	rc = set_trust(contact->context, tls, err);
	if (!rc)
		rc = set_identity(contact->context, tls, err);
	if (rc)
		return rc;
	contact->ssl = SSL_new(contact->context);
	if (!contact->ssl || SSL_set_fd(contact->ssl, contact->fd) != 1 ||
	    !set_name(contact->ssl, name))
		return fail(err, "the library");
	return shake(contact, err);
}

/* Says that it's the end, if there is room for it; waits for no answer. */
void tls_close(struct contact *contact)
{
	if (contact->ssl && SSL_is_init_finished(contact->ssl))
		(void)SSL_shutdown(contact->ssl);
	SSL_free(TAKE_PTR(contact->ssl));
	SSL_CTX_free(TAKE_PTR(contact->context));
	ERR_clear_error();
}

/* ---- traffic */

static int fail_traffic(struct contact *contact, int rc, struct err *err)
{
	switch (SSL_get_error(contact->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return err_set(err, -ECONNRESET, "the other side closed the connection");
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return err_set(err, -ECONNRESET, "the connection broke");
	default:
		return fail(err, "the other side ended it");
	}
}

long tls_send(struct contact *contact, const char *bytes, size_t n, struct err *err)
{
	size_t put = 0;
	int rc;

	ERR_clear_error();
	rc = SSL_write_ex(contact->ssl, bytes, n, &put);
	return rc == 1 ? (long)put : fail_traffic(contact, rc, err);
}

int tls_check(struct contact *contact, struct err *err)
{
	char bytes[256];
	size_t got;
	int rc;

	ERR_clear_error();
	while ((rc = SSL_read_ex(contact->ssl, bytes, sizeof(bytes), &got)) == 1)
		;
	rc = fail_traffic(contact, rc, err);
	return rc == -EAGAIN ? 0 : rc;
}
