// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/credentials_source.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RELATIVE_BASE "http://169.254.170.2"
#define SESSION_NAME "eipgw"

const char *const credentials_kind_names[] = {
	[CREDENTIALS_ENVIRONMENT] = "environment",
	[CREDENTIALS_WEB_IDENTITY] = "web identity",
	[CREDENTIALS_CONTAINER] = "container",
	[CREDENTIALS_IMDS] = "instance role",
};
static_assert(ARRAY_SIZE(credentials_kind_names) == CREDENTIALS_KIND_COUNT, "each kind has a name");

struct environment {
	credentials_env_fn fn;
	void *data;
};

static const char *get(const struct environment *env, const char *name)
{
	const char *const value = env->fn(name, env->data);

	return value && value[0] ? value : NULL;
}

/* Copies a variable whose content is one printable text. */
static int copy(const char *name, const char *value, char *ret, size_t size, struct err *err)
{
	const size_t length = strlen(value);

	if (length >= size)
		return err_set(err, -EINVAL, "%s is too long", name);
	for (size_t i = 0; i < length; i++)
		if (value[i] <= 0x20 || value[i] > 0x7e)
			return err_set(err, -EINVAL, "%s has characters that it can't have", name);
	memcpy(ret, value, length + 1);
	return 0;
}

static int choose_environment(const struct environment *env, struct credentials_source *ret,
			      struct err *err)
{
	const char *const access_key = get(env, "AWS_ACCESS_KEY_ID");
	const char *const secret_key = get(env, "AWS_SECRET_ACCESS_KEY");

