// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The daemon's connections, page by page (gateway/log/flows.h). */
#pragma once

#include <stdbool.h>

struct cli;
struct cli_options;
struct control_args;
struct control_node;
struct control_reply;
struct err;

struct flow_pages_ops {
	/* A page's answer, which is `take`'s from then on. False: no more are wanted. */
	bool (*take)(struct control_reply *page, void *data);
	void *data;
};

/* `filter`: arguments of "flows". An exit code, with a sentence in `err` if it isn't EXIT_OK. */
int flow_pages(const struct cli *cli, const struct cli_options *options,
	       const struct control_args *filter, const struct flow_pages_ops *ops,
	       struct err *err);

/* Adds an argument that was given. False: it is too long. */
bool flow_argument(struct control_args *args, const char *key, const char *value);
