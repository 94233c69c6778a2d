// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is encoded is decoded to the same value; what can't be held is marked; what is torn is refused. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/lwtunnel.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/encode.h"
#include "netlink/rtnl.h"
#include "sample.h"
#include "unit.h"

struct message {
	_Alignas(struct nlmsghdr) char buf[2 * ENCODE_MAX];
};

static struct rt_change decode(const struct nlmsghdr *nlh)
{
	struct rt_change change;

	memset(&change, 0xee, sizeof(change));
	assert_int_equal(rtnl_decode(nlh, &change), 0);
	return change;
}

static void assert_route_comes_back(const struct rt_route *route)
{
	struct message m;
	struct rt_change change = decode(encode_route(m.buf, RTM_NEWROUTE, 0, route));

	assert_int_equal(change.kind, RT_ROUTE);
	assert_false(change.deleted);
	assert_int_equal(rt_route_compare(&change.route, route), 0);
}

static void routes_come_back_as_they_were_sent(void **state)
{
	struct rt_route route = sample_default(70000, SAMPLE_GATEWAY);

	(void)state;
	route.oif = 12;
	assert_route_comes_back(&route);
	route.table = 255;
	route.mtu = 1500;
	route.metric = 4294967295u;
	route.tos = 0x10;
	route.scope = RT_SCOPE_LINK;
	route.dst = (struct ip4_prefix){ { 0x0a010200 }, 24 };
	assert_route_comes_back(&route);
	route.encap = (struct rt_encap){ 0 };
	route.onlink = false;
	assert_route_comes_back(&route);
	route = sample_throw(4096, SAMPLE_GATEWAY);
	assert_route_comes_back(&route);
	route = sample_blackhole(4096);
	assert_route_comes_back(&route);
}

static void assert_rule_comes_back(const struct rt_rule *rule)
{
	struct message m;
	struct rt_change change = decode(encode_rule(m.buf, RTM_NEWRULE, 0, rule));

	assert_int_equal(change.kind, RT_RULE);
	assert_int_equal(rt_rule_compare(&change.rule, rule), 0);
}

static void rules_come_back_as_they_were_sent(void **state)
{
	struct rt_rule rule = sample_lookup(600, 0x1001, 70000);

	(void)state;
	assert_rule_comes_back(&rule);
	rule.mark = 0;
	rule.table = 100;
	rule.src = (struct ip4_prefix){ { 0x0a000000 }, 8 };
	rule.dst = (struct ip4_prefix){ { 0x0a000001 }, 32 };
	sample_name(rule.iif, "abcdefghijklmno");
	sample_name(rule.oif, "lo");
	assert_rule_comes_back(&rule);
	rule = sample_goto(600, 603);
	assert_rule_comes_back(&rule);
	rule = sample_nop(603);
	assert_rule_comes_back(&rule);
	rule = sample_blackhole_rule(602);
	assert_rule_comes_back(&rule);
}

static void a_vxlan_device_comes_back_but_down(void **state)
{
	struct rt_link link = sample_tunnel();
	struct message m;
	struct rt_change change;

	(void)state;
	change = decode(encode_vxlan(m.buf, 0, &link));
	link.up = false;
	assert_int_equal(change.kind, RT_LINK);
	assert_memory_equal(&change.link, &link, sizeof(link));
}

static void addresses_and_neighbours_come_back(void **state)
{
	const struct rt_addr addr = { 9, { { SAMPLE_ADDR }, 20 } };
	struct rt_neigh neigh = sample_peer();
	struct message m;
	struct rt_change change;

	(void)state;
	change = decode(encode_addr(m.buf, RTM_DELADDR, 0, &addr));
	assert_true(change.deleted);
	assert_int_equal(change.addr.ifindex, 9);
	assert_int_equal(change.addr.addr.addr.v, SAMPLE_ADDR); /* with its host bits */
	assert_int_equal(change.addr.addr.len, 20);

	neigh.ifindex = 9;
	change = decode(encode_neigh(m.buf, RTM_NEWNEIGH, 0, &neigh));
	assert_int_equal(change.kind, RT_NEIGH);
	assert_memory_equal(&change.neigh, &neigh, sizeof(neigh));
}

static void assert_foreign_route(struct nlmsghdr *nlh)
{
	struct rt_change change = decode(nlh);

	assert_true(change.route.foreign_parts);
}

