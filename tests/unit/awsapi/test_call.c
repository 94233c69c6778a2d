// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What a call does with which answers: how often it asks, when, and how it ends. The loop's timers and the
 * transfers are replaced here, at the link; time is virtual.
 */
#include "awsapi/call.h"

#include "awsapi/ec2.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX 32
struct loop_timer {
	loop_timer_fn fn;
	void *data;
	int64_t at_ms; /* -1: unarmed */
};

struct http_transfer {
	int unused;
};

struct script_answer {
	int rc;
	long status;
	const char *body;
	int64_t retry_after_ms; /* 0: none */
};

static struct {
	int64_t now_ms;
	struct loop_timer *timer; /* the call's only one */
	struct http_transfer transfer;
	http_done_fn on_response; /* NULL: no transfer */
	void *data;
	size_t n_requests;
	char bodies[REQUESTS_MAX][256];
	int64_t times_ms[REQUESTS_MAX];
	struct http_limits limits;
	bool fresh;
	char token[32];
	bool refuse_start, has_no_credentials;
	size_t n_done;
	struct aws_failure failure;
	bool has_value;
	struct aws_interfaces interfaces;
} world;

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn fn, void *data)
{
	(void)loop;
	assert_null(world.timer);
	world.timer = calloc(1, sizeof(*world.timer));
	if (world.timer)
		*world.timer = (struct loop_timer){ fn, data, -1 };
	return world.timer;
}

int loop_timer_arm_ms(struct loop_timer *timer, int64_t ms)
{
	timer->at_ms = world.now_ms + ms;
	return 0;
}

void loop_timer_free(struct loop_timer *timer)
{
	world.timer = NULL;
	free(timer);
}

struct http_transfer *http_start(struct http *http, const struct http_request *request,
				 http_done_fn done, void *data, struct err *err)
{
	(void)http;
	assert_null(world.on_response);
	if (world.refuse_start) {
		err_set(err, -EMFILE, "no descriptors left");
		return NULL;
	}
	assert_true(world.n_requests < REQUESTS_MAX);
	assert_int_equal(request->method, HTTP_POST);
	assert_string_equal(request->url, "https://ec2.eu-central-1.amazonaws.com/");
	assert_string_equal(request->signature->service, "ec2");
	assert_string_equal(request->signature->region, "eu-central-1");
	assert_int_equal(strlen(request->body), request->body_length);
	snprintf(world.token, sizeof(world.token), "%s", request->signature->session_token);
	snprintf(world.bodies[world.n_requests], sizeof(world.bodies[0]), "%s",
		 (const char *)request->body);
	world.times_ms[world.n_requests++] = world.now_ms;
	world.limits = request->limits;
	world.fresh = request->fresh_connection;
	world.on_response = done;
	world.data = data;
	return &world.transfer;
}

void http_cancel(struct http_transfer *transfer)
{
	assert_ptr_equal(transfer, &world.transfer);
	assert_non_null(world.on_response);
	world.on_response = NULL;
}

static int give_credentials(struct aws_credentials *ret, void *data)
{
	static char token[32];

	assert_ptr_equal(data, &world);
	if (world.has_no_credentials)
		return -EAGAIN;
	/* A new one each time: what is used was asked for just now. */
	snprintf(token, sizeof(token), "token-%zu", world.n_requests);
	*ret = (struct aws_credentials){ "AKIDEXAMPLE", "secret", token };
	return 0;
}

static void on_done(const struct aws_failure *failure, void *value, void *data)
{
	assert_ptr_equal(data, &world);
	world.n_done++;
	world.failure = *failure;
	world.has_value = value != NULL;
	if (value) {
		memcpy(&world.interfaces, value, sizeof(world.interfaces));
		memset(value, 0, sizeof(world.interfaces));
	}
}

static const struct aws_caller caller = { .credentials = give_credentials,
					  .credentials_data = &world };

static struct aws_call *start(struct aws_request *request, enum aws_budget budget)
{
	struct aws_endpoint endpoint;
	const struct aws_call_options options = {
		.caller = &caller,
		.endpoint = &endpoint,
		.request = request,
		.budget = budget,
		.done = on_done,
		.data = &world,
	};

	assert_int_equal(
		aws_endpoint_init(&endpoint, AWS_EC2, "eu-central-1", "amazonaws.com", NULL), 0);
	struct aws_call *const call = aws_call_start(&options, NULL);
	assert_non_null(call);
	assert_int_equal(world.n_requests, 0);
	return call;
}

