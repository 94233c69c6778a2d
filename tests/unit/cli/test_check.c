// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What each row of `eipgw check` says about which facts. */
#include "cli/check.h"

#include "awsapi/imds_identity.h"
#include "base/cleanup.h"
#include "cli/facts.h"
#include "conf/gateway.h"
#include "control/reply.h"
#include "daemon/sysctls.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct gateway_config config = {
	.tunnel = { .device = "egw0", .port = 4789, .vni = 77 },
};
static struct ip4 primary_address = { 0x0a000001 };
static struct ip4 public_address = { 0x34010203 };
static struct imds_interface metadata_interface = { .mac = "m",
						    .id = "eni-1",
						    .private_ips = { &primary_address, 1 } };
static struct imds_identity identity = { .instance_id = "i-1",
					 .instance_type = "t",
					 .zone = "z",
					 .mac = "m",
					 .interfaces = &metadata_interface,
					 .n_interfaces = 1 };
static struct aws_private_address primary = { .address = { 0x0a000001 }, .primary = true };

/* Of a gateway where all is well. Static: it's too large for a stack. */
static struct facts *fresh(void)
{
	static struct facts facts;

	primary = (struct aws_private_address){ .address = { 0x0a000001 }, .primary = true };
	metadata_interface.public_ips = (struct imds_addresses){ NULL, 0 };
	facts = (struct facts){
		.config_path = "g.json",
		.gateway = &config,
		.tunnel = &config.tunnel,
		.uplink_name = "ens5",
		.internet_mtu = 1500,
		.is_root = true,
		.has_uplink = true,
		.uplink = { .name = "ens5", .mtu = 9001, .up = true },
		.wants_ec2 = true,
		.identity = &identity,
		.is_logged_in = true,
		.credentials = { .kind = CREDENTIALS_IMDS,
				 .access_key = "AKID",
				 .expires_sec = 10000 },
		.now_sec = 5000,
		.aws_sec = 5000,
		.url = "https://ec2",
		.resolved = FACT_KNOWN,
		.host = "ec2",
		.host_address = "52.0.0.1",
		.ec2_answered = true,
		.interface_state = FACT_KNOWN,
		.interface = { .id = "eni-1",
			       .source_dest_check = true,
			       .addresses = { &primary, 1 } },
	};
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		facts.features[i].state = FACT_KNOWN;
	for (size_t i = 0; i < gateway_sysctls.n; i++)
		snprintf(facts.sysctls[i].value, sizeof(facts.sysctls[i].value), "%s",
			 gateway_sysctls.rows[i].value);
	return &facts;
}

/* The one result of a row. */
static void assert_row(const struct facts *facts, const char *name, enum outcome outcome,
		       const char *what)
{
	CLEANUP(check_results_done) struct check_results results = { 0 };

	check_judge_row(name, facts, &results);
	assert_int_equal(results.n, 1);
	if (results.v[0].outcome != outcome || !strstr(results.v[0].what, what))
		print_message("%s %s: %s\n", outcome_names[results.v[0].outcome], name,
			      results.v[0].what);
	assert_int_equal(results.v[0].outcome, outcome);
	assert_non_null(strstr(results.v[0].what, what));
	/* Whatever isn't well says what to do, unless it's somebody else's row that does. */
	if (outcome == OUTCOME_FAIL || outcome == OUTCOME_WARN)
		assert_true(results.v[0].fix[0] != '\0');
}

static void the_uplink_must_be_up_and_have_room_for_the_tunnel(void **state)
{
	(void)state;
	assert_row(fresh(), "uplink", OUTCOME_OK, "MTU of 9001");
	struct facts *facts = fresh();
	facts->has_uplink = false;
	assert_row(facts, "uplink", OUTCOME_FAIL, "no device ens5");
	facts = fresh();
	facts->uplink.up = false;
	assert_row(facts, "uplink", OUTCOME_FAIL, "is down");
	facts = fresh();
	facts->uplink.mtu = 1500;
	assert_row(facts, "uplink", OUTCOME_FAIL, "packets of 1500 bytes");
	facts->uplink.mtu = 1549;
	assert_row(facts, "uplink", OUTCOME_FAIL, "1549");
	facts->uplink.mtu = 1550;
	assert_row(facts, "uplink", OUTCOME_WARN, "up to 1500 bytes");
	facts->uplink.mtu = 9001;
	config.tunnel.mtu = 8960;
	assert_row(facts, "uplink", OUTCOME_FAIL, "packets of 8960");
	config.tunnel.mtu = 0;
	/* A node's tunnel takes what its uplink leaves. */
	facts = fresh();
	facts->internet_mtu = 0;
	facts->uplink.mtu = 1500;
	assert_row(facts, "uplink", OUTCOME_WARN, "up to 1450 bytes");
}

