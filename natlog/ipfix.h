// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: records as IPFIX (RFC 7011) NAT events (RFC 8158). The daemon makes records; the writer's process puts them into
 * messages, which need to know what was sent before. All elements are of IANA's registry, or RFC 5103's reverse ones; docs/NATLOG.md lists them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natlog/record.h"

#define IPFIX_MESSAGE_MAX 1400 /* fits into a datagram that isn't fragmented */
#define IPFIX_RECORD_MAX 1340

/* A record begins with its template's number. Their length; 0: it doesn't fit. The longest names that Kubernetes allows do. */
size_t ipfix_begin(uint8_t buf[static IPFIX_RECORD_MAX], const struct natlog_flow *record);
size_t ipfix_flow(uint8_t buf[static IPFIX_RECORD_MAX], const struct natlog_flow *record);
size_t ipfix_block(uint8_t buf[static IPFIX_RECORD_MAX], const struct natlog_block *record);
size_t ipfix_gap(uint8_t buf[static IPFIX_RECORD_MAX], const struct natlog_gap *record);

struct ipfix_message {
	uint32_t domain;
	uint32_t sequence; /* data records in messages before this one */
	uint32_t n_records;
	size_t n;   /* bytes */
	size_t set; /* where the last set begins; 0: none */
	uint8_t bytes[IPFIX_MESSAGE_MAX];
};

/* Continues with the number of the next record. */
void ipfix_message_begin(struct ipfix_message *message);
/* What the records consist of. */
void ipfix_message_templates(struct ipfix_message *message);
/* A record as above. False: it has no room. */
bool ipfix_message_put(struct ipfix_message *message, const uint8_t *record, size_t n);
void ipfix_message_end(struct ipfix_message *message, uint32_t now_s);
