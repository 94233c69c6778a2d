// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside flows: flows.c looks at connections, flows_answer.c tells of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/log/flow_filter.h"
#include "nat/account.h"
#include "nat/flow.h"
#include "natlog/record.h"
#include "natlog/who.h"

struct flows;
struct loop_timer;

enum { WALK_ID_MAX = 20, WALK_IDLE_MS = 10000 };

struct row {
	struct ct_flow flow;
	struct ct_account account;
	int64_t start_ns;
	uint32_t who;
	enum natlog_basis basis;
};

struct walk {
	struct flows *flows;
	struct loop_timer *idle;
	struct ct_walk *walk; /* NULL: it ended */
	struct flow_filter filter;
	char id[WALK_ID_MAX]; /* "": free */
	struct who_table who; /* of the rows */
	struct row *rows;     /* that weren't told yet */
	size_t n, size;
	size_t found, looked_at; /* since it began */
	bool has_more;           /* than were asked for */
	int failed;              /* 0, or why it ended early */
};

/* The one that goes on as `id`, or begins (id NULL). NULL with the reason. */
struct walk *flows_walk(struct flows *flows, const char *id, const struct control_args *args,
			struct err *err);
struct flowlog *flows_log(const struct flows *flows);
/* Its rows were told: it goes on, or is over. 0, or -errno: why it ended early. */
int flows_told(struct walk *walk);
