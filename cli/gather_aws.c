// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The questions to AWS, in an order in which each has what it needs. Changing calls are dry runs; the one that
 * knows none is asked for what is there already.
 */
#include "cli/gather.h"

#include "awsapi/imds_identity.h"
#include "awsapi/requests.h"
#include "awsapi/session.h"
#include "awsapi/xml.h"
#include "base/cleanup.h"
#include "cli/facts.h"
#include "cli/groups.h"
#include "cli/resolve.h"
#include "conf/gateway.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct asker {
	struct aws_session *session;
	struct facts *facts;
};

/* What the first answer tells about all of them. */
static void note(struct facts *facts, const struct aws_failure *failure)
{
	if (!facts->ec2_answered)
		facts->first_failure = *failure;
	if (failure->status == 0)
		return;
	facts->ec2_answered = true;
	if (facts->aws_sec < 0 && failure->date_sec >= 0) {
		facts->now_sec = time(NULL);
		facts->aws_sec = failure->date_sec;
	}
}

static int ask(const struct asker *asker, int rc, struct aws_request *request, void *value,
	       struct aws_failure *failure)
{
	rc = aws_session_call(asker->session, rc, request, value, failure);
	note(asker->facts, failure);
	return rc;
}

/* Dry, where the action knows it. A denial that is there already stays. */
static void try_permission(const struct asker *asker, enum permission permission, int rc,
			   struct aws_request *request)
{
	struct permission_fact *const fact = &asker->facts->permissions[permission];
	const struct aws_action *const action = request->action;
	CLEANUP(cleanup_free) void *value = calloc(1, action->answer->size);

	if (rc == 0 && (!value || aws_failure_is_denied(&fact->failure))) {
		aws_request_done(request);
		return;
	}
	if (rc == 0 && action->flags & AWS_ACTION_DRY_RUN)
		rc = aws_request_set_dry_run(request);
	fact->state = FACT_KNOWN;
	if (ask(asker, rc, request, value, &fact->failure) == 0)
		aws_action_done(action, value);
}

static void cant_try(struct facts *facts, enum permission permission, const char *why)
{
	facts->permissions[permission].state = FACT_FAILED;
	snprintf(facts->permissions[permission].why, sizeof(facts->permissions[permission].why),
		 "%s", why);
}

static void gather_interface(const struct asker *asker)
{
	struct facts *const facts = asker->facts;
	const struct imds_interface *const mine =
		facts->identity ? imds_identity_primary(facts->identity) : NULL;
	const struct ec2_interfaces_query query = { .network_interface_id = mine ? mine->id : "" };
	struct aws_interfaces interfaces;
	struct aws_request request;

	if (!mine)
		return;
	const int rc = ec2_describe_interfaces(&query, &request);
	facts->interface_state = FACT_FAILED;
	if (ask(asker, rc, &request, &interfaces, &facts->interface_failure) == 0 &&
	    interfaces.n == 1) {
		facts->interface = interfaces.v[0];
		interfaces.v[0] = (struct aws_interface){ .status = "" };
		facts->interface_state = FACT_KNOWN;
	}
	aws_interfaces_done(&interfaces);
}

static int ask_for_egress(const struct gateway_egress *egress, struct aws_request *request)
{
	struct ec2_addresses_query query = { .allocation_id = egress->allocation_id };
	char tag[GATEWAY_TEXT_MAX];

	memcpy(tag, egress->tag, sizeof(tag));
	char *const equals = strchr(tag, '=');
	if (egress->allocation_id[0])
		return ec2_describe_addresses(&query, request);
	if (egress->public.v || !equals) {
		query.public_ip = egress->public;
		return ec2_describe_addresses(&query, request);
	}
	*equals = '\0';
	query.tag_key = tag;
	query.tag_value = equals + 1;
	return ec2_describe_addresses(&query, request);
}

/* Who has a private address that the configuration names and that isn't mine. */
static void gather_place(const struct asker *asker, struct ip4 address)
{
	const struct ec2_interfaces_query query = { .address = address };
	struct facts *const facts = asker->facts;
	struct aws_interfaces part;
	struct aws_request request;
	struct aws_failure failure;
	const int rc = ec2_describe_interfaces(&query, &request);

	if (ask(asker, rc, &request, &part, &failure) != 0)
		return;
	for (size_t i = 0; i < part.n; i++) {
		struct aws_interface *const grown = reallocarray(
			facts->places.v, facts->places.n + 1, sizeof(*facts->places.v));

		if (!grown)
			break;
		facts->places.v = grown;
		grown[facts->places.n++] = part.v[i];
		part.v[i] = (struct aws_interface){ .status = "" };
	}
	aws_interfaces_done(&part);
}

