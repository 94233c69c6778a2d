// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "metrics/site.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mono.h"
#include "metrics/limit.h"
#include "metrics/listen.h"

enum { HEADERS_MAX = 4096, FORBIDDEN = 403 };

static const char NO_POLICY[] = "default-src 'none'; frame-ancestors 'none'";
static const char PLAIN[] = "text/plain; charset=utf-8";

struct site_text {
	struct evbuffer *buffer; /* as last written */
	struct mono written_at;  /* 0: not, or it failed */
};

struct site {
	struct site_options options;
	struct evhttp *http;
	struct limit *limit;
	uint16_t port;
	struct site_text texts[SITE_PAGES_MAX];
};

int site_put(struct site_text *text, const void *bytes, size_t n)
{
	return evbuffer_add(text->buffer, bytes, n) ? -ENOMEM : 0;
}

static void add_headers(struct evhttp_request *request, const char *type, const char *policy)
{
	const struct {
		const char *name, *value;
	} rows[] = {
		{ "Connection", "close" },
		{ "Cache-Control", "no-store" },
		{ "Content-Type", type },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "X-Frame-Options", "DENY" },
		{ "Content-Security-Policy", policy ? policy : NO_POLICY },
	};
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		(void)evhttp_add_header(headers, rows[i].name, rows[i].value);
}

/* evhttp would send a body after the headers of an answer to HEAD, too. */
static void send_answer(struct evhttp_request *request, int code, struct evbuffer *body)
{
	char length[24];

	if (body && evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		snprintf(length, sizeof(length), "%zu", evbuffer_get_length(body));
		(void)evhttp_add_header(evhttp_request_get_output_headers(request),
					"Content-Length", length);
		body = NULL;
	}
	evhttp_send_reply(request, code, NULL, body);
}

static void answer_text(struct evhttp_request *request, int code, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	if (body)
		(void)evbuffer_add_printf(body, "%s\n", text);
	add_headers(request, PLAIN, NULL);
	send_answer(request, code, body);
	if (body)
		evbuffer_free(body);
}

static int write_page(struct site *site, const struct site_page *page, struct site_text *text,
		      struct err *err)
{
	int rc;

	text->written_at.ns = 0;
	(void)evbuffer_drain(text->buffer, evbuffer_get_length(text->buffer));
	rc = page->write(text, page, site->options.data, err);
	if (!rc)
		text->written_at = mono_now();
	return rc == -ENOMEM ? err_set(err, rc, "out of memory") : rc;
}

static void answer_page(struct site *site, const struct site_page *page,
			struct evhttp_request *request)
{
	struct site_text *text = &site->texts[page - site->options.pages];
	const bool is_fresh = text->written_at.ns &&
			      mono_diff_ms(mono_now(), text->written_at) < page->fresh_ms;
	struct err err = ERR_NULL;
	struct evbuffer *body;

	if (!is_fresh && write_page(site, page, text, &err)) {
		answer_text(request, HTTP_SERVUNAVAIL, err.text);
		return;
	}
	body = evbuffer_new();
	if (!body || evbuffer_add_buffer_reference(body, text->buffer)) {
		answer_text(request, HTTP_SERVUNAVAIL, "out of memory");
	} else {
		add_headers(request, page->type, page->policy);
		send_answer(request, HTTP_OK, body);
	}
	if (body)
		evbuffer_free(body);
}

/* The name in "NAME" or "NAME:PORT". */
static bool is_host(const char *host, const char *name)
{
	const size_t n = strlen(name);

	if (strncasecmp(host, name, n) != 0)
		return false;
	return !host[n] || (host[n] == ':' && host[n + 1] && !strchr(host + n + 1, ':'));
}

static bool is_ours(const struct site *site, struct evhttp_request *request)
{
	const char *host = evhttp_find_header(evhttp_request_get_input_headers(request), "Host");
	char address[IP4_TEXT_MAX];

	if (!site->options.is_guarded)
		return true;
	/* A whole URL in the request line would come before the header, and only proxies are sent one. */
	if (!host || evhttp_uri_get_host(evhttp_request_get_evhttp_uri(request)))
		return false;
	return is_host(host, "localhost") || is_host(host, "127.0.0.1") ||
	       is_host(host, ip4_format(site->options.address, address));
}

static void on_request(struct evhttp_request *request, void *data)
{
	struct site *site = data;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = evhttp_uri_get_path(uri);

	if (!is_ours(site, request)) {
		answer_text(request, FORBIDDEN,
			    "this is asked for by localhost or the address only");
		return;
	}
	for (size_t i = 0; path && i < site->options.n_pages; i++) {
		if (strcmp(site->options.pages[i].path, path) == 0) {
			answer_page(site, &site->options.pages[i], request);
			return;
		}
	}
	answer_text(request, HTTP_NOTFOUND, site->options.other);
}

static void set_limits(struct site *site)
{
	const struct timeval patience = { .tv_sec = LIMIT_CONNECTION_MS / 1000 };

	evhttp_set_allowed_methods(site->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(site->http, HEADERS_MAX);
	evhttp_set_max_body_size(site->http, 0);
	evhttp_set_timeout_tv(site->http, &patience);
	evhttp_set_gencb(site->http, on_request, site);
}

static bool make_texts(struct site *site)
{
	for (size_t i = 0; i < site->options.n_pages; i++) {
		site->texts[i].buffer = evbuffer_new();
		if (!site->texts[i].buffer)
			return false;
	}
	return true;
}

struct site *site_new(struct loop *loop, const struct site_options *options, struct err *err)
{
	/* libevent writes without MSG_NOSIGNAL. */
	const struct sigaction ignored = { .sa_handler = SIG_IGN };
	struct site *site = calloc(1, sizeof(*site));
	CLEANUP(cleanup_fd) int fd = -1;

	assert(options->n_pages <= SITE_PAGES_MAX);
	if (listen_open(options->address, options->port, &fd, err)) {
		free(site);
		return NULL;
	}
	if (site) {
		site->options = *options;
		site->port = listen_port(fd);
		site->http = evhttp_new(loop_event_base(loop));
	}
	if (site && site->http && make_texts(site)) {
		set_limits(site);
		site->limit = limit_new(loop, site->http, &fd);
	}
	if (!site || !site->limit) {
		site_free(site);
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	(void)sigaction(SIGPIPE, &ignored, NULL);
	return site;
}

void site_free(struct site *site)
{
	if (!site)
		return;
	if (site->http)
		evhttp_free(site->http);
	limit_free(site->limit);
	for (size_t i = 0; i < SITE_PAGES_MAX; i++) {
		if (site->texts[i].buffer)
			evbuffer_free(site->texts[i].buffer);
	}
	free(site);
}

uint16_t site_port(const struct site *site)
{
	return site->port;
}
