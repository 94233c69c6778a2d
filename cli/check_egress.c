// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: the Elastic IPs that the configuration names, and the private addresses that shall carry them. */
#include "cli/check.h"

#include "awsapi/imds_identity.h"
#include "cli/facts.h"
#include "conf/gateway.h"

#include <stdio.h>
#include <string.h>

static void format_wanted(const struct gateway_egress *egress, char *ret, size_t size)
{
	char text[IP4_TEXT_MAX];

	if (egress->allocation_id[0])
		snprintf(ret, size, "%s: Elastic IP %s", egress->name, egress->allocation_id);
	else if (egress->public.v)
		snprintf(ret, size, "%s: Elastic IP %s", egress->name,
			 ip4_format(egress->public, text));
	else
		snprintf(ret, size, "%s: Elastic IP with the tag %s", egress->name, egress->tag);
}

static const struct aws_private_address *find_mine(const struct facts *facts, struct ip4 address)
{
	const struct aws_private_addresses *const mine = &facts->interface.addresses;

	for (size_t i = 0; i < mine->n; i++)
		if (mine->v[i].address.v == address.v)
			return &mine->v[i];
	return NULL;
}

static const struct aws_interface *find_other(const struct facts *facts, struct ip4 address)
{
	for (size_t i = 0; i < facts->places.n; i++) {
		const struct aws_interface *const e = &facts->places.v[i];

		if (strcmp(e->id, facts->interface.id) == 0 ||
		    strcmp(e->vpc_id, facts->interface.vpc_id) != 0)
			continue;
		for (size_t k = 0; k < e->addresses.n; k++)
			if (e->addresses.v[k].address.v == address.v)
				return e;
	}
	return NULL;
}

/* False: nothing of the subnet is known, or it's inside. */
static bool is_outside(const struct facts *facts, struct ip4 address)
{
	const struct imds_interface *const primary =
		facts->identity ? imds_identity_primary(facts->identity) : NULL;

	return primary && primary->subnet_cidr.len > 0 &&
	       !ip4_prefix_contains(primary->subnet_cidr, address);
}

/* Whether the private address can carry an egress IP; says it when it can't. */
static bool judge_private(const struct facts *facts, const struct gateway_egress *egress,
			  const char *wanted, struct check_results *results)
{
	const struct aws_private_address *const mine = find_mine(facts, egress->private);
	const struct aws_interface *const other = find_other(facts, egress->private);
	struct check_result *result = NULL;
	char text[IP4_TEXT_MAX];

	ip4_format(egress->private, text);
	if (mine && mine->primary) {
		result = check_say(results, OUTCOME_FAIL,
				   "%s: %s is the primary address of %s, where this host itself "
				   "answers",
				   wanted, text, facts->interface.id);
		check_fix(result, "name a secondary private address");
	} else if (!mine && other) {
		result = check_say(results, OUTCOME_FAIL, "%s: %s is on another interface, %s",
				   wanted, text, other->id);
		check_fix(result, "free it there (aws ec2 unassign-private-ip-addresses), or name "
				  "another; eipgwd takes none from others");
	} else if (!mine && is_outside(facts, egress->private)) {
		result = check_say(results, OUTCOME_FAIL, "%s: %s isn't in the subnet of %s",
				   wanted, text, facts->interface.id);
		check_fix(result, "name an address of that subnet");
	} else if (!mine && !facts->wants_ec2) {
		result = check_say(results, OUTCOME_FAIL, "%s: %s isn't on %s", wanted, text,
				   facts->interface.id);
		check_fix(result,
			  "aws ec2 assign-private-ip-addresses --network-interface-id %s "
			  "--private-ip-addresses %s",
			  facts->interface.id, text);
	}
	return !result;
}

static void judge_place(const struct facts *facts, const struct gateway_egress *egress,
			const struct aws_address *found, const char *wanted,
			struct check_results *results)
{
	const bool is_here = strcmp(found->network_interface_id, facts->interface.id) == 0 &&
			     (!egress->private.v || egress->private.v == found->private_ip.v);
	const struct aws_private_address *const mine = find_mine(facts, found->private_ip);
	char text[IP4_TEXT_MAX], private[IP4_TEXT_MAX];
	struct check_result *result;

	ip4_format(found->private_ip, text);
	if (found->association_id[0] && is_here && !(mine && mine->primary)) {
		check_say(results, OUTCOME_OK, "%s is here, on %s", wanted, text);
		return;
	}
	if (!found->association_id[0] && facts->wants_ec2) {
		check_say(results, OUTCOME_OK, "%s is free: eipgwd takes it when it starts",
			  wanted);
		return;
	}
	if (facts->wants_ec2) {
		result = check_say(results, OUTCOME_WARN,
				   "%s is on %s of %s%s%s: eipgwd takes it when it starts", wanted,
				   text, found->network_interface_id,
				   found->instance_id[0] ? ", instance " : "", found->instance_id);
		check_fix(result, "see that nobody needs it there");
		return;
	}
	result = check_say(results, OUTCOME_FAIL, "%s is %s%s%s%s, not on %s of this instance",
			   wanted, found->association_id[0] ? "on " : "not associated",
			   found->association_id[0] ? text : "",
			   found->association_id[0] ? " of " : "", found->network_interface_id,
			   ip4_format(egress->private, private));
	check_fix(result,
		  "aws ec2 associate-address --allocation-id %s --network-interface-id %s "
		  "--private-ip-address %s",
		  found->allocation_id, facts->interface.id, private);
}

static void judge_found(const struct facts *facts, const struct gateway_egress *egress,
			const struct egress_fact *fact, struct check_results *results)
{
	const struct aws_addresses *const found = &fact->found;
	struct check_result *result;
	char wanted[384];

	format_wanted(egress, wanted, sizeof(wanted));
	if (fact->state != FACT_KNOWN && fact->failure.class != HTTP_CLASS_NOT_FOUND) {
		check_say(results, OUTCOME_UNTRIED, "%s: %s", wanted, fact->failure.text);
	} else if (found->n == 0) {
		result = check_say(results, OUTCOME_FAIL,
				   "there is no %s in this region and account", wanted);
		check_fix(result,
			  "eipgw allocate %s makes one; eipgw eips shows those that are "
			  "there",
			  egress->name);
	} else if (found->n > 1) {
		result = check_say(results, OUTCOME_FAIL, "%s isn't unique: %s and %s%s", wanted,
				   found->v[0].allocation_id, found->v[1].allocation_id,
				   found->n > 2 ? " and more" : "");
		check_fix(result, "name one by its allocation ID");
	} else if (facts->interface_state != FACT_KNOWN) {
		char text[IP4_TEXT_MAX];

		check_say(results, OUTCOME_UNTRIED,
			  "%s exists (%s, %s, %s); whether it's here isn't known", wanted,
			  ip4_format(found->v[0].public_ip, text), found->v[0].allocation_id,
			  found->v[0].network_interface_id[0] ? found->v[0].network_interface_id :
								"not associated");
	} else if (!egress->private.v || judge_private(facts, egress, wanted, results)) {
		judge_place(facts, egress, &found->v[0], wanted, results);
	}
}

void judge_egress(const struct facts *facts, struct check_results *results)
{
	const struct gateway_egress *const egress = facts->gateway->egress_ips.v;

	for (size_t i = 0; i < facts->n_egress; i++)
		judge_found(facts, &egress[i], &facts->egress[i], results);
}
