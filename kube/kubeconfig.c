// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Kubeconfig files (client-go's tools/clientcmd/api/v1): a context names a cluster and a user, each is found in its
 * list by its name. Keys that we don't know are passed over like kubectl does; those that would change how we log in
 * are refused.
 */
#include "kube/config.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "kube/config_internal.h"
#include "kube/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is being read: the place for sentences, and where paths begin. */
struct reading {
	const struct kube_config_text *files[KUBE_CONFIG_FILES_MAX];
	struct yaml_node *roots[KUBE_CONFIG_FILES_MAX];
	size_t n;
	size_t at;        /* the file that is looked at */
	const char *list; /* "clusters" */
	const char *name;
	const char *token;
	struct err *err;
};

static void cleanup_reading(struct reading *reading)
{
	for (size_t i = 0; i < reading->n; i++)
		yaml_tree_free(reading->roots[i]);
}

static int fail(const struct reading *reading, const struct yaml_node *node, const char *what)
{
	const char *const file = reading->files[reading->at]->name;

	return err_set(reading->err, -EINVAL, "%s%sline %u: %s \"%s\": %s", file ? file : "",
		       file ? ": " : "", node ? node->line : 1, reading->list, reading->name, what);
}

/* *ret: NULL where it isn't there. */
static int get_text(const struct reading *reading, const struct yaml_node *map, const char *key,
		    const char **ret)
{
	const struct yaml_node *const node = yaml_get(map, key);
	char what[128];

	*ret = NULL;
	if (!node)
		return 0;
	snprintf(what, sizeof(what), "%s: isn't a text", key);
	if (node->kind != YAML_TEXT)
		return fail(reading, node, what);
	*ret = node->text[0] ? node->text : NULL;
	return 0;
}

/* The item with that name in a list such as "clusters" of the file at hand, or NULL. */
static const struct yaml_node *find_item(const struct reading *reading,
					 const struct yaml_node *list)
{
	for (const struct yaml_node *n = list ? list->first : NULL; n; n = n->next) {
		const struct yaml_node *const name = yaml_get(n, "name");
		if (name && name->kind == YAML_TEXT && strcmp(name->text, reading->name) == 0)
			return n;
	}
	return NULL;
}

/* The first file that has the item is the one at hand then; *ret is the map that `part` names in it. */
static int find(struct reading *reading, const char *part, const struct yaml_node **ret)
{
	const struct yaml_node *first = NULL;

	for (reading->at = 0; reading->at < reading->n; reading->at++) {
		const struct yaml_node *const list =
			yaml_get(reading->roots[reading->at], reading->list);
		if (list && list->kind != YAML_LIST)
			return fail(reading, list, "isn't in a list");
		const struct yaml_node *const item = find_item(reading, list);
		if (reading->at == 0)
			first = list;
		if (!item)
			continue;
		*ret = yaml_get(item, part);
		return *ret && (*ret)->kind == YAML_MAP ? 0 : fail(reading, item, "is empty");
	}
	reading->at = 0;
	return fail(reading, first, "isn't there");
}

static char *resolve(const struct reading *reading, const char *path)
{
	char *whole = NULL;

	if (path[0] == '/')
		return strdup(path);
	return asprintf(&whole, "%s/%s", reading->files[reading->at]->dir, path) < 0 ? NULL : whole;
}

static int take_data(const struct reading *reading, const struct yaml_node *map, const char *key,
		     const char *data, struct kube_source *ret)
{
	size_t length = 0;
	char what[128];
	const int r = kube_base64_decode(data, &ret->text, &length);

	if (r == -ENOMEM)
		return err_set(reading->err, r, "out of memory");
	snprintf(what, sizeof(what), "%s: isn't base64 of PEM", key);
	if (r < 0 || strlen(ret->text) != length || !strstr(ret->text, "-----BEGIN ") ||
	    length > KUBE_PEM_MAX)
		return fail(reading, yaml_get(map, key), what);
	return 0;
}

/* "certificate-authority", and "certificate-authority-data", which goes first where both are there. */
static int take_pem(const struct reading *reading, const struct yaml_node *map, const char *key,
		    struct kube_source *ret)
{
	const char *path = NULL;
	const char *data = NULL;
	char data_key[64];

	snprintf(data_key, sizeof(data_key), "%s-data", key);
	int r = get_text(reading, map, key, &path);
	if (r == 0)
		r = get_text(reading, map, data_key, &data);
	if (r < 0)
		return r;
	if (data)
		return take_data(reading, map, data_key, data, ret);
	if (!path)
		return 0;
	ret->path = resolve(reading, path);
	return ret->path ? 0 : err_set(reading->err, -ENOMEM, "out of memory");
}

struct refused {
	const char *key, *why;
};

static int refuse(const struct reading *reading, const struct yaml_node *map,
		  const struct refused *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *const node = yaml_get(map, rows[i].key);
		char what[384];

		if (!node || (node->kind == YAML_TEXT && node->text[0] == '\0'))
			continue;
		snprintf(what, sizeof(what), "%s: %s", rows[i].key, rows[i].why);
		return fail(reading, node, what);
	}
	return 0;
}

