// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is given back to the allocator, by us or by libcurl, has no secret in it. */
#include "serve_http.h"

#include "base/cleanup.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <malloc.h>
#include <string.h>

#define MARK "s3cr3t-mark"

static volatile size_t found; /* the compiler thinks that free() changes nothing */

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	if (p && memmem(p, malloc_usable_size(p), MARK, strlen(MARK)))
		found++;
	__real_free(p);
}

/* The number of freed blocks with the mark in them. */
static size_t count_marks(const struct http_request *template, const struct serve_reply *reply)
{
	struct http_request request = *template;
	struct serve_http server;
	struct http_response response;
	char *body = NULL;

	serve_http_start(&server, reply, 1);
	request.url = server.url;
	request.limits =
		(struct http_limits){ .connect_ms = 5000, .total_ms = 5000, .body_max = 65536 };
	found = 0;
	assert_int_equal(http_call_sync(&request, &response, &body, NULL), 0);
	const size_t n = found;
	free(body);
	serve_http_stop(&server);
	return n;
}

static void a_freed_block_with_the_mark_is_noticed(void **state)
{
	char *const text = strdup("x" MARK);
	(void)state;

	/* Else the compiler sees that nobody reads it, and leaves out the copy. */
	__asm__ volatile("" : : "r"(text) : "memory");
	found = 0;
	free(text);

	assert_int_equal(found, 1);
}

static void keys_and_session_tokens_are_wiped(void **state)
{
	const struct http_signature signature = { .region = "eu-west-1",
						  .service = "ec2",
						  .access_key = "AKIDEXAMPLE",
						  .secret_key = MARK,
						  .session_token = "token-" MARK };
	const struct http_request request = {
		.method = HTTP_POST, .body = "Action=X", .body_length = 8, .signature = &signature
	};
	(void)state;

	assert_int_equal(count_marks(&request, &(struct serve_reply){ .body = "ok" }), 0);
}

static void tokens_and_private_keys_are_wiped(void **state)
{
	const struct http_tls tls = { .ca = MARK, .certificate = MARK, .private_key = MARK };
	const struct http_request request = { .bearer = MARK, .tls = &tls };
	(void)state;

	assert_int_equal(count_marks(&request, &(struct serve_reply){ .body = "ok" }), 0);
}

static void headers_bodies_and_answers_are_wiped(void **state)
{
	const struct http_header header = { "Authorization", "Bearer " MARK };
	const struct http_request request = { .method = HTTP_POST,
					      .headers = &header,
					      .n_headers = 1,
					      .body = "token=" MARK,
					      .body_length = 17 };
	(void)state;

	assert_int_equal(count_marks(&request, &(struct serve_reply){ .body = "{" MARK "}",
								      .filler = 10000 }),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_freed_block_with_the_mark_is_noticed),
		cmocka_unit_test(keys_and_session_tokens_are_wiped),
		cmocka_unit_test(tokens_and_private_keys_are_wiped),
		cmocka_unit_test(headers_bodies_and_answers_are_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
