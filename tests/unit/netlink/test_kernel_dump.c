// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Dumps that go wrong. The linker puts our recvmsg in front of libc's, so that something happens exactly
 * between two datagrams of a dump: a change by somebody else, which the kernel itself then reports, or a
 * failure that is hard to bring about.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netns.h"
#include "sample.h"

#define MANY 2000 /* several datagrams */

ssize_t __real_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);

enum mischief {
	NONE,
	ADD_AN_ADDRESS,
	DELETE_A_RULE,
	TOUCH_A_ROUTE,
	LOSE,
	CUT,
	TEAR,
	OVERRUN,
	FORGE
};

static struct {
	enum mischief mischief;
	int times;        /* that it is still done */
	int calls_before; /* datagrams that pass before */
	int pause;        /* and after each time */
	struct rtnl *other;
} scene;

#define DOOMED_PRIORITY 500 /* and above: rules that are deleted, one a time */
#define DOOMED 20

/* Changes something through another socket, whose own answers aren't meddled with. */
static void change_something(void)
{
	struct rt_addr addr = { 1, { { 0x0b000000 + (uint32_t)scene.times }, 32 } };
	struct rt_rule rule = sample_nop(DOOMED_PRIORITY + (uint32_t)scene.times);
	struct rt_route route = sample_throw(SAMPLE_TABLE, 0x09000000 + (uint32_t)scene.times);
	const struct rt_route *pointer = &route;
	struct rtnl *other = scene.other;

	scene.other = NULL;
	if (scene.mischief == ADD_AN_ADDRESS)
		assert_int_equal(rtnl_addr_add(other, &addr, NULL), 0);
	if (scene.mischief == DELETE_A_RULE)
		assert_int_equal(rtnl_rule_del(other, &rule, NULL), 0);
	if (scene.mischief == TOUCH_A_ROUTE)
		assert_int_equal(rtnl_routes_add(other, &pointer, 1, NULL, NULL), 0);
	scene.other = other;
}

/* What becomes of a datagram that was received. */
static ssize_t spoil(struct msghdr *msg, ssize_t n)
{
	struct nlmsghdr *nlh = msg->msg_iov[0].iov_base;
	struct sockaddr_nl *from = msg->msg_name;

	switch (scene.mischief) {
	case CUT:
		msg->msg_flags |= MSG_TRUNC;
		return nlh->nlmsg_len; /* as luck would have it, behind a message */
	case TEAR:
		return n - 4;
	case OVERRUN:
		nlh->nlmsg_type = NLMSG_OVERRUN;
		return n;
	case FORGE:
		from->nl_pid = 4711;
		return n;
	default:
		return n;
	}
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t n;

	if (!scene.other || scene.mischief == NONE || scene.times == 0)
		return __real_recvmsg(fd, msg, flags);
	if (scene.calls_before-- > 0)
		return __real_recvmsg(fd, msg, flags);
	scene.calls_before = scene.pause;
	scene.times--;
	change_something();
	if (scene.mischief == LOSE) {
		errno = ENOBUFS;
		return -1;
	}
	n = __real_recvmsg(fd, msg, flags);
	return n > 0 ? spoil(msg, n) : n;
}

static void begin(struct netns *ns, enum mischief mischief, int times)
{
	scene.mischief = mischief;
	scene.times = times;
	scene.calls_before = 1;
	scene.pause = 0;
	scene.other = rtnl_open(&ns->err);
	assert_non_null(scene.other);
}

static void end(void)
{
	struct rtnl *other = scene.other;

	scene.other = NULL;
	rtnl_close(other);
}

static void make_rules(struct netns *ns)
{
	struct rt_rule rule;

	for (uint32_t i = 0; i < MANY; i++) {
		rule = sample_lookup(1000 + i, i, 4096);
		assert_ok(ns, rtnl_rule_append(ns->rtnl, &rule, &ns->err));
	}
	for (uint32_t i = 0; i < DOOMED; i++) {
		rule = sample_nop(DOOMED_PRIORITY + i);
		assert_ok(ns, rtnl_rule_append(ns->rtnl, &rule, &ns->err));
	}
}

static void make_addresses(struct netns *ns)
{
	for (uint32_t i = 0; i < MANY; i++) {
		struct rt_addr addr = { 1, { { 0x0a000000 + i }, 32 } };

		assert_ok(ns, rtnl_addr_add(ns->rtnl, &addr, &ns->err));
	}
}

/* Those that nobody touches are all there, once each. */
static void assert_all_rules(struct netns *ns)
{
	struct rt_rules rules = { 0 };
	uint32_t next = 1000;

	assert_ok(ns, rtnl_rules(ns->rtnl, &rules, &ns->err));
	for (size_t i = 0; i < rules.n; i++) {
		if (rules.v[i].action == RT_RULE_TABLE && rules.v[i].table == 4096)
			assert_int_equal(rules.v[i].priority, next++);
	}
	assert_int_equal(next, 1000 + MANY);
	free(rules.v);
}

