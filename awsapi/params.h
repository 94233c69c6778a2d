// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The parameters of a call as a form (application/x-www-form-urlencoded): "Action=X&Version=Y&...". The
 * first failure stays, so that a request is put together without looking after each parameter.
 */
#pragma once

#include <stddef.h>

#define AWS_PARAMS_BYTES_MAX (64U << 10)

struct aws_params {
	char *text; /* owned; NUL-terminated once something was added */
	size_t length, size;
	int rc; /* 0, -ENOMEM, -EMSGSIZE, -EINVAL */
};

/* Wipes and frees. */
void aws_params_done(struct aws_params *params);

void aws_params_add(struct aws_params *params, const char *name, const char *value);
/* Nothing for an empty or NULL value. */
void aws_params_add_given(struct aws_params *params, const char *name, const char *value);
/* The name is formatted: lists are flattened and count from 1, "Filter.2.Value.1". */
void aws_params_addf(struct aws_params *params, const char *value, const char *name_format, ...)
	__attribute__((format(printf, 3, 4)));

/* RFC 3986: all but unreserved characters become %XX. Returns the length, of which no more than `size` - 1
 * bytes and a NUL are stored; `ret` may be NULL with size 0. */
size_t aws_percent_encode(const char *text, char *ret, size_t size);
