// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A small HTTP server for faults: each request that arrives gets the next reply of a script, whatever it asks
 * for. It runs in processes of its own; what it was asked is in memory shared with the test.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SERVE_REQUESTS_MAX 128
#define SERVE_REQUEST_MAX 8192

enum serve_end {
	SERVE_KEEP,  /* the connection stays open for the next request */
	SERVE_CLOSE, /* closed after the reply */
	SERVE_RESET, /* reset after the reply */
	SERVE_HANG,  /* open and silent from then on */
};

struct serve_reply {
	int status;          /* 0: 200 */
	const char *headers; /* "Name: value\r\n"..., or NULL */
	const char *body;    /* NULL: empty */
	const char *raw;     /* sent instead of all the above, when not NULL */
	const char
		*path; /* asked for something else: 404, and the reply waits for the next request */
	size_t filler; /* so many bytes of 'x' after the body (counted in Content-Length) */
	size_t announced; /* Content-Length says so many bytes more than there are */
	int delay_ms;     /* before the reply */
	enum serve_end end;
};

struct serve_http {
	pid_t pid;
	uint16_t port;
	char url[64]; /* "http://127.0.0.1:PORT" */
	struct serve_log *log;
};

/* After the script's end each request gets status 500 and "the script is over". */
void serve_http_start(struct serve_http *server, const struct serve_reply *replies, size_t n);
void serve_http_stop(struct serve_http *server);
/* How many requests have come, and the text of one ("GET / HTTP/1.1\r\n..."), body included. */
size_t serve_http_count(const struct serve_http *server);
const char *serve_http_request(const struct serve_http *server, size_t i);
/* So many connections were accepted. */
size_t serve_http_connections(const struct serve_http *server);