	ret->kind = CREDENTIALS_ENVIRONMENT;
	if (!access_key || !secret_key)
		return err_set(err, -EINVAL, "%s is set, but not %s",
			       access_key ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
			       access_key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	const int r = credentials_set_fill(&ret->set, access_key, secret_key,
					   get(env, "AWS_SESSION_TOKEN"));
	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	if (r < 0)
		return err_set(err, r, "AWS_ACCESS_KEY_ID and its companions aren't a key");
	return 0;
}

static int choose_web_identity(const struct environment *env, struct credentials_source *ret,
			       struct err *err)
{
	const char *const file = get(env, "AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *const role = get(env, "AWS_ROLE_ARN");
	const char *const name = get(env, "AWS_ROLE_SESSION_NAME");

	ret->kind = CREDENTIALS_WEB_IDENTITY;
	if (!file || !role)
		return err_set(err, -EINVAL,
			       "AWS_WEB_IDENTITY_TOKEN_FILE is set, but not AWS_ROLE_ARN");
	int r = copy("AWS_WEB_IDENTITY_TOKEN_FILE", file, ret->token_file, sizeof(ret->token_file),
		     err);
	if (r == 0)
		r = copy("AWS_ROLE_ARN", role, ret->role_arn, sizeof(ret->role_arn), err);
	if (r == 0)
		r = copy("AWS_ROLE_SESSION_NAME", name ? name : SESSION_NAME, ret->session_name,
			 sizeof(ret->session_name), err);
	return r;
}

static int choose_container(const struct environment *env, struct credentials_source *ret,
			    struct err *err)
{
	const char *const relative = get(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *const full = get(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *const file = get(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *const token = get(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	char url[sizeof(ret->url)];

	ret->kind = CREDENTIALS_CONTAINER;
	if (relative && relative[0] != '/')
		return err_set(err, -EINVAL,
			       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI doesn't begin with /");
	if (snprintf(url, sizeof(url), "%s%s", relative ? RELATIVE_BASE : "",
		     relative ? relative : full) >= (int)sizeof(url))
		return err_set(err, -EINVAL, "the URL of the container credentials is too long");
	int r = credentials_check_container_url(url, err);
	if (r == 0)
		r = copy("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, ret->url, sizeof(ret->url),
			 err);
	if (r == 0 && file)
		r = copy("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file, ret->token_file,
			 sizeof(ret->token_file), err);
	else if (r == 0 && token && secret_set(&ret->token, token, strlen(token)) < 0)
		r = err_set(err, -EINVAL, "AWS_CONTAINER_AUTHORIZATION_TOKEN can't be a header");
	return r;
}

void credentials_source_done(struct credentials_source *source)
{
	credentials_set_done(&source->set);
	secret_done(&source->token);
	*source = CREDENTIALS_SOURCE_NULL;
}

int credentials_source_choose(credentials_env_fn env_fn, void *data, struct credentials_source *ret,
			      struct err *err)
{
	const struct environment env = { env_fn, data };
	int r = 0;

	*ret = CREDENTIALS_SOURCE_NULL;
	if (get(&env, "AWS_ACCESS_KEY_ID") || get(&env, "AWS_SECRET_ACCESS_KEY"))
		r = choose_environment(&env, ret, err);
	else if (get(&env, "AWS_WEB_IDENTITY_TOKEN_FILE"))
		r = choose_web_identity(&env, ret, err);
	else if (get(&env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
		 get(&env, "AWS_CONTAINER_CREDENTIALS_FULL_URI"))
		r = choose_container(&env, ret, err);
	if (r < 0)
		credentials_source_done(ret);
	return r;
}

/* Addresses as written in full; the short forms that inet_aton knows aren't allowed. */
static bool is_allowed_host(const char *host, bool bracketed)
{
	static const char *const agents[] = { "169.254.170.2", "169.254.170.23" };
	struct in_addr v4;
	struct in6_addr v6;
	struct in6_addr agent6;

	if (bracketed)
		return inet_pton(AF_INET6, host, &v6) == 1 &&
		       inet_pton(AF_INET6, "fd00:ec2::23", &agent6) == 1 &&
		       (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_ARE_ADDR_EQUAL(&v6, &agent6));
	for (size_t i = 0; i < ARRAY_SIZE(agents); i++)
		if (strcmp(host, agents[i]) == 0)
			return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return strcasecmp(host, "localhost") == 0;
}

/*
 * The host of "HOST[:PORT]" or "[V6][:PORT]". Only characters that every parser of URLs understands alike are
 * taken, so that nobody reads another host out of it than we do: no "@", "\\", "%".
 */
static int cut_host(const char *authority, size_t length, char host[static 256],
		    bool *ret_bracketed)
{
	const char *end;

	*ret_bracketed = length > 0 && authority[0] == '[';
	const char *const begin = authority + *ret_bracketed;
	for (size_t i = 0; i < length; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]",
			    authority[i]))
			return -EINVAL;
	end = memchr(authority, *ret_bracketed ? ']' : ':', length);
	if (*ret_bracketed && !end)
		return -EINVAL;
	if (!end)
		end = authority + length;
	const char *const rest = end + *ret_bracketed;
	const size_t rest_length = (size_t)(authority + length - rest);
	if (rest_length > 0 &&
	    (rest[0] != ':' || strspn(rest + 1, "0123456789") != rest_length - 1))
		return -EINVAL;
	if (end == begin || end - begin >= 256)
		return -EINVAL;
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	return 0;
}

int credentials_check_container_url(const char *url, struct err *err)
{
	const bool tls = strncmp(url, "https://", 8) == 0;
	char host[256];
	bool bracketed;

	if (!tls && strncmp(url, "http://", 7) != 0)
		return err_set(err, -EINVAL, "container credentials: neither http:// nor https://");
	const char *const authority = url + (tls ? 8 : 7);
	if (cut_host(authority, strcspn(authority, "/?#"), host, &bracketed) < 0)
		return err_set(err, -EINVAL, "container credentials: the URL's host isn't one");
	if (!tls && !is_allowed_host(host, bracketed))
		return err_set(err, -EINVAL,
			       "container credentials: plain http is only for loopback and the "
			       "agents of ECS and EKS, not for %s",
			       host);
	return 0;
}