static void what_a_route_cannot_hold_marks_it(void **state)
{
	static const uint16_t types[] = {
		RTA_PREFSRC, RTA_FLOW, RTA_IIF, RTA_VIA, RTA_MARK, 62, 900
	};
	const struct rt_route route = sample_throw(4096, SAMPLE_GATEWAY);

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct message m;
		struct nlmsghdr *nlh = encode_route(m.buf, RTM_NEWROUTE, 0, &route);

		assert_false(decode(nlh).route.foreign_parts);
		mnl_attr_put_u32(nlh, types[i], 1);
		assert_foreign_route(nlh);
	}
}

static void metrics_other_than_the_mtu_mark_a_route(void **state)
{
	struct rt_route route = sample_throw(4096, SAMPLE_GATEWAY);
	struct message m;
	struct nlmsghdr *nlh = encode_route(m.buf, RTM_NEWROUTE, 0, &route);
	struct nlattr *nest = mnl_attr_nest_start(nlh, RTA_METRICS);

	(void)state;
	mnl_attr_put_u32(nlh, RTAX_MTU, 1400);
	mnl_attr_put_u32(nlh, RTAX_ADVMSS, 1400);
	mnl_attr_nest_end(nlh, nest);

	assert_foreign_route(nlh);
	assert_int_equal(decode(nlh).route.mtu, 1400);
}

/* An encapsulation with one more attribute, or of another type. */
static struct nlmsghdr *encap_with(void *buf, uint16_t type, uint16_t attr, const void *data,
				   size_t size)
{
	struct rt_route route = sample_throw(4096, SAMPLE_GATEWAY);
	struct nlmsghdr *nlh = encode_route(buf, RTM_NEWROUTE, 0, &route);
	struct nlattr *nest = mnl_attr_nest_start(nlh, RTA_ENCAP);

	mnl_attr_put_u32(nlh, LWTUNNEL_IP_DST, htonl(SAMPLE_GATEWAY));
	if (attr)
		mnl_attr_put(nlh, attr, size, data);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put_u16(nlh, RTA_ENCAP_TYPE, type);
	return nlh;
}

static void an_encapsulation_that_is_not_plain_marks_a_route(void **state)
{
	const uint64_t wide = htobe64(1ull << 32), narrow = htobe64(77);
	const uint16_t flags = 0x0400, no_flags = 0;
	const uint8_t tos = 8, no_tos = 0;
	struct message m;

	(void)state;
	assert_false(decode(encap_with(m.buf, LWTUNNEL_ENCAP_IP, 0, NULL, 0)).route.foreign_parts);
	assert_false(decode(encap_with(m.buf, LWTUNNEL_ENCAP_IP, LWTUNNEL_IP_ID, &narrow, 8))
			     .route.foreign_parts);
	assert_false(decode(encap_with(m.buf, LWTUNNEL_ENCAP_IP, LWTUNNEL_IP_TOS, &no_tos, 1))
			     .route.foreign_parts);
	assert_false(decode(encap_with(m.buf, LWTUNNEL_ENCAP_IP, LWTUNNEL_IP_FLAGS, &no_flags, 2))
			     .route.foreign_parts);
	assert_foreign_route(encap_with(m.buf, LWTUNNEL_ENCAP_IP, LWTUNNEL_IP_ID, &wide, 8));
	assert_foreign_route(encap_with(m.buf, LWTUNNEL_ENCAP_IP, LWTUNNEL_IP_TOS, &tos, 1));
	assert_foreign_route(encap_with(m.buf, LWTUNNEL_ENCAP_IP, LWTUNNEL_IP_FLAGS, &flags, 2));
	assert_foreign_route(encap_with(m.buf, LWTUNNEL_ENCAP_IP, LWTUNNEL_IP_OPTS, NULL, 0));
	assert_foreign_route(encap_with(m.buf, LWTUNNEL_ENCAP_MPLS, 0, NULL, 0));
}

static void several_next_hops_and_next_hop_objects_are_multipath(void **state)
{
	static const uint16_t types[] = { RTA_MULTIPATH, RTA_NH_ID };
	const struct rt_route route = sample_throw(4096, SAMPLE_GATEWAY);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct message m;
		struct nlmsghdr *nlh = encode_route(m.buf, RTM_NEWROUTE, 0, &route);

		assert_false(decode(nlh).route.multipath);
		mnl_attr_put_u32(nlh, types[i], 1);
		assert_true(decode(nlh).route.multipath);
	}
}

