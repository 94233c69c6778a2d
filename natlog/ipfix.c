// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/ipfix.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"

_Static_assert(IPFIX_RECORD_MAX < IPFIX_MESSAGE_MAX - 20, "a record fits into a message");

#define NS_PER_MS 1000000
#define VARIABLE 65535 /* the length of a text */
#define REVERSE 29305  /* the same, of the answers (RFC 5103) */
#define ENTERPRISE_BIT 0x8000

enum { VERSION = 10, HEADER = 16, SET_HEADER = 4, LONG_TEXT = 255 };
enum { SET_TEMPLATES = 2, SET_OPTIONS = 3 };
/* Templates. */
enum { ID_BEGIN = 256, ID_END, ID_LOSS, ID_BLOCK_BEGIN, ID_BLOCK_END };
/* natEvent */
enum {
	NAT44_SESSION_CREATE = 4,
	NAT44_SESSION_DELETE = 5,
	PORT_BLOCK_ALLOCATION = 16,
	PORT_BLOCK_DEALLOCATION = 17
};
/* flowEndReason */
enum { END_IDLE = 1, END_DETECTED = 3 };

/* ---- bytes, most significant first */

struct bytes {
	uint8_t *at, *end;
	bool is_full;
};

static bool has_room(struct bytes *bytes, size_t n)
{
	if ((size_t)(bytes->end - bytes->at) >= n)
		return true;
	bytes->is_full = true;
	return false;
}

static void put_number(struct bytes *bytes, uint64_t value, size_t n)
{
	if (!has_room(bytes, n))
		return;
	for (size_t i = n; i > 0; i--)
		*bytes->at++ = (uint8_t)(value >> (i - 1) * 8);
}

/* RFC 7011, 7: one byte says how long, or that two more do. */
static void put_text(struct bytes *bytes, const char *text)
{
	const size_t n = strlen(text);

	if (n >= LONG_TEXT)
		put_number(bytes, LONG_TEXT, 1);
	put_number(bytes, n, n >= LONG_TEXT ? 2 : 1);
	if (!has_room(bytes, n))
		return;
	memcpy(bytes->at, text, n);
	bytes->at += n;
}

/* ---- what a flow's elements are */

static uint64_t ms_of(int64_t ns)
{
	return ns > 0 ? (uint64_t)(ns / NS_PER_MS) : 0;
}

static uint64_t start_of(const struct natlog_flow *r)
{
	return ms_of(r->start_ns);
}

static uint64_t end_of(const struct natlog_flow *r)
{
	return ms_of(r->end_ns);
}

static uint64_t create_event(const struct natlog_flow *r)
{
	(void)r;
	return NAT44_SESSION_CREATE;
}

static uint64_t delete_event(const struct natlog_flow *r)
{
	(void)r;
	return NAT44_SESSION_DELETE;
}

static uint64_t protocol_of(const struct natlog_flow *r)
{
	return r->flow->orig.protocol;
}

static uint64_t source_of(const struct natlog_flow *r)
{
	return r->flow->orig.src.v;
}

static uint64_t source_port_of(const struct natlog_flow *r)
{
	return r->flow->orig.src_port;
}

/* What the destination saw; the address that it has within the VPC only where that isn't known. */
static uint64_t public_of(const struct natlog_flow *r)
{
	return r->who && r->who->public.v ? r->who->public.v : r->flow->nat.v;
}

static uint64_t public_port_of(const struct natlog_flow *r)
{
	return r->flow->nat_port;
}

static uint64_t destination_of(const struct natlog_flow *r)
{
	return r->flow->orig.dst.v;
}

/* ICMP: type and code, as exporters of flows have it. */
static uint64_t destination_port_of(const struct natlog_flow *r)
{
	const struct ct_tuple *orig = &r->flow->orig;

	if (orig->protocol == IPPROTO_ICMP)
		return (uint64_t)orig->icmp_type << 8;
	return orig->dst_port;
}

static uint64_t sent_bytes(const struct natlog_flow *r)
{
	return r->account->sent.bytes;
}

static uint64_t received_bytes(const struct natlog_flow *r)
{
	return r->account->received.bytes;
}

static uint64_t sent_packets(const struct natlog_flow *r)
{
	return r->account->sent.packets;
}