static void the_tunnels_port_must_be_free_or_ours(void **state)
{
	struct facts *facts = fresh();
	(void)state;

	assert_row(facts, "tunnel port", OUTCOME_OK, "is free");
	facts->port_error = EADDRINUSE;
	assert_row(facts, "tunnel port", OUTCOME_FAIL, "is taken: Address already in use");
	snprintf(facts->port_user, sizeof(facts->port_user), "vxlan.calico");
	assert_row(facts, "tunnel port", OUTCOME_FAIL, "by the VXLAN device vxlan.calico");
	facts = fresh();
	facts->has_tunnel = true;
	facts->port_error = EADDRINUSE;
	facts->tunnel_link = (struct rt_link){ .vxlan_external = true, .vxlan_port = 4789 };
	assert_row(facts, "tunnel port", OUTCOME_OK, "is egw0's");
	facts->tunnel_link.vxlan_external = false;
	assert_row(facts, "tunnel port", OUTCOME_FAIL, "isn't eipgw's");
}

static void a_missing_feature_is_named_and_without_root_nothing_is_known(void **state)
{
	struct facts *facts = fresh();
	(void)state;

	assert_row(facts, "kernel", OUTCOME_OK, "were tried");
	facts->features[FEATURE_VXLAN] = (struct feature_fact){ FACT_FAILED, "no such kind" };
	facts->features[FEATURE_LWTUNNEL].state = FACT_UNASKED;
	assert_row(facts, "kernel", OUTCOME_FAIL,
		   "no VXLAN devices in external mode: no such kind");
	facts->is_root = false;
	assert_row(facts, "kernel", OUTCOME_UNTRIED, "needs root");
	facts = fresh();
	memset(facts->features, 0, sizeof(facts->features));
	snprintf(facts->features[0].error, sizeof(facts->features[0].error), "not permitted");
	assert_row(facts, "kernel", OUTCOME_UNTRIED, "not permitted");
}

static void parameters_that_differ_are_warned_of(void **state)
{
	struct facts *facts = fresh();
	(void)state;

	assert_row(facts, "kernel parameters", OUTCOME_OK, "all are as eipgwd wants them");
	facts->sysctls[0].value[0] = '0';
	assert_row(facts, "kernel parameters", OUTCOME_WARN,
		   "net/ipv4/ip_forward is 0 and should be 1: nothing is forwarded");
	facts->sysctls[0].value[0] = '\0';
	assert_row(facts, "kernel parameters", OUTCOME_WARN, "is not readable");
	facts->sysctls[0].is_absent = true;
	assert_row(facts, "kernel parameters", OUTCOME_OK, "all are");
}

static void credentials_are_told_with_their_source_and_end(void **state)
{
	struct facts *facts = fresh();
	(void)state;

	assert_row(facts, "credentials", OUTCOME_OK, "good for 83 minutes");
	facts->credentials.expires_sec = 5100;
	assert_row(facts, "credentials", OUTCOME_WARN, "is about to end");
	facts->credentials.expires_sec = 4900;
	assert_row(facts, "credentials", OUTCOME_WARN, "has ended");
	facts->credentials.kind = CREDENTIALS_ENVIRONMENT;
	assert_row(facts, "credentials", OUTCOME_WARN, "environment of this shell");
	facts->wants_ec2 = false;
	facts->credentials.expires_sec = 0;
	assert_row(facts, "credentials", OUTCOME_OK, "without an end");
	facts->is_logged_in = false;
	assert_row(facts, "credentials", OUTCOME_UNTRIED, "eipgwd doesn't need it");
	facts->wants_ec2 = true;
	assert_row(facts, "credentials", OUTCOME_FAIL, "");
}

