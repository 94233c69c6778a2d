// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * HTTP requests on the loop, by libcurl's multi interface. Each request has its own limits; redirects are
 * never followed; only http and https are spoken; certificates are verified. A request ends in exactly one
 * call of its callback, always from the loop and never from inside http_start, unless it's cancelled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"

struct err;
struct http;
struct http_transfer;
struct loop;

enum http_method { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_PATCH, HTTP_DELETE };

struct http_limits {
	uint32_t connect_ms; /* both are required */
	uint32_t total_ms;
	uint32_t stall_ms; /* below 1 byte/s for so long (rounded up to seconds) ends it; 0: no such limit */
	size_t body_max; /* bytes of the answer that is kept; more is an error, not a cut */
};

/* AWS Signature Version 4 in the header, by libcurl (CURLOPT_AWS_SIGV4): POST with a body only. */
struct http_signature {
	const char *region, *service;
	const char *access_key, *secret_key;
	const char *session_token; /* NULL: none */
};

struct http_header {
	const char *name, *value; /* neither may have CR or LF; -EINVAL */
};

/* PEM, in memory: NULL, or NUL-terminated. Copied, and wiped when done. */
struct http_tls {
	const char *ca; /* these alone are trusted. NULL: ca_file, or the system's */
	const char *certificate, *private_key; /* who we are; both or none, or -EINVAL */
};

/*
 * A part of an answer with a status of 200 to 299, as it comes and in order; `bytes` is valid during the call.
 * Called from the loop and outside of libcurl: starting, cancelling (this one, too) and freeing is allowed.
 * Not 0: the request ends with that as its rc.
 */
typedef int (*http_data_fn)(const char *bytes, size_t n, void *data);

struct http_request {
	enum http_method method;
	const char *url;
	const struct http_header *headers;
	size_t n_headers;
	const void *body; /* copied */
	size_t body_length;
	struct http_limits limits;
	const struct http_signature *signature; /* NULL: unsigned. Copied, and wiped when done. */
	const char *
		bearer; /* token of "Authorization: Bearer"; NULL: none. Copied, and wiped when done. */
	http_data_fn
		on_data; /* NULL: the answer is kept, and given to http_done_fn. Else only one that says
			       * an error is; of others body_max is no limit. Gets the `data` of http_done_fn. */
	const char *ca_file;        /* NULL: the system's */
	const struct http_tls *tls; /* NULL: nothing of it */
	const char *connect_to; /* "HOST:PORT" where the URL's host is to be found; NULL: itself */
	const char *interface;  /* source address or device to bind to; NULL: any */
	bool no_proxy;         /* never by a proxy. Forced for link-local and loopback addresses. */
	bool fresh_connection; /* don't use a kept one */
	bool ipv4_only;
	/* Of all packets of the connection (SO_MARK, CAP_NET_ADMIN); 0: none. Such a connection isn't a kept one,
	 * nor is it kept, so that no request leaves with another one's mark. Not those of the name resolution. */
	uint32_t mark;
};

struct http_response {
	int rc; /* 0: an answer came, whatever its status. -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH,
			    * -EPROTO (TLS, not HTTP, truncated), -EMSGSIZE (body_max), -EPERM (mark), -EIO,
			    * -ENOMEM */
	long status;      /* e.g. 200 */
	const char *body; /* NUL after body_length bytes */
	size_t body_length;
	const char *content_type; /* "" if none */
	int64_t retry_after_ms;   /* X-Amz-Retry-After, else Retry-After, or -1 */
	int64_t date_sec;         /* the Date header as seconds since 1970, or -1: for clock skew */
	char error[256];          /* a sentence when rc != 0; never has secrets */
};

/* `response` is valid during the call. Starting, cancelling and freeing other transfers is allowed. */
typedef void (*http_done_fn)(const struct http_response *response, void *data);

struct http *http_new(struct loop *loop, struct err *err);
/* Cancels what is under way; allowed in a callback. NULL is fine. */
void http_free(struct http *http);
/* When the loop last turned to a socket of it: what comes in a callback was there by then. */
struct mono http_woken(const struct http *http);
/* NULL: the reason is in `err`; 256 requests at once are the limit. The request isn't needed any more. */
struct http_transfer *http_start(struct http *http, const struct http_request *request,
				 http_done_fn done, void *data, struct err *err);
/* The callback isn't called. NULL is fine. Not allowed from inside its own callback (it has ended then). */
void http_cancel(struct http_transfer *transfer);

/*
 * Blocking, for the CLI: runs an own loop until the answer is there. 0 or http_response.rc; on success *ret
 * points into *ret_body (body, NUL, and more), which the caller frees. on_data isn't served: -EINVAL.
 */
int http_call_sync(const struct http_request *request, struct http_response *ret, char **ret_body,
		   struct err *err);