static uint64_t received_packets(const struct natlog_flow *r)
{
	return r->account->received.packets;
}

static uint64_t end_reason(const struct natlog_flow *r)
{
	switch (r->flow->tcp_state) {
	case TCP_CONNTRACK_TIME_WAIT:
	case TCP_CONNTRACK_CLOSE:
	case TCP_CONNTRACK_LAST_ACK:
		return END_DETECTED;
	default:
		return END_IDLE;
	}
}

/* A block is here a flow whose two ports are the first and the last one. */
static uint64_t allocation_event(const struct natlog_flow *r)
{
	(void)r;
	return PORT_BLOCK_ALLOCATION;
}

static uint64_t deallocation_event(const struct natlog_flow *r)
{
	(void)r;
	return PORT_BLOCK_DEALLOCATION;
}

static uint64_t last_port_of(const struct natlog_flow *r)
{
	return r->flow->orig.dst_port;
}

/* Names in buffers of so many bytes; most need none. */
#define NAME_MAX_BYTES 384

static const char *text_or_none(const char *text)
{
	return text ? text : "";
}

static const char *gateway_of(const struct natlog_flow *r, char buf[static NAME_MAX_BYTES])
{
	(void)buf;
	return text_or_none(r->gateway);
}

static const char *pool_of(const struct natlog_flow *r, char buf[static NAME_MAX_BYTES])
{
	(void)buf;
	return r->who ? text_or_none(r->who->egress) : "";
}

static const char *pod_of(const struct natlog_flow *r, char buf[static NAME_MAX_BYTES])
{
	const struct natlog_who *who = r->who;

	if (!who || !who->namespace || !*who->namespace || !who->name)
		return "";
	snprintf(buf, NAME_MAX_BYTES, "%s/%s", who->namespace, who->name);
	return buf;
}

static const char *uid_of(const struct natlog_flow *r, char buf[static NAME_MAX_BYTES])
{
	(void)buf;
	return r->who ? text_or_none(r->who->uid) : "";
}

static const char *policy_of(const struct natlog_flow *r, char buf[static NAME_MAX_BYTES])
{
	(void)buf;
	return r->who ? text_or_none(r->who->policy) : "";
}

/* ---- templates */

struct element {
	uint16_t id, length;
	uint64_t (*number)(const struct natlog_flow *record);
	const char *(*text)(const struct natlog_flow *record, char buf[static NAME_MAX_BYTES]);
	uint32_t enterprise; /* 0: IANA's own */
};

/* What both events have. */
static const struct element common_elements[] = {
	{ 4, 1, protocol_of, NULL },           /* protocolIdentifier */
	{ 8, 4, source_of, NULL },             /* sourceIPv4Address */
	{ 225, 4, public_of, NULL },           /* postNATSourceIPv4Address */
	{ 7, 2, source_port_of, NULL },        /* sourceTransportPort */
	{ 227, 2, public_port_of, NULL },      /* postNAPTSourceTransportPort */
	{ 12, 4, destination_of, NULL },       /* destinationIPv4Address */
	{ 226, 4, destination_of, NULL },      /* postNATDestinationIPv4Address */
	{ 11, 2, destination_port_of, NULL },  /* destinationTransportPort */
	{ 228, 2, destination_port_of, NULL }, /* postNAPTDestinationTransportPort */
	{ 284, VARIABLE, NULL, pool_of },      /* natPoolName */
	{ 350, VARIABLE, NULL, pod_of },       /* virtualStationName */
	{ 349, VARIABLE, NULL, uid_of },       /* virtualStationUUID */
	{ 335, VARIABLE, NULL, policy_of },    /* selectorName */
	{ 300, VARIABLE, NULL, gateway_of },   /* observationDomainName */
};

static const struct element begin_elements[] = {
	{ 323, 8, start_of, NULL },     /* observationTimeMilliseconds */
	{ 230, 1, create_event, NULL }, /* natEvent */
};

