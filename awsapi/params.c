// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/params.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 128
#define FIRST_SIZE 256

/* Some parameters are secrets (WebIdentityToken, X-Amz-Security-Token): wiped, and never realloc'ed. */
static void wipe(struct aws_params *params)
{
	if (params->text)
		explicit_bzero(params->text, params->size);
	free(params->text);
}

void aws_params_done(struct aws_params *params)
{
	wipe(params);
	*params = (struct aws_params){ 0 };
}

/* Not isalnum: it depends on the locale. */
static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

size_t aws_percent_encode(const char *text, char *ret, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t length = 0;

	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;
		const char encoded[] = { '%', digits[c >> 4], digits[c & 15] };
		const size_t n = is_unreserved(*text) ? 1 : sizeof(encoded);
		for (size_t i = 0; i < n; i++, length++)
			if (length + 1 < size)
				ret[length] = n == 1 ? *text : encoded[i];
	}
	if (size > 0)
		ret[length < size ? length : size - 1] = '\0';
	return length;
}

/* Room for `more` bytes and a NUL. */
static int reserve(struct aws_params *params, size_t more)
{
	if (more >= AWS_PARAMS_BYTES_MAX || params->length + more >= AWS_PARAMS_BYTES_MAX)
		return -EMSGSIZE;
	size_t size = params->size ? params->size : FIRST_SIZE;
	while (size <= params->length + more)
		size *= 2;
	if (size == params->size)
		return 0;
	char *const text = calloc(size, 1);
	if (!text)
		return -ENOMEM;
	if (params->length > 0)
		memcpy(text, params->text, params->length);
	wipe(params);
	params->text = text;
	params->size = size;
	return 0;
}

void aws_params_add(struct aws_params *params, const char *name, const char *value)
{
	const size_t name_length = aws_percent_encode(name, NULL, 0);
	const size_t value_length = aws_percent_encode(value, NULL, 0);
	const size_t separator = params->length > 0;

	if (params->rc == 0)
		params->rc = reserve(params, separator + name_length + 1 + value_length);
	if (params->rc != 0)
		return;
	if (separator)
		params->text[params->length++] = '&';
	params->length += aws_percent_encode(name, params->text + params->length, name_length + 1);
	params->text[params->length++] = '=';
	params->length +=
		aws_percent_encode(value, params->text + params->length, value_length + 1);
}

void aws_params_add_given(struct aws_params *params, const char *name, const char *value)
{
	if (value && *value)
		aws_params_add(params, name, value);
}

void aws_params_addf(struct aws_params *params, const char *value, const char *name_format, ...)
{
	char name[NAME_MAX_BYTES];
	va_list args;

	va_start(args, name_format);
	const int length = vsnprintf(name, sizeof(name), name_format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(name)) {
		if (params->rc == 0)
			params->rc = -EINVAL;
		return;
	}
	aws_params_add(params, name, value);
}
