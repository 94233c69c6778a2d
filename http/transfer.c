// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "http/transfer.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "http/options.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BODY_FIRST 2048
#define PENDING_MAX (16U << 20) /* of a streamed answer, in one pass; libcurl reads less */
#define KEPT_BUFFER_MAX (64U << 10)
#define ANSWER_HEADERS_MAX (64U << 10) /* bytes of all headers of an answer together */
#define RETRY_AFTER_MAX_MS INT32_MAX

static_assert(sizeof(((struct http_response *)NULL)->error) >= CURL_ERROR_SIZE,
	      "libcurl's sentence fits");

static void wipe_free(char *text, size_t length)
{
	if (text)
		explicit_bzero(text, length);
	free(text);
}

void transfer_free(struct http_transfer *transfer)
{
	if (!transfer)
		return;
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers); /* libcurl's memory: memory.c wipes it */
	curl_slist_free_all(transfer->connect_to);
	wipe_free(transfer->body, transfer->capacity);
	free(transfer);
}

static void cleanup_transfer(struct http_transfer **transfer)
{
	transfer_free(*transfer);
}

/* Not realloc: what it leaves behind couldn't be wiped, and answers may be credentials. */
static int make_room(struct http_transfer *transfer, size_t n)
{
	size_t capacity = transfer->capacity ? transfer->capacity : BODY_FIRST;

	while (capacity - transfer->length < n)
		capacity *= 2;
	if (capacity == transfer->capacity)
		return 0;
	char *const body = malloc(capacity);
	if (!body)
		return -ENOMEM;
	if (transfer->length > 0)
		memcpy(body, transfer->body, transfer->length);
	wipe_free(transfer->body, transfer->capacity);
	transfer->body = body;
	transfer->capacity = capacity;
	return 0;
}

/* Its answer is handed over in parts; one that says an error is kept whole. */
static bool is_streamed(const struct http_transfer *transfer)
{
	long status = 0;

	if (!transfer->on_data)
		return false;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct http_transfer *const transfer = data;
	const size_t n = size * count;
	const size_t max = is_streamed(transfer) ? PENDING_MAX : transfer->body_max;

	if (n > max - transfer->length) {
		transfer->too_long = true;
		return 0;
	}
	if (make_room(transfer, n + 1) < 0) {
		transfer->out_of_memory = true;
		return 0;
	}
	memcpy(transfer->body + transfer->length, bytes, n);
	transfer->length += n;
	transfer->body[transfer->length] = '\0';
	return n;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *data)
{
	struct http_transfer *const transfer = data;

	(void)bytes;
	transfer->header_bytes += size * count;
	if (transfer->header_bytes > ANSWER_HEADERS_MAX) {
		transfer->too_long = true;
		return 0;
	}
	return size * count;
}

static int set_functions(struct http_transfer *transfer)
{
	CURL *const easy = transfer->easy;

	return curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) ||
			       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) ||
			       curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) ||
			       curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) ||
			       curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) ?
		       -EIO :
		       0;
}

