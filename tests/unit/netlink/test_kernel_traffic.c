// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Contract with the kernel: a device's counters, and those that only its driver has. */
#include "netlink/traffic.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "netns.h"

enum { BYTES = 100, HEADERS = 14 + 20 + 8, TIMES = 7 };

/* UDP to a neighbour that never answers. */
static void send_datagrams(void)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(9),
					.sin_addr.s_addr = inet_addr("192.0.2.2") };
	const char bytes[BYTES] = { 0 };
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	for (int i = 0; i < TIMES; i++)
		assert_int_equal(sendto(fd, bytes, sizeof(bytes), 0, (const struct sockaddr *)&to,
					sizeof(to)),
				 sizeof(bytes));
	close(fd);
}

static void make_pair(void)
{
	netns_ip("link add v0 type veth peer name v1");
	netns_ip("link set v0 address 02:00:00:00:00:01 up");
	netns_ip("link set v1 up");
	netns_ip("addr add 192.0.2.1/24 dev v0");
	netns_ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev v0");
}

static void a_device_counts_what_goes_through_it(void **state)
{
	struct netns *ns = *state;
	struct device_traffic before, sent, received;

	make_pair();
	assert_ok(ns, rtnl_device_traffic(ns->rtnl, "v0", &before, &ns->err));
	send_datagrams();

	assert_ok(ns, rtnl_device_traffic(ns->rtnl, "v0", &sent, &ns->err));
	assert_ok(ns, rtnl_device_traffic(ns->rtnl, "v1", &received, &ns->err));
	/* IPv6 may say something of its own meanwhile. */
	assert_true(sent.sent.packets >= before.sent.packets + TIMES);
	assert_true(sent.sent.bytes >= before.sent.bytes + TIMES * (BYTES + HEADERS));
	assert_true(received.received.packets >= TIMES);
	assert_int_equal(sent.sent.errors + sent.received.errors, 0);
}

static void a_device_that_is_not_there_is_named(void **state)
{
	struct netns *ns = *state;
	struct device_traffic traffic;

	assert_int_equal(rtnl_device_traffic(ns->rtnl, "nodev0", &traffic, &ns->err), -ENODEV);
	assert_non_null(strstr(ns->err.text, "nodev0"));
	assert_int_equal(rtnl_device_traffic(ns->rtnl, "a-name-that-is-too-long", &traffic,
					     &ns->err),
			 -EINVAL);
}

/* veth has few, and peer_ifindex among them; ENA's are found alike. */
static void counters_of_a_driver_are_found_by_their_names(void **state)
{
	static const char *const names[] = { "bw_in_allowance_exceeded", "peer_ifindex",
					     "peer_ifinde", "rx_queue_0_xdp_packets" };
	uint64_t values[ARRAY_SIZE(names)] = { 0 };
	uint8_t found[ARRAY_SIZE(names)];
	struct driver_counters counters = { names, ARRAY_SIZE(names), values, found };
	struct netns *ns = *state;
	struct rt_link peer;

	make_pair();
	assert_ok(ns, rtnl_link_by_name(ns->rtnl, "v1", &peer, &ns->err));
	assert_ok(ns, driver_counters_read("v0", &counters, &ns->err));

	assert_int_equal(found[0], 0);
	assert_int_equal(found[1], 1);
	assert_int_equal(values[1], peer.ifindex);
	assert_int_equal(found[2], 0);
	if (found[3]) /* since 5.6 */
		assert_int_equal(values[3], 0);
}

static void a_driver_without_counters_is_no_failure(void **state)
{
	static const char *const names[] = { "bw_in_allowance_exceeded" };
	static const char *const devices[] = { "lo", "nodev0" };
	uint64_t value;
	uint8_t found;
	struct driver_counters counters = { names, 1, &value, &found };
	struct netns *ns = *state;

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		found = 1;
		assert_ok(ns, driver_counters_read(devices[i], &counters, &ns->err));
		assert_int_equal(found, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_netns(a_device_counts_what_goes_through_it),
		in_a_netns(a_device_that_is_not_there_is_named),
		in_a_netns(counters_of_a_driver_are_found_by_their_names),
		in_a_netns(a_driver_without_counters_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