static const struct element end_elements[] = {
	{ 323, 8, end_of, NULL },                  /* observationTimeMilliseconds */
	{ 230, 1, delete_event, NULL },            /* natEvent */
	{ 152, 8, start_of, NULL },                /* flowStartMilliseconds */
	{ 153, 8, end_of, NULL },                  /* flowEndMilliseconds */
	{ 1, 8, sent_bytes, NULL },                /* octetDeltaCount */
	{ 2, 8, sent_packets, NULL },              /* packetDeltaCount */
	{ 1, 8, received_bytes, NULL, REVERSE },   /* reverseOctetDeltaCount */
	{ 2, 8, received_packets, NULL, REVERSE }, /* reversePacketDeltaCount */
	{ 136, 1, end_reason, NULL },              /* flowEndReason */
};

static const struct element block_elements[] = {
	{ 8, 4, source_of, NULL },           /* sourceIPv4Address */
	{ 225, 4, public_of, NULL },         /* postNATSourceIPv4Address */
	{ 361, 2, source_port_of, NULL },    /* portRangeStart */
	{ 362, 2, last_port_of, NULL },      /* portRangeEnd */
	{ 284, VARIABLE, NULL, pool_of },    /* natPoolName */
	{ 350, VARIABLE, NULL, pod_of },     /* virtualStationName */
	{ 349, VARIABLE, NULL, uid_of },     /* virtualStationUUID */
	{ 300, VARIABLE, NULL, gateway_of }, /* observationDomainName */
};

static const struct element block_begin_elements[] = {
	{ 323, 8, start_of, NULL },         /* observationTimeMilliseconds */
	{ 230, 1, allocation_event, NULL }, /* natEvent */
};

static const struct element block_end_elements[] = {
	{ 323, 8, end_of, NULL },             /* observationTimeMilliseconds */
	{ 230, 1, deallocation_event, NULL }, /* natEvent */
	{ 152, 8, start_of, NULL },           /* flowStartMilliseconds */
	{ 153, 8, end_of, NULL },             /* flowEndMilliseconds */
};

/* RFC 7011, 4.3, without packets and octets, which nobody knows. The first is the scope. */
static const struct element loss_elements[] = {
	{ 144, 4, NULL, NULL }, /* exportingProcessId */
	{ 166, 8, NULL, NULL }, /* notSentFlowTotalCount */
	{ 323, 8, NULL, NULL }, /* observationTimeMilliseconds, of the first one */
	{ 323, 8, NULL, NULL }, /* of the last one */
};

struct elements {
	const struct element *v;
	size_t n;
};
#define ELEMENTS(list)                   \
	{                                \
		(list), ARRAY_SIZE(list) \
	}

enum { PARTS = 2 };

/* Templates, in the order of their numbers. */
static const struct layout {
	uint16_t id, n_scope;
	struct elements parts[PARTS];
} layouts[] = {
	{ ID_BEGIN, 0, { ELEMENTS(begin_elements), ELEMENTS(common_elements) } },
	{ ID_END, 0, { ELEMENTS(end_elements), ELEMENTS(common_elements) } },
	{ ID_LOSS, 1, { ELEMENTS(loss_elements) } },
	{ ID_BLOCK_BEGIN, 0, { ELEMENTS(block_begin_elements), ELEMENTS(block_elements) } },
	{ ID_BLOCK_END, 0, { ELEMENTS(block_end_elements), ELEMENTS(block_elements) } },
};

/* ---- records */

static void put_values(struct bytes *bytes, const struct elements *elements,
		       const struct natlog_flow *record)
{
	char text[NAME_MAX_BYTES];

	for (size_t i = 0; i < elements->n; i++) {
		const struct element *e = &elements->v[i];

		if (e->number)
			put_number(bytes, e->number(record), e->length);
		else
			put_text(bytes, e->text(record, text));
	}
}

static size_t put_record(uint8_t *buf, const struct layout *layout,
			 const struct natlog_flow *record)
{
	struct bytes bytes = { .at = buf, .end = buf + IPFIX_RECORD_MAX };

	put_number(&bytes, layout->id, 2);
	for (size_t i = 0; i < PARTS; i++)
		put_values(&bytes, &layout->parts[i], record);
	return bytes.is_full ? 0 : (size_t)(bytes.at - buf);
}

size_t ipfix_begin(uint8_t buf[static IPFIX_RECORD_MAX], const struct natlog_flow *record)
{
	return put_record(buf, &layouts[0], record);
}

size_t ipfix_flow(uint8_t buf[static IPFIX_RECORD_MAX], const struct natlog_flow *record)
{
	return put_record(buf, &layouts[1], record);
}