int transfer_new(const struct http_request *request, struct http_transfer **ret, struct err *err)
{
	CLEANUP(cleanup_transfer) struct http_transfer *transfer = calloc(1, sizeof(*transfer));

	if (!transfer)
		return err_set(err, -ENOMEM, "out of memory");
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		return err_set(err, -ENOMEM, "out of memory");
	if (set_functions(transfer) < 0)
		return err_set(err, -EIO, "libcurl takes no callbacks");
	const int r = options_apply(transfer, request, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(transfer);
	return 0;
}

bool transfer_has_data(const struct http_transfer *transfer)
{
	return transfer->length > 0 && is_streamed(transfer);
}

char *transfer_take_data(struct http_transfer *transfer, size_t *ret_n)
{
	char *const bytes = TAKE_PTR(transfer->body);

	*ret_n = transfer->length;
	transfer->length = 0;
	transfer->capacity = 0;
	return bytes;
}

/* The buffer serves again, if it isn't large; where nothing came meanwhile, which is so outside of libcurl. */
void transfer_return_data(struct http_transfer *transfer, char *bytes, size_t n)
{
	explicit_bzero(bytes, n);
	if (transfer->body || n + 1 > KEPT_BUFFER_MAX) {
		free(bytes);
		return;
	}
	transfer->body = bytes;
	transfer->capacity = n + 1;
}

void transfer_free_data(char *bytes, size_t n)
{
	wipe_free(bytes, n);
}

static int classify_connect(CURL *easy)
{
	long number = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
	switch (number) {
	case ECONNREFUSED:
		return -ECONNREFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
		return -EHOSTUNREACH;
	case ETIMEDOUT:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}

/* What isn't listed is -EIO; CURLE_COULDNT_CONNECT is looked into. */
static const struct {
	CURLcode code;
	int rc;
} codes[] = {
	{ CURLE_OK, 0 },
	{ CURLE_OUT_OF_MEMORY, -ENOMEM },
	{ CURLE_FILESIZE_EXCEEDED, -EMSGSIZE },
	{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
	{ CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
	{ CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH },
	{ CURLE_INTERFACE_FAILED, -EHOSTUNREACH },
	{ CURLE_UNSUPPORTED_PROTOCOL, -EPROTO }, /* an answer that isn't HTTP/1 */
	{ CURLE_WEIRD_SERVER_REPLY, -EPROTO },
	{ CURLE_GOT_NOTHING, -EPROTO },
	{ CURLE_PARTIAL_FILE, -EPROTO },
	{ CURLE_SSL_CONNECT_ERROR, -EPROTO },
	{ CURLE_PEER_FAILED_VERIFICATION, -EPROTO },
	{ CURLE_SSL_CACERT_BADFILE, -EPROTO },
	{ CURLE_SSL_CIPHER, -EPROTO },
	{ CURLE_SSL_ISSUER_ERROR, -EPROTO },
	{ CURLE_BAD_CONTENT_ENCODING, -EPROTO },
	{ CURLE_PROXY, -EPROTO },
};

static int classify_code(const struct http_transfer *transfer, CURLcode code)
{
	if (transfer->too_long)
		return -EMSGSIZE;
	if (transfer->out_of_memory)
		return -ENOMEM;
	if (transfer->mark_rc != 0)
		return transfer->mark_rc;
	if (code == CURLE_COULDNT_CONNECT)
		return classify_connect(transfer->easy);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			return codes[i].rc;
	return -EIO;
}

static const char *header_value(CURL *easy, const char *name)
{
	struct curl_header *header = NULL;

	return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ?
		       header->value :
		       NULL;
}

/* AWS's own header is in milliseconds and, where it's there, goes first (botocore does so too). */
static int64_t retry_after_ms(CURL *easy)
{
	const char *const aws = header_value(easy, "x-amz-retry-after");
	curl_off_t seconds = 0;

	if (aws && aws[0] && strlen(aws) < 10 && aws[strspn(aws, "0123456789")] == '\0')
		return strtol(aws, NULL, 10);
	if (!header_value(easy, "Retry-After") ||
	    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds < 0)
		return -1;
	return seconds > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : (int64_t)seconds * 1000;
}

static int64_t date_sec(CURL *easy)
{
	const char *const date = header_value(easy, "Date");
	const time_t seconds = date ? curl_getdate(date, NULL) : -1;

	return seconds < 0 ? -1 : seconds;
}

static void describe(const struct http_transfer *transfer, CURLcode code, struct http_response *ret)
{
	const char *text = transfer->error[0] ? transfer->error : curl_easy_strerror(code);

	if (ret->rc == -EMSGSIZE)
		text = "the answer is longer than allowed";
	else if (ret->rc == -ENOMEM)
		text = "out of memory";
	else if (transfer->mark_rc != 0)
		text = "the connection can't be marked";
	snprintf(ret->error, sizeof(ret->error), "%s", text);
	text_mask_controls(ret->error, strlen(ret->error));
}

void transfer_report(struct http_transfer *transfer, CURLcode code, struct http_response *ret)
{
	CURL *const easy = transfer->easy;
	char *content_type = NULL;

	*ret = (struct http_response){
		.rc = classify_code(transfer, code),
		.body = "",
		.content_type = "",
		.retry_after_ms = -1,
		.date_sec = -1,
	};
	if (ret->rc != 0) {
		describe(transfer, code, ret);
		return;
	}
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &ret->status);
	if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &content_type) == CURLE_OK &&
	    content_type)
		ret->content_type = content_type;
	if (transfer->body) {
		ret->body = transfer->body;
		ret->body_length = transfer->length;
	}
	ret->retry_after_ms = retry_after_ms(easy);
	ret->date_sec = date_sec(easy);
}
