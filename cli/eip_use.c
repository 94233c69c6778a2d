// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/eips.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *const eip_use_names[] = {
	[EIP_IN_USE] = "in use",
	[EIP_IDLE] = "idle",
	[EIP_UNKNOWN] = "unknown",
};
static_assert(ARRAY_SIZE(eip_use_names) == EIP_USE_COUNT, "each use has a name");

const struct aws_instance *eip_find_instance(const struct aws_instances *instances, const char *id)
{
	for (size_t i = 0; instances && i < instances->n; i++)
		if (strcmp(instances->v[i].id, id) == 0)
			return &instances->v[i];
	return NULL;
}

const struct aws_interface *eip_find_interface(const struct aws_interfaces *interfaces,
					       const char *id)
{
	for (size_t i = 0; interfaces && i < interfaces->n; i++)
		if (strcmp(interfaces->v[i].id, id) == 0)
			return &interfaces->v[i];
	return NULL;
}

/* The states of the EC2 API Reference, InstanceState. */
static enum eip_use judge_instance(const char *id, const struct aws_instance *instance,
				   char reason[static EIP_REASON_MAX])
{
	const bool is_up = instance && (strcmp(instance->state, "running") == 0 ||
					strcmp(instance->state, "pending") == 0);

	if (!instance) {
		snprintf(reason, EIP_REASON_MAX, "the state of %s can't be seen", id);
		return EIP_UNKNOWN;
	}
	snprintf(reason, EIP_REASON_MAX, "%s is %s", id, instance->state);
	return is_up ? EIP_IN_USE : EIP_IDLE;
}

static enum eip_use judge_interface(const char *id, const struct aws_interface *interface,
				    char reason[static EIP_REASON_MAX])
{
	if (!interface) {
		snprintf(reason, EIP_REASON_MAX, "the state of %s can't be seen", id);
		return EIP_UNKNOWN;
	}
	if (strcmp(interface->status, "available") == 0) {
		snprintf(reason, EIP_REASON_MAX, "%s is attached to nothing", id);
		return EIP_IDLE;
	}
	snprintf(reason, EIP_REASON_MAX, "%s is %s (type %s)", id, interface->status,
		 interface->interface_type[0] ? interface->interface_type : "interface");
	return EIP_IN_USE;
}

enum eip_use eip_judge(const struct aws_address *address,
		       const struct eip_surroundings *surroundings,
		       char reason[static EIP_REASON_MAX])
{
	const struct aws_interface *const interface =
		eip_find_interface(surroundings->interfaces, address->network_interface_id);
	const char *instance_id = address->instance_id;

	if (!address->association_id[0]) {
		snprintf(reason, EIP_REASON_MAX, "not associated");
		return EIP_IDLE;
	}
	if (!instance_id[0] && interface)
		instance_id = interface->attachment_instance_id;
	if (instance_id[0])
		return judge_instance(instance_id,
				      eip_find_instance(surroundings->instances, instance_id),
				      reason);
	return judge_interface(address->network_interface_id, interface, reason);
}
