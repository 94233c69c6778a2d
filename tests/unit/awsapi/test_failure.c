// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a failed call was, by whatever told it. */
#include "awsapi/failure.h"

#include "base/cleanup.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct aws_failure failure_of(int rc, long status, const char *body)
{
	struct aws_failure failure;
	struct http_response response = {
		.rc = rc,
		.status = status,
		.body = body,
		.body_length = strlen(body),
		.content_type = "",
		.retry_after_ms = 2000,
		.date_sec = 1440938160,
	};

	if (rc != 0)
		snprintf(response.error, sizeof(response.error), "no answer within 5 s");
	aws_failure_read("AssociateAddress", &response, &failure);
	return failure;
}

static void both_error_grammars_and_their_mixture_are_read(void **state)
{
	static const char *const bodies[] = {
		"<?xml version=\"1.0\"?><Response><Errors><Error><Code>InvalidAllocationID.NotFound</Code>"
		"<Message>gone</Message></Error></Errors><RequestID>r-1</RequestID></Response>",
		"<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type>"
		"<Code>InvalidAllocationID.NotFound</Code><Message>gone</Message></Error>"
		"<RequestId>r-1</RequestId></ErrorResponse>",
		"<ErrorResponse><Errors><Error><Message>\n gone\nfor good</Message>"
		"<Code>InvalidAllocationID.NotFound</Code></Error></Errors><RequestID>r-1</RequestID>"
		"</ErrorResponse>",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		const struct aws_failure failure = failure_of(0, 400, bodies[i]);
		assert_int_equal(failure.class, HTTP_CLASS_NOT_FOUND);
		assert_string_equal(failure.code, "InvalidAllocationID.NotFound");
		assert_string_equal(failure.text,
				    "AssociateAddress: InvalidAllocationID.NotFound: gone");
		assert_string_equal(failure.request_id, "r-1");
		assert_int_equal(failure.status, 400);
		assert_int_equal(failure.retry_after_ms, 2000);
		assert_int_equal(failure.date_sec, 1440938160);
	}
}

