// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/way.h"

#include "awsapi/imds_identity.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"
#include "cli/account.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

static void fail(struct way *way, const struct aws_failure *failure)
{
	if (!way->failure[0])
		snprintf(way->failure, sizeof(way->failure), "%.390s", failure->text);
}

/* The VPC that we are in, or "". */
static const char *find_vpc(const struct account *account)
{
	const struct imds_identity *const identity = aws_session_identity(account->session);
	const struct imds_interface *const primary = identity ? imds_identity_primary(identity) :
								NULL;

	return primary ? primary->vpc_id : "";
}

static int ask_interfaces(const struct account *account, const struct ec2_interfaces_query *query,
			  struct aws_interfaces *ret, struct way *way)
{
	struct aws_request request;
	struct aws_failure failure;
	const int rc = ec2_describe_interfaces(query, &request);

	if (aws_session_call(account->session, rc, &request, ret, &failure) == 0)
		return 0;
	fail(way, &failure);
	return -1;
}

static bool has_prefix(const struct aws_interface *e, struct ip4 address)
{
	for (size_t i = 0; i < e->prefixes.n; i++)
		if (ip4_prefix_contains(e->prefixes.v[i], address))
			return true;
	return false;
}

/* No filter finds the addresses of delegated prefixes: all interfaces are looked through. */
static void look_for_prefix(const struct account *account, struct way *way)
{
	const struct ec2_interfaces_query query = { .vpc_id = find_vpc(account) };
	CLEANUP(aws_interfaces_done) struct aws_interfaces all = { .v = NULL };

	if (ask_interfaces(account, &query, &all, way) != 0)
		return;
	for (size_t i = 0; i < all.n && !way->by_prefix; i++) {
		if (!has_prefix(&all.v[i], way->source))
			continue;
		way->interfaces.v = calloc(1, sizeof(*way->interfaces.v));
		if (!way->interfaces.v)
			return;
		way->interfaces.v[0] = all.v[i];
		way->interfaces.n = 1;
		way->by_prefix = true;
		all.v[i] = (struct aws_interface){ .status = "" };
	}
}

static void look_for_source(const struct account *account, struct way *way)
{
	const struct ec2_interfaces_query query = { .address = way->source,
						    .vpc_id = find_vpc(account) };

	if (ask_interfaces(account, &query, &way->interfaces, way) == 0 && way->interfaces.n == 0)
		look_for_prefix(account, way);
}

/* What the configuration's policies say, when no daemon did. */
static void ask_policies(const struct account *account, struct ip4 destination, struct way *way)
{
	CLEANUP(policy_result_done) struct policy_result policies = { 0 };
	const struct gateway_egress *const egress = account->config.egress_ips.v;
	const struct policy_rule *rule = NULL;

	if (account->has_config && gateway_config_compile(&account->config, &policies, NULL) == 0)
		rule = policy_rule_of(&policies, way->source, destination);
	if (rule)
		snprintf(way->egress_name, sizeof(way->egress_name), "%s",
			 egress[rule->egress].name);
}

static void find_egress(const struct account *account, struct way *way)
{
	const struct gateway_egress *const egress = account->config.egress_ips.v;

	for (size_t i = 0; account->has_config && i < account->config.egress_ips.n; i++)
		if (strcmp(egress[i].name, way->egress_name) == 0)
			way->egress = &egress[i];
	if (way->egress)
		way->gateway_address = account->config.gateway.address;
}

/* Keeps those of all that the configuration means. */
static void look_for_address(const struct account *account, struct way *way)
{
	struct aws_failure failure;
	size_t kept = 0;

	if (account_addresses(account, &way->addresses, &failure) != 0) {
		fail(way, &failure);
		return;
	}
	way->has_asked_address = true;
	for (size_t i = 0; i < way->addresses.n; i++) {
		struct aws_address *const address = &way->addresses.v[i];
		struct aws_address *const to = &way->addresses.v[kept];
		const struct aws_address swapped = *to;

		if (!account_names(way->egress, address))
			continue;
		*to = *address;
		*address = swapped;
		kept++;
	}
	for (size_t i = kept; i < way->addresses.n; i++)
		free(way->addresses.v[i].tags.v);
	way->addresses.n = kept;
}

static void look_for_place(const struct account *account, struct way *way)
{
	const struct aws_address *const eip = way->addresses.n == 1 ? way->addresses.v : NULL;

	if (!eip || !eip->network_interface_id[0])
		return;
	const struct ec2_interfaces_query query = {
		.network_interface_id = eip->network_interface_id,
	};
	(void)ask_interfaces(account, &query, &way->places, way);
}

static void look_for_instances(const struct account *account, struct way *way)
{
	CLEANUP(account_ids_done) struct aws_ids ids = { 0 };
	struct aws_failure failure;

	if (way->interfaces.n > 0 &&
	    account_add_id(&ids, way->interfaces.v[0].attachment_instance_id) != 0)
		return;
	if (way->places.n > 0 && account_add_id(&ids, way->places.v[0].attachment_instance_id) != 0)
		return;
	if (account_instances(account, &ids, &way->instances, &failure) != 0)
		fail(way, &failure);
}

void way_look(struct account *account, struct ip4 source, struct ip4 destination,
	      const char *egress_name, struct way *ret)
{
	*ret = (struct way){ .source = source };
	look_for_source(account, ret);
	if (egress_name)
		snprintf(ret->egress_name, sizeof(ret->egress_name), "%s", egress_name);
	else
		ask_policies(account, destination, ret);
	find_egress(account, ret);
	if (ret->egress)
		look_for_address(account, ret);
	look_for_place(account, ret);
	look_for_instances(account, ret);
}