static void the_clock_may_be_off_a_minute(void **state)
{
	static const struct {
		int64_t ahead;
		enum outcome outcome;
		const char *what;
	} table[] = {
		{ 0, OUTCOME_OK, "agrees" },
		{ 59, OUTCOME_OK, "agrees" },
		{ -59, OUTCOME_OK, "agrees" },
		{ 60, OUTCOME_WARN, "60 s ahead of AWS's" },
		{ -60, OUTCOME_WARN, "60 s behind AWS's" },
		{ 299, OUTCOME_WARN, "299 s" },
		{ 300, OUTCOME_FAIL, "300 s ahead of" },
		{ -300, OUTCOME_FAIL, "300 s behind" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct facts *facts = fresh();

		facts->aws_sec = facts->now_sec - table[i].ahead;
		assert_row(facts, "clock", table[i].outcome, table[i].what);
	}
	struct facts *facts = fresh();
	facts->aws_sec = -1;
	assert_row(facts, "clock", OUTCOME_UNTRIED, "no date");
	facts->ec2_answered = false;
	assert_row(facts, "clock", OUTCOME_UNTRIED, "needs an answer");
}

static void give_primary(const char *allocation_id, uint32_t public)
{
	primary.public_ip.v = public;
	snprintf(primary.allocation_id, sizeof(primary.allocation_id), "%s", allocation_id);
}

static void the_path_to_ec2_must_not_need_the_elastic_ip(void **state)
{
	static struct aws_address ours = { .public_ip = { 0xc6336401 } };
	static struct egress_fact egress = { .found = { &ours, 1 } };
	struct facts *facts = fresh();
	(void)state;

	assert_row(facts, "path to EC2", OUTCOME_OK, "there is another way out");
	give_primary("", 0x34010203);
	assert_row(facts, "path to EC2", OUTCOME_OK,
		   "52.1.2.3 of its own, which is no egress IP "
		   "(assigned by the subnet)");
	give_primary("eipalloc-9", 0x34010203);
	assert_row(facts, "path to EC2", OUTCOME_OK, "52.1.2.3 of its own, which is no egress IP");
	facts->egress = &egress;
	facts->n_egress = 1;
	assert_row(facts, "path to EC2", OUTCOME_OK, "52.1.2.3");
	give_primary("eipalloc-1", 0xc6336401);
	assert_row(facts, "path to EC2", OUTCOME_FAIL, "an egress IP of the configuration");
	facts->endpoint_is_private = true;
	assert_row(facts, "path to EC2", OUTCOME_OK, "an endpoint inside");
}

static void where_ec2_does_not_answer_the_metadata_tell_why(void **state)
{
	struct facts *facts = fresh();
	(void)state;

	facts->ec2_answered = false;
	assert_row(facts, "path to EC2", OUTCOME_FAIL, "this instance has none");
	metadata_interface.public_ips = (struct imds_addresses){ &public_address, 1 };
	assert_row(facts, "path to EC2", OUTCOME_FAIL, "and yet ec2 (52.0.0.1) doesn't answer");
	facts->wants_ec2 = false;
	assert_row(facts, "path to EC2", OUTCOME_UNTRIED, "and yet");
	facts->identity = NULL;
	assert_row(facts, "path to EC2", OUTCOME_UNTRIED, "nothing tells");
	facts->resolved = FACT_FAILED;
	facts->wants_ec2 = true;
	assert_row(facts, "path to EC2", OUTCOME_FAIL, "has no address");
	facts->resolved = FACT_UNASKED;
	assert_row(facts, "path to EC2", OUTCOME_UNTRIED, "needs the region");
}

static void the_source_check_matters_for_route_tables_only(void **state)
{
	struct facts *facts = fresh();
	(void)state;

	assert_row(facts, "source/dest check", OUTCOME_OK, "the tunnel needs neither");
	facts->wants_routes = true;
	assert_row(facts, "source/dest check", OUTCOME_WARN, "until eipgwd turns it off");
	facts->wants_ec2 = false;
	assert_row(facts, "source/dest check", OUTCOME_FAIL, "is on on eni-1");
	facts->interface.source_dest_check = false;
	assert_row(facts, "source/dest check", OUTCOME_OK, "is off");
	facts->interface_state = FACT_FAILED;
	assert_row(facts, "source/dest check", OUTCOME_UNTRIED, "EC2 doesn't tell");
}

static void a_route_table_is_told_by_where_it_leads(void **state)
{
	static const char none[] = "none is this gateway's to change";
	struct aws_route route = { .destination = "0.0.0.0/0", .nat_gateway_id = "nat-1" };
	struct aws_route_table table = { .id = "rtb-1", .routes = { &route, 1 } };
	char names[1][CONFIG_NAME_MAX] = { "rtb-1" };
	struct facts *facts = fresh();
	struct gateway_config native = *facts->gateway;
	(void)state;

	facts->gateway = &native;
	stpcpy(native.native.destination_cidr, "0.0.0.0/0");
	assert_row(facts, "route tables", OUTCOME_OK, none);
	native.native.route_tables = (struct config_names){ names, 1 };
	assert_row(facts, "route tables", OUTCOME_UNTRIED, "can't be read");
	facts->tables_state = FACT_KNOWN;
	assert_row(facts, "route tables", OUTCOME_FAIL, "there is no rtb-1");
	facts->tables = (struct aws_route_tables){ &table, 1, "" };
	assert_row(facts, "route tables", OUTCOME_OK, "leads 0.0.0.0/0 to nat-1 now");
	stpcpy(route.network_interface_id, "eni-1");
	assert_row(facts, "route tables", OUTCOME_OK, "to eni-1, which is this gateway");
	stpcpy(route.destination, "10.9.0.0/16");
	assert_row(facts, "route tables", OUTCOME_FAIL, "rtb-1 has no route 0.0.0.0/0");
}

static struct permission_fact answer(enum http_class class, const char *code)
{
	struct permission_fact fact = { .state = FACT_KNOWN };

	fact.failure.class = class;
	snprintf(fact.failure.code, sizeof(fact.failure.code), "%s", code);
	return fact;
}

static const struct check_result *find(const struct check_results *results, const char *action)
{
	for (size_t i = 0; i < results->n; i++)
		if (strstr(results->v[i].what, action))
			return &results->v[i];
	fail_msg("nothing is said about %s", action);
	return NULL;
}

static void an_answer_that_is_no_denial_is_not_taken_for_one(void **state)
{
	static const struct {
		enum permission permission;
		enum http_class class;
		const char *code, *action;
		enum outcome outcome;
	} table[] = {
		{ PERMISSION_ASSOCIATE, HTTP_CLASS_OK, "DryRunOperation", "ec2:AssociateAddress",
		  OUTCOME_OK },
		{ PERMISSION_ASSOCIATE, HTTP_CLASS_PERMANENT, "UnauthorizedOperation",
		  "ec2:AssociateAddress", OUTCOME_FAIL },
		{ PERMISSION_ASSOCIATE, HTTP_CLASS_PERMANENT, "AccessDeniedException",
		  "ec2:AssociateAddress", OUTCOME_FAIL },
		{ PERMISSION_ASSOCIATE, HTTP_CLASS_RETRY, "", "ec2:AssociateAddress",
		  OUTCOME_UNTRIED },
		{ PERMISSION_ASSOCIATE, HTTP_CLASS_PERMANENT, "InvalidParameterValue",
		  "ec2:AssociateAddress: no clear answer", OUTCOME_UNTRIED },
		{ PERMISSION_ASSIGN, HTTP_CLASS_OK, "", "ec2:AssignPrivateIpAddresses",
		  OUTCOME_OK },
		{ PERMISSION_ASSIGN, HTTP_CLASS_PERMANENT, "InvalidParameterValue",
		  "there already, EC2 refused the address (InvalidParameterValue)",
		  OUTCOME_UNTRIED },
		{ PERMISSION_ASSIGN, HTTP_CLASS_PERMANENT, "UnauthorizedOperation",
		  "ec2:AssignPrivateIpAddresses", OUTCOME_FAIL },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(check_results_done) struct check_results results = { 0 };
		struct facts *facts = fresh();

		facts->permissions[table[i].permission] = answer(table[i].class, table[i].code);
		check_judge_row("permission", facts, &results);
		const struct check_result *const result = find(&results, table[i].action);
		assert_int_equal(result->outcome, table[i].outcome);
		assert_int_equal(result->statement[0] != '\0', table[i].outcome == OUTCOME_FAIL);
	}
}

static void permissions_are_those_of_the_mode(void **state)
{
	CLEANUP(check_results_done) struct check_results tunnel = { 0 };
	CLEANUP(check_results_done) struct check_results routes = { 0 };
	struct facts *facts = fresh();
	(void)state;

	check_judge_row("permission", facts, &tunnel);
	facts->wants_routes = true;
	check_judge_row("permission", facts, &routes);
	assert_int_equal(tunnel.n, 6);
	assert_int_equal(routes.n, 9);
	find(&routes, "ec2:ReplaceRoute");
	facts->wants_ec2 = false;
	assert_row(facts, "permission", OUTCOME_OK, "none is needed");
}

static void a_node_is_not_asked_what_gateways_are(void **state)
{
	CLEANUP(check_results_done) struct check_results results = { 0 };
	struct facts *facts = fresh();
	(void)state;

	facts->is_node = true;
	check_judge(facts, &results);
	for (size_t i = 0; i < results.n; i++)
		assert_null(strstr(results.v[i].what, "EC2"));
	assert_int_equal(results.n,
			 6); /* configuration, daemon, uplink, kernel, a parameter, port */
}

static void what_the_daemon_is_blocked_by_is_told(void **state)
{
	static const char answer[] =
		"{\"v\":1,\"ok\":true,\"result\":{\"program\":\"eipgwd\",\"state\":\"ready\","
		"\"egress_ips\":[{\"name\":\"bank\",\"state\":\"%s\",\"reason\":\"no room\"}]}}";
	static const struct {
		const char *state;
		enum outcome outcome;
		const char *what;
	} table[] = {
		{ "held", OUTCOME_OK, "eipgwd answers: ready" },
		{ "blocked", OUTCOME_FAIL, "egress IP bank is blocked: no room" },
		{ "lost", OUTCOME_FAIL, "egress IP bank is lost" },
	};
	(void)state;

	assert_row(fresh(), "daemon", OUTCOME_UNTRIED, "none answers");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct facts *facts = fresh();
		struct control_reply *reply;
		char text[512];

		const int n = snprintf(text, sizeof(text), answer, table[i].state);
		assert_int_equal(control_reply_parse(text, (size_t)n, &reply, NULL), 0);
		facts->status = control_reply_result(reply);
		assert_row(facts, "daemon", table[i].outcome, table[i].what);
		control_reply_free(reply);
	}
}

