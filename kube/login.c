// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/login.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/seed.h"
#include "http/http.h"
#include "kube/config.h"
#include "kube/config_internal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_AGAIN_MS 10000
#define ASK_AGAIN_MS 5000 /* after the source of tokens gave none */
#define KEEP_MIN_MS 1000
#define KEEP_MAX_SEC 86400

struct kube_login {
	const struct kube_config *config;
	bool is_read; /* once */
	bool is_refused;
	struct mono read_at;
	char *ca, *certificate, *private_key;
	struct http_tls tls;
	struct secret token;
	struct mono token_until; /* where token_fn gives it */
};

struct kube_login *kube_login_new(const struct kube_config *config)
{
	struct kube_login *const login = calloc(1, sizeof(*login));

	if (login)
		login->config = config;
	return login;
}

void kube_login_free(struct kube_login *login)
{
	if (!login)
		return;
	kube_text_free(login->ca);
	kube_text_free(login->certificate);
	kube_text_free(login->private_key);
	secret_done(&login->token);
	free(login);
}

static int take_pem(const struct kube_source *source, char **place, struct err *err)
{
	char *text = NULL;
	size_t length = 0;
	int r;

	if (source->path) {
		r = kube_file_read(source->path, KUBE_PEM_MAX, &text, &length, err);
		if (r == 0)
			r = kube_config_check_pem(source->path, text, err);
		if (r < 0) {
			kube_text_free(text);
			return r;
		}
	} else {
		text = source->text ? strdup(source->text) : NULL;
		if (source->text && !text)
			return err_set(err, -ENOMEM, "out of memory");
	}
	kube_text_free(*place);
	*place = text;
	return 0;
}

static int set_token(struct kube_login *login, const char *what, const char *text, size_t length,
		     struct err *err)
{
	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	const int r = secret_set(&login->token, text, length);
	return r == -EINVAL ? err_set(err, -EINVAL, "%s: no token in it", what) : r;
}

static int take_token(struct kube_login *login, struct err *err)
{
	const struct kube_source *const source = &login->config->token;
	char *text = NULL;
	size_t length = 0;

	if (source->text)
		return set_token(login, "token", source->text, strlen(source->text), err);
	if (!source->path)
		return 0;
	int r = kube_file_read(source->path, SECRET_MAX, &text, &length, err);
	if (r < 0)
		return r;
	r = set_token(login, source->path, text, length, err);
	explicit_bzero(text, length);
	free(text);
	return r;
}

static int take_files(struct kube_login *login, struct err *err)
{
	const struct kube_config *const config = login->config;
	char *certificate = NULL;
	char *private_key = NULL;
	int r = take_pem(&config->ca, &login->ca, err);

	/* These two belong together: both, or neither. */
	if (r == 0)
		r = take_pem(&config->certificate, &certificate, err);
	if (r == 0)
		r = take_pem(&config->private_key, &private_key, err);
	if (r < 0) {
		kube_text_free(certificate);
		return r;
	}
	kube_text_free(login->certificate);
	kube_text_free(login->private_key);
	login->certificate = certificate;
	login->private_key = private_key;
	return take_token(login, err);
}

int64_t kube_token_keep_ms(int64_t good_sec, uint64_t random)
{
	const int64_t sec = good_sec < 0 ? 0 : good_sec > KEEP_MAX_SEC ? KEEP_MAX_SEC : good_sec;
	const int64_t least = sec * 1000 * 2 / 3;
	const int64_t most = sec * 1000 * 4 / 5;
	const int64_t ms = least + (int64_t)(random % (uint64_t)(most - least + 1));

	return ms < KEEP_MIN_MS ? KEEP_MIN_MS : ms;
}

static int ask_token(struct kube_login *login, struct mono now, struct err *err)
{
	struct kube_token token = { .text = NULL };

	/* Until it gives one, the source isn't asked by every request. */
	login->token_until = mono_add_ms(now, ASK_AGAIN_MS);
	if (login->config->token_fn(login->is_refused, &token, login->config->token_data, err) !=
		    0 ||
	    !token.text)
		return -EACCES;
	const int r = set_token(login, "the token", token.text, strlen(token.text), err);
	kube_text_free(token.text);
	if (r < 0)
		return r;
	login->token_until = mono_add_ms(now, kube_token_keep_ms(token.good_sec, seed_guessable()));
	return 0;
}

static bool is_due(const struct kube_login *login, struct mono now)
{
	const int64_t age_ms = mono_diff_ms(now, login->read_at);

	if (!login->is_read || (login->is_refused && age_ms >= REFUSED_AGAIN_MS))
		return true;
	if (login->config->token_fn && mono_diff_ms(login->token_until, now) <= 0)
		return true;
	return age_ms >= KUBE_REREAD_MS;
}

static bool wants_token(const struct kube_login *login, struct mono now)
{
	return login->config->token_fn && (!secret_is_set(&login->token) || login->is_refused ||
					   mono_diff_ms(login->token_until, now) <= 0);
}

static int refresh(struct kube_login *login, struct mono now, struct err *err)
{
	int r = take_files(login, err);

	if (r == 0 && wants_token(login, now))
		r = ask_token(login, now, err);
	login->read_at = now;
	login->is_refused = false;
	if (r == 0)
		login->is_read = true;
	/* The old ones are still good for something: the server will say. */
	return r < 0 && login->is_read ? 0 : r;
}

int kube_login_get(struct kube_login *login, struct mono now, const char **ret_token,
		   const struct http_tls **ret_tls, struct err *err)
{
	if (is_due(login, now)) {
		const int r = refresh(login, now, err);
		if (r < 0)
			return r == -ENOMEM ? r : -EACCES;
	}
	login->tls = (struct http_tls){
		.ca = login->ca,
		.certificate = login->certificate,
		.private_key = login->private_key,
	};
	*ret_tls = &login->tls;
	*ret_token = secret_is_set(&login->token) ? secret_reveal(&login->token) : NULL;
	return 0;
}

void kube_login_refused(struct kube_login *login)
{
	login->is_refused = true;
}
