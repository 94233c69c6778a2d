// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside top: top.c is the command, top_rows.c what it tells. */
#pragma once

#include <stddef.h>

struct control_out;
struct gateway_view;
struct tally_order;
struct usage;

/* 0; -ENOMEM. */
int top_put_sources(struct control_out *out, const struct gateway_view *view,
		    const struct usage *usage, const struct tally_order *best);
int top_put_destinations(struct control_out *out, const struct gateway_view *view,
			 const struct usage *usage, size_t most);
void top_put_egress(struct control_out *out, const struct gateway_view *view,
		    const struct usage *usage);
