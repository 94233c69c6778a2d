// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Route-table mode: where the configured route of each route table leads. */
#include "cli/check.h"

#include <string.h>

#include "cli/facts.h"
#include "conf/gateway.h"

static const struct aws_route_table *find_table(const struct facts *facts, const char *id)
{
	for (size_t i = 0; i < facts->tables.n; i++)
		if (strcmp(facts->tables.v[i].id, id) == 0)
			return &facts->tables.v[i];
	return NULL;
}

static const struct aws_route *find_route(const struct aws_route_table *table,
					  const char *destination)
{
	for (size_t i = 0; table && i < table->routes.n; i++)
		if (strcmp(table->routes.v[i].destination, destination) == 0)
			return &table->routes.v[i];
	return NULL;
}

static const char *find_target(const struct aws_route *route)
{
	const char *const targets[] = { route->network_interface_id, route->nat_gateway_id,
					route->gateway_id, route->instance_id };

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (targets[i][0])
			return targets[i];
	return "something else";
}

static void judge_table(const struct facts *facts, const char *id, struct check_results *results)
{
	const char *const destination = facts->gateway->native.destination_cidr;
	const struct aws_route_table *const table = find_table(facts, id);
	const struct aws_route *const route = find_route(table, destination);
	struct check_result *result;

	if (!table) {
		result = check_say(results, OUTCOME_FAIL,
				   "there is no %s in this region and account", id);
		check_fix(result, "name another one in native.route_tables");
	} else if (!route) {
		result = check_say(results, OUTCOME_FAIL,
				   "%s has no route %s, and the gateway only replaces one", id,
				   destination);
		check_fix(result,
			  "aws ec2 create-route --route-table-id %s --destination-cidr-block %s "
			  "--network-interface-id %s",
			  id, destination, facts->interface.id);
	} else if (strcmp(route->network_interface_id, facts->interface.id) == 0) {
		check_say(results, OUTCOME_OK, "%s leads %s to %s, which is this gateway", id,
			  destination, facts->interface.id);
	} else {
		check_say(results, OUTCOME_OK,
			  "%s leads %s to %s now%s; the gateway takes it when it starts", id,
			  destination, find_target(route),
			  strcmp(route->state, "blackhole") == 0 ? ", which is gone" : "");
	}
}

void judge_routes(const struct facts *facts, struct check_results *results)
{
	const struct config_names *const tables = &facts->gateway->native.route_tables;

	if (tables->n == 0) {
		check_say(results, OUTCOME_OK, "none is this gateway's to change");
		return;
	}
	if (facts->tables_state != FACT_KNOWN) {
		check_say(results, OUTCOME_UNTRIED, "can't be read: %s",
			  facts->permissions[PERMISSION_DESCRIBE_ROUTE_TABLES].failure.text);
		return;
	}
	for (size_t i = 0; i < tables->n; i++)
		judge_table(facts, tables->v[i], results);
}
