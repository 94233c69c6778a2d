// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/log/flows.h"

#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include "base/err.h"
#include "control/control.h"
#include "daemon/frame.h"
#include "gateway/log/answer.h"
#include "gateway/log/flowlog.h"
#include "gateway/log/flows_internal.h"
#include "gateway/tell/state.h"
#include "gateway/tell/status.h"
#include "natlog/stamp.h"

static void put_traffic(struct control_out *out, const char *key, const struct ct_traffic *traffic)
{
	control_object(out, key);
	control_int(out, "packets", (long long)traffic->packets);
	control_int(out, "bytes", (long long)traffic->bytes);
	control_end(out);
}

/* As the NAT log has them (natlog/record.h). */
static void put_ends(struct control_out *out, const struct ct_flow *flow,
		     const struct natlog_who *who)
{
	const bool is_icmp = flow->orig.protocol == IPPROTO_ICMP;
	const char *port = is_icmp ? "id" : "port";

	answer_pod(out, who, flow->orig.src);
	control_int(out, port, flow->orig.src_port);
	control_end(out);
	answer_name(out, "policy", who->policy);
	answer_egress(out, who, flow->nat);
	control_int(out, port, flow->nat_port);
	control_end(out);
	control_object(out, "destination");
	answer_address(out, "address", flow->orig.dst);
	control_int(out, is_icmp ? "icmp_type" : "port",
		    is_icmp ? flow->orig.icmp_type : flow->orig.dst_port);
	control_end(out);
}

static void put_row(struct control_out *out, const struct walk *walk, const struct row *row)
{
	static const struct natlog_who nobody = { 0 };
	const struct natlog_who *who = who_of(&walk->who, row->who);
	char stamp[STAMP_MAX];

	control_object(out, NULL);
	if (row->start_ns)
		control_string(out, "start", stamp_format(row->start_ns, stamp));
	control_string(out, "protocol", natlog_protocol_name(row->flow.orig.protocol));
	put_ends(out, &row->flow, who ? who : &nobody);
	if (row->account.is_counted) {
		put_traffic(out, "sent", &row->account.sent);
		put_traffic(out, "received", &row->account.received);
	}
	control_string(out, "state", flow_state(&row->flow));
	control_int(out, "timeout_s", row->flow.timeout_s);
	control_string(out, "attribution", natlog_basis_name(row->basis));
	control_end(out);
}

int flows_answer(struct flows *flows, const struct control_args *args, struct control_out *out,
		 struct err *err)
{
	struct walk *walk = flows_walk(flows, control_arg(args, "walk"), args, err);
	int rc;

	if (!walk)
		return -EINVAL;
	control_string(out, "walk", walk->id);
	if (!control_arg(args, "walk") && walk->filter.has_egress && walk->filter.egress.has_port)
		flowlog_put_blocks(flows_log(flows), &walk->filter.egress, out);
	control_array(out, "flows");
	for (size_t i = 0; i < walk->n; i++)
		put_row(out, walk, &walk->rows[i]);
	control_end(out);
	control_int(out, "looked_at", (long long)walk->looked_at);
	control_bool(out, "more", walk->has_more);
	control_bool(out, "done", !walk->walk);
	rc = flows_told(walk);
	return rc ? err_set(err, rc, "connections can't be listed: %s", strerror(-rc)) : 0;
}

int gateway_run_flows(const struct control_args *args, struct control_out *out, void *data,
		      struct err *err)
{
	const struct agent *agent = frame_state(data);
	const struct flowlog *flowlog;

	if (!agent)
		return err_mark(err, MSG_STARTING, err_set(err, -EAGAIN, "the daemon is starting"));
	flowlog = agent_state(agent).flowlog;
	flowlog_place(flowlog, out);
	return flows_answer(flowlog_flows(flowlog), args, out, err);
}