static void gather_egress(const struct asker *asker)
{
	struct facts *const facts = asker->facts;
	const struct gateway_egress *const egress = facts->gateway->egress_ips.v;

	facts->egress = calloc(facts->gateway->egress_ips.n + 1, sizeof(*facts->egress));
	for (size_t i = 0; facts->egress && i < facts->gateway->egress_ips.n; i++) {
		struct egress_fact *const fact = &facts->egress[i];
		struct aws_request request;
		const int rc = ask_for_egress(&egress[i], &request);

		facts->n_egress++;
		fact->state = ask(asker, rc, &request, &fact->found, &fact->failure) == 0 ?
				      FACT_KNOWN :
				      FACT_FAILED;
		if (egress[i].private.v)
			gather_place(asker, egress[i].private);
	}
}

static void gather_groups(const struct asker *asker)
{
	struct facts *const facts = asker->facts;
	const struct ec2_interfaces_query query = { .vpc_id = facts->interface.vpc_id };
	struct aws_request request;
	struct aws_failure failure;

	if (facts->interface_state != FACT_KNOWN || facts->interface.groups.n == 0)
		return;
	int rc = ec2_describe_groups(&facts->interface.groups, &request);
	facts->groups_state =
		ask(asker, rc, &request, &facts->groups, &facts->groups_failure) == 0 ? FACT_KNOWN :
											FACT_FAILED;
	if (facts->groups_state != FACT_KNOWN || !groups_refer(&facts->groups))
		return;
	rc = ec2_describe_interfaces(&query, &request);
	facts->nodes_state = ask(asker, rc, &request, &facts->nodes, &failure) == 0 ? FACT_KNOWN :
										      FACT_FAILED;
}

static void try_associate(const struct asker *asker)
{
	struct facts *const facts = asker->facts;
	bool is_tried = false;

	for (size_t i = 0; i < facts->n_egress; i++) {
		if (facts->egress[i].found.n != 1)
			continue;
		const struct ec2_association association = {
			.allocation_id = facts->egress[i].found.v[0].allocation_id,
			.network_interface_id = facts->interface.id,
			.allow_reassociation = true,
		};
		struct aws_request request;
		const int rc = ec2_associate_address(&association, &request);

		try_permission(asker, PERMISSION_ASSOCIATE, rc, &request);
		is_tried = true;
	}
	if (!is_tried)
		cant_try(facts, PERMISSION_ASSOCIATE,
			 "none of the configured Elastic IPs was found");
}

/*
 * AssignPrivateIpAddresses knows no dry run. Its own primary address is on the interface already, can't move
 * and isn't taken from anybody: whatever EC2 checks first, there is nothing to do.
 */
static void try_assign(const struct asker *asker)
{
	struct aws_request request;
	const int rc = ec2_assign_private_address(asker->facts->interface.id,
						  asker->facts->interface.primary, false, &request);

	try_permission(asker, PERMISSION_ASSIGN, rc, &request);
}

static void try_reads(const struct asker *asker)
{
	const struct ec2_addresses_query addresses = { 0 };
	const struct ec2_interfaces_query interfaces = { 0 };
	struct aws_request request;
	int rc = ec2_describe_addresses(&addresses, &request);

	try_permission(asker, PERMISSION_DESCRIBE_ADDRESSES, rc, &request);
	rc = ec2_describe_interfaces(&interfaces, &request);
	try_permission(asker, PERMISSION_DESCRIBE_INTERFACES, rc, &request);
}

/* The configured ones; in route-table mode without any, the permission isn't used either. */
static void gather_tables(const struct asker *asker)
{
	struct facts *const facts = asker->facts;
	const struct config_names *const names = &facts->gateway->native.route_tables;
	struct permission_fact *const fact = &facts->permissions[PERMISSION_DESCRIBE_ROUTE_TABLES];
	const char *ids[NATIVE_TABLES_MAX];
	struct aws_request request;

	if (names->n == 0) {
		cant_try(facts, PERMISSION_DESCRIBE_ROUTE_TABLES, "no route table is configured");
		return;
	}
	for (size_t i = 0; i < names->n; i++)
		ids[i] = names->v[i];
	const int rc = ec2_list_route_tables(ids, names->n, &request);
	fact->state = FACT_KNOWN;
	facts->tables_state = ask(asker, rc, &request, &facts->tables, &fact->failure) == 0 ?
				      FACT_KNOWN :
				      FACT_FAILED;
}

