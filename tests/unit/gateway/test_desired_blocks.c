// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* With which ports a source leaves, over the table that is described of who has a block. */
#include "desired_fixture.h"

#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "gateway/table/blocks.h"

enum { BANK = 0, MAIL = 1 };

static const struct mono start = { 5000000000 };

/* bank_pod may use both egress IPs, mail_pod one; the range is a route's, too large for blocks. */
static const char text[] =
	"{\"gateway\": {\"name\": \"gw\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
	" \"egress_ips\": [{\"name\": \"bank\", \"public\": \"203.0.113.100\", \"private\": \"10.0.1.201\"},"
	"                {\"name\": \"mail\", \"public\": \"203.0.113.101\", \"private\": \"10.0.1.202\"}],"
	" \"nodes\": [{\"name\": \"node1\", \"address\": \"10.0.2.11\", \"pod_cidrs\": [\"10.0.0.0/20\"]}],"
	" \"policies\": [{\"name\": \"one\", \"pod_cidrs\": [\"10.0.1.50/32\", \"10.0.8.0/22\"],"
	"               \"excluded_cidrs\": [\"198.51.100.0/24\"], \"egress_ips\": [\"bank\"]},"
	"              {\"name\": \"two\", \"pod_cidrs\": [\"10.0.1.50/31\"], \"egress_ips\": [\"mail\"],"
	"               \"destination_cidrs\": [\"198.51.100.0/24\"]}]}";
static const char *const bank_pod = "10.0.1.50", *const mail_pod = "10.0.1.51",
			 *const of_a_range = "10.0.9.7";
static const char *const to_bank = "203.0.113.9", *const to_mail = "198.51.100.10";

static void describe(struct fixture *f)
{
	nat_ruleset_done(&f->table);
	f->table = (struct nat_ruleset){ 0 };
	assert_int_equal(gateway_describe_table(&f->view, &f->table), 0);
}

/* 100 ports for all, and n blocks of 100 of each egress IP. */
static struct blocks *fixture_init(struct fixture *f, uint32_t n)
{
	struct blocks *blocks = blocks_new(7);

	assert_non_null(blocks);
	fixture_init_with(f, text);
	f->config.limits.first_port = 2000;
	f->config.limits.last_port = 2099 + 100 * n;
	f->config.limits.ports_per_pod = n ? 100 : 0;
	f->config.limits.shared_ports = 100;
	assert_int_equal(blocks_configure(blocks, &f->config), 0);
	f->view.blocks = blocks;
	return blocks;
}

static struct nat_eval_result leave(const struct fixture *f, const char *pod, const char *to)
{
	struct nat_packet packet = { .iif = "egw0",
				     .oif = "eth0",
				     .src = ip(pod),
				     .dst = ip(to),
				     .protocol = IPPROTO_UDP,
				     .mark = gateway_node_mark(ip("10.0.2.11")),
				     .ct_state = NAT_STATE_NEW };

	assert_int_equal(nat_eval_hook(&f->table, NAT_HOOK_FORWARD, &packet, NULL, NULL).verdict,
			 NAT_EVAL_ACCEPT);
	return nat_eval_hook(&f->table, NAT_HOOK_POSTROUTING, &packet, NULL, NULL);
}

static void expect_own(const struct nat_eval_result *r, const struct block *block)
{
	assert_true(r->snat_own);
	assert_int_equal(r->snat_first_port, block->first_port);
	assert_int_equal(r->snat_last_port, block->last_port);
}

static void expect_shared(const struct nat_eval_result *r)
{
	assert_true(r->snat);
	assert_false(r->snat_own);
	assert_int_equal(r->snat_first_port, 2000);
	assert_int_equal(r->snat_last_port, 2099);
}

static void a_source_leaves_with_its_own_ports_of_each_egress_ip(void **state)
{
	struct fixture f;
	struct blocks *blocks = fixture_init(&f, 3);
	struct nat_eval_result r;
	struct block block;

	(void)state;
	/* So that a source has other ports of one egress IP than of the other. */
	blocks_want(blocks, ip(mail_pod), MAIL, start);
	blocks_want(blocks, ip(bank_pod), BANK, start);
	blocks_want(blocks, ip(bank_pod), MAIL, start);
	describe(&f);

	r = leave(&f, bank_pod, to_bank);
	assert_int_equal(r.snat_to.v, ip("10.0.1.201").v);
	assert_true(blocks_find(blocks, ip(bank_pod), BANK, &block));
	expect_own(&r, &block);
	r = leave(&f, bank_pod, to_mail);
	assert_int_equal(r.snat_to.v, ip("10.0.1.202").v);
	assert_true(blocks_find(blocks, ip(bank_pod), MAIL, &block));
	expect_own(&r, &block);
	r = leave(&f, mail_pod, to_mail);
	assert_true(blocks_find(blocks, ip(mail_pod), MAIL, &block));
	expect_own(&r, &block);
	blocks_free(blocks);
	fixture_done(&f);
}

