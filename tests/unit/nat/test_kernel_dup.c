// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Where the kernel sends a copy: to its hop, by the device of the original, or nowhere; never by another device. */
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"
#include "nat/apply.h"
#include "nat/nfnl.h"
#include "nat/observe.h"

enum { HOP = 0xa9fe4103 };

static void ip(const char *const words[])
{
	const char *argv[16] = { "ip" };

	for (size_t n = 0; words[n] && n < ARRAY_SIZE(argv) - 2; n++)
		argv[n + 1] = words[n];
	run_program(argv, false);
}
#define IP(...) ip((const char *const[]){ __VA_ARGS__, NULL })

/* tun0 has the way to 198.51.100.10, up0 the default route. Nobody is at their other ends, and needs to be. */
static void set_up_devices(void)
{
	static const char *const devices[] = { "tun0", "up0" }, *const ends[] = { "tun1", "up1" };

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		IP("link", "add", devices[i], "type", "veth", "peer", "name", ends[i]);
		IP("link", "set", ends[i], "up");
		IP("link", "set", devices[i], "arp", "off", "up");
	}
	IP("address", "add", "10.0.0.1/32", "dev", "up0");
	IP("route", "add", "198.51.100.10/32", "dev", "tun0");
	IP("route", "add", "default", "dev", "up0");
}

static void load(struct kernel *k)
{
	size_t chain;

	nat_ruleset_init(&k->desired, TABLE);
	nat_counter_add(&k->desired, "tun");
	nat_counter_add(&k->desired, "up");
	chain = nat_base_chain_add(&k->desired, "second", NAT_HOOK_POSTROUTING, 150, 0);
	nat_rule_add(&k->desired, chain,
		     NAT_RULE({ NAT_OIF, .name = "tun0" }, { NAT_DUP, .value = HOP }));
	chain = nat_base_chain_add(&k->desired, "last", NAT_HOOK_POSTROUTING, 200, 0);
	nat_rule_add(&k->desired, chain,
		     NAT_RULE({ NAT_OIF, .name = "tun0" }, { NAT_COUNT, .name = "tun" }));
	nat_rule_add(&k->desired, chain,
		     NAT_RULE({ NAT_OIF, .name = "up0" }, { NAT_COUNT, .name = "up" }));
	assert_int_equal(nat_ruleset_finish(&k->desired), 0);
	kernel_run(k);
	kernel_expect_rest(k);
}

static void send_one(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, "198.51.100.10", &to.sin_addr), 1);
	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
}

static uint64_t counted(struct kernel *k, const char *name)
{
	CLEANUP(nat_observed_done) struct nat_observed seen = { 0 };
	uint64_t n = 0;

	assert_int_equal(nat_sync_counters(k->sync, &seen, &k->err), 0);
	for (size_t i = 0; i < seen.n_counters; i++)
		n += strcmp(seen.counters[i].name, name) == 0 ? seen.counters[i].packets : 0;
	return n;
}

static void a_copy_leaves_by_the_device_of_the_original_or_not_at_all(void **state)
{
	struct kernel *k = *state;

	set_up_devices();
	load(k);
	IP("route", "add", "169.254.65.3/32", "dev", "tun0");
	send_one();
	assert_int_equal(counted(k, "tun"), 2);
	assert_int_equal(counted(k, "up"), 0);
	/* The default route isn't taken for it, and neither is one of its own by another device. */
	IP("route", "del", "169.254.65.3/32", "dev", "tun0");
	send_one();
	IP("route", "add", "169.254.65.3/32", "dev", "up0");
	send_one();
	assert_true(counted(k, "tun") >= 4);
	assert_int_equal(counted(k, "up"), 0);
}

static void what_is_only_tried_leaves_nothing(void **state)
{
	CLEANUP(nat_ruleset_done) struct nat_ruleset rs = { 0 };
	struct kernel *k = *state;
	struct nfnl *nfnl = nfnl_open(&k->err);
	CLEANUP(cleanup_free) char *before = nft_list("list ruleset"), *after = NULL;
	size_t chain;

	nat_ruleset_init(&rs, "eipgw_try");
	chain = nat_base_chain_add(&rs, "a", NAT_HOOK_POSTROUTING, 150, 0);
	nat_rule_add(&rs, chain, NAT_RULE({ NAT_DUP, .value = HOP }));
	assert_int_equal(nat_ruleset_finish(&rs), 0);
	assert_int_equal(nat_apply_try(nfnl, &rs, &k->err), 0);
	after = nft_list("list ruleset");
	assert_string_equal(before, after);
	/* A set that isn't there. */
	nat_rule_add(&rs, chain, NAT_RULE({ NAT_SADDR_IN, .name = "none" }, { NAT_DROP }));
	assert_int_not_equal(nat_apply_try(nfnl, &rs, &k->err), 0);
	nfnl_close(nfnl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(a_copy_leaves_by_the_device_of_the_original_or_not_at_all),
		in_a_namespace(what_is_only_tried_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