static void try_routes(const struct asker *asker)
{
	struct facts *const facts = asker->facts;
	const struct config_names *const names = &facts->gateway->native.route_tables;
	struct ip4_prefix destination;
	struct aws_request request;
	int rc = ec2_set_source_dest_check(facts->interface.id, false, &request);

	try_permission(asker, PERMISSION_MODIFY_INTERFACE, rc, &request);
	if (names->n == 0)
		cant_try(facts, PERMISSION_REPLACE_ROUTE, "no route table is configured");
	if (ip4_prefix_parse(facts->gateway->native.destination_cidr, &destination, NULL))
		return; /* it was accepted before */
	for (size_t i = 0; i < names->n; i++) {
		rc = ec2_replace_route(names->v[i], destination, facts->interface.id, &request);
		try_permission(asker, PERMISSION_REPLACE_ROUTE, rc, &request);
	}
}

static void try_writes(const struct asker *asker)
{
	static const char unknown[] = "which network interface is ours isn't known";
	static const char lifecycle[] =
		"Auto Scaling has no dry run, and a real call could end or prolong a real wait; "
		"without an Auto Scaling group it isn't needed";
	struct facts *const facts = asker->facts;

	if (facts->interface_state == FACT_KNOWN) {
		try_associate(asker);
		try_assign(asker);
		if (facts->wants_routes)
			try_routes(asker);
	} else {
		cant_try(facts, PERMISSION_ASSOCIATE, unknown);
		cant_try(facts, PERMISSION_ASSIGN, unknown);
		cant_try(facts, PERMISSION_MODIFY_INTERFACE, unknown);
		cant_try(facts, PERMISSION_REPLACE_ROUTE, unknown);
	}
	cant_try(facts, PERMISSION_COMPLETE_LIFECYCLE, lifecycle);
	cant_try(facts, PERMISSION_RECORD_HEARTBEAT, lifecycle);
}

static void gather_endpoint(const struct asker *asker)
{
	struct facts *const facts = asker->facts;
	const struct aws_endpoint *const endpoint = aws_session_endpoint(asker->session);
	const struct imds_interface *const primary =
		facts->identity ? imds_identity_primary(facts->identity) : NULL;

	if (!endpoint)
		return;
	snprintf(facts->url, sizeof(facts->url), "%s", endpoint->url);
	facts->resolved = resolve_url(facts->url, primary ? &primary->vpc_cidrs : NULL, facts->host,
				      facts->host_address, &facts->endpoint_is_private) == 0 ?
				  FACT_KNOWN :
				  FACT_FAILED;
}

void gather_aws(struct aws_session *session, struct facts *facts)
{
	const struct asker asker = { session, facts };

	facts->aws_sec = -1;
	facts->now_sec = time(NULL);
	(void)aws_session_identify(session, &facts->imds_error);
	facts->identity = aws_session_identity(session);
	facts->is_logged_in = aws_session_login(session, &facts->login_error) == 0;
	facts->has_credentials = aws_session_credentials(session, &facts->credentials);
	gather_endpoint(&asker);
	if (!facts->is_logged_in)
		return;
	try_reads(&asker);
	if (!facts->ec2_answered)
		return;
	gather_interface(&asker);
	if (facts->gateway)
		gather_egress(&asker);
	gather_groups(&asker);
	if (facts->gateway && facts->wants_routes)
		gather_tables(&asker);
	if (facts->gateway && facts->wants_ec2)
		try_writes(&asker);
}

void gather_done(struct facts *facts)
{
	struct aws_interfaces mine = { .v = NULL };

	for (size_t i = 0; i < facts->n_egress; i++)
		aws_addresses_done(&facts->egress[i].found);
	free(facts->egress);
	facts->egress = NULL;
	facts->n_egress = 0;
	aws_interfaces_done(&facts->places);
	aws_interfaces_done(&facts->nodes);
	aws_groups_done(&facts->groups);
	aws_route_tables_done(&facts->tables);
	/* The one interface as the list that it came in. */
	mine.v = calloc(1, sizeof(*mine.v));
	if (!mine.v)
		return;
	mine.v[0] = facts->interface;
	mine.n = 1;
	aws_interfaces_done(&mine);
	facts->interface = (struct aws_interface){ .status = "" };
}
