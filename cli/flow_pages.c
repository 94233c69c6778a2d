// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/flow_pages.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/command.h"
#include "control/control.h"

/* A walk through a large table takes the daemon a while, and it has no way to call us. */
enum { AGAIN_MS = 20 };

bool flow_argument(struct control_args *args, const char *key, const char *value)
{
	const size_t i = args->n;

	if (!value)
		return true;
	if (i >= CONTROL_ARGS_MAX || strlen(value) >= sizeof(args->v[i].value))
		return false;
	snprintf(args->v[i].key, sizeof(args->v[i].key), "%s", key);
	snprintf(args->v[i].value, sizeof(args->v[i].value), "%s", value);
	args->n++;
	return true;
}

int flow_pages(const struct cli *cli, const struct cli_options *options,
	       const struct control_args *filter, const struct flow_pages_ops *ops, struct err *err)
{
	struct control_args next = { .n = 0 };
	struct question question = { .command = "flows", .args = filter };
	bool is_done = false;

	while (!is_done) {
		struct control_reply *page = NULL;
		int code = ask_chosen(cli, options, &question, &page, err);

		if (code != EXIT_OK)
			return code;
		const struct control_node *result = control_reply_result(page);
		const bool is_empty = control_size(control_get(result, "flows")) == 0;

		is_done = control_flag(result, "done");
		next.n = 0;
		(void)flow_argument(&next, "walk", control_text(result, "walk"));
		question.args = &next;
		if (!ops->take(page, ops->data))
			return EXIT_OK;
		if (!is_done && is_empty)
			(void)poll(NULL, 0, AGAIN_MS);
	}
	return EXIT_OK;
}
