// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The text of an error travels apart from its number: functions at a boundary (configuration, kernel,
 * control socket) take an optional caller-owned `struct err *` and fill it on failure. Functions return
 * 0, a negative errno that is forwarded unchanged, or a positive code of their own module that the
 * direct caller handles.
 */
#pragma once

#include "base/message.h"

#define ERR_TEXT_MAX 512

struct err {
	char text[ERR_TEXT_MAX]; /* one sentence without a trailing full stop; "" when nothing failed */
	int id; /* of message.h: the innermost cause that has one; else 0, and whoever shows the text knows one */
};

#define ERR_NULL ((struct err){ .text = "" })

/*
 * Stores the formatted text (cut at ERR_TEXT_MAX) and returns `code`, so that a failing function can
 * say `return err_set(err, -EINVAL, "...")`. `err` may be NULL.
 */
int err_set(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " in front of the present text, whose id stays. `err` may be NULL. Returns `code`. */
int err_prefix(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * `return err_mark(err, MSG_X, err_set(err, -EINVAL, "..."))`: gives the error an id, unless it has one from further
 * inside. `err` may be NULL. Returns `code`.
 */
int err_mark(struct err *err, int id, int code);
/* The id of the cause, or `otherwise`, that of the place that shows it. */
int err_id(const struct err *err, int otherwise);
