// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "control/dispatch.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "control/control.h"
#include "control/out.h"
#include "control/request.h"

#include <errno.h>
#include <string.h>

static const struct control_command *find(const struct control_command *commands, const char *name)
{
	for (; commands->name; commands++)
		if (!strcmp(commands->name, name))
			return commands;
	return NULL;
}

static int run(const struct control_service *service, enum control_rights rights,
	       const struct control_request *request, struct control_out *out, struct err *err)
{
	const struct control_command *command = find(service->commands, request->command);

	if (!command)
		return err_mark(err, MSG_CONTROL_UNKNOWN,
				err_set(err, -ENOENT, "there is no such command"));

	enum control_rights needed = command->flags & CONTROL_OPEN ? CONTROL_RIGHTS_OPEN :
								     CONTROL_RIGHTS_ALL;
	if (rights < needed)
		return err_mark(err, MSG_CONTROL_DENIED,
				err_set(err, -EPERM, "%s: permission denied", command->name));

	int r = command->run(&request->args, out, service->data, err);
	if (r < 0 && err && !err->text[0])
		return err_set(err, r, "%s: %s", command->name, strerror(-r));
	return r;
}

/* The text is checked here, so that a failure on the way to it can still become an answer. */
static int answer(const struct control_service *service, enum control_rights rights,
		  const struct control_request *request, struct control_out **ret, struct err *err)
{
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
	const char *text;
	size_t length;

	if (!out)
		return err_set(err, -ENOMEM, "out of memory");

	int r = run(service, rights, request, out, err);
	if (r == 0)
		r = control_out_finish(out, &text, &length, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(out);
	return 0;
}

struct control_out *control_refusal(int id, const char *sentence)
{
	char text_of_id[MESSAGE_TEXT_MAX];
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new(CONTROL_ANSWER_MAX);
	const char *text;
	size_t length;

	if (!out)
		return NULL;
	control_int(out, "v", 1);
	control_bool(out, "ok", false);
	control_string(out, "error", sentence);
	control_string(out, "id", message_format(id, text_of_id));
	return control_out_finish(out, &text, &length, NULL) < 0 ? NULL : TAKE_PTR(out);
}

struct control_out *control_dispatch(const struct control_service *service,
				     enum control_rights rights, const char *line, size_t length)
{
	struct control_out *out = NULL;
	struct control_request request;
	struct err err = ERR_NULL;

	int r = control_request_parse(line, length, &request, &err);
	const int id = r < 0 ? MSG_CONTROL_REQUEST : MSG_CONTROL_FAILED;

	if (r == 0)
		r = answer(service, rights, &request, &out, &err);
	return r < 0 ? control_refusal(err_id(&err, id), err.text) : out;
}
