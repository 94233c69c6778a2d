// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Shared by natlog.c (connections, and all that there is once) and natlog_blocks.c (blocks of ports). */
#pragma once

#include "natlog/natlog.h"
#include "natlog/outputs.h"
#include "natlog/writer.h"

struct book;
struct ct_follow;
struct ct_walk;
struct keep;
struct loop_timer;

struct natlog {
	struct natlog_options options;
	char gateway[WRITER_NAME_MAX];
	struct ct_follow *follow; /* NULL: connections aren't recorded */
	struct ct_walk *walk;
	struct book *book;
	struct outputs outputs;
	struct keep *keep;
	struct loop_timer *mark, *look;
	struct natlog_status status;
	bool has_begun, look_again;
	bool has_kept; /* something in the book may be what a former process left */
};
