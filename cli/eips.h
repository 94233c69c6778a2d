// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside cli/, pure: what an Elastic IP is used for, from what EC2 tells. */
#pragma once

#include "awsapi/ec2.h"

enum eip_use { EIP_IN_USE, EIP_IDLE, EIP_UNKNOWN, EIP_USE_COUNT };
extern const char *const eip_use_names[EIP_USE_COUNT];

#define EIP_REASON_MAX 256

/* NULL: the question failed. */
struct eip_surroundings {
	const struct aws_instances *instances;
	const struct aws_interfaces *interfaces;
};

const struct aws_instance *eip_find_instance(const struct aws_instances *instances, const char *id);
const struct aws_interface *eip_find_interface(const struct aws_interfaces *interfaces,
					       const char *id);

/*
 * Idle: nobody can be reached by it or leave with it, because it's not associated, its interface is attached to
 * nothing, or its instance isn't running. The reason is a short text.
 */
enum eip_use eip_judge(const struct aws_address *address,
		       const struct eip_surroundings *surroundings,
		       char reason[static EIP_REASON_MAX]);
