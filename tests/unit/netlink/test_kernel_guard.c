// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/guard.h"

#include "netns.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>

#include "base/cleanup.h"

static void the_filter_is_added_once_and_to_each_new_device(void **state)
{
	struct netns *ns = *state;
	bool added;

	netns_make_tunnel(ns);
	assert_ok(ns, guard_ensure(ns->rtnl, ns->tunnel.ifindex, &added, &ns->err));
	assert_true(added);

	assert_ok(ns, guard_ensure(ns->rtnl, ns->tunnel.ifindex, &added, &ns->err));
	assert_false(added);

	netns_ip("link del egw0");
	netns_make_tunnel(ns);
	assert_ok(ns, guard_ensure(ns->rtnl, ns->tunnel.ifindex, &added, &ns->err));
	assert_true(added);
}

static void a_device_that_is_not_there_is_an_error_that_says_so(void **state)
{
	struct netns *ns = *state;
	bool added = true;

	assert_true(guard_ensure(ns->rtnl, 4711, &added, &ns->err) < 0);
	assert_non_null(strstr(ns->err.text, "filter on the tunnel device"));
	assert_false(added);
}

static const struct ip4 own = { 0x0a0001c8 }, first = { 0x0a0001c9 }, second = { 0x0a0001ca };

static struct guard_sources consecutive(size_t n)
{
	struct guard_sources sources = { .n = n };

	for (uint32_t i = 0; i < n; i++)
		sources.v[i].v = own.v + i;
	return sources;
}

static void put_sources(struct netns *ns, const struct ip4 *v, size_t n, bool expected)
{
	struct guard_sources sources = { .n = n };
	bool changed = !expected;

	for (size_t i = 0; i < n; i++)
		sources.v[i] = v[i];
	assert_ok(ns,
		  guard_ensure_sources(ns->rtnl, ns->tunnel.ifindex, &sources, &changed, &ns->err));
	assert_int_equal(changed, expected);
}

static void the_filter_of_sources_is_replaced_when_they_change(void **state)
{
	struct netns *ns = *state;
	const struct ip4 before[] = { own, first }, after[] = { own, second };

	netns_make_tunnel(ns);
	put_sources(ns, before, 2, true);
	put_sources(ns, before, 2, false);
	put_sources(ns, after, 2, true);
	put_sources(ns, after, 2, false);
	put_sources(ns, after, 1, true);
}

static void both_filters_stand_beside_each_other_and_go_apart(void **state)
{
	struct netns *ns = *state;
	bool added = true;

	netns_make_tunnel(ns);
	assert_ok(ns, guard_ensure(ns->rtnl, ns->tunnel.ifindex, &added, &ns->err));
	put_sources(ns, &own, 1, true);
	assert_ok(ns, guard_remove_sources(ns->rtnl, ns->tunnel.ifindex, &ns->err));

	assert_ok(ns, guard_ensure(ns->rtnl, ns->tunnel.ifindex, &added, &ns->err));
	assert_false(added);
	put_sources(ns, &own, 1, true);
}

static void removal_takes_the_qdisc_along_unless_somebody_uses_it(void **state)
{
	struct netns *ns = *state;
	bool added;

	netns_make_tunnel(ns);
	assert_ok(ns, guard_remove_sources(ns->rtnl, ns->tunnel.ifindex, &ns->err));
	put_sources(ns, &own, 1, true);
	assert_non_null(strstr(netns_tc("qdisc show dev egw0"), "clsact"));
	assert_ok(ns, guard_remove_sources(ns->rtnl, ns->tunnel.ifindex, &ns->err));
	assert_null(strstr(netns_tc("qdisc show dev egw0"), "clsact"));

	assert_ok(ns, guard_ensure(ns->rtnl, ns->tunnel.ifindex, &added, &ns->err));
	put_sources(ns, &own, 1, true);
	assert_ok(ns, guard_remove_sources(ns->rtnl, ns->tunnel.ifindex, &ns->err));
	assert_non_null(strstr(netns_tc("filter show dev egw0 ingress"), "bpf"));
	assert_string_equal(netns_tc("filter show dev egw0 egress"), "");
}

static void as_many_sources_as_are_allowed_fit(void **state)
{
	struct netns *ns = *state;
	const struct guard_sources most = consecutive(GUARD_SOURCES_MAX);

	netns_make_tunnel(ns);
	put_sources(ns, most.v, most.n, true);
	put_sources(ns, most.v, most.n, false);
	put_sources(ns, NULL, 0, true);
}

/* Whether a packet gets past the filters of what a device sends. */
static void assert_sent(int ifindex, uint32_t mark, struct ip4 source, bool expected)
{
	struct iphdr packet = { .version = 4,
				.ihl = 5,
				.ttl = 64,
				.tot_len = htons(sizeof(packet)),
				.saddr = htonl(source.v) };
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP),
				  .sll_ifindex = ifindex,
				  .sll_halen = ETH_ALEN };
	CLEANUP(cleanup_fd) int fd = socket(AF_PACKET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	ssize_t sent = sendto(fd, &packet, sizeof(packet), 0, (void *)&to, sizeof(to));

	if (sent < 0)
		assert_int_equal(errno, ENOBUFS); /* a packet socket's word for dropped */
	assert_int_equal(sent == sizeof(packet), expected);
}

static void a_marked_packet_leaves_with_one_of_the_sources_only(void **state)
{
	struct netns *ns = *state;
	const struct ip4 stranger = { 0x0a000132 };
	struct rt_link out;
	bool changed;

	netns_ip("link add out type veth peer name far");
	netns_ip("link set far up");
	netns_ip("link set out up");
	assert_ok(ns, rtnl_link_by_name(ns->rtnl, "out", &out, &ns->err));
	assert_sent(out.ifindex, 7, stranger, true);
	for (size_t n = 2; n <= GUARD_SOURCES_MAX; n += GUARD_SOURCES_MAX - 2) {
		const struct guard_sources sources = consecutive(n);

		assert_ok(ns, guard_ensure_sources(ns->rtnl, out.ifindex, &sources, &changed,
						   &ns->err));
		assert_sent(out.ifindex, 7, sources.v[0], true);
		assert_sent(out.ifindex, 7, sources.v[n - 1], true);
		assert_sent(out.ifindex, 7, stranger, false);
		assert_sent(out.ifindex, 0, stranger, true);
	}
	assert_ok(ns, guard_remove_sources(ns->rtnl, out.ifindex, &ns->err));
	assert_sent(out.ifindex, 7, stranger, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_netns(the_filter_is_added_once_and_to_each_new_device),
		in_a_netns(the_filter_of_sources_is_replaced_when_they_change),
		in_a_netns(both_filters_stand_beside_each_other_and_go_apart),
		in_a_netns(removal_takes_the_qdisc_along_unless_somebody_uses_it),
		in_a_netns(as_many_sources_as_are_allowed_fit),
		in_a_netns(a_marked_packet_leaves_with_one_of_the_sources_only),
		in_a_netns(a_device_that_is_not_there_is_an_error_that_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
