// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The strings, each with its NUL, and the address in network order. */
#include <string.h>

#include "natlog/who_internal.h"

enum { ADDRESS_BYTES = 4 };

void who_strings(const struct natlog_who *who, const char *ret[static WHO_STRINGS])
{
	ret[0] = who->namespace;
	ret[1] = who->name;
	ret[2] = who->uid;
	ret[3] = who->node;
	ret[4] = who->policy;
	ret[5] = who->egress;
	ret[6] = who->carriers;
	for (size_t i = 0; i < WHO_STRINGS; i++)
		ret[i] = ret[i] ? ret[i] : "";
}

struct natlog_who who_from_strings(const char *strings[static WHO_STRINGS], struct ip4 public)
{
	return (struct natlog_who){ .namespace = strings[0],
				    .name = strings[1],
				    .uid = strings[2],
				    .node = strings[3],
				    .policy = strings[4],
				    .egress = strings[5],
				    .carriers = strings[6],
				    .public = public };
}

size_t who_pack(const struct natlog_who *who, uint8_t *ret, size_t size)
{
	const char *strings[WHO_STRINGS];
	size_t at = 0;

	who_strings(who, strings);
	for (size_t i = 0; i < WHO_STRINGS; i++) {
		const size_t n = strlen(strings[i]) + 1;

		if (n > size - at)
			return 0;
		memcpy(ret + at, strings[i], n);
		at += n;
	}
	if (size - at < ADDRESS_BYTES)
		return 0;
	for (int shift = 24; shift >= 0; shift -= 8)
		ret[at++] = (uint8_t)(who->public.v >> shift);
	return at;
}

/* A name has no control characters, whoever said it. */
static bool is_text(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] < 0x20 || bytes[i] == 0x7f)
			return false;
	}
	return true;
}

bool who_unpack(const uint8_t *bytes, size_t n, struct natlog_who *ret)
{
	const char *strings[WHO_STRINGS];
	struct ip4 address = { 0 };

	for (size_t i = 0; i < WHO_STRINGS; i++) {
		const uint8_t *end = n ? memchr(bytes, 0, n) : NULL;

		if (!end || !is_text(bytes, (size_t)(end - bytes)))
			return false;
		strings[i] = (const char *)bytes;
		n -= (size_t)(end - bytes) + 1;
		bytes = end + 1;
	}
	if (n != ADDRESS_BYTES)
		return false;
	for (size_t i = 0; i < ADDRESS_BYTES; i++)
		address.v = address.v << 8 | bytes[i];
	*ret = who_from_strings(strings, address);
	return true;
}
