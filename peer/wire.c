// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/wire.h"

#include <string.h>

static bool has_room(struct wire_out *out, size_t n)
{
	if (!out->failed && (size_t)(out->end - out->at) >= n)
		return true;
	out->failed = true;
	return false;
}

void wire_put(struct wire_out *out, uint64_t value, size_t bytes)
{
	if (!has_room(out, bytes))
		return;
	for (size_t i = bytes; i-- > 0; value >>= 8)
		out->at[i] = (uint8_t)value;
	out->at += bytes;
}

void wire_put_bytes(struct wire_out *out, const void *bytes, size_t n)
{
	if (!has_room(out, n) || !n)
		return;
	memcpy(out->at, bytes, n);
	out->at += n;
}

void wire_put_text(struct wire_out *out, const char *text)
{
	size_t n = strlen(text);

	if (n > UINT8_MAX)
		out->failed = true;
	wire_put(out, n, 1);
	wire_put_bytes(out, text, n);
}

const uint8_t *wire_get_bytes(struct wire_in *in, size_t n)
{
	const uint8_t *at = in->at;

	if (in->failed || (size_t)(in->end - at) < n) {
		in->failed = true;
		return NULL;
	}
	in->at += n;
	return at;
}

uint64_t wire_get(struct wire_in *in, size_t bytes)
{
	const uint8_t *at = wire_get_bytes(in, bytes);
	uint64_t value = 0;

	for (size_t i = 0; at && i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

void wire_get_text(struct wire_in *in, char *ret, size_t size)
{
	size_t n = (size_t)wire_get(in, 1);
	const uint8_t *at = wire_get_bytes(in, n);

	ret[0] = '\0';
	if (!at)
		return;
	in->failed = n == 0 || n >= size;
	for (size_t i = 0; !in->failed && i < n; i++)
		in->failed = at[i] < 0x21 || at[i] > 0x7e;
	if (in->failed)
		return;
	memcpy(ret, at, n);
	ret[n] = '\0';
}

bool wire_is_done(const struct wire_in *in)
{
	return !in->failed && in->at == in->end;
}
