// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Under way is a request, or a run of the keeper that a bad result waits for, or the timer; nothing while the rules
 * aren't in the kernel or no egress IP is ours. A test is given up, and begins again, when what it is about has
 * changed.
 */
#include "gateway/selftest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/gateway.h"
#include "gateway/own/outside.h"
#include "gateway/table/desired.h"
#include "http/http.h"
#include "nat/observe.h"
#include "nat/sync.h"

static const struct http_limits limits = {
	.connect_ms = 5000,
	.total_ms = 10000,
	.body_max = 1024,
};

struct selftest {
	const struct gateway_config *config;
	struct http *http;
	struct loop_timer *timer;
	void (*run)(void *data);
	void *data;

	struct outside outside;
	enum outside_state *told; /* what the log was told of each egress IP */
	bool recalled;            /* what an earlier process left in the kernel was read */
	bool has_rules;

	struct http_transfer *transfer;
	bool suspended; /* it would make the state worse; the next run of the keeper tells whether it counts */
	bool touched;     /* the rules, since the test began */
	size_t egress;    /* that is being tested */
	size_t n_answers; /* of this test */
	struct outside_answer answers[GATEWAY_ECHO_MAX];
};

static void ask(struct selftest *test);

const struct outside *selftest_outside(const struct selftest *test)
{
	return &test->outside;
}

bool selftest_is_settled(const struct selftest *test)
{
	/* Before, nobody has said which ones are ours. */
	return test->recalled && outside_is_settled(&test->outside);
}

static void log_state(const struct outside_egress *e, enum outside_state from)
{
	static const struct {
		enum log_level level;
		const char *meaning;
		int id;
	} rows[OUTSIDE_STATE_COUNT] = {
		[OUTSIDE_UNTESTED] = { LOG_LEVEL_INFO, "" },
		[OUTSIDE_CONFIRMED] = { LOG_LEVEL_INFO, "" },
		[OUTSIDE_SILENT] = { LOG_LEVEL_WARNING, "; it goes on as before",
				     MSG_SELF_TEST_SILENT },
		[OUTSIDE_WRONG] = { LOG_LEVEL_ERROR,
				    "; pods' packets for it are refused until it's seen rightly",
				    MSG_SELF_TEST_WRONG },
	};

	log_write_id(rows[e->state].level, rows[e->state].id, "self-test",
		     "egress IP %s: %s, was %s: %s%s", e->name, outside_state_names[e->state],
		     outside_state_names[from], e->reason, rows[e->state].meaning);
}

/* What is new is logged. True: something is. */
static bool tell(struct selftest *test)
{
	bool changed = false;

	for (size_t i = 0; i < test->outside.n; i++) {
		const struct outside_egress *e = &test->outside.v[i];

		if (e->state == test->told[i])
			continue;
		log_state(e, test->told[i]);
		test->told[i] = e->state;
		changed = true;
	}
	return changed;
}

static void interrupt(struct selftest *test)
{
	http_cancel(TAKE_PTR(test->transfer));
	test->suspended = false;
	loop_timer_disarm(test->timer);
}

static void begin_next(struct selftest *test)
{
	int64_t ms;

	if (test->has_rules && !test->transfer && !test->suspended &&
	    outside_next(&test->outside, mono_now(), &test->egress, &ms))
		(void)loop_timer_arm_ms(test->timer, ms);
}

static void timer_expired(void *data)
{
	struct selftest *test = data;
	int64_t ms;

	if (!outside_next(&test->outside, mono_now(), &test->egress, &ms))
		return;
	test->n_answers = 0;
	test->touched = false;
	ask(test);
}

static void judge(struct selftest *test)
{
	outside_judge(&test->outside, test->egress, test->answers, test->n_answers, mono_now());
	if (tell(test))
		test->run(test->data);
}

static void end_test(struct selftest *test)
{
	test->suspended =
		outside_worsens(&test->outside, test->egress, test->answers, test->n_answers);
	if (test->suspended) {
		test->run(test->data);
		return;
	}
	judge(test);
	begin_next(test);
}

static void read_response(const struct http_response *response, struct outside_answer *ret)
{
	*ret = (struct outside_answer){ 0 };
	if (response->rc)
		snprintf(ret->reason, sizeof(ret->reason), "%.*s", (int)sizeof(ret->reason) - 1,
			 response->error);
	else if (response->status != 200)
		snprintf(ret->reason, sizeof(ret->reason), "HTTP status %ld", response->status);
	else
		outside_read(response->body, response->body_length, ret);
}

