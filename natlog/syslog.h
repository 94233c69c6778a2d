// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: records as syslog messages (RFC 5424), with the line of JSON that a file would have as their text
 * (docs/decisions/0010), without the framing of a transport.
 */
#pragma once

#include <stdint.h>

#include "natlog/record.h"

#define SYSLOG_MESSAGE_MAX NATLOG_LINE_MAX
#define SYSLOG_FRAME_MAX 8 /* the count before it */

/* Their length; 0: it doesn't fit. */
size_t syslog_flow(char buf[static SYSLOG_MESSAGE_MAX], uint32_t facility,
		   const struct natlog_flow *record);
size_t syslog_block(char buf[static SYSLOG_MESSAGE_MAX], uint32_t facility,
		    const struct natlog_block *record);
size_t syslog_gap(char buf[static SYSLOG_MESSAGE_MAX], uint32_t facility,
		  const struct natlog_gap *record);

/* Octet counting (RFC 6587, 3.4.1; RFC 5425, 4.3): what stands before a message of n bytes. Its length. */
size_t syslog_frame(char buf[static SYSLOG_FRAME_MAX], size_t n);
