// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: what the configuration says of the log's outputs, as natlog wants it. */
#pragma once

#include "conf/log.h"
#include "natlog/how.h"

/* Of a configuration that was checked. */
void flowlog_outputs(const struct gateway_log *log, struct output_hows *ret);
/* Where what is remembered is kept over a restart: beside the file, or where the state of the others is. */
#define FLOWLOG_BOOK_MAX (LOG_TEXT_MAX + 16)
void flowlog_book(const struct gateway_log *log, char buf[static FLOWLOG_BOOK_MAX]);
/* Where an output goes, for people: a path, or HOST:PORT. */
const char *flowlog_target(const struct gateway_log *log, enum output_kind kind);
