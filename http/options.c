// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What holds for all requests stands in one table; the rest depends on the request. An option that this
 * libcurl doesn't know is an error, never passed over: each of them keeps a promise of http.h.
 */
#include "http/options.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "http/transfer.h"
#include "http/url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define HEADER_MAX 32768 /* bytes of one header that we send: a session token and some more */
#define HEADERS_MAX 32
#define BODY_SENT_MAX (1U << 20) /* libcurl sends "Expect: 100-continue" from here on */

static const struct {
	CURLoption option;
	long value;
} always[] = {
	{ CURLOPT_NOSIGNAL, 1 }, /* signals belong to the loop */
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_SSL_VERIFYPEER, 1 },
	{ CURLOPT_SSL_VERIFYHOST, 2 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
	/* EC2 and IMDS speak nothing newer, and the limits below are per connection of one request. */
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
	{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
	/*
	 * The resolver is a thread. Without this (7.87) libcurl waits for it when a transfer ends early, and a
	 * dead name server would hold up the whole loop for as long as it takes to notice.
	 */
	{ CURLOPT_QUICK_EXIT, 1 },
	/* A peer that has vanished is noticed within some 65 s also by a transfer that waits for news: with the
	 * kernel's nine probes. */
	{ CURLOPT_TCP_KEEPALIVE, 1 },
	{ CURLOPT_TCP_KEEPIDLE, 20 },
	{ CURLOPT_TCP_KEEPINTVL, 5 },
};

/* libcurl knows GET and POST; the others are a POST by another name. */
static const struct {
	const char *word;
} methods[] = {
	[HTTP_GET] = { NULL },      [HTTP_PUT] = { "PUT" },       [HTTP_POST] = { NULL },
	[HTTP_PATCH] = { "PATCH" }, [HTTP_DELETE] = { "DELETE" },
};

static int setopt_failed(CURLcode code, const char *what, struct err *err)
{
	if (code == CURLE_OUT_OF_MEMORY)
		return err_set(err, -ENOMEM, "out of memory");
	return err_set(err, -ENOTSUP, "this libcurl can't do %s: %s", what,
		       curl_easy_strerror(code));
}

/* curl_easy_setopt with the outcome checked; returns from the function on failure. */
#define SET(option, value)                                                                        \
	do {                                                                                      \
		const CURLcode code_ = curl_easy_setopt(transfer->easy, CURLOPT_##option, value); \
		if (code_ != CURLE_OK)                                                            \
			return setopt_failed(code_, #option, err);                                \
	} while (0)

static int set_always(struct http_transfer *transfer, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		const CURLcode code =
			curl_easy_setopt(transfer->easy, always[i].option, always[i].value);
		if (code != CURLE_OK)
			return setopt_failed(code, "one of our options", err);
	}
	SET(PROTOCOLS_STR, "http,https");
	SET(USERAGENT, "eipgw/" EIPGW_VERSION);
	SET(ERRORBUFFER, transfer->error);
	return 0;
}

static bool name_is_valid(const char *name)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789" /* RFC 9110, 5.6.2 */
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return name[0] && name[strspn(name, token)] == '\0';
}

static bool value_is_valid(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 ? *value != '\t' : *value == 0x7f)
			return false;
	return true;
}

/* "Name;" is libcurl's way to send a header without a value; "Name:" would take one away. */
static int append_header(struct http_transfer *transfer, const char *name, const char *value,
			 struct err *err)
{
	if (!name_is_valid(name))
		return err_set(err, -EINVAL, "a header's name isn't valid");
	if (!value_is_valid(value))
		return err_set(err, -EINVAL, "header %s: control characters in its value", name);
	const size_t size = strlen(name) + strlen(value) + sizeof(": ");
	if (size > HEADER_MAX)
		return err_set(err, -EINVAL, "header %s: longer than %d bytes", name, HEADER_MAX);

	CLEANUP(cleanup_free) char *line = malloc(size);
	if (!line)
		return err_set(err, -ENOMEM, "out of memory");
	snprintf(line, size, value[0] ? "%s: %s" : "%s;%s", name, value);
	struct curl_slist *const headers = curl_slist_append(transfer->headers, line);
	explicit_bzero(line, size);
	if (!headers)
		return err_set(err, -ENOMEM, "out of memory");
	transfer->headers = headers;
	return 0;
}

