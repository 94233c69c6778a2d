// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: a line of the NAT log, read again (natlog/record.h writes them). It comes from a disk, or is somebody's copy: anything may
 * stand in it. Keys that aren't known are skipped, since new ones may come; blanks between the parts are fine, too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

enum line_field {
	LINE_V,
	LINE_TYPE,
	LINE_GATEWAY,
	LINE_EVENT,
	LINE_START,
	LINE_END,
	LINE_FROM,
	LINE_TO,
	LINE_CAUSE,
	LINE_LOST,
	LINE_PROTOCOL,
	LINE_POD_NAMESPACE,
	LINE_POD_NAME,
	LINE_POD_UID,
	LINE_POD_NODE,
	LINE_POD_ADDRESS,
	LINE_POD_PORT,
	LINE_POD_ID,
	LINE_POLICY,
	LINE_EGRESS_NAME,
	LINE_EGRESS_PUBLIC,
	LINE_EGRESS_PRIVATE,
	LINE_EGRESS_PORT,
	LINE_EGRESS_ID,
	LINE_EGRESS_FIRST_PORT,
	LINE_EGRESS_LAST_PORT,
	LINE_DESTINATION_ADDRESS,
	LINE_DESTINATION_PORT,
	LINE_DESTINATION_ICMP_TYPE,
	LINE_SENT_PACKETS,
	LINE_SENT_BYTES,
	LINE_RECEIVED_PACKETS,
	LINE_RECEIVED_BYTES,
	LINE_TCP_STATE,
	LINE_ATTRIBUTION,
	LINE_FIELDS
};

/* Where a field stands; `group` is the object that it is in, or "". */
struct line_name {
	const char *group, *key;
};
extern const struct line_name line_names[LINE_FIELDS];

struct line {
	struct line_value {
		const char *at; /* in the text; NULL: it isn't there */
		uint32_t n;
		bool is_text; /* between quotes, escapes as they are; else a number or a word */
	} v[LINE_FIELDS];
};

/* One object, with or without a newline behind it; *ret points into `text`. 0; -EINVAL. */
int line_parse(const char *text, size_t n, struct line *ret);

/* Other: also of another version. */
enum line_kind {
	LINE_IS_OTHER,
	LINE_IS_FLOW,
	LINE_IS_GAP,
	LINE_IS_BLOCK,       /* that ended */
	LINE_IS_BLOCK_BEGIN, /* that began: when it ends is told by another line, or isn't yet */
};
enum line_kind line_kind(const struct line *line);

/* False: it isn't there, or is something else. */
bool line_number(const struct line *line, enum line_field field, uint64_t *ret);
bool line_time(const struct line *line, enum line_field field, int64_t *ret_ns);
bool line_address(const struct line *line, enum line_field field, struct ip4 *ret);
bool line_is(const struct line *line, enum line_field field, const char *text);
/* The text without escapes, cut to `size`. False: it isn't there, and *buf is "". */
bool line_text(const struct line *line, enum line_field field, char *buf, size_t size);

/* IPPROTO_*; 0: it isn't there, or unknown. */
uint8_t line_protocol(const struct line *line);
uint8_t line_protocol_of(const char *text, size_t n);
/* A flow's port at the egress IP, or its ICMP id. */
bool line_egress_port(const struct line *line, uint16_t *ret);
/* A block's ports, first <= last. */
bool line_block_ports(const struct line *line, uint16_t *ret_first, uint16_t *ret_last);