static void what_a_rule_cannot_hold_marks_it(void **state)
{
	static const uint16_t types[] = { FRA_TUN_ID,
					  FRA_L3MDEV,
					  FRA_UID_RANGE,
					  FRA_IP_PROTO,
					  FRA_FLOW,
					  FRA_SPORT_RANGE,
					  FRA_DPORT_RANGE,
					  40,
					  700,
					  FRA_SUPPRESS_PREFIXLEN,
					  FRA_SUPPRESS_IFGROUP };
	const struct rt_rule rule = sample_nop(600);
	struct message m;
	struct nlmsghdr *nlh;
	struct fib_rule_hdr *hdr;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		nlh = encode_rule(m.buf, RTM_NEWRULE, 0, &rule);
		assert_false(decode(nlh).rule.foreign_parts);
		mnl_attr_put_u32(nlh, types[i], 0);
		assert_true(decode(nlh).rule.foreign_parts);
	}
	nlh = encode_rule(m.buf, RTM_NEWRULE, 0, &rule);
	hdr = mnl_nlmsg_get_payload(nlh);
	hdr->tos = 4;
	assert_true(decode(nlh).rule.foreign_parts);
	hdr->tos = 0;
	hdr->flags = FIB_RULE_INVERT;
	assert_true(decode(nlh).rule.foreign_parts);
	hdr->flags = FIB_RULE_UNRESOLVED | FIB_RULE_IIF_DETACHED; /* states, not selectors */
	assert_false(decode(nlh).rule.foreign_parts);
}

static void no_suppressor_is_no_part(void **state)
{
	const struct rt_rule rule = sample_nop(600);
	struct message m;
	struct nlmsghdr *nlh = encode_rule(m.buf, RTM_NEWRULE, 0, &rule);

	(void)state;
	mnl_attr_put_u32(nlh, FRA_SUPPRESS_PREFIXLEN, UINT32_MAX);

	assert_false(decode(nlh).rule.foreign_parts);
}

static void other_families_and_types_are_not_for_us(void **state)
{
	const struct rt_route route = sample_throw(4096, SAMPLE_GATEWAY);
	struct rt_link link = sample_tunnel();
	struct rt_change change;
	struct message m;
	struct nlmsghdr *nlh = encode_route(m.buf, RTM_NEWROUTE, 0, &route);
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct ifinfomsg *ifi;

	(void)state;
	rtm->rtm_family = AF_INET6;
	assert_int_equal(rtnl_decode(nlh, &change), -ENOMSG);
	rtm->rtm_family = AF_INET;
	rtm->rtm_flags = RTM_F_CLONED;
	assert_int_equal(rtnl_decode(nlh, &change), -ENOMSG);
	rtm->rtm_flags = 0;
	nlh->nlmsg_type = RTM_NEWTFILTER;
	assert_int_equal(rtnl_decode(nlh, &change), -ENOMSG);
	nlh = encode_vxlan(m.buf, 0, &link);
	ifi = mnl_nlmsg_get_payload(nlh);
	ifi->ifi_family = AF_BRIDGE;
	assert_int_equal(rtnl_decode(nlh, &change), -ENOMSG);
}

/* Decodes every shorter version from a block of exactly that size, so that a read beyond its end is seen. */
static void assert_every_cut_is_survived(const struct nlmsghdr *whole)
{
	for (uint32_t length = 0; length < whole->nlmsg_len; length++) {
		size_t size = length < sizeof(*whole) ? sizeof(*whole) : length;
		struct nlmsghdr *nlh = malloc(size);
		struct rt_change change;

		assert_non_null(nlh);
		memcpy(nlh, whole, size);
		nlh->nlmsg_len = length;
		(void)rtnl_decode(nlh, &change);
		free(nlh);
	}
}

static void a_message_that_is_cut_is_not_read_beyond_its_end(void **state)
{
	struct rt_route route = sample_default(4096, SAMPLE_GATEWAY);
	struct rt_rule rule = sample_lookup(600, 0x1000, 4096);
	struct rt_link link = sample_tunnel();
	struct rt_neigh neigh = sample_peer();
	const struct rt_addr addr = { 9, { { SAMPLE_ADDR }, 32 } };
	struct message m;

	(void)state;
	route.mtu = 1500;
	assert_every_cut_is_survived(encode_route(m.buf, RTM_NEWROUTE, 0, &route));
	assert_every_cut_is_survived(encode_rule(m.buf, RTM_NEWRULE, 0, &rule));
	assert_every_cut_is_survived(encode_vxlan(m.buf, 0, &link));
	assert_every_cut_is_survived(encode_neigh(m.buf, RTM_NEWNEIGH, 0, &neigh));
	assert_every_cut_is_survived(encode_addr(m.buf, RTM_NEWADDR, 0, &addr));
}