static int append_bearer(struct http_transfer *transfer, const char *token, struct err *err)
{
	static const char scheme[] = "Bearer ";
	const size_t length = strlen(token);

	if (length == 0 || length > HEADER_MAX)
		return err_set(err, -EINVAL, "the bearer token is empty or longer than %d bytes",
			       HEADER_MAX);
	char *const value = malloc(sizeof(scheme) + length);
	if (!value)
		return err_set(err, -ENOMEM, "out of memory");
	memcpy(value, scheme, sizeof(scheme) - 1);
	memcpy(value + sizeof(scheme) - 1, token, length + 1);
	const int r = append_header(transfer, "Authorization", value, err);
	explicit_bzero(value, sizeof(scheme) + length);
	free(value);
	return r;
}

static bool has_header(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->n_headers; i++)
		if (strcasecmp(request->headers[i].name, name) == 0)
			return true;
	return false;
}

static int set_headers(struct http_transfer *transfer, const struct http_request *request,
		       struct err *err)
{
	const struct http_signature *const signature = request->signature;

	if (request->n_headers > HEADERS_MAX)
		return err_set(err, -EINVAL, "more than %d headers", HEADERS_MAX);
	for (size_t i = 0; i < request->n_headers; i++) {
		const struct http_header *const header = &request->headers[i];
		const int r = append_header(transfer, header->name, header->value, err);
		if (r < 0)
			return r;
	}
	/* libcurl would call what has no type a form. */
	if (methods[request->method].word && !has_header(request, "Content-Type")) {
		struct curl_slist *const headers =
			curl_slist_append(transfer->headers, "Content-Type:");
		if (!headers)
			return err_set(err, -ENOMEM, "out of memory");
		transfer->headers = headers;
	}
	if (signature && signature->session_token) {
		const int r = append_header(transfer, "X-Amz-Security-Token",
					    signature->session_token, err);
		if (r < 0)
			return r;
	}
	if (request->bearer) {
		const int r = append_bearer(transfer, request->bearer, err);
		if (r < 0)
			return r;
	}
	SET(HTTPHEADER, transfer->headers);
	return 0;
}

static struct curl_blob blob_of(const char *text)
{
	return (struct curl_blob){ .data = (void *)text,
				   .len = strlen(text),
				   .flags = CURL_BLOB_COPY };
}

static int set_tls(struct http_transfer *transfer, const struct http_tls *tls, struct err *err)
{
	if (!tls)
		return 0;
	if (!tls->certificate != !tls->private_key)
		return err_set(err, -EINVAL,
			       "a certificate without its key, or a key without its certificate");
	if (tls->ca) {
		const struct curl_blob ca = blob_of(tls->ca);
		SET(CAINFO_BLOB, &ca);
		SET(CAPATH, NULL); /* or libcurl trusted the system's authorities, too */
	}
	if (tls->certificate) {
		const struct curl_blob certificate = blob_of(tls->certificate);
		const struct curl_blob private_key = blob_of(tls->private_key);
		SET(SSLCERT_BLOB, &certificate);
		SET(SSLKEY_BLOB, &private_key);
	}
	return 0;
}

static int set_method(struct http_transfer *transfer, const struct http_request *request,
		      struct err *err)
{
	if (request->body_length > BODY_SENT_MAX)
		return err_set(err, -EINVAL, "more than %u bytes to send", BODY_SENT_MAX);
	if (request->method == HTTP_GET) {
		if (request->body_length > 0)
			return err_set(err, -EINVAL, "a GET has no body");
		SET(HTTPGET, 1L);
		return 0;
	}
	SET(POST, 1L);
	SET(POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
	SET(COPYPOSTFIELDS, request->body_length > 0 ? (const char *)request->body : "");
	if (methods[request->method].word)
		SET(CUSTOMREQUEST, methods[request->method].word);
	return 0;
}

static int set_limits(struct http_transfer *transfer, const struct http_request *request,
		      struct err *err)
{
	const struct http_limits *const limits = &request->limits;

