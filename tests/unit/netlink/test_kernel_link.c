// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Contract with the kernel: the tunnel device, its address and its neighbour. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"
#include "sample.h"

static void a_vxlan_device_in_external_mode_is_read_back_as_it_was_made(void **state)
{
	struct netns *ns = *state;
	const struct rt_link want = sample_tunnel();

	netns_make_tunnel(ns);

	assert_string_equal(ns->tunnel.name, want.name);
	assert_string_equal(ns->tunnel.kind, "vxlan");
	assert_memory_equal(ns->tunnel.mac, want.mac, sizeof(want.mac));
	assert_int_equal(ns->tunnel.mtu, 8951);
	assert_int_equal(ns->tunnel.vxlan_port, 4789);
	assert_int_equal(ns->tunnel.vxlan_ttl, 64);
	assert_true(ns->tunnel.up && ns->tunnel.noarp && ns->tunnel.vxlan_external);
	assert_non_null(strstr(netns_ip_shows("-d link show egw0"), "vxlan external"));
}

static void a_taken_name_is_named_with_the_kind_that_has_it(void **state)
{
	struct netns *ns = *state;
	const struct rt_link want = sample_tunnel();

	netns_ip("link add egw0 type veth peer name egw0-peer");

	assert_int_equal(rtnl_link_add_vxlan(ns->rtnl, &want, &ns->err), -EEXIST);
	assert_non_null(strstr(ns->err.text, "egw0"));
	assert_non_null(strstr(ns->err.text, "name is taken by a device of kind veth"));
}

static void a_port_that_another_external_device_has_is_named(void **state)
{
	struct netns *ns = *state;
	const struct rt_link want = sample_tunnel();

	netns_ip("link add other0 type vxlan external dstport 4789");

	assert_int_equal(rtnl_link_add_vxlan(ns->rtnl, &want, &ns->err), -EEXIST);
	assert_non_null(strstr(ns->err.text, "UDP port 4789 is taken by another VXLAN device"));
}

/* The kernel binds the socket when the device goes up, not when it is made. */
static void a_port_that_a_socket_has_is_named(void **state)
{
	struct netns *ns = *state;
	struct rt_link want = sample_tunnel();
	struct rt_link made;
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(4789) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);

	assert_ok(ns, rtnl_link_add_vxlan(ns->rtnl, &want, &ns->err));
	assert_ok(ns, rtnl_link_by_name(ns->rtnl, "egw0", &made, &ns->err));
	want.ifindex = made.ifindex;
	assert_int_equal(rtnl_link_set(ns->rtnl, &want, &ns->err), -EADDRINUSE);
	assert_non_null(strstr(ns->err.text, "UDP port 4789 is taken"));
	close(fd);
}

static void a_vxlan_device_of_another_mode_at_our_port_is_named_too(void **state)
{
	struct netns *ns = *state;
	struct rt_link want = sample_tunnel();
	struct rt_link made;

	netns_ip("link add vxlan.calico type vxlan id 4096 dstport 4789 local 127.0.0.1");
	netns_ip("link set vxlan.calico up");

	assert_ok(ns, rtnl_link_add_vxlan(ns->rtnl, &want, &ns->err));
	assert_ok(ns, rtnl_link_by_name(ns->rtnl, "egw0", &made, &ns->err));
	want.ifindex = made.ifindex;
	assert_int_equal(rtnl_link_set(ns->rtnl, &want, &ns->err), -EADDRINUSE);
	assert_non_null(strstr(ns->err.text, "UDP port 4789 is taken"));
}

static void every_property_can_be_changed_while_the_device_is_up(void **state)
{
	struct netns *ns = *state;
	struct rt_link want, have;

	netns_make_tunnel(ns);
	want = ns->tunnel;
	want.mac[5] = 0x77;
	want.mtu = 1400;
	want.noarp = false;
	want.vxlan_ttl = 9;
	assert_ok(ns, rtnl_link_set(ns->rtnl, &want, &ns->err));
	assert_ok(ns, rtnl_link_by_name(ns->rtnl, "egw0", &have, &ns->err));

	assert_memory_equal(&have, &want, sizeof(have));
}

/* The plan relies on it: NET_LINK_SET is followed by NET_NEIGH_ADD. */
static void a_changed_mac_takes_the_permanent_neighbours(void **state)
{
	struct netns *ns = *state;
	struct rt_neighs neighs = { 0 };

	netns_make_tunnel(ns);
	assert_ok(ns, rtnl_neighs(ns->rtnl, &neighs, &ns->err));
	assert_int_equal(neighs.n, 1);
	free(neighs.v);
	netns_ip("link set egw0 address 02:65:67:77:00:03");
	assert_ok(ns, rtnl_neighs(ns->rtnl, &neighs, &ns->err));

	assert_int_equal(neighs.n, 0);
	free(neighs.v);
}

