// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/record.h"

#include <stdbool.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "natlog/stamp.h"

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
};

struct line {
	char *at, *end;
	bool is_full;
};

static void put_bytes(struct line *line, const char *bytes, size_t n)
{
	if ((size_t)(line->end - line->at) < n) {
		line->is_full = true;
		return;
	}
	memcpy(line->at, bytes, n);
	line->at += n;
}

static void put(struct line *line, const char *text)
{
	put_bytes(line, text, strlen(text));
}

static void put_number(struct line *line, uint64_t value)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put_bytes(line, digits + i, sizeof(digits) - i);
}

/* Other bytes stay as they are: names are UTF-8 before they come here. */
static void put_escaped(struct line *line, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;
		const char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			put_bytes(line, escape, sizeof(escape));
		else
			put_bytes(line, text, 1);
	}
}

/* A key stands behind another one, or opens an object. */
static void put_key(struct line *line, const char *key)
{
	if (line->at[-1] != '{')
		put(line, ",");
	put(line, "\"");
	put(line, key);
	put(line, "\":");
}

static void put_open(struct line *line, const char *key)
{
	put_key(line, key);
	put(line, "{");
}

static void put_text(struct line *line, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	put_key(line, key);
	put(line, "\"");
	put_escaped(line, text);
	put(line, "\"");
}

static void put_count(struct line *line, const char *key, uint64_t value)
{
	put_key(line, key);
	put_number(line, value);
}

static void put_time(struct line *line, const char *key, int64_t ns)
{
	char text[STAMP_MAX];

	put_text(line, key, stamp_format(ns, text));
}

static void put_address(struct line *line, const char *key, struct ip4 address)
{
	if (!address.v)
		return;
	put_key(line, key);
	put(line, "\"");
	for (int shift = 24; shift >= 0; shift -= 8) {
		put_number(line, address.v >> shift & 0xff);
		put(line, shift ? "." : "\"");
	}
}

static void begin(struct line *line, char *buf, const char *type, const char *gateway)
{
	*line = (struct line){ .at = buf, .end = buf + NATLOG_LINE_MAX };
	put(line, "{");
	put_count(line, "v", NATLOG_VERSION);
	put_text(line, "type", type);
	put_text(line, "gateway", gateway);
}

static size_t end(struct line *line, const char *buf)
{
	put(line, "}\n");
	return line->is_full ? 0 : (size_t)(line->at - buf);
}

static void put_protocol(struct line *line, uint8_t protocol)
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
			put_text(line, "protocol", names[i].name);
	}
}

/* An ICMP flow has an id where others have a port, and none at the other end. */
static void put_ends(struct line *line, const struct ct_flow *flow, const struct natlog_who *who)
{
	const bool is_icmp = flow->orig.protocol == IPPROTO_ICMP;
	const char *const port = is_icmp ? "id" : "port";

	put_open(line, "pod");
	put_text(line, "namespace", who->namespace);
	put_text(line, "name", who->name);
	put_text(line, "uid", who->uid);
	put_text(line, "node", who->node);
	put_address(line, "address", flow->orig.src);
	put_count(line, port, flow->orig.src_port);
	put(line, "}");
	put_text(line, "policy", who->policy);
	put_open(line, "egress");
	put_text(line, "name", who->egress);
	put_address(line, "public", who->public);
	put_address(line, "private", flow->nat);
	put_count(line, port, flow->nat_port);
	put(line, "}");
	put_open(line, "destination");
	put_address(line, "address", flow->orig.dst);
	if (is_icmp)
		put_count(line, "icmp_type", flow->orig.icmp_type);
	else
		put_count(line, port, flow->orig.dst_port);
	put(line, "}");
}

static void put_traffic(struct line *line, const char *key, const struct ct_traffic *traffic)
{
	put_open(line, key);
	put_count(line, "packets", traffic->packets);
	put_count(line, "bytes", traffic->bytes);
	put(line, "}");
}

size_t natlog_flow_line(char buf[static NATLOG_LINE_MAX], const struct natlog_flow *record)
{
	static const struct natlog_who nobody = { 0 };
	const struct ct_flow *flow = record->flow;
	struct line line;

	begin(&line, buf, "flow", record->gateway);
	put_time(&line, "start", record->start_ns);
	put_time(&line, "end", record->end_ns);
	put_protocol(&line, flow->orig.protocol);
	put_ends(&line, flow, record->who ? record->who : &nobody);
	if (record->account->is_counted) {
		put_traffic(&line, "sent", &record->account->sent);
		put_traffic(&line, "received", &record->account->received);
	}
	if (flow->tcp_state < sizeof(tcp_states) / sizeof(tcp_states[0]))
		put_text(&line, "tcp_state", tcp_states[flow->tcp_state]);
	put_text(&line, "attribution", basis_names[record->basis]);
	return end(&line, buf);
}

size_t natlog_gap_line(char buf[static NATLOG_LINE_MAX], const struct natlog_gap *record)
{
	struct line line;

	begin(&line, buf, "gap", record->gateway);
	put_time(&line, "from", record->from_ns);
	put_time(&line, "to", record->to_ns);
	put_text(&line, "cause", cause_names[record->cause]);
	if (record->cause == NATLOG_BACKLOG)
		put_count(&line, "lost", record->lost);
	return end(&line, buf);
}