static void without_a_configuration_what_needs_none_is_judged_all_the_same(void **state)
{
	CLEANUP(check_results_done) struct check_results results = { 0 };
	struct facts *facts = fresh();
	(void)state;

	facts->tunnel = NULL;
	facts->gateway = NULL;
	snprintf(facts->config_error.text, sizeof(facts->config_error.text), "line 1");
	assert_row(facts, "configuration", OUTCOME_FAIL, "g.json: line 1");
	assert_row(facts, "uplink", OUTCOME_UNTRIED, "needs a configuration");
	assert_row(facts, "metadata", OUTCOME_OK, "i-1 (t) at 10.0.0.1 on eni-1");
	facts->kube.is_wanted = true; /* or its rows are left out */
	check_judge(facts, &results);
	assert_int_equal(results.n, check_rows_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_uplink_must_be_up_and_have_room_for_the_tunnel),
		cmocka_unit_test(the_tunnels_port_must_be_free_or_ours),
		cmocka_unit_test(a_missing_feature_is_named_and_without_root_nothing_is_known),
		cmocka_unit_test(parameters_that_differ_are_warned_of),
		cmocka_unit_test(credentials_are_told_with_their_source_and_end),
		cmocka_unit_test(the_clock_may_be_off_a_minute),
		cmocka_unit_test(the_path_to_ec2_must_not_need_the_elastic_ip),
		cmocka_unit_test(where_ec2_does_not_answer_the_metadata_tell_why),
		cmocka_unit_test(the_source_check_matters_for_route_tables_only),
		cmocka_unit_test(a_route_table_is_told_by_where_it_leads),
		cmocka_unit_test(an_answer_that_is_no_denial_is_not_taken_for_one),
		cmocka_unit_test(permissions_are_those_of_the_mode),
		cmocka_unit_test(a_node_is_not_asked_what_gateways_are),
		cmocka_unit_test(what_the_daemon_is_blocked_by_is_told),
		cmocka_unit_test(without_a_configuration_what_needs_none_is_judged_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
