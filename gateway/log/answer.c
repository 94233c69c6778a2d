// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/log/answer.h"

#include "control/control.h"
#include "natlog/who.h"

void answer_name(struct control_out *out, const char *key, const char *name)
{
	if (name && *name)
		control_string(out, key, name);
}

void answer_address(struct control_out *out, const char *key, struct ip4 address)
{
	char text[IP4_TEXT_MAX];

	if (address.v)
		control_string(out, key, ip4_format(address, text));
}

void answer_pod(struct control_out *out, const struct natlog_who *who, struct ip4 address)
{
	control_object(out, "pod");
	answer_name(out, "namespace", who->namespace);
	answer_name(out, "name", who->name);
	answer_name(out, "uid", who->uid);
	answer_name(out, "node", who->node);
	answer_address(out, "address", address);
}

void answer_egress(struct control_out *out, const struct natlog_who *who, struct ip4 private)
{
	control_object(out, "egress");
	answer_name(out, "name", who->egress);
	answer_address(out, "public", who->public);
	answer_address(out, "private", private);
}
