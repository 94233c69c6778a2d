// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Any line goes to the control socket, as root, as a member of the group and as nobody. There is
 * always an answer, it is one line, and the client understands it.
 */
#include "base/err.h"
#include "control/control.h"
#include "control/dispatch.h"
#include "control/out.h"
#include "control/reply.h"
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int echo(const struct control_args *args, struct control_out *out, void *data,
		struct err *err)
{
	(void)data;
	(void)err;
	control_object(out, "arguments");
	for (size_t i = 0; i < args->n; i++)
		control_string(out, args->v[i].key, args->v[i].value);
	control_end(out);
	return 0;
}

/* Says no with the words of the request. */
static int refuse(const struct control_args *args, struct control_out *out, void *data,
		  struct err *err)
{
	(void)out;
	(void)data;
	return err_set(err, -EINVAL, "%s", args->n ? args->v[0].value : "");
}

static const struct control_command commands[] = {
	{ .name = "status", .flags = CONTROL_OPEN, .run = echo },
	{ .name = "explain", .run = refuse },
	{ .name = NULL },
};

static void check(const char *text, size_t length)
{
	struct control_reply *reply = NULL;

	if (length == 0 || memchr(text, '\n', length) != text + length - 1)
		abort();
	int r = control_reply_parse(text, length - 1, &reply, NULL);
	if (r != 0 && r != -EREMOTEIO)
		abort();
	control_reply_free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct control_service service = { .commands = commands };

	if (size > CONTROL_LINE_MAX)
		return 0;
	for (int rights = CONTROL_RIGHTS_NONE; rights <= CONTROL_RIGHTS_ALL; rights++) {
		struct control_out *out = control_dispatch(&service, (enum control_rights)rights,
							   (const char *)data, size);
		const char *text;
		size_t length;

		if (!out || control_out_finish(out, &text, &length, NULL) < 0)
			abort();
		check(text, length);
		control_out_free(out);
	}
	return 0;
}
