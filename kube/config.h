// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Where the API server is, whom to trust, and how to log in: from a pod's own files, from a kubeconfig, or from values
 * (EKS from outside). Files are only named here; kube/login.h reads them, again and again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define KUBE_SERVER_MAX 512
#define KUBE_PEM_MAX (256U << 10)
#define KUBE_SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

struct kube_token {
	char *text;       /* by malloc(); the library wipes and frees it */
	int64_t good_sec; /* from now on: so long the server takes it */
};

/*
 * Gives a bearer token. `is_refused`: the server didn't take the last one. Not 0: there's none now, with the reason in
 * `err`. It must not block.
 */
typedef int (*kube_token_fn)(bool is_refused, struct kube_token *ret, void *data, struct err *err);

/* A thing that stands in a file, or in `text`, or isn't given (both are NULL). */
struct kube_source {
	char *path;
	char *text; /* wiped when done */
};

struct kube_config {
	char server[KUBE_SERVER_MAX]; /* "https://HOST:PORT[/PATH]", without a slash at its end */
	char tls_name[256];           /* the name in the server's certificate; "": as in `server` */
	char namespace[64];           /* "": not said */
	struct kube_source ca;        /* neither: the system's */
	struct kube_source certificate; /* ours; always together with private_key */
	struct kube_source private_key;
	struct kube_source token;
	kube_token_fn token_fn; /* NULL: as `token` says */
	void *token_data;
};

#define KUBE_CONFIG_NULL ((struct kube_config){ .server = "" })

/*
 * In a pod: KUBERNETES_SERVICE_HOST and _PORT of the environment, and the files token, ca.crt and namespace in `dir`
 * (NULL: KUBE_SERVICE_ACCOUNT). -ENOENT: this is no pod.
 */
int kube_config_in_cluster(const char *dir, struct kube_config *ret, struct err *err);
/*
 * From a kubeconfig; `context` NULL: current-context. Paths in it are relative to its folder. What we don't do is an
 * error that says what to do instead: exec, auth-provider, passwords, impersonation, proxies, and a server that isn't
 * verified. -EINVAL with file and place; -errno: it can't be read.
 */
int kube_config_load(const char *path, const char *context, struct kube_config *ret,
		     struct err *err);
struct kube_config_text {
	const char *text;
	size_t length;
	const char *dir;     /* what paths in it are relative to */
	const char *context; /* of the first text; NULL: the first current-context of all */
	const char *
		token; /* of the first text; NULL: as the user's entry says. Else that isn't looked at. */
	const char *name; /* begins what is said about it; NULL: nothing */
	const struct kube_config_text
		*next; /* what isn't in this one may be there, as kubectl merges them; NULL: none */
};
/* The same from texts, at most KUBE_CONFIG_FILES_MAX. */
#define KUBE_CONFIG_FILES_MAX 16
int kube_config_parse(const struct kube_config_text *from, struct kube_config *ret,
		      struct err *err);
struct kube_config_choice {
	const char *
		paths; /* with colons between, as in $KUBECONFIG; those that aren't there don't count */
	const char *context; /* NULL: the first current-context of all */
	const char *
		token; /* to log in with, instead of what the user's entry says; NULL: as that says */
};
/* The same from several files. -ENOENT: none of them is there. */
int kube_config_choose(const struct kube_config_choice *choice, struct kube_config *ret,
		       struct err *err);

/* Pure: what is wrong with a URL as an API server's, or NULL. */
const char *kube_server_fault(const char *url);
/* Pure: what is wrong with certificates (PEM) in base64, or NULL; no memory is a fault, too. */
const char *kube_ca_fault(const char *base64);

struct kube_config_values {
	const char *server;
	const char *ca_path, *ca_base64; /* a file, or PEM in base64; both NULL: the system's */
	kube_token_fn token_fn;          /* NULL: none */
	void *token_data;
};
/* From values, such as those of an EKS cluster; the file isn't read yet. -EINVAL, -ENOMEM. */
int kube_config_set(const struct kube_config_values *from, struct kube_config *ret,
		    struct err *err);
void kube_config_done(struct kube_config *config);
