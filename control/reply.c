// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A control_node is jansson's json_t under another name, so that jansson's header stays in this
 * folder.
 */
#include "control/reply.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEL 0x7f

struct control_reply {
	json_t *root;
	json_t *result; /* in root */
};

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

static const json_t *as_json(const struct control_node *node)
{
	return (const json_t *)node;
}

static const struct control_node *as_node(const json_t *json)
{
	return (const struct control_node *)json;
}

int control_reply_parse(const char *line, size_t length, struct control_reply **ret,
			struct err *err)
{
	json_error_t where;

	CLEANUP(cleanup_json)
	json_t *root = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
	if (!root && json_error_code(&where) == json_error_out_of_memory)
		return err_set(err, -ENOMEM, "out of memory");
	if (json_integer_value(json_object_get(root, "v")) != 1)
		return err_mark(err, MSG_CONTROL_ANSWER,
				err_set(err, -EPROTO, "what came is not an answer of version 1"));

	if (json_is_false(json_object_get(root, "ok"))) {
		const char *sentence = json_string_value(json_object_get(root, "error"));
		const char *id = json_string_value(json_object_get(root, "id"));

		err_set(err, -EREMOTEIO, "%s", sentence ? sentence : "no reason given");
		return err_mark(err, id ? message_parse(id) : MESSAGE_NONE, -EREMOTEIO);
	}
	json_t *result = json_object_get(root, "result");
	if (!json_is_true(json_object_get(root, "ok")) || !json_is_object(result))
		return err_mark(err, MSG_CONTROL_ANSWER,
				err_set(err, -EPROTO, "the answer has no result"));

	struct control_reply *reply = calloc(1, sizeof(*reply));
	if (!reply)
		return err_set(err, -ENOMEM, "out of memory");
	reply->result = result;
	reply->root = TAKE_PTR(root);
	*ret = reply;
	return 0;
}

void control_reply_free(struct control_reply *reply)
{
	if (!reply)
		return;
	json_decref(reply->root);
	free(reply);
}

const struct control_node *control_reply_result(const struct control_reply *reply)
{
	return as_node(reply->result);
}

/*
 * jansson escapes all control characters but DEL, which in JSON text can only be inside a string.
 */
static char *escape_del(const char *text)
{
	size_t n = 0;

	for (const char *p = text; *p; p++)
		n += *p == DEL ? strlen("\\u007f") : 1;

	char *escaped = malloc(n + 1);
	if (!escaped)
		return NULL;

	char *to = escaped;
	for (const char *p = text; *p; p++) {
		if (*p == DEL)
			to = stpcpy(to, "\\u007f");
		else
			*to++ = *p;
	}
	*to = '\0';
	return escaped;
}

char *control_node_text(const struct control_node *node, bool pretty)
{
	size_t flags = JSON_ENSURE_ASCII | (pretty ? JSON_INDENT(2) : JSON_COMPACT);

	CLEANUP(cleanup_free) char *text = json_dumps(as_json(node), flags);
	return text ? escape_del(text) : NULL;
}

char *control_reply_text(const struct control_reply *reply, bool pretty)
{
	return control_node_text(as_node(reply->result), pretty);
}

int control_reply_put(struct control_reply *reply, const char *key,
		      const struct control_reply *value)
{
	return json_object_set(reply->result, key, value->result) == 0 ? 0 : -ENOMEM;
}

const struct control_node *control_get(const struct control_node *node, const char *key)
{
	return key ? as_node(json_object_get(as_json(node), key)) : node;
}

const struct control_node *control_at(const struct control_node *node, size_t index)
{
	return as_node(json_array_get(as_json(node), index));
}

size_t control_size(const struct control_node *node)
{
	return json_array_size(as_json(node));
}

const char *control_text(const struct control_node *node, const char *key)
{
	const char *text = json_string_value(as_json(control_get(node, key)));

	return text ? text : "";
}

long long control_number(const struct control_node *node, const char *key)
{
	return json_integer_value(as_json(control_get(node, key)));
}

bool control_flag(const struct control_node *node, const char *key)
{
	return json_is_true(as_json(control_get(node, key)));
}
