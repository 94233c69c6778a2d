// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/log/flow_filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "control/control.h"
#include "nat/flow.h"
#include "natlog/line.h"
#include "natlog/record.h"

static const char *const other_states[] = { "unreplied", "replied", "assured" };

const char *flow_state(const struct ct_flow *flow)
{
	const char *tcp = natlog_tcp_state(flow->tcp_state);

	if (tcp)
		return tcp;
	return other_states[flow->status & IPS_ASSURED ? 2 : flow->status & IPS_SEEN_REPLY ? 1 : 0];
}

static const char *state_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(other_states); i++) {
		if (strcmp(name, other_states[i]) == 0)
			return other_states[i];
	}
	for (unsigned i = 0; i <= UINT8_MAX; i++) {
		const char *tcp = natlog_tcp_state((uint8_t)i);

		if (tcp && strcmp(name, tcp) == 0)
			return tcp;
	}
	return NULL;
}

/* "" if it isn't given. */
static const char *copy(const struct control_args *args, const char *key, char buf[static 256])
{
	const char *value = control_arg(args, key);

	snprintf(buf, 256, "%s", value ? value : "");
	return buf;
}

/* "NAMESPACE/NAME"; a name alone may be in any. */
static void take_pod(const struct control_args *args, struct flow_filter *ret)
{
	char *slash;

	ret->namespace = copy(args, "namespace", ret->text[0]);
	ret->name = copy(args, "pod", ret->text[1]);
	ret->policy = copy(args, "policy", ret->text[2]);
	slash = strchr(ret->text[1], '/');
	if (!slash)
		return;
	*slash = '\0';
	ret->namespace = ret->text[1];
	ret->name = slash + 1;
}

static int take_end(const struct control_args *args, const char *key, struct endpoint *ret,
		    bool *ret_has, struct err *err)
{
	const char *value = control_arg(args, key);

	*ret_has = value;
	return value ? endpoint_parse(value, ret, err) : 0;
}

static int take_limit(const char *text, size_t *ret, struct err *err)
{
	*ret = text ? 0 : FLOW_LIMIT;
	for (const char *at = text; at && *at; at++) {
		*ret = *at >= '0' && *at <= '9' ? *ret * 10 + (size_t)(*at - '0') : 0;
		if (*ret == 0 || *ret > FLOW_LIMIT_MAX)
			return err_set(err, -EINVAL, "limit: 1 to %d", FLOW_LIMIT_MAX);
	}
	return *ret ? 0 : err_set(err, -EINVAL, "limit: 1 to %d", FLOW_LIMIT_MAX);
}

static int take_words(const struct control_args *args, struct flow_filter *ret, struct err *err)
{
	const char *protocol = control_arg(args, "protocol"), *state = control_arg(args, "state");

	if (protocol && !(ret->protocol = line_protocol_of(protocol, strlen(protocol))))
		return err_set(err, -EINVAL, "protocol: tcp, udp, icmp, sctp");
	if (state && !(ret->state = state_named(state)))
		return err_set(err, -EINVAL,
			       "state: one of TCP's, such as established, time_wait, close, or "
			       "unreplied, replied, assured");
	return 0;
}

int flow_filter_parse(const struct control_args *args, struct flow_filter *ret, struct err *err)
{
	int rc;

	*ret = (struct flow_filter){ 0 };
	take_pod(args, ret);
	rc = take_words(args, ret, err);
	if (!rc)
		rc = take_limit(control_arg(args, "limit"), &ret->limit, err);
	if (!rc)
		rc = take_end(args, "egress_ip", &ret->egress, &ret->has_egress, err);
	if (!rc)
		rc = take_end(args, "destination", &ret->destination, &ret->has_destination, err);
	if (!rc && ret->destination.name[0])
		rc = err_set(err, -EINVAL, "destination: an address is expected");
	return rc ? err_mark(err, MSG_CONTROL_REQUEST, rc) : 0;
}

bool flow_filter_kernel(const struct flow_filter *filter, const struct ct_flow *flow)
{
	const struct endpoint *egress = &filter->egress, *destination = &filter->destination;

	return (!filter->protocol || flow->orig.protocol == filter->protocol) &&
	       (!filter->has_egress || !egress->has_port || flow->nat_port == egress->port) &&
	       (!filter->has_destination ||
		(ip4_prefix_contains(destination->prefix, flow->orig.dst) &&
		 (!destination->has_port || flow->orig.dst_port == destination->port))) &&
	       (!filter->state || strcmp(filter->state, flow_state(flow)) == 0);
}

static bool is_named(const char *wanted, const char *is)
{
	return !*wanted || (is && strcmp(wanted, is) == 0);
}

bool flow_filter_who(const struct flow_filter *filter, const struct ct_flow *flow,
		     const struct natlog_who *who)
{
	const struct endpoint *egress = &filter->egress;

	return is_named(filter->namespace, who->namespace) && is_named(filter->name, who->name) &&
	       is_named(filter->policy, who->policy) &&
	       (!filter->has_egress ||
		(egress->name[0] ? is_named(egress->name, who->egress) :
				   ip4_prefix_contains(egress->prefix, flow->nat) ||
					   ip4_prefix_contains(egress->prefix, who->public)));
}
