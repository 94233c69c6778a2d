// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The table of statements and the documents in docs/iam are the same. */
#include "cli/iam.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX 16384

static void the_documents_are_written_as_they_stand_in_their_files(void **state)
{
	(void)state;

	for (enum iam_document i = 0; i < IAM_DOCUMENT_COUNT; i++) {
		FILE *const file = fopen(iam_document_files[i], "r");
		char text[FILE_MAX];
		char *written = NULL;
		size_t length = 0;

		assert_non_null(file);
		const size_t n = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
		text[n] = '\0';
		FILE *const out = open_memstream(&written, &length);
		iam_write_document(out, i);
		fclose(out);
		assert_string_equal(written, text);
		free(written);
	}
}

static void a_statement_is_for_one_action_and_one_deployment(void **state)
{
	const struct iam_statement *const found = iam_find(IAM_ALLOCATE, "ec2:AllocateAddress");
	char *text = NULL;
	size_t length = 0;
	FILE *const out = open_memstream(&text, &length);
	(void)state;

	assert_non_null(found);
	iam_write_statement(out, found, "ec2:AllocateAddress", "a\"b\\c", "");
	fclose(out);
	assert_string_equal(text, "{\n"
				  "  \"Sid\": \"AllocateTagged\",\n"
				  "  \"Effect\": \"Allow\",\n"
				  "  \"Action\": [\n"
				  "    \"ec2:AllocateAddress\"\n"
				  "  ],\n"
				  "  \"Resource\": [\n"
				  "    \"arn:aws:ec2:*:*:elastic-ip/*\"\n"
				  "  ],\n"
				  "  \"Condition\": {\n"
				  "    \"StringEquals\": {\n"
				  "      \"aws:RequestTag/eipgw\": \"a\\\"b\\\\c\"\n"
				  "    }\n"
				  "  }\n"
				  "}");
	free(text);
}

static void what_a_document_does_not_allow_is_not_found(void **state)
{
	(void)state;
	assert_null(iam_find(IAM_TUNNEL, "ec2:ReplaceRoute"));
	assert_null(iam_find(IAM_CLI, "ec2:AllocateAddress"));
	assert_non_null(iam_find(IAM_ROUTE_TABLE, "ec2:ReplaceRoute"));
	assert_null(iam_find(IAM_TUNNEL, "ec2:ReleaseAddress"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documents_are_written_as_they_stand_in_their_files),
		cmocka_unit_test(a_statement_is_for_one_action_and_one_deployment),
		cmocka_unit_test(what_a_document_does_not_allow_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
