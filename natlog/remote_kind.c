// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/remote_kind.h"

#include <string.h>

#include "natlog/format.h"
#include "natlog/stamp.h"
#include "natlog/syslog.h"

#define NS_PER_S INT64_C(1000000000)

size_t remote_length(const char *bytes)
{
	uint16_t n;

	memcpy(&n, bytes, sizeof(n));
	return n;
}

/* ---- the journal: an entry is a datagram */

static int connect_journald(struct contact *contact, const struct output_how *how, struct err *err)
{
	return contact_open_local(contact, how->journald.socket, err);
}

static void fill_journald(struct remote_out *out, const char *bytes, size_t n, void *data)
{
	(void)n;
	(void)data;
	out->n = remote_length(bytes);
	out->took = out->n + FORMAT_LENGTH;
	memcpy(out->bytes, bytes + FORMAT_LENGTH, out->n);
}

/* ---- syslog: counted messages, one after another */

static int connect_syslog(struct contact *contact, const struct output_how *how, struct err *err)
{
	return contact_open_stream(contact, &how->syslog.server, &how->syslog.tls, err);
}

static void fill_syslog(struct remote_out *out, const char *bytes, size_t n, void *data)
{
	(void)data;
	out->n = 0;
	out->took = 0;
	while (out->took < n) {
		const size_t length = remote_length(bytes + out->took);

		if (out->n + SYSLOG_FRAME_MAX + length > sizeof(out->bytes))
			return;
		out->n += syslog_frame(out->bytes + out->n, length);
		memcpy(out->bytes + out->n, bytes + out->took + FORMAT_LENGTH, length);
		out->n += length;
		out->took += FORMAT_LENGTH + length;
	}
}

/* ---- IPFIX: records in messages that begin with templates now and then */

static int connect_ipfix(struct contact *contact, const struct output_how *how, struct err *err)
{
	if (how->ipfix.is_udp)
		return contact_open_datagram(contact, &how->ipfix.collector, err);
	return contact_open_stream(contact, &how->ipfix.collector, NULL, err);
}

void remote_ipfix_reset(struct remote_ipfix *ipfix, bool is_new)
{
	ipfix->message.n_records = 0;
	if (!is_new)
		return;
	ipfix->templates_ns = 0;
	ipfix->message.domain = ipfix->how->ipfix.domain;
	/* Of UDP the sender's port is another one, but collectors don't look at it. */
	if (!ipfix->how->ipfix.is_udp)
		ipfix->message.sequence = 0;
}

static bool needs_templates(const struct remote_ipfix *ipfix, int64_t now_ns)
{
	const struct how_ipfix *how = &ipfix->how->ipfix;

	if (!ipfix->templates_ns)
		return true;
	return how->is_udp && now_ns - ipfix->templates_ns >= how->template_s * NS_PER_S;
}

static void fill_ipfix(struct remote_out *out, const char *bytes, size_t n, void *data)
{
	struct remote_ipfix *ipfix = data;
	const int64_t now_ns = stamp_now_ns();

	out->took = 0;
	ipfix_message_begin(&ipfix->message);
	if (needs_templates(ipfix, now_ns)) {
		ipfix_message_templates(&ipfix->message);
		ipfix->templates_ns = now_ns;
	}
	while (out->took < n) {
		const size_t length = remote_length(bytes + out->took);
		const uint8_t *record = (const uint8_t *)bytes + out->took + FORMAT_LENGTH;

		if (!ipfix_message_put(&ipfix->message, record, length))
			break;
		out->took += FORMAT_LENGTH + length;
	}
	ipfix_message_end(&ipfix->message, (uint32_t)(now_ns / NS_PER_S));
	memcpy(out->bytes, ipfix->message.bytes, ipfix->message.n);
	out->n = ipfix->message.n;
}

const struct remote_kind remote_kinds[OUTPUT_COUNT] = {
	[OUTPUT_JOURNALD] = { connect_journald, fill_journald },
	[OUTPUT_SYSLOG] = { connect_syslog, fill_syslog },
	[OUTPUT_IPFIX] = { connect_ipfix, fill_ipfix },
};
