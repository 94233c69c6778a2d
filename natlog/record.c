// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/record.h"

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "natlog/line.h"

/* By their numbers in the kernel; the words are those of conntrack(8), in lower case. */
static const char *const tcp_states[] = {
	[TCP_CONNTRACK_SYN_SENT] = "syn_sent",       [TCP_CONNTRACK_SYN_RECV] = "syn_recv",
	[TCP_CONNTRACK_ESTABLISHED] = "established", [TCP_CONNTRACK_FIN_WAIT] = "fin_wait",
	[TCP_CONNTRACK_CLOSE_WAIT] = "close_wait",   [TCP_CONNTRACK_LAST_ACK] = "last_ack",
	[TCP_CONNTRACK_TIME_WAIT] = "time_wait",     [TCP_CONNTRACK_CLOSE] = "close",
	[TCP_CONNTRACK_SYN_SENT2] = "syn_sent2",
};

static const char *const basis_names[NATLOG_BASIS_COUNT] = {
	[NATLOG_START] = "start", [NATLOG_REPLICATED] = "replicated",
	[NATLOG_FOUND] = "found", [NATLOG_END] = "end",
	[NATLOG_NONE] = "none",
};

static const char *const cause_names[NATLOG_CAUSE_COUNT] = {
	[NATLOG_RESTART] = "restart",
	[NATLOG_OVERRUN] = "overrun",
	[NATLOG_BACKLOG] = "backlog",
	[NATLOG_CONNECTION] = "connection",
};

const char *natlog_protocol(uint8_t protocol)
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = { { IPPROTO_TCP, "tcp" },
		      { IPPROTO_UDP, "udp" },
		      { IPPROTO_ICMP, "icmp" },
		      { IPPROTO_SCTP, "sctp" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].number == protocol)
			return names[i].name;
	}
	return NULL;
}

const char *natlog_cause(enum natlog_cause cause)
{
	return cause_names[cause];
}

static void put_head(struct line *line, const char *type, const char *gateway)
{
	line_count(line, "v", NATLOG_VERSION);
	line_text(line, "type", type);
	line_text(line, "gateway", gateway);
}

/* An ICMP flow has an id where others have a port, and none at the other end. */
static void put_ends(struct line *line, const struct ct_flow *flow, const struct natlog_who *who)
{
	const bool is_icmp = flow->orig.protocol == IPPROTO_ICMP;
	const char *const port = is_icmp ? "id" : "port";

	line_open(line, "pod");
	line_text(line, "namespace", who->namespace);
	line_text(line, "name", who->name);
	line_text(line, "uid", who->uid);
	line_text(line, "node", who->node);
	line_address(line, "address", flow->orig.src);
	line_count(line, port, flow->orig.src_port);
	line_close(line);
	line_text(line, "policy", who->policy);
	line_open(line, "egress");
	line_text(line, "name", who->egress);
	line_address(line, "public", who->public);
	line_address(line, "private", flow->nat);
	line_count(line, port, flow->nat_port);
	line_close(line);
	line_open(line, "destination");
	line_address(line, "address", flow->orig.dst);
	if (is_icmp)
		line_count(line, "icmp_type", flow->orig.icmp_type);
	else
		line_count(line, port, flow->orig.dst_port);
	line_close(line);
}

static void put_traffic(struct line *line, const char *key, const struct ct_traffic *traffic)
{
	line_open(line, key);
	line_count(line, "packets", traffic->packets);
	line_count(line, "bytes", traffic->bytes);
	line_close(line);
}

void natlog_put_flow(struct line *line, const struct natlog_flow *record)
{
	static const struct natlog_who nobody = { 0 };
	const struct ct_flow *flow = record->flow;

	put_head(line, "flow", record->gateway);
	line_time(line, "start", record->start_ns);
	line_time(line, "end", record->end_ns);
	line_text(line, "protocol", natlog_protocol(flow->orig.protocol));
	put_ends(line, flow, record->who ? record->who : &nobody);
	if (record->account->is_counted) {
		put_traffic(line, "sent", &record->account->sent);
		put_traffic(line, "received", &record->account->received);
	}
	if (flow->tcp_state < sizeof(tcp_states) / sizeof(tcp_states[0]))
		line_text(line, "tcp_state", tcp_states[flow->tcp_state]);
	line_text(line, "attribution", basis_names[record->basis]);
}

void natlog_put_gap(struct line *line, const struct natlog_gap *record)
{
	put_head(line, "gap", record->gateway);
	line_time(line, "from", record->from_ns);
	line_time(line, "to", record->to_ns);
	line_text(line, "cause", cause_names[record->cause]);
	if (record->cause == NATLOG_BACKLOG)
		line_count(line, "lost", record->lost);
}

static void begin(struct line *line, char *buf)
{
	line_begin(line, buf, NATLOG_LINE_MAX);
	line_open(line, NULL);
}

static size_t end(struct line *line, const char *buf)
{
	line_close(line);
	line_put(line, "\n");
	return line->is_full ? 0 : (size_t)(line->at - buf);
}

size_t natlog_flow_line(char buf[static NATLOG_LINE_MAX], const struct natlog_flow *record)
{
	struct line line;

	begin(&line, buf);
	natlog_put_flow(&line, record);
	return end(&line, buf);
}

size_t natlog_gap_line(char buf[static NATLOG_LINE_MAX], const struct natlog_gap *record)
{
	struct line line;

	begin(&line, buf);
	natlog_put_gap(&line, record);
	return end(&line, buf);
}
