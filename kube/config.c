// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/config.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "kube/config_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void kube_text_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void source_done(struct kube_source *source)
{
	free(source->path);
	kube_text_free(source->text);
}

void kube_config_done(struct kube_config *config)
{
	source_done(&config->ca);
	source_done(&config->certificate);
	source_done(&config->private_key);
	source_done(&config->token);
	*config = KUBE_CONFIG_NULL;
}

static int read_all(int fd, size_t max, char **ret, size_t *ret_length)
{
	char *const text = malloc(max + 2);
	size_t n = 0;

	if (!text)
		return -ENOMEM;
	for (;;) {
		const ssize_t got = read(fd, text + n, max + 1 - n);
		const int number = errno;

		if (got < 0 && number == EINTR)
			continue;
		if (got <= 0 || (n += (size_t)got) > max) {
			const int r = got < 0 ? -number : n > max ? -EMSGSIZE : 0;
			text[r == 0 ? n : 0] = '\0';
			if (r == 0) {
				*ret = text;
				*ret_length = n;
				return 0;
			}
			explicit_bzero(text, max + 2);
			free(text);
			return r;
		}
	}
}

int kube_file_read(const char *path, size_t max, char **ret, size_t *ret_length, struct err *err)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r = fd < 0 ? -errno : 0;

	if (r == 0)
		r = read_all(fd, max, ret, ret_length);
	if (r == -EMSGSIZE)
		return err_set(err, r, "%s: larger than %zu bytes", path, max);
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *const at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int kube_base64_decode(const char *text, char **ret, size_t *ret_length)
{
	char *const bytes = malloc(strlen(text) / 4 * 3 + 4);
	uint32_t bits = 0;
	size_t digits = 0;
	size_t pads = 0;
	size_t n = 0;

	if (!bytes)
		return -ENOMEM;
	for (; *text; text++) {
		const int value = base64_value(*text);
		if (strchr(" \t\r\n", *text))
			continue;
		pads += *text == '=';
		if ((value < 0 && *text != '=') || (pads > 0 && *text != '='))
			break;
		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		if (++digits % 4 != 1)
			bytes[n++] = (char)(bits >> (6 - 2 * ((digits + 3) % 4)));
	}
	bytes[n] = '\0';
	if (*text || digits % 4 == 1 || pads != (4 - digits % 4) % 4) {
		explicit_bzero(bytes, n);
		free(bytes);
		return -EINVAL;
	}
	*ret = bytes;
	*ret_length = n;
	return 0;
}

int kube_config_check_pem(const char *what, const char *text, struct err *err)
{
	if (strlen(text) > KUBE_PEM_MAX)
		return err_set(err, -EINVAL, "%s: larger than %u bytes", what, KUBE_PEM_MAX);
	if (!strstr(text, "-----BEGIN "))
		return err_set(err, -EINVAL, "%s: isn't PEM (no \"-----BEGIN\")", what);
	return 0;
}

/* `host` begins what follows the scheme; http is for kubectl proxy and the like. */
static bool is_loopback(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const size_t n = strlen(names[i]);
		if (strncmp(host, names[i], n) == 0 && strchr(":/", host[n]))
			return true; /* strchr finds the NUL, too */
	}
	return false;
}

/* Without the slashes at its end. */
static size_t server_length(const char *url)
{
	size_t length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	return length;
}

const char *kube_server_fault(const char *url)
{
	const bool secure = strncmp(url, "https://", 8) == 0;
	const size_t length = server_length(url);

	if (!secure && (strncmp(url, "http://", 7) != 0 || !is_loopback(url + 7)))
		return "must begin with https://";
	if (length <= 8 || length >= KUBE_SERVER_MAX || strpbrk(url, "?#@ \t\r\n\""))
		return "isn't a URL of an API server";
	return NULL;
}

int kube_config_set_server(struct kube_config *config, const char *url, struct err *err)
{
	const char *const fault = kube_server_fault(url);
	const size_t length = server_length(url);

	if (fault)
		return err_set(err, -EINVAL, "server: %s", fault);
	memcpy(config->server, url, length);
	config->server[length] = '\0';
	return 0;
}

static const char *take_ca(const char *base64, char **ret)
{
	char *pem = NULL;
	size_t length = 0;
	const int r = kube_base64_decode(base64, &pem, &length);

	if (r < 0 || !pem)
		return r == -ENOMEM ? "out of memory" : "isn't base64";
	if (strlen(pem) != length || kube_config_check_pem("", pem, NULL) < 0) {
		free(pem);
		return "isn't base64 of PEM (no \"-----BEGIN\")";
	}
	*ret = pem;
	return NULL;
}

const char *kube_ca_fault(const char *base64)
{
	CLEANUP(cleanup_free) char *pem = NULL;

	return take_ca(base64, &pem);
}

int kube_config_set(const struct kube_config_values *from, struct kube_config *ret, struct err *err)
{
	CLEANUP(kube_config_done) struct kube_config config = KUBE_CONFIG_NULL;
	const int r = kube_config_set_server(&config, from->server, err);
	const char *fault = NULL;

	if (r < 0)
		return r;
	if (from->ca_path && !(config.ca.path = strdup(from->ca_path)))
		fault = "out of memory";
	else if (from->ca_base64 && !from->ca_path)
		fault = take_ca(from->ca_base64, &config.ca.text);
	if (fault)
		return err_set(err, -EINVAL, "certificate authority: %s", fault);
	config.token_fn = from->token_fn;
	config.token_data = from->token_data;
	*ret = config;
	config = KUBE_CONFIG_NULL;
	return 0;
}

static char *path_in(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int set_cluster_server(struct kube_config *config, struct err *err)
{
	const char *const host = getenv("KUBERNETES_SERVICE_HOST");
	const char *const port = getenv("KUBERNETES_SERVICE_PORT");
	char url[KUBE_SERVER_MAX];

	if (!host || !host[0] || !port || !port[0])
		return err_set(
			err, -ENOENT,
			"this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT aren't set");
	const bool is_v6 = strchr(host, ':');
	snprintf(url, sizeof(url), "https://%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
		 port);
	return kube_config_set_server(config, url, err);
}

/* A namespace is needed by nobody here; it's for what is shown. */
static void read_namespace(const char *path, struct kube_config *config)
{
	char *text = NULL;
	size_t length;

	if (!path ||
	    kube_file_read(path, sizeof(config->namespace) - 1, &text, &length, NULL) < 0 || !text)
		return;
	text[strcspn(text, " \t\r\n")] = '\0';
	snprintf(config->namespace, sizeof(config->namespace), "%s", text);
	free(text);
}

int kube_config_in_cluster(const char *dir, struct kube_config *ret, struct err *err)
{
	CLEANUP(kube_config_done) struct kube_config config = KUBE_CONFIG_NULL;
	const char *const folder = dir ? dir : KUBE_SERVICE_ACCOUNT;
	CLEANUP(cleanup_free) char *namespace = path_in(folder, "namespace");
	const int r = set_cluster_server(&config, err);

	if (r < 0)
		return r;
	config.token.path = path_in(folder, "token");
	config.ca.path = path_in(folder, "ca.crt");
	if (!config.token.path || !config.ca.path)
		return err_set(err, -ENOMEM, "out of memory");
	read_namespace(namespace, &config);
	*ret = config;
	config = KUBE_CONFIG_NULL;
	return 0;
}