static void assert_all_addresses(struct netns *ns)
{
	struct rt_addrs addrs = { 0 };
	size_t found = 0;

	assert_ok(ns, rtnl_addrs(ns->rtnl, &addrs, &ns->err));
	for (size_t i = 0; i < addrs.n; i++)
		found += addrs.v[i].addr.addr.v >> 24 == 0x0a;
	assert_int_equal(found, MANY);
	free(addrs.v);
}

static void a_dump_that_a_change_interrupts_is_read_again(void **state)
{
	make_addresses(*state);
	begin(*state, ADD_AN_ADDRESS, 1);

	assert_all_addresses(*state);
	assert_int_equal(scene.times, 0);
	end();
}

static void a_dump_that_is_interrupted_in_every_try_is_stale(void **state)
{
	struct netns *ns = *state;
	struct rt_addrs addrs = { 0 };

	make_addresses(ns);
	begin(ns, ADD_AN_ADDRESS, 1000);

	assert_int_equal(rtnl_addrs(ns->rtnl, &addrs, &ns->err), RTNL_E_STALE);
	assert_null(addrs.v);
	assert_non_null(strstr(ns->err.text, "can't read the addresses"));
	scene.times = 0;
	assert_all_addresses(ns); /* The socket is in order afterwards. */
	end();
}

/* The kernel counts its way through the rules and doesn't say that they shifted. */
static void a_list_of_rules_that_shifts_while_it_is_read_is_read_again(void **state)
{
	make_rules(*state);
	begin(*state, DELETE_A_RULE, 1);

	assert_all_rules(*state);
	assert_int_equal(scene.times, 0);
	end();
}

static void rules_that_change_all_the_time_are_stale(void **state)
{
	struct netns *ns = *state;
	struct rt_rules rules = { 0 };

	make_rules(ns);
	begin(ns, DELETE_A_RULE, DOOMED);
	scene.pause = 3; /* at least one for each list */

	assert_int_equal(rtnl_rules(ns->rtnl, &rules, &ns->err), RTNL_E_STALE);
	assert_null(rules.v);
	end();
}

/* Contract: nothing says that a dump of routes was disturbed, but it goes on by key. */
static void routes_that_nobody_touches_are_in_a_disturbed_dump(void **state)
{
	struct netns *ns = *state;
	const struct rt_route_filter filter = { .protocol = RT_PROTOCOL_EIPGW };
	struct rt_routes routes = { 0 };
	size_t found = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		struct rt_route route = sample_throw(SAMPLE_TABLE, 0x0a000000 + i);
		const struct rt_route *pointer = &route;

		assert_ok(ns, rtnl_routes_add(ns->rtnl, &pointer, 1, NULL, &ns->err));
	}
	begin(ns, TOUCH_A_ROUTE, 1000);
	assert_ok(ns, rtnl_routes(ns->rtnl, &filter, &routes, &ns->err));
	for (size_t i = 0; i < routes.n; i++)
		found += routes.v[i].dst.addr.v >> 24 == 0x0a;

	assert_true(scene.times < 1000);
	assert_int_equal(found, MANY);
	free(routes.v);
	end();
}

static void assert_survives(struct netns *ns, enum mischief mischief)
{
	make_addresses(ns);
	begin(ns, mischief, 1);

	assert_all_addresses(ns);
	assert_int_equal(scene.times, 0);
	end();
}

static void a_dump_with_lost_messages_is_read_again(void **state)
{
	assert_survives(*state, LOSE);
}

static void a_dump_with_a_cut_datagram_is_read_again(void **state)
{
	assert_survives(*state, CUT);
}

static void a_dump_with_a_torn_message_is_read_again(void **state)
{
	assert_survives(*state, TEAR);
}

static void a_dump_with_an_overrun_is_read_again(void **state)
{
	assert_survives(*state, OVERRUN);
}

/* Without its datagram the list has a hole. */
static void what_another_process_sends_is_not_taken_for_the_kernels(void **state)
{
	struct netns *ns = *state;
	struct rt_addrs addrs = { 0 };

	make_addresses(ns);
	begin(ns, FORGE, 1);
	assert_ok(ns, rtnl_addrs(ns->rtnl, &addrs, &ns->err));

	assert_true(addrs.n < MANY);
	free(addrs.v);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_netns(a_dump_that_a_change_interrupts_is_read_again),
		in_a_netns(a_dump_that_is_interrupted_in_every_try_is_stale),
		in_a_netns(a_list_of_rules_that_shifts_while_it_is_read_is_read_again),
		in_a_netns(rules_that_change_all_the_time_are_stale),
		in_a_netns(routes_that_nobody_touches_are_in_a_disturbed_dump),
		in_a_netns(a_dump_with_lost_messages_is_read_again),
		in_a_netns(a_dump_with_a_cut_datagram_is_read_again),
		in_a_netns(a_dump_with_a_torn_message_is_read_again),
		in_a_netns(a_dump_with_an_overrun_is_read_again),
		in_a_netns(what_another_process_sends_is_not_taken_for_the_kernels),
	};

	return cmocka_run_group_tests_name("netlink/kernel_dump", tests, NULL, NULL);
}
