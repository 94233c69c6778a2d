// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/*
 * Formats into `buf` and returns the length of what is there. The text is built apart from err->text,
 * because the arguments may point into it.
 */
__attribute__((format(printf, 2, 0))) static size_t format_text(char buf[static ERR_TEXT_MAX],
								const char *format, va_list args)
{
	const int length = vsnprintf(buf, ERR_TEXT_MAX, format, args);

	if (length < 0) {
		buf[0] = '\0';
		return 0;
	}
	const size_t kept = (size_t)length < ERR_TEXT_MAX ? (size_t)length : ERR_TEXT_MAX - 1;
	text_mask_controls(buf, kept);
	return kept;
}

int err_set(struct err *err, int code, const char *format, ...)
{
	const int saved_errno = errno;
	char buf[ERR_TEXT_MAX];
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	const size_t length = format_text(buf, format, args);
	va_end(args);
	memcpy(err->text, buf, length);
	err->text[length] = '\0';
	err->id = 0;
	errno = saved_errno;
	return code;
}

/* Puts what fits of `text` behind the first `length` bytes; returns the new length. */
static size_t append(char buf[static ERR_TEXT_MAX], size_t length, const char *text,
		     size_t text_length)
{
	const size_t room = ERR_TEXT_MAX - 1 - length;
	const size_t taken = text_length < room ? text_length : room;

	memcpy(buf + length, text, taken);
	return length + taken;
}

int err_prefix(struct err *err, int code, const char *format, ...)
{
	const int saved_errno = errno;
	char buf[ERR_TEXT_MAX];
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	size_t length = format_text(buf, format, args);
	va_end(args);
	if (err->text[0])
		length = append(buf, length, ": ", 2);
	length = append(buf, length, err->text, strnlen(err->text, ERR_TEXT_MAX));
	memcpy(err->text, buf, length);
	err->text[length] = '\0';
	errno = saved_errno;
	return code;
}

int err_mark(struct err *err, int id, int code)
{
	if (err && !err->id)
		err->id = id;
	return code;
}

int err_id(const struct err *err, int otherwise)
{
	return err->id ? err->id : otherwise;
}
