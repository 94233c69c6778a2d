// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/client.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mono.h"
#include "kube/config.h"
#include "kube/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHAT_MAX 160

struct kube_client {
	struct kube_client_options options;
	struct kube_login *login;
	char base[KUBE_SERVER_MAX];  /* the server's URL, with the name that its certificate has */
	char place[KUBE_SERVER_MAX]; /* "HOST:PORT" where that name is to be found; "": itself */
};

struct kube_call {
	struct kube_client *client;
	struct http_transfer *transfer;
	http_data_fn on_data;
	kube_done_fn done;
	void *data;
	char what[WHAT_MAX]; /* "GET /api/v1/pods" */
};

static const char *const words[] = {
	[HTTP_GET] = "GET",     [HTTP_PUT] = "PUT",       [HTTP_POST] = "POST",
	[HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
};

/*
 * With a name of its own for the certificate, the URL says that name, and the connection goes where the server is:
 * libcurl takes SNI and the name to verify from the URL.
 */
static void set_base(struct kube_client *client)
{
	const struct kube_config *const config = client->options.config;
	const char *const host = strstr(config->server, "://") + 3;
	const size_t length = strcspn(host, "/");
	const size_t scheme = (size_t)(host - config->server);
	const char *const bracket = memchr(host, ']', length);
	const char *const from = bracket ? bracket : host;
	const char *const colon = memchr(from, ':', length - (size_t)(from - host));
	const size_t name = colon ? (size_t)(colon - host) : length;

	if (!config->tls_name[0]) {
		snprintf(client->base, sizeof(client->base), "%s", config->server);
		return;
	}
	snprintf(client->base, sizeof(client->base), "%.*s%s%s", (int)scheme, config->server,
		 config->tls_name, host + name);
	snprintf(client->place, sizeof(client->place), "%.*s%s", (int)length, host,
		 colon ? "" : ":443");
}

struct kube_client *kube_client_new(const struct kube_client_options *options, struct err *err)
{
	struct kube_client *const client = calloc(1, sizeof(*client));

	if (!client || !(client->login = kube_login_new(options->config))) {
		free(client);
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	client->options = *options;
	set_base(client);
	return client;
}

void kube_client_free(struct kube_client *client)
{
	if (!client)
		return;
	kube_login_free(client->login);
	free(client);
}

struct loop *kube_client_loop(const struct kube_client *client)
{
	return client->options.loop;
}

static int take_data(const char *bytes, size_t n, void *data)
{
	struct kube_call *const call = data;

	return call->on_data(bytes, n, call->data);
}

static void on_response(const struct http_response *response, void *data)
{
	struct kube_call *const call = data;
	struct kube_failure failure;

	kube_failure_read(call->what, response, &failure);
	if (failure.class == HTTP_CLASS_CREDENTIALS)
		kube_login_refused(call->client->login);
	const kube_done_fn done = call->done;
	void *const done_data = call->data;
	free(call);
	if (failure.class == HTTP_CLASS_OK)
		done(&failure, response->body, response->body_length, done_data);
	else
		done(&failure, NULL, 0, done_data);
}

static int send_request(struct kube_call *call, const struct kube_request *request, struct err *err)
{
	const struct kube_client_options *const options = &call->client->options;
	const struct http_header headers[] = {
		{ "Accept", "application/json" },
		{ "Content-Type", request->content_type },
	};
	char url[KUBE_SERVER_MAX + KUBE_PATH_MAX];
	const struct http_tls *tls = NULL;
	const char *token = NULL;

	if (snprintf(url, sizeof(url), "%s%s", call->client->base, request->path) >=
	    (int)sizeof(url))
		return err_set(err, -EMSGSIZE, "the request's path is too long");
	const int r = kube_login_get(call->client->login, mono_now(), &token, &tls, err);
	if (r < 0)
		return r;
	const struct http_request http_request = {
		.method = request->method,
		.url = url,
		.headers = headers,
		.n_headers = request->content_type ? 2 : 1,
		.body = request->body,
		.body_length = request->body ? strlen(request->body) : 0,
		.limits = request->limits,
		.bearer = token,
		.on_data = request->on_data ? take_data : NULL,
		.tls = tls,
		.connect_to = call->client->place[0] ? call->client->place : NULL,
		.interface = options->interface,
		.no_proxy = true, /* the way to the API server is one in the VPC */
		.fresh_connection = request->fresh_connection,
	};

	call->transfer = http_start(options->http, &http_request, on_response, call, err);
	return call->transfer ? 0 : -EIO;
}

struct kube_call *kube_call_start(struct kube_client *client, const struct kube_request *request,
				  kube_done_fn done, void *data, struct kube_failure *ret_failure)
{
	CLEANUP(cleanup_free) struct kube_call *call = calloc(1, sizeof(*call));
	struct err err = ERR_NULL;

	if (!call) {
		kube_failure_set(ret_failure, words[request->method], HTTP_CLASS_RETRY,
				 "out of memory");
		return NULL;
	}
	call->client = client;
	call->on_data = request->on_data;
	call->done = done;
	call->data = data;
	/* Without the query: it's long, and says nothing to a person. */
	snprintf(call->what, sizeof(call->what), "%s %.*s", words[request->method],
		 (int)strcspn(request->path, "?"), request->path);
	const int r = send_request(call, request, &err);
	if (r == 0)
		return TAKE_PTR(call);
	kube_failure_set(ret_failure, call->what,
			 r == -EACCES   ? HTTP_CLASS_CREDENTIALS :
			 r == -EMSGSIZE ? HTTP_CLASS_PERMANENT :
					  HTTP_CLASS_RETRY,
			 err.text);
	return NULL;
}

void kube_call_cancel(struct kube_call *call)
{
	if (!call)
		return;
	http_cancel(call->transfer);
	free(call);
}