static void on_answer(const struct http_response *response, void *data)
{
	struct selftest *test = data;
	struct outside_answer *answer = &test->answers[test->n_answers++];

	test->transfer = NULL;
	read_response(response, answer);
	/* One that names the right address settles it; the others needn't be bothered. */
	if (answer->seen.v && answer->seen.v == test->outside.v[test->egress].public_ip.v)
		end_test(test);
	else
		ask(test);
}

/* The next server, or the end of the test. */
static void ask(struct selftest *test)
{
	const struct config_texts *urls = &test->config->self_test.urls;
	struct http_request request = {
		.method = HTTP_GET,
		.limits = limits,
		.interface = test->config->gateway.uplink,
		.no_proxy = true,
		.ipv4_only = true,
		.mark = gateway_egress_mark(test->egress),
	};
	struct err err = ERR_NULL;

	while (test->n_answers < urls->n) {
		struct outside_answer *answer = &test->answers[test->n_answers];

		request.url = urls->v[test->n_answers];
		test->transfer = http_start(test->http, &request, on_answer, test, &err);
		if (test->transfer)
			return;
		*answer = (struct outside_answer){ 0 };
		snprintf(answer->reason, sizeof(answer->reason), "%.*s",
			 (int)sizeof(answer->reason) - 1, err.text);
		test->n_answers++;
	}
	end_test(test);
}

static bool has_address(const struct nat_set *set, struct ip4 address)
{
	for (size_t i = 0; set && i < set->n; i++) {
		if (set->v[i].first == address.v)
			return true;
	}
	return false;
}

/* What an earlier process found wrong stays out of service until this one has seen it rightly. */
static int recall(struct selftest *test, struct nat_sync *nat, struct err *err)
{
	CLEANUP(nat_observed_done) struct nat_observed seen = { 0 };
	int rc = nat_sync_observe(nat, &seen, err);
	const struct nat_set *set;

	if (rc)
		return rc > 0 ? -EAGAIN : rc;
	set = nat_set_find(&seen.sets, GATEWAY_WRONG_SET);
	for (size_t i = 0; i < test->outside.n; i++) {
		if (has_address(set, test->outside.v[i].private_ip))
			outside_condemn(&test->outside, i);
	}
	test->recalled = true;
	return 0;
}

int selftest_prepare(struct selftest *test, struct nat_sync *nat, const struct gateway_view *view,
		     struct err *err)
{
	struct mono now = mono_now();
	int rc;

	for (size_t i = 0; i < test->outside.n; i++) {
		struct ip4 address = gateway_private(view, i);

		/* What would be asked with it wouldn't leave. */
		if (gateway_is_fenced(view, i))
			address.v = 0;
		if (outside_place(&test->outside, i, gateway_public(view, i), address, now) &&
		    i == test->egress)
			interrupt(test);
	}
	rc = test->recalled ? 0 : recall(test, nat, err);
	(void)tell(test);
	return rc;
}

void selftest_go_on(struct selftest *test, bool has_rules, bool touched)
{
	test->has_rules = has_rules;
	test->touched = test->touched || touched;
	if (!has_rules)
		interrupt(test);
	if (test->suspended && test->touched)
		outside_put_off(&test->outside, test->egress, mono_now());
	else if (test->suspended)
		judge(test);
	test->suspended = false;
	begin_next(test);
}

struct selftest *selftest_new(struct loop *loop, const struct gateway_config *config,
			      void (*run)(void *data), void *data, struct err *err)
{
	struct selftest *test = calloc(1, sizeof(*test));

	if (test) {
		test->config = config;
		test->run = run;
		test->data = data;
		test->timer = loop_timer_new(loop, timer_expired, test);
		test->http = test->timer ? http_new(loop, NULL) : NULL;
		test->told = calloc(config->egress_ips.n + 1, sizeof(*test->told));
		if (test->http && test->told && outside_init(&test->outside, config) == 0)
			return test;
	}
	err_set(err, -ENOMEM, "self_test: out of memory");
	selftest_free(test);
	return NULL;
}

void selftest_adopt(struct selftest *test, const struct selftest *old)
{
	if (!old)
		return;
	outside_adopt(&test->outside, &old->outside);
	test->recalled = old->recalled;
	for (size_t i = 0; i < test->outside.n; i++)
		test->told[i] = test->outside.v[i].state;
}

void selftest_free(struct selftest *test)
{
	if (!test)
		return;
	http_cancel(test->transfer);
	http_free(test->http);
	loop_timer_free(test->timer);
	outside_done(&test->outside);
	free(test->told);
	free(test);
}
