// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What `eipgw flows` gets of a kernel that has more connections than fit into an answer: each once, a page at a time. */
#include "gateway/log/flows.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "control/control.h"
#include "control/out.h"
#include "control/reply.h"
#include "desired_fixture.h"
#include "gateway/log/flowlog.h"
#include "nat/flow.h"

enum { FLOWS = 2500, FIRST_PORT = 10000, PAGE_MOST = 2000, LOOK_MS = 5, ASKS_MOST = 20000 };

struct ground {
	struct fixture f;
	struct loop *loop;
	struct flowlog *flowlog;
};

static struct gateway_view view_of(const void *data)
{
	const struct ground *ground = data;

	return ground->f.view;
}

static void make_flows(const struct gateway_view *view)
{
	struct err err = ERR_NULL;
	struct ct_writer *writer = ct_writer_new(&err);

	assert_non_null(writer);
	for (int i = 0; i < FLOWS; i++) {
		const struct ct_flow flow = { .orig = { .src = ip("10.0.1.50"),
							.dst = ip("198.51.100.10"),
							.src_port = (uint16_t)(FIRST_PORT + i),
							.dst_port = 443,
							.protocol = IPPROTO_UDP },
					      .nat = gateway_private(view, 0),
					      .nat_port = (uint16_t)(FIRST_PORT + i),
					      .mark = gateway_egress_mark(0),
					      .status = IPS_SEEN_REPLY | IPS_ASSURED,
					      .timeout_s = 3600 };

		if (ct_writer_put(writer, CT_FLOW_NEW, &flow, &err))
			fail_msg("%s", err.text);
	}
	if (ct_writer_flush(writer, &err))
		fail_msg("%s", err.text);
	assert_int_equal(ct_writer_stats(writer).created, FLOWS);
	ct_writer_free(writer);
}

static int set_up(void **state)
{
	static struct ground ground;
	struct flowlog_options options = { .view = view_of, .data = &ground };
	struct err err = ERR_NULL;

	/* In a network of its own. */
	if (unshare(CLONE_NEWNET)) {
		print_message("SKIP: no network namespace: %s\n", strerror(errno));
		exit(77);
	}
	fixture_init_with(&ground.f, two_pods_text);
	ground.loop = loop_new();
	options.loop = ground.loop;
	ground.flowlog = flowlog_new(&options, &ground.f.config, &err);
	if (!ground.flowlog)
		fail_msg("%s", err.text);
	make_flows(&ground.f.view);
	*state = &ground;
	return 0;
}

static int tear_down(void **state)
{
	struct ground *ground = *state;

	flowlog_free(ground->flowlog);
	loop_free(ground->loop);
	fixture_done(&ground->f);
	return 0;
}

/* NULL: refused, with the reason. */
static struct control_reply *ask(struct ground *ground, const char *key, const char *value,
				 struct err *err)
{
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
	struct control_args args = { .n = key ? 1 : 0 };
	struct control_reply *reply = NULL;
	const char *text;
	size_t length;

	assert_non_null(out);
	snprintf(args.v[0].key, sizeof(args.v[0].key), "%s", key ? key : "");
	snprintf(args.v[0].value, sizeof(args.v[0].value), "%s", value ? value : "");
	if (flows_answer(flowlog_flows(ground->flowlog), &args, out, err))
		return NULL;
	assert_int_equal(control_out_finish(out, &text, &length, err), 0);
	assert_int_equal(control_reply_parse(text, length, &reply, err), 0);
	return reply;
}

static void stop(void *data)
{
	loop_stop(data);
}

static void turn(struct ground *ground)
{
	struct loop_timer *timer = loop_timer_new(ground->loop, stop, ground->loop);

	assert_non_null(timer);
	loop_timer_arm_ms(timer, LOOK_MS);
	assert_int_equal(loop_run(ground->loop), 0);
	loop_timer_free(timer);
}

struct found {
	size_t n, pages;
	bool has_more;
	unsigned char times[FLOWS];
};

static void count(const struct control_node *flows, struct found *ret)
{
	for (size_t i = 0; i < control_size(flows); i++) {
		const struct control_node *row = control_at(flows, i);
		const long long port = control_number(control_get(row, "egress"), "port");

		assert_true(port >= FIRST_PORT && port < FIRST_PORT + FLOWS);
		assert_string_equal(control_text(control_get(row, "egress"), "name"), "bank");
		assert_string_equal(control_text(row, "state"), "assured");
		ret->times[port - FIRST_PORT]++;
		ret->n++;
	}
	ret->pages += control_size(flows) > 0;
	assert_true(control_size(flows) <= PAGE_MOST);
}

static void fetch(struct ground *ground, const char *key, const char *value, struct found *ret)
{
	struct err err = ERR_NULL;
	struct control_reply *reply = ask(ground, key, value, &err);
	bool is_done = false;

	*ret = (struct found){ 0 };
	for (int i = 0; i < ASKS_MOST && !is_done; i++) {
		const struct control_node *result;
		char walk[32];

		if (!reply)
			fail_msg("%s", err.text);
		result = control_reply_result(reply);
		count(control_get(result, "flows"), ret);
		is_done = control_flag(result, "done");
		ret->has_more = control_flag(result, "more");
		snprintf(walk, sizeof(walk), "%s", control_text(result, "walk"));
		control_reply_free(reply);
		if (is_done)
			break;
		turn(ground);
		reply = ask(ground, "walk", walk, &err);
	}
	assert_true(is_done);
}

static void all_are_told_once_on_several_pages(void **state)
{
	struct found found;

	fetch(*state, "limit", "100000", &found);
	assert_int_equal(found.n, FLOWS);
	assert_true(found.pages > 1);
	assert_false(found.has_more);
	for (size_t i = 0; i < FLOWS; i++)
		assert_int_equal(found.times[i], 1);
}

static void a_limit_is_kept_and_said(void **state)
{
	struct found found;

	fetch(*state, "limit", "1500", &found);
	assert_int_equal(found.n, 1500);
	assert_true(found.has_more);
	fetch(*state, "egress_ip", "bank:10007", &found);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.times[7], 1);
	assert_false(found.has_more);
}

static void so_many_may_ask_at_once_and_nobody_elses_walk_is_guessed(void **state)
{
	struct ground *ground = *state;
	struct err err = ERR_NULL;

	for (int i = 0; i < 4; i++) {
		struct control_reply *reply = ask(ground, NULL, NULL, &err);

		assert_non_null(reply);
		control_reply_free(reply);
	}
	assert_null(ask(ground, NULL, NULL, &err));
	assert_non_null(strstr(err.text, "others look at connections now"));
	assert_null(ask(ground, "walk", "", &err));
	assert_null(ask(ground, "walk", "0000000000000000", &err));
	assert_non_null(strstr(err.text, "begin again"));
	/* The last test: what stands still is freed with the rest. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_told_once_on_several_pages),
		cmocka_unit_test(a_limit_is_kept_and_said),
		cmocka_unit_test(so_many_may_ask_at_once_and_nobody_elses_walk_is_guessed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
