// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/ask.h"

#include "base/err.h"
#include "base/options.h"
#include "control/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool nobody_is_there(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED;
}

/* "; "-separated, cut at the end. */
static void append(struct err *all, const struct err *one)
{
	size_t used = strlen(all->text);

	snprintf(all->text + used, sizeof(all->text) - used, "%s%s", used ? "; " : "", one->text);
}

int ask_daemon(const char *const *sockets, const char *command, const struct control_args *args,
	       struct control_reply **ret, struct err *err)
{
	struct err tried = ERR_NULL;

	for (; *sockets; sockets++) {
		struct err one = ERR_NULL;
		int r = control_call_sync(*sockets, command, args, ret, &one);

		if (r == 0)
			return EXIT_OK;
		append(&tried, &one);
		if (nobody_is_there(r))
			continue;
		if (r != -ETIMEDOUT)
			return err_mark(err, one.id, err_set(err, EXIT_RUNTIME, "%s", one.text));
		break;
	}
	return err_set(err, EXIT_NO_DAEMON, "no daemon answers: %s", tried.text);
}
