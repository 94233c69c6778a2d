// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: records as entries in the journal's own protocol (systemd's "Journal Native Protocol"), a datagram each. */
#pragma once

#include "natlog/record.h"

#define JOURNAL_FLOW_ID "b0df82d0df3e4cab89ffa104ce71cc4d"
#define JOURNAL_BLOCK_ID "6694a92ccfaf4c78ba2a583287a7b655"
#define JOURNAL_GAP_ID "ae7784b58ad64eb7844cef29e2d3960b"

/* Its length; 0: it doesn't fit. */
size_t journal_flow(char buf[static NATLOG_LINE_MAX], const struct natlog_flow *record);
size_t journal_block(char buf[static NATLOG_LINE_MAX], const struct natlog_block *record);
size_t journal_gap(char buf[static NATLOG_LINE_MAX], const struct natlog_gap *record);
