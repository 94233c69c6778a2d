// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "control/request.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <jansson.h>

#include <errno.h>
#include <string.h>

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

const char *control_arg(const struct control_args *args, const char *key)
{
	for (size_t i = 0; i < args->n; i++)
		if (!strcmp(args->v[i].key, key))
			return args->v[i].value;
	return NULL;
}

/* jansson refuses NUL inside strings, so strlen is the length. */
static int copy(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length >= size)
		return -EINVAL;
	memcpy(to, from, length + 1);
	return 0;
}

static int take_argument(struct control_args *args, const char *key, const json_t *value,
			 struct err *err)
{
	if (!json_is_string(value))
		return err_set(err, -EINVAL, "an argument of the request is not a string");
	if (args->n >= CONTROL_ARGS_MAX)
		return err_set(err, -EINVAL, "the request has more than %d arguments",
			       CONTROL_ARGS_MAX);

	size_t i = args->n;
	if (copy(args->v[i].key, sizeof(args->v[i].key), key) < 0)
		return err_set(err, -EINVAL, "the name of an argument is longer than %zu bytes",
			       sizeof(args->v[i].key) - 1);
	if (copy(args->v[i].value, sizeof(args->v[i].value), json_string_value(value)) < 0)
		return err_set(err, -EINVAL, "the argument \"%s\" is longer than %zu bytes", key,
			       sizeof(args->v[i].value) - 1);
	args->n++;
	return 0;
}

static int take_command(struct control_request *request, const json_t *value, struct err *err)
{
	const char *name = json_string_value(value);

	if (!name || !*name)
		return err_set(err, -EINVAL, "the request has no command");
	if (copy(request->command, sizeof(request->command), name) < 0)
		return err_mark(err, MSG_CONTROL_UNKNOWN,
				err_set(err, -EINVAL, "there is no such command"));
	return 0;
}

int control_request_parse(const char *line, size_t length, struct control_request *ret,
			  struct err *err)
{
	struct control_request request = { .command = "" };
	json_error_t where;
	const char *key;
	json_t *value;

	CLEANUP(cleanup_json)
	json_t *root = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
	if (!root && json_error_code(&where) == json_error_out_of_memory)
		return err_mark(err, MSG_CONTROL_FAILED, err_set(err, -ENOMEM, "out of memory"));
	if (!json_is_object(root))
		return err_set(err, -EINVAL, "the request is not a JSON object");

	const json_t *version = json_object_get(root, "v");
	if (!json_is_integer(version) || json_integer_value(version) != 1)
		return err_set(err, -EINVAL, "the request is not of version 1");
	int r = take_command(&request, json_object_get(root, "command"), err);
	if (r < 0)
		return r;

	json_object_foreach(root, key, value)
	{
		if (!strcmp(key, "v") || !strcmp(key, "command"))
			continue;
		r = take_argument(&request.args, key, value, err);
		if (r < 0)
			return r;
	}
	*ret = request;
	return 0;
}
