// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int secret_set(struct secret *secret, const char *text, size_t length)
{
	if (length == 0 || length > SECRET_MAX)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return -EINVAL;

	char *const bytes = malloc(length + 1);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, text, length);
	bytes[length] = '\0';
	secret_done(secret);
	*secret = (struct secret){ .bytes = bytes, .length = length };
	return 0;
}

int secret_copy(const struct secret *from, struct secret *to)
{
	if (secret_is_set(from))
		return secret_set(to, from->bytes, from->length);
	secret_done(to);
	return 0;
}

void secret_done(struct secret *secret)
{
	if (secret->bytes)
		explicit_bzero(secret->bytes, secret->length);
	free(secret->bytes);
	*secret = SECRET_NULL;
}

bool secret_is_set(const struct secret *secret)
{
	return secret->bytes;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	unsigned difference = 0;

	if (a->length != b->length)
		return false;
	for (size_t i = 0; i < a->length; i++)
		difference |= (unsigned char)a->bytes[i] ^ (unsigned char)b->bytes[i];
	return difference == 0;
}

const char *secret_reveal(const struct secret *secret)
{
	return secret->bytes ? secret->bytes : "";
}