	if (limits->connect_ms == 0 || limits->total_ms == 0)
		return err_set(err, -EINVAL, "a request without a time limit");
	SET(CONNECTTIMEOUT_MS, (long)limits->connect_ms);
	SET(TIMEOUT_MS, (long)limits->total_ms);
	if (limits->stall_ms > 0) {
		SET(LOW_SPEED_LIMIT, 1L);
		SET(LOW_SPEED_TIME, (long)((limits->stall_ms + 999ULL) / 1000));
	}
	/* Ends it at once when the length is announced; the write function counts in any case. */
	if (!request->on_data)
		SET(MAXFILESIZE_LARGE, (curl_off_t)limits->body_max);
	transfer->body_max = limits->body_max;
	return 0;
}

static bool scope_is_valid(const char *text)
{
	return text && text[0] &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/*
 * libcurl 7.88 signs wrongly what has a query, a header without value or a removed one (fixed up to 8.14);
 * with a POST, its body and plain headers it is right. Region and service are always given: it would take
 * them from the host name otherwise, and wrongly from an address.
 */
static int set_signature(struct http_transfer *transfer, const struct http_request *request,
			 struct err *err)
{
	const struct http_signature *const signature = request->signature;
	char scope[128];

	if (!signature)
		return 0;
	if (request->method != HTTP_POST || request->body_length == 0 || strchr(request->url, '?'))
		return err_set(err, -EINVAL, "only a POST with a body and no query is signed");
	if (!scope_is_valid(signature->region) || !scope_is_valid(signature->service))
		return err_set(err, -EINVAL, "not a region or service to sign for");
	if (snprintf(scope, sizeof(scope), "aws:amz:%s:%s", signature->region,
		     signature->service) >= (int)sizeof(scope))
		return err_set(err, -EINVAL, "the region's name is too long");
	SET(AWS_SIGV4, scope);
	SET(USERNAME, signature->access_key);
	SET(PASSWORD, signature->secret_key);
	return 0;
}

/* libcurl's CURLOPT_SOCKOPTFUNCTION: a socket of the connection, before it connects. */
static int mark_socket(void *data, curl_socket_t fd, curlsocktype purpose)
{
	struct http_transfer *const transfer = data;

	(void)purpose;
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &transfer->mark, sizeof(transfer->mark)) == 0)
		return CURL_SOCKOPT_OK;
	transfer->mark_rc = -errno;
	return CURL_SOCKOPT_ERROR;
}

static int set_mark(struct http_transfer *transfer, uint32_t mark, struct err *err)
{
	if (mark == 0)
		return 0;
	transfer->mark = mark;
	SET(SOCKOPTFUNCTION, mark_socket);
	SET(SOCKOPTDATA, transfer);
	SET(FRESH_CONNECT, 1L);
	SET(FORBID_REUSE, 1L);
	return 0;
}

static int set_connect_to(struct http_transfer *transfer, const char *place, struct err *err)
{
	char text[512];

	if (snprintf(text, sizeof(text), "::%s", place) >= (int)sizeof(text))
		return err_set(err, -EINVAL, "the host to connect to has too long a name");
	transfer->connect_to = curl_slist_append(NULL, text);
	if (!transfer->connect_to)
		return err_set(err, -ENOMEM, "out of memory");
	SET(CONNECT_TO, transfer->connect_to);
	return 0;
}

static int set_route(struct http_transfer *transfer, const struct http_request *request, bool near,
		     struct err *err)
{
	SET(URL, request->url);
	if (near || request->no_proxy)
		SET(NOPROXY, "*");
	if (request->ca_file) {
		SET(CAINFO, request->ca_file);
		SET(CAPATH, NULL);
	}
	if (request->interface)
		SET(INTERFACE, request->interface);
	if (request->fresh_connection)
		SET(FRESH_CONNECT, 1L);
	if (request->ipv4_only)
		SET(IPRESOLVE, CURL_IPRESOLVE_V4);
	if (request->connect_to) {
		const int r = set_connect_to(transfer, request->connect_to, err);
		if (r < 0)
			return r;
	}
	return set_mark(transfer, request->mark, err);
}

int options_apply(struct http_transfer *transfer, const struct http_request *request,
		  struct err *err)
{
	bool near = false;
	int r = url_check(request->url, &near, err);

	if (r == 0)
		r = set_always(transfer, err);
	if (r == 0)
		r = set_route(transfer, request, near, err);
	if (r == 0)
		r = set_tls(transfer, request->tls, err);
	if (r == 0)
		r = set_limits(transfer, request, err);
	if (r == 0)
		r = set_method(transfer, request, err);
	if (r == 0)
		r = set_headers(transfer, request, err);
	if (r == 0)
		r = set_signature(transfer, request, err);
	return r;
}
