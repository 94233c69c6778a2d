// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/uid.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

static bool is_dash(unsigned i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uid_pack(const char *text, uint8_t ret[static UID_BYTES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < UID_TEXT - 1; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

		if (is_dash(i) ? text[i] != '-' : !digit)
			return false;
		if (is_dash(i))
			continue;
		unsigned value = (unsigned)(digit - digits);

		ret[n / 2] = (uint8_t)(n % 2 ? ret[n / 2] | value : value << 4);
		n++;
	}
	return text[UID_TEXT - 1] == '\0';
}

const char *uid_format(const uint8_t packed[static UID_BYTES], char buf[static UID_TEXT])
{
	unsigned n = 0;

	for (unsigned i = 0; i < UID_TEXT - 1; i++) {
		if (is_dash(i)) {
			buf[i] = '-';
			continue;
		}
		buf[i] = digits[n % 2 ? packed[n / 2] & 0xf : packed[n / 2] >> 4];
		n++;
	}
	buf[UID_TEXT - 1] = '\0';
	return buf;
}
