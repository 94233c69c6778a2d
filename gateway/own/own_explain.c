// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/own_internal.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "awsapi/action.h"
#include "awsapi/failure.h"
#include "base/cleanup.h"

enum hint { HINT_POLICY, HINT_NO_ADDRESS, HINT_FULL_INTERFACE, HINT_FULL_SUBNET, HINT_OTHER };

static const struct {
	const char *pattern; /* fnmatch(3) of AWS's code */
	enum hint hint;
} hints[] = {
	{ "UnauthorizedOperation", HINT_POLICY },
	{ "AccessDenied*", HINT_POLICY },
	{ "InvalidAllocationID.*", HINT_NO_ADDRESS },
	{ "InvalidAddress*.*", HINT_NO_ADDRESS },
	{ "PrivateIpAddressLimitExceeded", HINT_FULL_INTERFACE },
	{ "InsufficientFreeAddressesInSubnet", HINT_FULL_SUBNET },
};

const char *own_explain_wanted(const struct own_wanted *wanted,
			       char text[static OWN_WANTED_TEXT_MAX])
{
	char public[IP4_TEXT_MAX];

	if (wanted->allocation_id[0])
		snprintf(text, OWN_WANTED_TEXT_MAX, "Elastic IP %s", wanted->allocation_id);
	else if (wanted->public_ip.v)
		snprintf(text, OWN_WANTED_TEXT_MAX, "Elastic IP %s",
			 ip4_format(wanted->public_ip, public));
	else
		snprintf(text, OWN_WANTED_TEXT_MAX, "Elastic IP with the tag %s", wanted->tag);
	return text;
}

static enum hint find_hint(const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		if (fnmatch(hints[i].pattern, code, 0) == 0)
			return hints[i].hint;
	}
	return HINT_OTHER;
}

/* AWS names the resource, unless the action knows none; then its tags may be what the policy misses. */
static void explain_policy(const struct aws_action *action, const struct aws_failure *failure,
			   char reason[static OWN_REASON_MAX])
{
	static const char before[] = "on resource: ";
	const char *resource = strstr(failure->text, before);
	size_t length;

	if (!resource) {
		snprintf(reason, OWN_REASON_MAX,
			 "the policy of the credentials lacks ec2:%s; add it (%.120s)",
			 action->name, failure->text);
		return;
	}
	resource += sizeof(before) - 1;
	length = strcspn(resource, " ");
	snprintf(reason, OWN_REASON_MAX,
		 "the policy of the credentials lacks ec2:%s on %.*s; add it, or the tags that it "
		 "asks for",
		 action->name, length < 200 ? (int)length : 200, resource);
}

bool own_explain_policy(const struct aws_action *action, const struct aws_failure *failure,
			char reason[static OWN_REASON_MAX])
{
	if (find_hint(failure->code) != HINT_POLICY)
		return false;
	explain_policy(action, failure, reason);
	return true;
}

void own_explain_failure(const struct own *own, const struct own_wanted *wanted,
			 const struct aws_action *action, const struct aws_failure *failure,
			 char reason[static OWN_REASON_MAX])
{
	char text[OWN_WANTED_TEXT_MAX];

	switch (find_hint(failure->code)) {
	case HINT_POLICY:
		own_explain_policy(action, failure, reason);
		break;
	case HINT_NO_ADDRESS:
		snprintf(reason, OWN_REASON_MAX, "there is no %.250s in this region and account",
			 own_explain_wanted(wanted, text));
		break;
	case HINT_FULL_INTERFACE:
		snprintf(reason, OWN_REASON_MAX,
			 "%s has no room for another private address; free one, or use an instance "
			 "type with more",
			 own->interface_id);
		break;
	case HINT_FULL_SUBNET:
		snprintf(reason, OWN_REASON_MAX, "the subnet of %s has no free address",
			 own->interface_id);
		break;
	case HINT_OTHER:
		snprintf(reason, OWN_REASON_MAX, "%.*s", OWN_REASON_MAX - 1, failure->text);
		break;
	}
}