static struct aws_call *start_describe(enum aws_budget budget)
{
	struct aws_request request;
	static const struct ec2_interfaces_query all = { 0 };

	assert_int_equal(ec2_describe_interfaces(&all, &request), 0);
	return start(&request, budget);
}

/* The timer expires, if it is armed. */
static void wake(void)
{
	assert_non_null(world.timer);
	assert_true(world.timer->at_ms >= world.now_ms);
	world.now_ms = world.timer->at_ms;
	world.timer->at_ms = -1;
	world.timer->fn(world.timer->data);
}

static void answer(const struct script_answer *script)
{
	struct http_response response = {
		.rc = script->rc,
		.status = script->status,
		.body = script->body ? script->body : "",
		.retry_after_ms = script->retry_after_ms ? script->retry_after_ms : -1,
		.date_sec = -1,
		.error = "broken",
	};
	const http_done_fn fn = world.on_response;

	assert_non_null(fn);
	response.body_length = strlen(response.body);
	world.on_response = NULL;
	fn(&response, world.data);
}

/* Until the call ends, with each answer in turn and the last one for ever. */
static void play(const struct script_answer *answers, size_t n)
{
	for (size_t i = 0; world.n_done == 0; i++) {
		wake();
		if (world.n_done == 0 && world.on_response)
			answer(&answers[i < n ? i : n - 1]);
	}
	assert_int_equal(world.n_done, 1);
	assert_null(world.timer);
}

#define ERROR(code) "<Response><Errors><Error><Code>" code "</Code></Error></Errors></Response>"
#define PAGE(inside) \
	"<DescribeNetworkInterfacesResponse>" inside "</DescribeNetworkInterfacesResponse>"
#define ENI(id)                                                                      \
	"<networkInterfaceSet><item><networkInterfaceId>" id "</networkInterfaceId>" \
	"<sourceDestCheck>true</sourceDestCheck></item></networkInterfaceSet>"
static const struct script_answer good = { .status = 200, .body = PAGE(ENI("eni-1")) };

static void a_good_answer_ends_the_call_with_its_value(void **state)
{
	(void)state;
	start_describe(AWS_BUDGET_ROUTINE);
	play(&good, 1);

	assert_int_equal(world.failure.class, HTTP_CLASS_OK);
	assert_int_equal(world.failure.attempts, 1);
	assert_int_equal(world.interfaces.n, 1);
	assert_string_equal(world.interfaces.v[0].id, "eni-1");
	assert_string_equal(world.bodies[0],
			    "Action=DescribeNetworkInterfaces&Version=2016-11-15&MaxResults=500");
	assert_false(world.fresh);
	aws_interfaces_done(&world.interfaces);
}

static void pages_are_asked_for_until_there_is_no_token(void **state)
{
	static const struct script_answer answers[] = {
		{ .status = 200, .body = PAGE(ENI("eni-1") "<nextToken>a/b=</nextToken>") },
		{ .status = 503, .body = "" },
		{ .status = 200, .body = PAGE(ENI("eni-2") "<nextToken>c</nextToken>") },
		{ .status = 200, .body = PAGE(ENI("eni-3") "<nextToken/>") },
	};
	(void)state;
	start_describe(AWS_BUDGET_ROUTINE);
	play(answers, ARRAY_SIZE(answers));

#define FIRST "Action=DescribeNetworkInterfaces&Version=2016-11-15&MaxResults=500"
	assert_int_equal(world.n_requests, 4);
	assert_string_equal(world.bodies[0], FIRST);
	assert_string_equal(world.bodies[1], FIRST "&NextToken=a%2Fb%3D");
	assert_string_equal(world.bodies[2], FIRST "&NextToken=a%2Fb%3D");
	assert_string_equal(world.bodies[3], FIRST "&NextToken=c");
	assert_int_equal(world.interfaces.n, 3);
	assert_string_equal(world.interfaces.v[2].id, "eni-3");
	aws_interfaces_done(&world.interfaces);
}

static void a_page_that_cannot_be_read_begins_again_at_the_first(void **state)
{
	static const struct script_answer answers[] = {
		{ .status = 200, .body = PAGE(ENI("eni-1") "<nextToken>a</nextToken>") },
		{ .status = 200, .body = "<DescribeNetworkInterfacesResponse>" ENI("eni-2") },
		{ .status = 200, .body = PAGE(ENI("eni-1") "<nextToken>b</nextToken>") },
		{ .status = 200, .body = PAGE(ENI("eni-2")) },
	};
	(void)state;
	start_describe(AWS_BUDGET_ROUTINE);
	play(answers, ARRAY_SIZE(answers));

	assert_string_equal(world.bodies[2], FIRST);
	assert_int_equal(world.interfaces.n, 2);
	assert_string_equal(world.interfaces.v[1].id, "eni-2");
	aws_interfaces_done(&world.interfaces);
}