/* Whoever waits, and ranges, in which nobody is known by himself. */
static void who_has_no_block_shares_what_is_nobodys(void **state)
{
	struct fixture f;
	struct blocks *blocks = fixture_init(&f, 1);
	struct nat_eval_result r;

	(void)state;
	blocks_want(blocks, ip(bank_pod), MAIL, start);
	blocks_want(blocks, ip(mail_pod), MAIL, start);
	describe(&f);

	r = leave(&f, bank_pod, to_mail);
	assert_true(r.snat_own);
	r = leave(&f, mail_pod, to_mail);
	assert_int_equal(r.snat_to.v, ip("10.0.1.202").v);
	expect_shared(&r);
	r = leave(&f, bank_pod, to_bank); /* it has one of the other egress IP */
	expect_shared(&r);
	r = leave(&f, of_a_range, to_bank);
	expect_shared(&r);
	blocks_free(blocks);
	fixture_done(&f);
}

/* A source's own ports are looked for first: the other rule would take everybody. */
static void the_map_has_an_element_for_each_block_and_its_rule_is_the_first(void **state)
{
	struct fixture f;
	struct blocks *blocks = fixture_init(&f, 3);
	const struct nat_chain *chain;
	const struct nat_set *map;
	struct block block;

	(void)state;
	blocks_want(blocks, ip(bank_pod), BANK, start);
	blocks_want(blocks, ip(bank_pod), MAIL, start);
	blocks_want(blocks, ip(mail_pod), MAIL, start);
	blocks_drop(blocks, ip(bank_pod), BANK, start);
	describe(&f);

	map = nat_set_find(&f.table, GATEWAY_BLOCK_SET);
	assert_non_null(map);
	assert_int_equal(map->kind, NAT_MAP_MARK_ADDR_PORTS);
	assert_int_equal(map->n, 2);
	for (size_t i = 0; i < map->n; i++) {
		const struct nat_elem *elem = &map->v[i];

		assert_int_equal(elem->key, gateway_egress_mark(MAIL));
		assert_true(blocks_find(blocks, (struct ip4){ elem->first }, MAIL, &block));
		assert_int_equal(elem->data, nat_ports(block.first_port, block.last_port));
	}
	chain = nat_chain_find(&f.table, "translate");
	assert_non_null(chain);
	assert_int_equal(chain->n_rules, 2);
	assert_int_equal(chain->rules[0].ops[1].kind, NAT_LOAD_PORTS);
	assert_int_equal(chain->rules[0].ops[2].kind, NAT_SNAT_MARK_LOADED);
	assert_int_equal(chain->rules[1].ops[1].kind, NAT_SNAT_MARK_PORTS);
	blocks_free(blocks);
	fixture_done(&f);
}

static void without_ports_per_pod_there_is_nothing_of_it(void **state)
{
	struct fixture f;
	struct blocks *blocks = fixture_init(&f, 0);
	const struct nat_chain *chain;
	struct nat_eval_result r;

	(void)state;
	blocks_want(blocks, ip(bank_pod), BANK, start);
	describe(&f);

	assert_null(nat_set_find(&f.table, GATEWAY_BLOCK_SET));
	chain = nat_chain_find(&f.table, "translate");
	assert_non_null(chain);
	assert_int_equal(chain->n_rules, 1);
	r = leave(&f, bank_pod, to_bank);
	expect_shared(&r); /* that is, all that limits leave */
	f.config.limits.first_port = f.config.limits.last_port = 0;
	describe(&f);
	r = leave(&f, bank_pod, to_bank);
	assert_true(r.snat);
	assert_int_equal(r.snat_last_port, 0); /* as the kernel likes */
	blocks_free(blocks);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_leaves_with_its_own_ports_of_each_egress_ip),
		cmocka_unit_test(who_has_no_block_shares_what_is_nobodys),
		cmocka_unit_test(the_map_has_an_element_for_each_block_and_its_rule_is_the_first),
		cmocka_unit_test(without_ports_per_pod_there_is_nothing_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
