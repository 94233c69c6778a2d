// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The local control socket: a Unix stream socket, one JSON object a line in each direction.
 * Request: {"v":1,"command":"status",...arguments as strings...}; answer:
 * {"v":1,"ok":true,"result":{...}} or {"v":1,"ok":false,"error":"...","id":"EIPGW-9004"}. A request line has at most
 * CONTROL_LINE_MAX bytes; an answer at most CONTROL_ANSWER_MAX. The server asks the kernel who the
 * peer is (SO_PEERCRED) and answers only root and the user that it runs as; commands flagged
 * CONTROL_OPEN answer members of the group of the socket file too. A connection may carry several
 * requests, one after the other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_LINE_MAX 4096 /* bytes, with the newline */
#define CONTROL_ANSWER_MAX (16u << 20)
#define CONTROL_CLIENTS_MAX 16
#define CONTROL_ARGS_MAX 8

struct err;
struct loop;
struct control_server;
struct control_out; /* builds the answer; see below */

struct control_args {
	size_t n;
	struct {
		char key[32];
		char value[256];
	} v[CONTROL_ARGS_MAX];
};
/* NULL when the argument isn't given. */
const char *control_arg(const struct control_args *args, const char *key);

enum control_flags { CONTROL_OPEN = 1 };

struct control_command {
	const char *name;
	unsigned flags;
	/* Fills `out`; 0, or a negative errno with a sentence in `err` that becomes the answer. */
	int (*run)(const struct control_args *args, struct control_out *out, void *data,
		   struct err *err);
};

/*
 * Listens at `path`. A stale socket of a dead server is replaced; a live one is an error
 * (-EADDRINUSE). Missing parent directories are made (mode 0755). The socket has mode 0660. A
 * client that doesn't send a whole line within 5 s, sends more than a line may have, or doesn't
 * take its answer within 10 s, is dropped. `commands` ends with a NULL name and outlives the
 * server. NULL on failure, with the reason in `err`. Commands are run from the loop, one at a time,
 * and must not free the server.
 */
struct control_server *control_server_new(struct loop *loop, const char *path,
					  const struct control_command *commands, void *data,
					  struct err *err);
/* Removes the socket file if it is still ours. */
void control_server_free(struct control_server *server);

/*
 * The answer's `result`, written in order. It is an object that is open when the command begins and
 * is closed for it. Keys are needed in objects and ignored (NULL) inside arrays. Strings should be
 * UTF-8; what isn't is shown as U+FFFD. Failures (memory, size, nesting beyond CONTROL_DEPTH_MAX, a
 * missing key, one end too many or too few) are remembered and become the answer, once.
 */
#define CONTROL_DEPTH_MAX 16
void control_object(struct control_out *out, const char *key);
void control_array(struct control_out *out, const char *key);
void control_end(struct control_out *out); /* closes the innermost object or array */
void control_string(struct control_out *out, const char *key, const char *value); /* NULL -> null */
void control_printf(struct control_out *out, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void control_int(struct control_out *out, const char *key, long long value);
void control_bool(struct control_out *out, const char *key, bool value);

/*
 * Client, blocking, for the CLI: sends one request and returns the answer's `result` as a parsed
 * tree, or fails: -ENOENT, -ECONNREFUSED (no daemon), -EACCES, -ETIMEDOUT after 10 s, -EPROTO (not
 * an answer), -EREMOTEIO (the daemon said no; its sentence is in `err`). `args` may be NULL.
 */
struct control_node; /* read-only view of a JSON value; owned by the reply */
struct control_reply;
int control_call_sync(const char *path, const char *command, const struct control_args *args,
		      struct control_reply **ret, struct err *err);
void control_reply_free(struct control_reply *reply);
const struct control_node *control_reply_result(const struct control_reply *reply);
/*
 * The result as JSON text, pretty or on one line, in ASCII without control characters other than
 * the newlines of the pretty form; no newline at the end. Caller frees. NULL: out of memory.
 */
char *control_reply_text(const struct control_reply *reply, bool pretty);
/* The same of any object or array. */
char *control_node_text(const struct control_node *node, bool pretty);
/* Adds the result of `value` to that of `reply`; `value` may be freed. 0 or -ENOMEM. */
int control_reply_put(struct control_reply *reply, const char *key,
		      const struct control_reply *value);

/*
 * Lookups never fail hard: a missing or mistyped value is NULL, "", 0, false or size 0, and so is
 * everything below a NULL node. A NULL key means the node itself, e.g. a string in an array.
 * Texts come from outside: they may hold control characters.
 */
const struct control_node *control_get(const struct control_node *node, const char *key);
const struct control_node *control_at(const struct control_node *node, size_t index);
size_t control_size(const struct control_node *node);
const char *control_text(const struct control_node *node, const char *key);
long long control_number(const struct control_node *node, const char *key);
bool control_flag(const struct control_node *node, const char *key);