static void endless_pages_end(void **state)
{
	(void)state;
	start_describe(AWS_BUDGET_ROUTINE);
	while (world.n_done == 0) {
		world.n_requests = 0;
		wake();
		answer(&(struct script_answer){ .status = 200,
						.body = PAGE("<nextToken>again</nextToken>") });
	}
	assert_int_equal(world.failure.class, HTTP_CLASS_PERMANENT);
	assert_string_equal(world.failure.text,
			    "DescribeNetworkInterfaces: the answer has too many pages");
	assert_false(world.has_value);
}

static void passing_failures_are_repeated_until_it_works(void **state)
{
	static const struct script_answer answers[] = {
		{ .rc = -ETIMEDOUT },
		{ .status = 500, .body = "<html>" },
		{ .status = 503, .body = ERROR("RequestLimitExceeded") },
		{ .status = 200, .body = PAGE(ENI("eni-1")) },
	};
	(void)state;
	start_describe(AWS_BUDGET_ROUTINE);
	play(answers, ARRAY_SIZE(answers));

	assert_int_equal(world.failure.class, HTTP_CLASS_OK);
	assert_int_equal(world.failure.attempts, 4);
	assert_int_equal(world.n_requests, 4);
	assert_true(world.fresh);
	assert_string_equal(world.token, "token-3");
	aws_interfaces_done(&world.interfaces);
}