static void a_missing_device_is_enodev_with_its_name(void **state)
{
	struct netns *ns = *state;
	struct rt_link link;

	assert_int_equal(rtnl_link_by_name(ns->rtnl, "egw0", &link, &ns->err), -ENODEV);
	assert_non_null(strstr(ns->err.text, "egw0"));
	assert_int_equal(rtnl_link_by_name(ns->rtnl, "a-name-that-is-too-long", &link, &ns->err),
			 -EINVAL);
}

static void a_deleted_device_is_gone(void **state)
{
	struct netns *ns = *state;
	struct rt_link link;

	netns_make_tunnel(ns);
	assert_ok(ns, rtnl_link_del(ns->rtnl, ns->tunnel.ifindex, &ns->err));

	assert_int_equal(rtnl_link_by_name(ns->rtnl, "egw0", &link, &ns->err), -ENODEV);
	assert_int_equal(rtnl_link_del(ns->rtnl, ns->tunnel.ifindex, &ns->err), -ENODEV);
}

static void all_links_are_listed(void **state)
{
	struct netns *ns = *state;
	struct rt_links links = { 0 };
	bool found = false;

	netns_make_tunnel(ns);
	netns_ip("link add eth0 mtu 9001 type veth peer name eth0-peer");
	assert_ok(ns, rtnl_links(ns->rtnl, &links, &ns->err));
	for (size_t i = 0; i < links.n; i++) {
		if (strcmp(links.v[i].name, "eth0") == 0)
			found = links.v[i].mtu == 9001 && strcmp(links.v[i].kind, "veth") == 0;
	}

	assert_true(links.n >= 3 && found);
	free(links.v);
}

static void addresses_are_added_replaced_listed_and_deleted(void **state)
{
	struct netns *ns = *state;
	struct rt_addr addr = { .addr = { { 0x0a000005 }, 24 } };
	struct rt_addrs addrs = { 0 };
	bool found = false;

	netns_make_tunnel(ns);
	addr.ifindex = ns->tunnel.ifindex;
	assert_ok(ns, rtnl_addr_add(ns->rtnl, &addr, &ns->err));
	assert_ok(ns, rtnl_addr_add(ns->rtnl, &addr, &ns->err)); /* replaces */
	assert_ok(ns, rtnl_addrs(ns->rtnl, &addrs, &ns->err));
	for (size_t i = 0; i < addrs.n; i++)
		found |= sample_same_addr(&addrs.v[i], &addr);
	assert_true(found);
	assert_int_equal(addrs.n, 3); /* with lo's and the tunnel's; no IPv6 */
	free(addrs.v);

	assert_ok(ns, rtnl_addr_del(ns->rtnl, &addr, &ns->err));
	assert_int_equal(rtnl_addr_del(ns->rtnl, &addr, &ns->err), -EADDRNOTAVAIL);
	assert_non_null(strstr(ns->err.text, "10.0.0.5/24"));
}

static void only_permanent_neighbours_are_listed(void **state)
{
	struct netns *ns = *state;
	struct rt_neigh peer = sample_peer();
	struct rt_neighs neighs = { 0 };

	netns_make_tunnel(ns);
	peer.ifindex = ns->tunnel.ifindex;
	netns_ip("neigh add 10.9.9.9 lladdr 02:00:00:00:00:01 dev egw0 nud reachable");
	assert_ok(ns, rtnl_neighs(ns->rtnl, &neighs, &ns->err));
	assert_int_equal(neighs.n, 1);
	assert_memory_equal(&neighs.v[0], &peer, sizeof(peer));
	free(neighs.v);

	assert_ok(ns, rtnl_neigh_del(ns->rtnl, &peer, &ns->err));
	assert_ok(ns, rtnl_neighs(ns->rtnl, &neighs, &ns->err));
	assert_int_equal(neighs.n, 0);
	free(neighs.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_netns(a_vxlan_device_in_external_mode_is_read_back_as_it_was_made),
		in_a_netns(a_taken_name_is_named_with_the_kind_that_has_it),
		in_a_netns(a_port_that_another_external_device_has_is_named),
		in_a_netns(a_port_that_a_socket_has_is_named),
		in_a_netns(a_vxlan_device_of_another_mode_at_our_port_is_named_too),
		in_a_netns(every_property_can_be_changed_while_the_device_is_up),
		in_a_netns(a_changed_mac_takes_the_permanent_neighbours),
		in_a_netns(a_missing_device_is_enodev_with_its_name),
		in_a_netns(a_deleted_device_is_gone),
		in_a_netns(all_links_are_listed),
		in_a_netns(addresses_are_added_replaced_listed_and_deleted),
		in_a_netns(only_permanent_neighbours_are_listed),
	};

	return cmocka_run_group_tests_name("netlink/kernel_link", tests, NULL, NULL);
}
