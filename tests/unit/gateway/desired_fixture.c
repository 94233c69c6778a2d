// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "desired_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

const char two_pods_text[] =
	"{\"gateway\": {\"name\": \"gw\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
	" \"egress_ips\": [{\"name\": \"bank\", \"public\": \"203.0.113.100\", \"private\": \"10.0.1.201\"},"
	"                {\"name\": \"mail\", \"public\": \"203.0.113.101\", \"private\": \"10.0.1.202\"}],"
	" \"nodes\": [{\"name\": \"node1\", \"address\": \"10.0.2.11\", \"pod_cidrs\": [\"10.0.1.48/28\"]}],"
	" \"policies\": [{\"name\": \"one\", \"pod_cidrs\": [\"10.0.1.50/32\"], \"egress_ips\": [\"bank\"]},"
	"              {\"name\": \"two\", \"pod_cidrs\": [\"10.0.1.51/32\"], \"egress_ips\": [\"mail\"]}]}";

struct ip4 ip(const char *text)
{
	struct ip4 addr;

	assert_int_equal(ip4_parse(text, &addr, NULL), 0);
	return addr;
}

void fixture_init_with(struct fixture *f, const char *text)
{
	struct err err = ERR_NULL;

	*f = (struct fixture){ 0 };
	if (config_parse(&gateway_config_table, text, strlen(text), &f->config, &err) ||
	    gateway_config_check(&f->config, &err) ||
	    gateway_config_compile(&f->config, &f->policies, &err))
		fail_msg("%s", err.text);
	f->view = (struct gateway_view){ &f->config, &f->policies, 8951, 2, ip("10.0.1.1") };
	assert_int_equal(gateway_describe_table(&f->view, &f->table), 0);
	assert_int_equal(gateway_describe_routing(&f->view, &f->routing), 0);
}

void fixture_done(struct fixture *f)
{
	nat_ruleset_done(&f->table);
	net_desired_done(&f->routing);
	policy_result_done(&f->policies);
	config_done(&gateway_config_table, &f->config);
}

void check_row(const struct fixture *f, const struct row *row)
{
	struct nat_packet packet = { .src = ip(row->src),
				     .dst = ip(row->dst),
				     .protocol = 17,
				     .ct_state = row->state ? row->state : NAT_STATE_NEW,
				     .ct_status = row->status };
	struct nat_eval_result r;

	packet.mark = row->node ? gateway_node_mark(ip(row->node)) : 0;
	snprintf(packet.iif, sizeof(packet.iif), "%s", row->iif ? row->iif : "egw0");
	snprintf(packet.oif, sizeof(packet.oif), "%s", row->oif ? row->oif : "eth0");
	r = nat_eval_hook(&f->table, NAT_HOOK_FORWARD, &packet, NULL, NULL);
	if (r.verdict != NAT_EVAL_ACCEPT) {
		if (row->leaves_as)
			fail_msg("%s: was dropped", row->what);
		return;
	}
	r = nat_eval_hook(&f->table, NAT_HOOK_POSTROUTING, &packet, NULL, NULL);
	if (!row->leaves_as)
		fail_msg("%s: was let through", row->what);
	if (row->leaves_as[0] && (!r.snat || r.snat_to.v != ip(row->leaves_as).v))
		fail_msg("%s: has another address or none", row->what);
	if (!row->leaves_as[0] && r.snat)
		fail_msg("%s: was translated", row->what);
}
