// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: records as each kind of output has them on their way to its process. All but a file's lines come with their length before
 * them (2 bytes, this host's order).
 */
#pragma once

#include "natlog/how.h"
#include "natlog/record.h"

#define FORMAT_LENGTH sizeof(uint16_t)
#define FORMAT_MAX (NATLOG_LINE_MAX + FORMAT_LENGTH)

/* Their length; 0: it doesn't fit. */
size_t format_flow(char buf[static FORMAT_MAX], const struct output_how *how,
		   const struct natlog_flow *record);
size_t format_block(char buf[static FORMAT_MAX], const struct output_how *how,
		    const struct natlog_block *record);
size_t format_gap(char buf[static FORMAT_MAX], const struct output_how *how,
		  const struct natlog_gap *record);
/* That a connection began: only for who wants that. */
bool format_has_begin(const struct output_how *how);
size_t format_begin(char buf[static FORMAT_MAX], const struct output_how *how,
		    const struct natlog_flow *record);