static void codes_are_classified_by_the_table(void **state)
{
	static const struct {
		const char *code;
		enum http_class class;
	} table[] = {
		{ "RequestLimitExceeded", HTTP_CLASS_THROTTLED },
		{ "Throttling", HTTP_CLASS_THROTTLED },
		{ "ThrottlingException", HTTP_CLASS_THROTTLED },
		{ "InternalError", HTTP_CLASS_RETRY },
		{ "Unavailable", HTTP_CLASS_RETRY },
		{ "RequestExpired", HTTP_CLASS_CREDENTIALS },
		{ "AuthFailure", HTTP_CLASS_CREDENTIALS },
		{ "ExpiredToken", HTTP_CLASS_CREDENTIALS },
		{ "ExpiredTokenException", HTTP_CLASS_CREDENTIALS },
		{ "UnauthorizedOperation", HTTP_CLASS_PERMANENT },
		{ "AccessDenied", HTTP_CLASS_PERMANENT },
		{ "InvalidRouteTableID.NotFound", HTTP_CLASS_NOT_FOUND },
		{ "InvalidRouteTableId.NotFound", HTTP_CLASS_NOT_FOUND },
		{ "InvalidRoute.NotFound", HTTP_CLASS_NOT_FOUND },
		{ "Resource.AlreadyAssociated", HTTP_CLASS_CONFLICT },
		{ "InvalidIPAddress.InUse", HTTP_CLASS_CONFLICT },
		{ "InvalidParameterValue", HTTP_CLASS_PERMANENT },
		{ "InvalidInstanceID.Malformed", HTTP_CLASS_PERMANENT },
		{ "PrivateIpAddressLimitExceeded", HTTP_CLASS_PERMANENT },
		{ "DryRunOperation", HTTP_CLASS_OK },
		{ "NotFound", HTTP_CLASS_COUNT },
		{ "SomethingNew", HTTP_CLASS_COUNT },
		{ "", HTTP_CLASS_COUNT },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (aws_classify_code(table[i].code) != table[i].class)
			fail_msg("%s has class %d", table[i].code,
				 aws_classify_code(table[i].code));
}

static void each_row_of_the_table_can_be_reached_and_cites_its_source(void **state)
{
	(void)state;
	for (size_t i = 0; i < aws_error_rows_count; i++) {
		const struct aws_error_row *const row = &aws_error_rows[i];
		assert_true(strlen(row->source) > 5);
		assert_true(row->class < HTTP_CLASS_COUNT);
		/* A pattern that an earlier one covers would never count. */
		if (!strchr(row->pattern, '*'))
			assert_int_equal(aws_classify_code(row->pattern), row->class);
	}
}

static void an_unknown_code_goes_by_its_status(void **state)
{
#define BODY "<Response><Errors><Error><Code>SomethingNew</Code></Error></Errors></Response>"
	(void)state;
	assert_int_equal(failure_of(0, 400, BODY).class, HTTP_CLASS_PERMANENT);
	assert_int_equal(failure_of(0, 503, BODY).class, HTTP_CLASS_RETRY);
	assert_int_equal(failure_of(0, 429, BODY).class, HTTP_CLASS_THROTTLED);
	assert_string_equal(failure_of(0, 429, BODY).text,
			    "AssociateAddress: SomethingNew: no message");
}

static void errors_without_a_grammar_go_by_their_status(void **state)
{
	static const char *const bodies[] = {
		"<html><body>Bad <b>gateway</body></html>",
		"",
		"<!DOCTYPE html><html/>",
		"<Response><Errors><Error><Code>Inter",
		"<Response><Errors><Error><Code/></Error></Errors></Response>",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		const struct aws_failure failure = failure_of(0, 502, bodies[i]);
		assert_int_equal(failure.class, HTTP_CLASS_RETRY);
		assert_string_equal(failure.code, "");
		assert_string_equal(failure.text,
				    "AssociateAddress: HTTP status 502 without an AWS error code");
		assert_int_equal(failure_of(0, 404, bodies[i]).class, HTTP_CLASS_NOT_FOUND);
	}
}

static void no_answer_is_told_with_the_transports_words(void **state)
{
	(void)state;
	const struct aws_failure failure = failure_of(-ETIMEDOUT, 0, "");

	assert_int_equal(failure.class, HTTP_CLASS_RETRY);
	assert_int_equal(failure.status, 0);
	assert_string_equal(failure.text, "AssociateAddress: no answer within 5 s");
}

static void a_message_stops_before_the_secrets_that_it_repeats(void **state)
{
	(void)state;
	const struct aws_failure failure = failure_of(
		0, 403,
		"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>The request "
		"signature we calculated does not match.\n\nThe Canonical String for this "
		"request should have been\nx-amz-security-token:SECRET</Message></Error>"
		"</ErrorResponse>");

	assert_int_equal(failure.class, HTTP_CLASS_CREDENTIALS);
	assert_string_equal(failure.text, "AssociateAddress: SignatureDoesNotMatch: The request "
					  "signature we calculated does not match.");
}

static void success_and_a_permitted_dry_run_are_ok(void **state)
{
	(void)state;
	assert_int_equal(failure_of(0, 200, "<x/>").class, HTTP_CLASS_OK);
	assert_string_equal(failure_of(0, 200, "<x/>").text, "");
	const struct aws_failure failure = failure_of(
		0, 412,
		"<Response><Errors><Error><Code>DryRunOperation</Code><Message>Request would "
		"have succeeded, but DryRun flag is set.</Message></Error></Errors></Response>");
	assert_int_equal(failure.class, HTTP_CLASS_OK);
	assert_string_equal(failure.code, "DryRunOperation");
}

static void a_denial_is_known_by_either_name(void **state)
{
	static const struct {
		const char *code;
		bool is_denied;
	} table[] = {
		{ "UnauthorizedOperation", true },
		{ "AccessDenied", true },
		{ "AccessDeniedException", true },
		{ "AuthFailure", false },
		{ "InvalidParameterValue", false },
		{ "DryRunOperation", false },
		{ "", false },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct aws_failure failure = { .class = HTTP_CLASS_PERMANENT };

		snprintf(failure.code, sizeof(failure.code), "%s", table[i].code);
		assert_int_equal(aws_failure_is_denied(&failure), table[i].is_denied);
	}
}

static void refused_credentials_and_another_clock_are_told_as_the_clock(void **state)
{
	static const struct {
		enum http_class class;
		int64_t date_sec;
		const char *text;
	} rows[] = {
		{ HTTP_CLASS_CREDENTIALS, 4600,
		  "AssociateAddress: RequestExpired: this machine's clock is 3600 s behind AWS's; set it" },
		{ HTTP_CLASS_CREDENTIALS, 759,
		  "AssociateAddress: RequestExpired: this machine's clock is 241 s ahead of AWS's; set it" },
		{ HTTP_CLASS_CREDENTIALS, 760, NULL },
		{ HTTP_CLASS_CREDENTIALS, 1240, NULL },
		{ HTTP_CLASS_CREDENTIALS, -1, NULL },
		{ HTTP_CLASS_PERMANENT, 4600, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct aws_failure failure = { .class = rows[i].class,
					       .code = "RequestExpired",
					       .text = "as it was",
					       .date_sec = rows[i].date_sec };

		assert_int_equal(aws_failure_blame_clock(&failure, "AssociateAddress", 1000),
				 rows[i].text != NULL);
		assert_string_equal(failure.text, rows[i].text ? rows[i].text : "as it was");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_error_grammars_and_their_mixture_are_read),
		cmocka_unit_test(codes_are_classified_by_the_table),
		cmocka_unit_test(a_denial_is_known_by_either_name),
		cmocka_unit_test(each_row_of_the_table_can_be_reached_and_cites_its_source),
		cmocka_unit_test(an_unknown_code_goes_by_its_status),
		cmocka_unit_test(errors_without_a_grammar_go_by_their_status),
		cmocka_unit_test(no_answer_is_told_with_the_transports_words),
		cmocka_unit_test(a_message_stops_before_the_secrets_that_it_repeats),
		cmocka_unit_test(success_and_a_permitted_dry_run_are_ok),
		cmocka_unit_test(refused_credentials_and_another_clock_are_told_as_the_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
