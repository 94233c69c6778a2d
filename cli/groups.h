// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside cli/, pure: what security groups let through. An interface's groups add up. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "awsapi/ec2.h"

enum group_verdict {
	GROUP_REFUSED,
	GROUP_PERHAPS, /* by a prefix list, which isn't looked into, or by a group whose members aren't known */
	GROUP_ALLOWED,
};

enum group_direction { GROUP_IN, GROUP_OUT };

struct group_question {
	const char *protocol; /* "udp", "tcp" */
	uint32_t port;
	struct ip4 peer;
	const struct aws_ids *peer_groups; /* that the peer is a member of; NULL: not known */
};

enum group_verdict groups_judge(const struct aws_groups *groups, enum group_direction direction,
				const struct group_question *question);
/* Whether all ports of the protocol are open to or from 0.0.0.0/0, by one rule. */
bool groups_open(const struct aws_groups *groups, enum group_direction direction,
		 const char *protocol);
/* Whether a rule refers to another group, so that it's worth knowing who is in which. */
bool groups_refer(const struct aws_groups *groups);
