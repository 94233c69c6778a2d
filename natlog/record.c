// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/record.h"

#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "natlog/fields.h"

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

const char *natlog_protocol_name(uint8_t protocol)
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

const char *natlog_tcp_state(uint8_t state)
{
	return state < sizeof(tcp_states) / sizeof(tcp_states[0]) ? tcp_states[state] : NULL;
}

const char *natlog_basis_name(enum natlog_basis basis)
{
	return basis_names[basis];
}

const char *natlog_cause_name(enum natlog_cause cause)
{
	return cause_names[cause];
}

static void put_head(struct fields *fields, const char *type, const char *gateway)
{
	fields_count(fields, "v", NATLOG_VERSION);
	fields_text(fields, "type", type);
	fields_text(fields, "gateway", gateway);
}

static void put_pod(struct fields *fields, const struct natlog_who *who, struct ip4 address)
{
	fields_text(fields, "namespace", who->namespace);
	fields_text(fields, "name", who->name);
	fields_text(fields, "uid", who->uid);
	fields_text(fields, "node", who->node);
	fields_address(fields, "address", address);
}

static void put_egress(struct fields *fields, const struct natlog_who *who, struct ip4 nat)
{
	fields_text(fields, "name", who->egress);
	fields_address(fields, "public", who->public);
	fields_address(fields, "private", nat);
}

/* An ICMP flow has an id where others have a port, and none at the other end. */
static void put_ends(struct fields *fields, const struct ct_flow *flow,
		     const struct natlog_who *who)
{
	const bool is_icmp = flow->orig.protocol == IPPROTO_ICMP;
	const char *const port = is_icmp ? "id" : "port";

	fields_open(fields, "pod");
	put_pod(fields, who, flow->orig.src);
	fields_count(fields, port, flow->orig.src_port);
	fields_close(fields);
	fields_text(fields, "policy", who->policy);
	fields_open(fields, "egress");
	put_egress(fields, who, flow->nat);
	fields_count(fields, port, flow->nat_port);
	fields_close(fields);
	fields_open(fields, "destination");
	fields_address(fields, "address", flow->orig.dst);
	if (is_icmp)
		fields_count(fields, "icmp_type", flow->orig.icmp_type);
	else
		fields_count(fields, port, flow->orig.dst_port);
	fields_close(fields);
}

static void put_traffic(struct fields *fields, const char *key, const struct ct_traffic *traffic)
{
	fields_open(fields, key);
	fields_count(fields, "packets", traffic->packets);
	fields_count(fields, "bytes", traffic->bytes);
	fields_close(fields);
}

static bool has_word(const char *words, const char *word)
{
	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		if (n == strlen(word) && memcmp(words, word, n) == 0)
			return true;
	}
	return false;
}

/* Those who had it before, and who writes, if he isn't among them. */
static void put_gateways(struct fields *fields, const char *carriers, const char *gateway)
{
	if (carriers && *carriers)
		fields_words(fields, "gateways", carriers,
			     has_word(carriers, gateway) ? NULL : gateway);
}

static const struct natlog_who nobody;

void natlog_put_flow(struct fields *fields, const struct natlog_flow *record)
{
	const struct ct_flow *flow = record->flow;

	put_head(fields, "flow", record->gateway);
	fields_time(fields, "start", record->start_ns);
	fields_time(fields, "end", record->end_ns);
	fields_text(fields, "protocol", natlog_protocol_name(flow->orig.protocol));
	put_ends(fields, flow, record->who ? record->who : &nobody);
	if (record->account->is_counted) {
		put_traffic(fields, "sent", &record->account->sent);
		put_traffic(fields, "received", &record->account->received);
	}
	fields_text(fields, "tcp_state", natlog_tcp_state(flow->tcp_state));
	fields_text(fields, "attribution", basis_names[record->basis]);
	if (record->who)
		put_gateways(fields, record->who->carriers, record->gateway);
}

void natlog_put_block(struct fields *fields, const struct natlog_block *record)
{
	const struct natlog_who *who = record->who ? record->who : &nobody;

	put_head(fields, "block", record->gateway);
	fields_text(fields, "event", record->is_end ? "end" : "begin");
	fields_time(fields, "start", record->start_ns);
	if (record->is_end)
		fields_time(fields, "end", record->end_ns);
	fields_open(fields, "pod");
	put_pod(fields, who, record->source);
	fields_close(fields);
	fields_open(fields, "egress");
	put_egress(fields, who, record->nat);
	fields_count(fields, "first_port", record->first_port);
	fields_count(fields, "last_port", record->last_port);
	fields_close(fields);
	fields_text(fields, "attribution", basis_names[record->basis]);
}

void natlog_put_gap(struct fields *fields, const struct natlog_gap *record)
{
	put_head(fields, "gap", record->gateway);
	fields_time(fields, "from", record->from_ns);
	fields_time(fields, "to", record->to_ns);
	fields_text(fields, "cause", cause_names[record->cause]);
	if (record->cause == NATLOG_BACKLOG)
		fields_count(fields, "lost", record->lost);
}

static void begin(struct fields *fields, char *buf)
{
	fields_begin(fields, buf, NATLOG_LINE_MAX);
	fields_open(fields, NULL);
}

static size_t end(struct fields *fields, const char *buf)
{
	fields_close(fields);
	fields_put(fields, "\n");
	return fields->is_full ? 0 : (size_t)(fields->at - buf);
}

size_t natlog_flow_line(char buf[static NATLOG_LINE_MAX], const struct natlog_flow *record)
{
	struct fields fields;

	begin(&fields, buf);
	natlog_put_flow(&fields, record);
	return end(&fields, buf);
}

size_t natlog_block_line(char buf[static NATLOG_LINE_MAX], const struct natlog_block *record)
{
	struct fields fields;

	begin(&fields, buf);
	natlog_put_block(&fields, record);
	return end(&fields, buf);
}

size_t natlog_gap_line(char buf[static NATLOG_LINE_MAX], const struct natlog_gap *record)
{
	struct fields fields;

	begin(&fields, buf);
	natlog_put_gap(&fields, record);
	return end(&fields, buf);
}
