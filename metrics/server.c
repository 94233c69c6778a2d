// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "metrics/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mono.h"
#include "metrics/limit.h"
#include "metrics/text.h"

enum { HEADERS_MAX = 4096 };

struct metrics_server {
	struct metrics_server_options options;
	struct evhttp *http;
	struct limit *limit;
	uint16_t port;
	struct evbuffer *text; /* as last written */
	struct mono written_at;
};

static void answer(struct evhttp_request *request, int code, const char *type,
		   struct evbuffer *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	(void)evhttp_add_header(headers, "Connection", "close");
	(void)evhttp_add_header(headers, "Cache-Control", "no-store");
	if (type)
		(void)evhttp_add_header(headers, "Content-Type", type);
	evhttp_send_reply(request, code, NULL, body);
}

static void answer_text(struct evhttp_request *request, int code, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	if (body)
		(void)evbuffer_add_printf(body, "%s\n", text);
	answer(request, code, "text/plain; charset=utf-8", body);
	if (body)
		evbuffer_free(body);
}

static void cleanup_out(struct metrics_out **out)
{
	metrics_out_free(*out);
}

static int write_text(struct metrics_server *server, struct err *err)
{
	CLEANUP(cleanup_out) struct metrics_out *out = metrics_out_new(METRICS_TEXT_MAX);
	const char *text = NULL;
	size_t length = 0;
	int rc = out ? server->options.write(out, server->options.data, err) : -ENOMEM;

	if (!rc)
		text = metrics_end(out, &length);
	if (!rc && !text)
		rc = -ENOMEM;
	server->written_at.ns = 0;
	(void)evbuffer_drain(server->text, evbuffer_get_length(server->text));
	if (!rc && evbuffer_add(server->text, text, length))
		rc = -ENOMEM;
	if (!rc)
		server->written_at = mono_now();
	return rc == -ENOMEM ? err_set(err, rc, "out of memory") : rc;
}

static void on_metrics(struct evhttp_request *request, void *data)
{
	struct metrics_server *server = data;
	const bool is_fresh = server->written_at.ns &&
			      mono_diff_ms(mono_now(), server->written_at) < METRICS_FRESH_MS;
	struct err err = ERR_NULL;
	struct evbuffer *body;

	if (!is_fresh && write_text(server, &err)) {
		answer_text(request, 503, err.text);
		return;
	}
	body = evbuffer_new();
	if (!body || evbuffer_add_buffer_reference(body, server->text))
		answer_text(request, 503, "out of memory");
	else
		answer(request, HTTP_OK,
		       "application/openmetrics-text; version=1.0.0; charset=utf-8", body);
	if (body)
		evbuffer_free(body);
}

static void on_health(struct evhttp_request *request, void *data)
{
	struct metrics_server *server = data;
	const char *fault = server->options.find_fault(server->options.data);

	answer_text(request, fault ? 503 : HTTP_OK, fault ? fault : "ok");
}

static void on_other(struct evhttp_request *request, void *data)
{
	(void)data;
	answer_text(request, HTTP_NOTFOUND, "there are /metrics and /healthz");
}

static int open_socket(struct ip4 address, uint16_t port, int *ret, struct err *err)
{
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(address.v) };
	const int on = 1;
	char text[IP4_TEXT_MAX];

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
	    listen(fd, LIMIT_CONNECTIONS_MAX) < 0) {
		const int rc = -errno;

		return err_set(err, rc, "can't listen on %s:%u: %s", ip4_format(address, text),
			       port, strerror(-rc));
	}
	*ret = TAKE_FD(fd);
	return 0;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in is = { 0 };
	socklen_t length = sizeof(is);

	return getsockname(fd, (struct sockaddr *)&is, &length) == 0 ? ntohs(is.sin_port) : 0;
}

static bool set_limits(struct metrics_server *server)
{
	const struct timeval patience = { .tv_sec = LIMIT_CONNECTION_MS / 1000 };

	evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(server->http, HEADERS_MAX);
	evhttp_set_max_body_size(server->http, 0);
	evhttp_set_timeout_tv(server->http, &patience);
	evhttp_set_gencb(server->http, on_other, server);
	return evhttp_set_cb(server->http, "/metrics", on_metrics, server) == 0 &&
	       evhttp_set_cb(server->http, "/healthz", on_health, server) == 0;
}

struct metrics_server *metrics_server_new(struct loop *loop,
					  const struct metrics_server_options *options,
					  struct err *err)
{
	/* libevent writes without MSG_NOSIGNAL. */
	const struct sigaction ignored = { .sa_handler = SIG_IGN };
	struct metrics_server *server = calloc(1, sizeof(*server));
	CLEANUP(cleanup_fd) int fd = -1;

	if (open_socket(options->address, options->port, &fd, err)) {
		free(server);
		return NULL;
	}
	if (server) {
		server->options = *options;
		server->port = port_of(fd);
		server->text = evbuffer_new();
		server->http = evhttp_new(loop_event_base(loop));
	}
	if (server && server->text && server->http && set_limits(server))
		server->limit = limit_new(loop, server->http, &fd);
	if (!server || !server->limit) {
		metrics_server_free(server);
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	(void)sigaction(SIGPIPE, &ignored, NULL);
	return server;
}

void metrics_server_free(struct metrics_server *server)
{
	if (!server)
		return;
	if (server->http)
		evhttp_free(server->http);
	limit_free(server->limit);
	if (server->text)
		evbuffer_free(server->text);
	free(server);
}

uint16_t metrics_server_port(const struct metrics_server *server)
{
	return server->port;
}