static int check_verification(const struct reading *reading, const struct yaml_node *cluster)
{
	const struct yaml_node *const node = yaml_get(cluster, "insecure-skip-tls-verify");

	if (!node || (node->kind == YAML_TEXT && strcmp(node->text, "false") == 0))
		return 0;
	return fail(
		reading, node,
		"insecure-skip-tls-verify: eipgw verifies the server it gets its rules from; give its "
		"certificate-authority instead, and tls-server-name if its certificate has another name");
}

static int take_cluster(const struct reading *reading, const struct yaml_node *cluster,
			struct kube_config *config)
{
	static const struct refused refused[] = {
		{ "proxy-url", "proxies aren't used; connect to the server itself" },
	};
	const char *server = NULL;
	const char *name = NULL;
	struct err why = ERR_NULL;
	int r = refuse(reading, cluster, refused, ARRAY_SIZE(refused));

	if (r == 0)
		r = check_verification(reading, cluster);
	if (r == 0)
		r = get_text(reading, cluster, "server", &server);
	if (r == 0)
		r = get_text(reading, cluster, "tls-server-name", &name);
	if (r < 0)
		return r;
	if (!server)
		return fail(reading, cluster, "has no server");
	if (kube_config_set_server(config, server, &why) < 0)
		return fail(reading, yaml_get(cluster, "server"), why.text);
	if (name && (strlen(name) >= sizeof(config->tls_name) || strpbrk(name, "/:@?# \t\r\n")))
		return fail(reading, cluster, "tls-server-name: isn't a host name");
	snprintf(config->tls_name, sizeof(config->tls_name), "%s", name ? name : "");
	return take_pem(reading, cluster, "certificate-authority", &config->ca);
}

/* "The tokenFile goes first" (client-go's AuthInfo). */
static int take_token(const struct reading *reading, const struct yaml_node *user,
		      struct kube_source *ret)
{
	const char *token = NULL;
	const char *path = NULL;
	int r = get_text(reading, user, "token", &token);

	if (r == 0)
		r = get_text(reading, user, "tokenFile", &path);
	if (r < 0)
		return r;
	if (path)
		ret->path = resolve(reading, path);
	else if (token)
		ret->text = strdup(token);
	return (path && !ret->path) || (!path && token && !ret->text) ?
		       err_set(reading->err, -ENOMEM, "out of memory") :
		       0;
}

static int take_user(const struct reading *reading, const struct yaml_node *user,
		     struct kube_config *config)
{
	static const char password[] =
		"API servers don't take passwords any more; use a token or a client certificate";
	static const struct refused refused[] = {
		{ "exec",
		  "eipgw runs no other program to log in; for EKS configure the cluster's name and region instead, else "
		  "put a token (kubectl create token) or a client certificate into a kubeconfig of its own" },
		{ "auth-provider", "is gone from Kubernetes; use a token or a client certificate" },
		{ "username", password },
		{ "password", password },
		{ "as", "impersonation isn't done; give the user the rights that are needed" },
	};
	int r = refuse(reading, user, refused, ARRAY_SIZE(refused));

	if (r == 0)
		r = take_pem(reading, user, "client-certificate", &config->certificate);
	if (r == 0)
		r = take_pem(reading, user, "client-key", &config->private_key);
	if (r == 0)
		r = take_token(reading, user, &config->token);
	if (r < 0)
		return r;
	const bool has_certificate = config->certificate.path || config->certificate.text;
	const bool has_key = config->private_key.path || config->private_key.text;
	if (has_certificate != has_key)
		return fail(reading, user, "has only one of client-certificate and client-key");
	return 0;
}

/* A token that was given takes the place of all that the user's entry says. */
static int take_login(struct reading *reading, const char *user, struct kube_config *config)
{
	const struct yaml_node *found = NULL;

	if (reading->token) {
		config->token.text = strdup(reading->token);
		return config->token.text ? 0 : err_set(reading->err, -ENOMEM, "out of memory");
	}
	if (!user)
		return 0;
	reading->list = "users";
	reading->name = user;
	const int r = find(reading, "user", &found);
	return r < 0 ? r : take_user(reading, found, config);
}

static int take_context(struct reading *reading, struct kube_config *config)
{
	const struct yaml_node *context = NULL;
	const struct yaml_node *found = NULL;
	const char *cluster = NULL;
	const char *user = NULL;
	const char *space = NULL;
	int r = find(reading, "context", &context);

	if (r == 0)
		r = get_text(reading, context, "cluster", &cluster);
	if (r == 0)
		r = get_text(reading, context, "user", &user);
	if (r == 0)
		r = get_text(reading, context, "namespace", &space);
	if (r < 0)
		return r;
	if (!cluster)
		return fail(reading, context, "names no cluster");
	snprintf(config->namespace, sizeof(config->namespace), "%s", space ? space : "");
	reading->list = "clusters";
	reading->name = cluster;
	r = find(reading, "cluster", &found);
	if (r == 0)
		r = take_cluster(reading, found, config);
	return r < 0 ? r : take_login(reading, user, config);
}

