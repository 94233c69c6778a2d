// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/own.h"

#include <stdlib.h>
#include <string.h>

#include "awsapi/requests.h"
#include "conf/gateway.h"

int own_request_look(const struct own *own, size_t i, struct aws_request *ret)
{
	const struct own_egress *e = &own->v[i];
	struct ec2_addresses_query query = { .allocation_id = e->wanted.allocation_id,
					     .public_ip = e->wanted.public_ip };
	char tag[OWN_TAG_MAX];

	memcpy(tag, e->wanted.tag, sizeof(tag));
	char *value = strchr(tag, '=');

	if (e->state == OWN_HELD || e->state == OWN_LOST || e->state == OWN_STANDBY) {
		/* What the tag leads to meanwhile isn't the question. */
		query = (struct ec2_addresses_query){ .allocation_id = e->allocation_id };
	} else if (value) {
		*value++ = '\0';
		query.tag_key = tag;
		query.tag_value = value;
	}
	return ec2_describe_addresses(&query, ret);
}

int own_request_step(const struct own *own, size_t i, struct own_step step, struct aws_request *ret)
{
	const struct ec2_association association = {
		.allocation_id = own->v[i].allocation_id,
		.network_interface_id = own->interface_id,
		.private_ip = step.private_ip,
		.allow_reassociation = true,
	};

	/* Taking a private address from another interface would take the connections of its host too. */
	if (step.kind == OWN_STEP_ASSIGN)
		return ec2_assign_private_address(own->interface_id, step.private_ip, false, ret);
	return ec2_associate_address(&association, ret);
}

struct own_wanted *own_list_wanted(const struct gateway_config *config)
{
	const struct gateway_egress *egress = config->egress_ips.v;
	struct own_wanted *wanted = calloc(config->egress_ips.n + 1, sizeof(*wanted));

	for (size_t i = 0; wanted && i < config->egress_ips.n; i++) {
		wanted[i].public_ip = egress[i].public;
		wanted[i].private_ip = egress[i].private;
		memcpy(wanted[i].name, egress[i].name, sizeof(egress[i].name));
		memcpy(wanted[i].allocation_id, egress[i].allocation_id,
		       sizeof(egress[i].allocation_id));
		memcpy(wanted[i].tag, egress[i].tag, sizeof(egress[i].tag));
	}
	return wanted;
}