size_t ipfix_block(uint8_t buf[static IPFIX_RECORD_MAX], const struct natlog_block *record)
{
	const struct ct_flow ports = { .orig = { .src = record->source,
						 .src_port = record->first_port,
						 .dst_port = record->last_port },
				       .nat = record->nat };
	const struct natlog_flow flow = { .gateway = record->gateway,
					  .flow = &ports,
					  .start_ns = record->start_ns,
					  .end_ns = record->end_ns,
					  .who = record->who };

	return put_record(buf, &layouts[record->is_end ? 4 : 3], &flow);
}

/* How many isn't known but for those that had to wait too long. */
size_t ipfix_gap(uint8_t buf[static IPFIX_RECORD_MAX], const struct natlog_gap *record)
{
	struct bytes bytes = { .at = buf, .end = buf + IPFIX_RECORD_MAX };

	put_number(&bytes, ID_LOSS, 2);
	put_number(&bytes, 1, 4);
	put_number(&bytes, record->cause == NATLOG_BACKLOG ? record->lost : 0, 8);
	put_number(&bytes, ms_of(record->from_ns), 8);
	put_number(&bytes, ms_of(record->to_ns), 8);
	return (size_t)(bytes.at - buf);
}

/* ---- messages */

static void put_at(struct ipfix_message *message, size_t at, uint64_t value, size_t n)
{
	struct bytes bytes = { .at = message->bytes + at,
			       .end = message->bytes + IPFIX_MESSAGE_MAX };

	put_number(&bytes, value, n);
}

static void append(struct ipfix_message *message, uint64_t value, size_t n)
{
	put_at(message, message->n, value, n);
	message->n += n;
}

static void end_set(struct ipfix_message *message)
{
	if (message->set)
		put_at(message, message->set + 2, message->n - message->set, 2);
	message->set = 0;
}

static void begin_set(struct ipfix_message *message, uint16_t id)
{
	end_set(message);
	message->set = message->n;
	append(message, id, 2);
	append(message, 0, 2);
}

static bool is_set(const struct ipfix_message *message, const uint8_t *id)
{
	return message->set && memcmp(message->bytes + message->set, id, 2) == 0;
}

void ipfix_message_begin(struct ipfix_message *message)
{
	message->sequence += message->n_records;
	message->n_records = 0;
	message->n = HEADER;
	message->set = 0;
}

static void put_element(struct ipfix_message *message, const struct element *element)
{
	append(message, element->id | (element->enterprise ? ENTERPRISE_BIT : 0u), 2);
	append(message, element->length, 2);
	if (element->enterprise)
		append(message, element->enterprise, 4);
}

static void put_layout(struct ipfix_message *message, const struct layout *layout)
{
	append(message, layout->id, 2);
	append(message, layout->parts[0].n + layout->parts[1].n, 2);
	if (layout->n_scope)
		append(message, layout->n_scope, 2);
	for (size_t i = 0; i < PARTS; i++) {
		for (size_t j = 0; j < layout->parts[i].n; j++)
			put_element(message, &layout->parts[i].v[j]);
	}
}

static void put_templates(struct ipfix_message *message, uint16_t set, bool has_scope)
{
	begin_set(message, set);
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		if ((layouts[i].n_scope != 0) == has_scope)
			put_layout(message, &layouts[i]);
	}
}

void ipfix_message_templates(struct ipfix_message *message)
{
	put_templates(message, SET_TEMPLATES, false);
	put_templates(message, SET_OPTIONS, true);
}

bool ipfix_message_put(struct ipfix_message *message, const uint8_t *record, size_t n)
{
	if (n < 2 || message->n + SET_HEADER + n - 2 > IPFIX_MESSAGE_MAX)
		return false;
	if (!is_set(message, record))
		begin_set(message, (uint16_t)(record[0] << 8 | record[1]));
	memcpy(message->bytes + message->n, record + 2, n - 2);
	message->n += n - 2;
	message->n_records++;
	return true;
}

void ipfix_message_end(struct ipfix_message *message, uint32_t now_s)
{
	end_set(message);
	put_at(message, 0, VERSION, 2);
	put_at(message, 2, message->n, 2);
	put_at(message, 4, now_s, 4);
	put_at(message, 8, message->sequence, 4);
	put_at(message, 12, message->domain, 4);
}
