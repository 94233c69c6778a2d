// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "metrics/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "metrics/site.h"
#include "metrics/text.h"

struct metrics_server {
	struct metrics_server_options options;
	struct site *site;
};

static void cleanup_out(struct metrics_out **out)
{
	metrics_out_free(*out);
}

static int write_metrics(struct site_text *to, const struct site_page *page, void *data,
			 struct err *err)
{
	struct metrics_server *server = data;
	CLEANUP(cleanup_out) struct metrics_out *out = metrics_out_new(METRICS_TEXT_MAX);
	const char *text;
	size_t length = 0;
	int rc = out ? server->options.write(out, server->options.data, err) : -ENOMEM;

	(void)page;
	if (rc)
		return rc;
	text = metrics_end(out, &length);
	return text ? site_put(to, text, length) : -ENOMEM;
}

static int write_health(struct site_text *to, const struct site_page *page, void *data,
			struct err *err)
{
	struct metrics_server *server = data;
	const char *fault = server->options.find_fault(server->options.data);

	(void)page;
	return fault ? err_set(err, -EAGAIN, "%s", fault) : site_put(to, "ok\n", strlen("ok\n"));
}

static const struct site_page pages[] = {
	{ .path = "/metrics",
	  .type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	  .fresh_ms = METRICS_FRESH_MS,
	  .write = write_metrics },
	{ .path = "/healthz", .type = "text/plain; charset=utf-8", .write = write_health },
};

struct metrics_server *metrics_server_new(struct loop *loop,
					  const struct metrics_server_options *options,
					  struct err *err)
{
	struct metrics_server *server = calloc(1, sizeof(*server));
	const struct site_options site = { .address = options->address,
					   .port = options->port,
					   .pages = pages,
					   .n_pages = ARRAY_SIZE(pages),
					   .other = "there are /metrics and /healthz",
					   .data = server };

	if (!server) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	server->options = *options;
	server->site = site_new(loop, &site, err);
	if (server->site)
		return server;
	free(server);
	return NULL;
}

void metrics_server_free(struct metrics_server *server)
{
	if (!server)
		return;
	site_free(server->site);
	free(server);
}

uint16_t metrics_server_port(const struct metrics_server *server)
{
	return site_port(server->site);
}
