// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The first byte chooses an action, the rest is an answer to it, read twice as two pages, and then read as
 * an error. What is refused owns nothing; what is accepted has texts that end, and doubles with the page.
 */
#include "awsapi/action.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "awsapi/ec2.h"
#include "awsapi/failure.h"
#include "awsapi/xml.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"
#include "http/http.h"

static void check(int condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static void check_text(const char *text, size_t size)
{
	check(strnlen(text, size) < size, "a text has no end");
}

static void check_no_controls(const char *text)
{
	for (; *text; text++)
		check((unsigned char)*text >= 0x20 && *text != 0x7f,
		      "control character for people");
}

static size_t count_items(const struct xml_table *table, const char *value)
{
	size_t n = 0;

	for (size_t i = 0; i < table->n; i++) {
		const struct xml_field *const field = &table->fields[i];
		struct {
			char *v;
			size_t n;
		} list;
		if (field->type == XML_AS_TEXT)
			check_text(value + field->offset, field->size);
		if (field->type != XML_AS_LIST)
			continue;
		memcpy(&list, value + field->offset, sizeof(list));
		check(list.n <= field->max, "more items than the ceiling");
		n += list.n;
		for (size_t k = 0; k < list.n; k++)
			n += count_items(field->sub, list.v + k * field->sub->size);
	}
	return n;
}

static void read_as_error(const char *text, size_t length)
{
	struct aws_failure failure;
	const struct http_response response = {
		.status = 400,
		.body = text,
		.body_length = length,
		.content_type = "",
	};

	aws_failure_read("Action", &response, &failure);
	check(failure.class < HTTP_CLASS_COUNT, "no class");
	check_text(failure.text, sizeof(failure.text));
	check_text(failure.code, sizeof(failure.code));
	check_text(failure.request_id, sizeof(failure.request_id));
	check_no_controls(failure.text);
	check_no_controls(failure.code);
}

static void read_as_answer(const struct aws_action *action, const char *text, size_t length)
{
	const size_t size = action->answer->size;
	struct err err = ERR_NULL;

	CLEANUP(cleanup_free) char *value = calloc(1, size);
	CLEANUP(cleanup_free) char *zero = calloc(1, size);
	check(value && zero, "no memory");
	if (aws_action_read(action, text, length, value, &err) != 0) {
		check(err.text[0] != '\0', "refused without a reason");
		check(memcmp(value, zero, size) == 0, "something is owned after a refusal");
		return;
	}
	const size_t n = count_items(action->answer, value);
	/* Lists may be full with the second page. */
	if (aws_action_read(action, text, length, value, NULL) == 0)
		check(count_items(action->answer, value) == 2 * n, "two pages aren't twice one");
	aws_action_done(action, value);
	check(memcmp(value, zero, size) == 0, "something is left when done");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n_actions = 0;

	if (size == 0)
		return 0;
	while (aws_actions[n_actions])
		n_actions++;
	if (n_actions == 0)
		return 0;
	const char *const text = (const char *)data + 1;
	read_as_answer(aws_actions[data[0] % n_actions], text, size - 1);
	read_as_error(text, size - 1);
	return 0;
}