static void assert_malformed(struct nlmsghdr *nlh)
{
	struct rt_change change;

	memset(&change, 0xee, sizeof(change));
	assert_int_equal(rtnl_decode(nlh, &change), -EBADMSG);
	assert_int_equal(change.kind, 0xeeeeeeee); /* untouched on failure */
}

static void malformed_messages_are_refused(void **state)
{
	struct rt_route route = sample_throw(4096, SAMPLE_GATEWAY);
	struct message m;
	struct nlmsghdr *nlh = encode_route(m.buf, RTM_NEWROUTE, 0, &route);
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct nlattr *first = mnl_nlmsg_get_payload_offset(nlh, sizeof(*rtm));

	(void)state;
	rtm->rtm_dst_len = 33;
	assert_malformed(nlh);
	rtm->rtm_dst_len = 32;
	first->nla_len = 6; /* a table of 2 bytes */
	assert_malformed(nlh);
	first->nla_len = 3;
	assert_malformed(nlh);
	first->nla_len = 4000;
	assert_malformed(nlh);
	first->nla_len = 8;
	nlh->nlmsg_len = NLMSG_HDRLEN + sizeof(*rtm) - 1;
	assert_malformed(nlh);
	nlh->nlmsg_len = NLMSG_HDRLEN + sizeof(*rtm); /* a destination that is missing */
	assert_malformed(nlh);
	nlh->nlmsg_len = 3;
	assert_malformed(nlh);
}

static void a_name_that_is_too_long_is_malformed(void **state)
{
	const struct rt_rule rule = sample_nop(600);
	struct message m;
	struct nlmsghdr *nlh = encode_rule(m.buf, RTM_NEWRULE, 0, &rule);

	(void)state;
	mnl_attr_put_strz(nlh, FRA_IIFNAME, "abcdefghijklmnop");

	assert_malformed(nlh);
}

static void a_deletion_of_what_we_cannot_hold_names_the_key_only(void **state)
{
	struct rt_route route = sample_default(4096, SAMPLE_GATEWAY);
	struct message m;
	struct nlmsghdr *nlh;
	const struct rtmsg *rtm;

	(void)state;
	route.oif = 3;
	route.foreign_parts = true;
	nlh = encode_route(m.buf, RTM_DELROUTE, 0, &route);
	rtm = mnl_nlmsg_get_payload(nlh);

	assert_int_equal(rtm->rtm_scope, RT_SCOPE_NOWHERE);
	assert_int_equal(rtm->rtm_protocol, RT_PROTOCOL_EIPGW);
	assert_int_equal(decode(nlh).route.encap.dst.v, 0);
	assert_int_equal(decode(nlh).route.oif, 0);
	route.foreign_parts = false;
	assert_int_equal(decode(encode_route(m.buf, RTM_DELROUTE, 0, &route)).route.oif, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_come_back_as_they_were_sent),
		cmocka_unit_test(rules_come_back_as_they_were_sent),
		cmocka_unit_test(a_vxlan_device_comes_back_but_down),
		cmocka_unit_test(addresses_and_neighbours_come_back),
		cmocka_unit_test(what_a_route_cannot_hold_marks_it),
		cmocka_unit_test(metrics_other_than_the_mtu_mark_a_route),
		cmocka_unit_test(an_encapsulation_that_is_not_plain_marks_a_route),
		cmocka_unit_test(several_next_hops_and_next_hop_objects_are_multipath),
		cmocka_unit_test(what_a_rule_cannot_hold_marks_it),
		cmocka_unit_test(no_suppressor_is_no_part),
		cmocka_unit_test(other_families_and_types_are_not_for_us),
		cmocka_unit_test(a_message_that_is_cut_is_not_read_beyond_its_end),
		cmocka_unit_test(malformed_messages_are_refused),
		cmocka_unit_test(a_name_that_is_too_long_is_malformed),
		cmocka_unit_test(a_deletion_of_what_we_cannot_hold_names_the_key_only),
	};

	return cmocka_run_group_tests_name("netlink/codec", tests, NULL, NULL);
}