static void the_budgets_differ_in_number_and_patience(void **state)
{
	static const struct {
		enum aws_budget budget;
		size_t requests;
		uint32_t total_ms;
		int64_t gap_max_ms;
	} table[] = {
		{ AWS_BUDGET_ROUTINE, 5, 20000, 20000 },
		{ AWS_BUDGET_FAILOVER, 12, 5000, 2000 },
		{ AWS_BUDGET_ONE, 1, 10000, 0 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		memset(&world, 0, sizeof(world));
		start_describe(table[i].budget);
		play(&(struct script_answer){ .status = 500 }, 1);
		assert_int_equal(world.n_requests, table[i].requests);
		assert_int_equal(world.failure.attempts, table[i].requests);
		assert_int_equal(world.failure.class, HTTP_CLASS_RETRY);
		assert_int_equal(world.limits.total_ms, table[i].total_ms);
		for (size_t k = 1; k < world.n_requests; k++)
			assert_in_range(world.times_ms[k] - world.times_ms[k - 1], 0,
					table[i].gap_max_ms);
	}
}

static void an_asked_delay_is_kept(void **state)
{
	static const struct script_answer answers[] = {
		{ .status = 503, .body = ERROR("RequestLimitExceeded"), .retry_after_ms = 45000 },
		{ .status = 200, .body = PAGE("") },
	};
	(void)state;
	start_describe(AWS_BUDGET_FAILOVER);
	play(answers, ARRAY_SIZE(answers));

	assert_true(world.times_ms[1] - world.times_ms[0] >= 45000);
}

static void other_failures_end_it_at_once(void **state)
{
	static const struct {
		const char *body;
		enum http_class class;
	} table[] = {
		{ ERROR("UnauthorizedOperation"), HTTP_CLASS_PERMANENT },
		{ ERROR("RequestExpired"), HTTP_CLASS_CREDENTIALS },
		{ ERROR("InvalidNetworkInterfaceID.NotFound"), HTTP_CLASS_NOT_FOUND },
		{ ERROR("Resource.AlreadyAssociated"), HTTP_CLASS_CONFLICT },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		memset(&world, 0, sizeof(world));
		start_describe(AWS_BUDGET_FAILOVER);
		play(&(struct script_answer){ .status = 400, .body = table[i].body }, 1);
		assert_int_equal(world.n_requests, 1);
		assert_int_equal(world.failure.class, table[i].class);
		assert_false(world.has_value);
	}
}

static size_t requests_of_allocate(const struct script_answer *script)
{
	static const struct ec2_allocation allocation = { 0 };
	struct aws_request request;

	memset(&world, 0, sizeof(world));
	assert_int_equal(ec2_allocate_address(&allocation, &request), 0);
	start(&request, AWS_BUDGET_ROUTINE);
	play(script, 1);
	return world.n_requests;
}

static void what_would_happen_twice_is_repeated_only_if_nothing_was_done(void **state)
{
	(void)state;
	assert_int_equal(requests_of_allocate(&(struct script_answer){ .rc = -ETIMEDOUT }), 1);
	assert_int_equal(requests_of_allocate(&(struct script_answer){ .rc = -EPROTO }), 1);
	assert_int_equal(requests_of_allocate(&(struct script_answer){ .status = 500 }), 1);
	assert_int_equal(requests_of_allocate(&(struct script_answer){ .status = 200 }), 1);
	assert_int_equal(world.failure.class, HTTP_CLASS_RETRY);
	assert_int_equal(requests_of_allocate(&(struct script_answer){ .rc = -ECONNREFUSED }), 5);
	assert_int_equal(requests_of_allocate(&(struct script_answer){
				 .status = 503, .body = ERROR("RequestLimitExceeded") }),
			 5);
}

static void without_credentials_nothing_is_sent(void **state)
{
	(void)state;
	world.has_no_credentials = true;
	start_describe(AWS_BUDGET_ROUTINE);
	play(&good, 1);

	assert_int_equal(world.n_requests, 0);
	assert_int_equal(world.failure.class, HTTP_CLASS_CREDENTIALS);
	assert_string_equal(world.failure.text,
			    "DescribeNetworkInterfaces: there are no credentials "
			    "to sign it with");
}

static void a_request_that_cannot_be_started_is_tried_again(void **state)
{
	(void)state;
	world.refuse_start = true;
	start_describe(AWS_BUDGET_ROUTINE);
	play(&good, 1);

	assert_int_equal(world.failure.class, HTTP_CLASS_RETRY);
	assert_int_equal(world.failure.attempts, 5);
	assert_string_equal(world.failure.text, "DescribeNetworkInterfaces: no descriptors left");
}

static void a_permitted_dry_run_ends_well_without_an_answer(void **state)
{
	struct aws_request request;
	(void)state;
	assert_int_equal(ec2_describe_interfaces(&(struct ec2_interfaces_query){ 0 }, &request), 0);
	assert_int_equal(aws_request_set_dry_run(&request), 0);
	start(&request, AWS_BUDGET_ROUTINE);
	play(&(struct script_answer){ .status = 412, .body = ERROR("DryRunOperation") }, 1);

	assert_int_equal(world.failure.class, HTTP_CLASS_OK);
	assert_string_equal(world.failure.code, "DryRunOperation");
	assert_true(world.has_value);
	assert_int_equal(world.interfaces.n, 0);
}

static void a_cancelled_call_tells_nothing_and_leaves_nothing(void **state)
{
	(void)state;
	aws_call_cancel(NULL);
	aws_call_cancel(start_describe(AWS_BUDGET_ROUTINE));
	assert_null(world.timer);

	struct aws_call *const call = start_describe(AWS_BUDGET_ROUTINE);
	wake();
	assert_non_null(world.on_response);
	aws_call_cancel(call);
	assert_null(world.on_response);
	assert_null(world.timer);
	assert_int_equal(world.n_done, 0);
}

static void a_value_that_is_not_taken_is_freed(void **state)
{
	(void)state;
	struct aws_call *const call = start_describe(AWS_BUDGET_ROUTINE);
	wake();
	answer(&(struct script_answer){ .status = 200,
					.body = PAGE(ENI("eni-1") "<nextToken>a</nextToken>") });
	/* Between two pages. */
	aws_call_cancel(call);
	assert_null(world.timer);
}

static int clear_world(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, clear_world)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_good_answer_ends_the_call_with_its_value),
		TEST(pages_are_asked_for_until_there_is_no_token),
		TEST(a_page_that_cannot_be_read_begins_again_at_the_first),
		TEST(endless_pages_end),
		TEST(passing_failures_are_repeated_until_it_works),
		TEST(the_budgets_differ_in_number_and_patience),
		TEST(an_asked_delay_is_kept),
		TEST(other_failures_end_it_at_once),
		TEST(what_would_happen_twice_is_repeated_only_if_nothing_was_done),
		TEST(without_credentials_nothing_is_sent),
		TEST(a_request_that_cannot_be_started_is_tried_again),
		TEST(a_permitted_dry_run_ends_well_without_an_answer),
		TEST(a_cancelled_call_tells_nothing_and_leaves_nothing),
		TEST(a_value_that_is_not_taken_is_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
