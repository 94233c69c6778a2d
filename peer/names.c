// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/names.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 64 };

static bool grow(struct names *names, uint32_t number)
{
	size_t size = names->size ? names->size : FIRST_SIZE;
	struct name **v;

	while (size <= number)
		size *= 2;
	v = reallocarray(names->v, size, sizeof(struct name *));
	if (!v)
		return false;
	for (size_t i = names->size; i < size; i++)
		v[i] = NULL;
	names->v = v;
	names->size = size;
	return true;
}

static void forget(struct names *names, uint32_t number)
{
	struct name *old = number < names->size ? names->v[number] : NULL;

	if (!old)
		return;
	names->bytes -= old->n;
	names->v[number] = NULL;
	free(old);
}

bool names_set(struct names *names, uint32_t number, const uint8_t *bytes, size_t n)
{
	struct name *name;

	forget(names, number);
	if (number >= NAMES_MAX || n > NAMES_BYTES_MAX - names->bytes ||
	    (number >= names->size && !grow(names, number)))
		return false;
	name = malloc(sizeof(*name) + n);
	if (!name)
		return false;
	name->n = n;
	memcpy(name->bytes, bytes, n);
	names->v[number] = name;
	names->bytes += n;
	return true;
}

const struct name *names_get(const struct names *names, uint32_t number)
{
	return number < names->size ? names->v[number] : NULL;
}

void names_done(struct names *names)
{
	for (size_t i = 0; i < names->size; i++)
		free(names->v[i]);
	free(names->v);
	*names = (struct names){ 0 };
}
