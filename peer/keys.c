// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/cleanup.h"
#include "base/err.h"

static void cleanup_kdf(EVP_KDF **kdf)
{
	EVP_KDF_free(*kdf);
}

static void cleanup_context(EVP_KDF_CTX **context)
{
	EVP_KDF_CTX_free(*context);
}

static int derive(const char *secret, size_t length, const char *use, uint8_t *ret, size_t n)
{
	char digest[] = "SHA256";
	CLEANUP(cleanup_kdf) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	CLEANUP(cleanup_context) EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, length),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)use, strlen(use)),
		OSSL_PARAM_construct_end(),
	};

	return context && EVP_KDF_derive(context, ret, n, params) > 0 ? 0 : -EIO;
}

static int derive_all(const char *secret, size_t length, struct peer_key *ret)
{
	uint8_t identity[8];
	int rc = derive(secret, length, "eipgw heartbeat 1", ret->beat, sizeof(ret->beat));

	if (!rc)
		rc = derive(secret, length, "eipgw replication 1", ret->channel,
			    sizeof(ret->channel));
	if (!rc)
		rc = derive(secret, length, "eipgw identity 1", identity, sizeof(identity));
	for (size_t i = 0; !rc && i < sizeof(identity); i++)
		snprintf(ret->identity + 2 * i, 3, "%02x", identity[i]);
	return rc;
}

static int check(const char *secret, size_t length, unsigned line, struct err *err)
{
	if (length < PEER_SECRET_MIN || length > PEER_SECRET_MAX)
		return err_set(err, -EINVAL, "line %u: a secret has %d to %d characters, not %zu",
			       line, PEER_SECRET_MIN, PEER_SECRET_MAX, length);
	for (size_t i = 0; i < length; i++) {
		if (secret[i] < 0x21 || secret[i] > 0x7e)
			return err_set(
				err, -EINVAL,
				"line %u: a secret consists of printable ASCII without blanks",
				line);
	}
	return 0;
}

static int add(const char *secret, size_t length, unsigned line, struct peer_keys *keys,
	       struct err *err)
{
	int rc = check(secret, length, line, err);

	if (rc)
		return rc;
	if (keys->n == PEER_KEYS_MAX)
		return err_set(err, -EINVAL, "line %u: more than %d secrets", line, PEER_KEYS_MAX);
	if (derive_all(secret, length, &keys->v[keys->n]))
		return err_set(err, -EIO, "line %u: the key can't be derived", line);
	const char *identity = keys->v[keys->n].identity;

	if (peer_keys_find(keys, identity, strlen(identity)))
		return err_set(err, -EINVAL, "line %u: the same secret stands above", line);
	keys->n++;
	return 0;
}

int peer_keys_parse(const char *text, size_t length, struct peer_keys *ret, struct err *err)
{
	struct peer_keys keys = { .n = 0 };
	const char *at = text, *end = text + length;
	unsigned line = 0;
	int rc = 0;

	while (at < end && !rc) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		size_t n = (size_t)(stop - at);

		line++;
		if (n && at[n - 1] == '\r')
			n--;
		if (n && at[0] != '#')
			rc = add(at, n, line, &keys, err);
		at = stop + 1;
	}
	if (!rc && keys.n == 0)
		rc = err_set(err, -EINVAL, "there is no secret in it");
	if (!rc)
		*ret = keys;
	peer_keys_done(&keys);
	return rc;
}

int peer_keys_load(const char *path, struct peer_keys *ret, struct err *err)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[PEER_KEYS_FILE_MAX + 1];
	struct stat stat;
	ssize_t got;
	int rc;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (stat.st_mode & S_IRWXO)
		return err_set(err, -EACCES,
			       "%s: a secret that everybody may read is none; chmod o= %s", path,
			       path);
	got = read(fd, text, sizeof(text));
	if (got < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (got > PEER_KEYS_FILE_MAX)
		rc = err_set(err, -EINVAL, "more than %d bytes", PEER_KEYS_FILE_MAX);
	else
		rc = peer_keys_parse(text, (size_t)got, ret, err);
	explicit_bzero(text, sizeof(text));
	return rc ? err_prefix(err, rc, "%s", path) : 0;
}

const struct peer_key *peer_keys_find(const struct peer_keys *keys, const char *identity,
				      size_t length)
{
	for (size_t i = 0; i < keys->n; i++) {
		if (strlen(keys->v[i].identity) == length &&
		    memcmp(keys->v[i].identity, identity, length) == 0)
			return &keys->v[i];
	}
	return NULL;
}

void peer_keys_done(struct peer_keys *keys)
{
	explicit_bzero(keys, sizeof(*keys));
}