static int read_roots(const struct kube_config_text *from, struct reading *reading)
{
	for (; from; from = from->next) {
		struct yaml_node **const root = &reading->roots[reading->n];
		if (reading->n == KUBE_CONFIG_FILES_MAX)
			return err_set(reading->err, -EINVAL, "more than %d kubeconfigs",
				       KUBE_CONFIG_FILES_MAX);
		int r = yaml_tree_read(from->text, from->length, root, reading->err);
		if (r < 0 && from->name)
			err_prefix(reading->err, r, "%s", from->name);
		if (r < 0)
			return r == -ENOMEM ? r : -EINVAL;
		reading->files[reading->n++] = from;
		if ((*root)->kind != YAML_MAP)
			return err_set(reading->err, -EINVAL, "%s%sline %u: isn't a kubeconfig",
				       from->name ? from->name : "", from->name ? ": " : "",
				       (*root)->line);
	}
	return 0;
}

static const char *find_current(const struct reading *reading)
{
	for (size_t i = 0; i < reading->n; i++) {
		const struct yaml_node *const current =
			yaml_get(reading->roots[i], "current-context");
		if (current && current->kind == YAML_TEXT && current->text[0])
			return current->text;
	}
	return NULL;
}

int kube_config_parse(const struct kube_config_text *from, struct kube_config *ret, struct err *err)
{
	CLEANUP(kube_config_done) struct kube_config config = KUBE_CONFIG_NULL;
	CLEANUP(cleanup_reading)
	struct reading reading = { .list = "contexts", .token = from->token, .err = err };
	int r = read_roots(from, &reading);

	if (r < 0)
		return r;
	reading.name = from->context ? from->context : find_current(&reading);
	if (!reading.name)
		return err_set(err, -EINVAL, "%s%scurrent-context isn't set; name a context",
			       from->name ? from->name : "", from->name ? ": " : "");
	r = take_context(&reading, &config);
	if (r < 0)
		return r;
	*ret = config;
	config = KUBE_CONFIG_NULL;
	return 0;
}

/* Files in memory, as texts that follow each other. */
struct files {
	struct kube_config_text v[KUBE_CONFIG_FILES_MAX];
	char *texts[KUBE_CONFIG_FILES_MAX], *dirs[KUBE_CONFIG_FILES_MAX];
	size_t n;
};

static void cleanup_files(struct files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		explicit_bzero(files->texts[i], files->v[i].length);
		free(files->texts[i]);
		free(files->dirs[i]);
	}
}

/* `path` lives as long as the files do. */
static int add_file(struct files *files, const char *path, struct err *err)
{
	struct kube_config_text *const text = &files->v[files->n];
	CLEANUP(cleanup_free) char *dir = strdup(path);

	if (files->n == KUBE_CONFIG_FILES_MAX)
		return err_set(err, -EINVAL, "more than %d kubeconfigs", KUBE_CONFIG_FILES_MAX);
	if (!dir)
		return err_set(err, -ENOMEM, "out of memory");
	const int r =
		kube_file_read(path, YAML_BYTES_MAX, &files->texts[files->n], &text->length, err);
	if (r < 0)
		return r;
	char *const slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	else
		stpcpy(dir, ".");
	text->text = files->texts[files->n];
	text->name = path;
	text->dir = files->dirs[files->n] = TAKE_PTR(dir);
	if (files->n > 0)
		files->v[files->n - 1].next = text;
	files->n++;
	return 0;
}

int kube_config_load(const char *path, const char *context, struct kube_config *ret,
		     struct err *err)
{
	CLEANUP(cleanup_files) struct files files = { .n = 0 };
	const int r = path[0] ? add_file(&files, path, err) :
				err_set(err, -ENOENT, "a kubeconfig's path is empty");

	if (r < 0)
		return r;
	files.v[0].context = context;
	return kube_config_parse(files.v, ret, err);
}

int kube_config_choose(const struct kube_config_choice *choice, struct kube_config *ret,
		       struct err *err)
{
	CLEANUP(cleanup_free) char *paths = strdup(choice->paths);
	CLEANUP(cleanup_files) struct files files = { .n = 0 };
	char *rest = paths;

	if (!paths)
		return err_set(err, -ENOMEM, "out of memory");
	while (rest) {
		const char *const path = strsep(&rest, ":");
		const int r = path[0] ? add_file(&files, path, err) : 0;
		if (r < 0 && r != -ENOENT)
			return r;
	}
	if (files.n == 0)
		return err_set(err, -ENOENT, "%s: there's no such file", choice->paths);
	files.v[0].context = choice->context;
	files.v[0].token = choice->token;
	return kube_config_parse(files.v, ret, err);
}
