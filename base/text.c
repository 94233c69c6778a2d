// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/text.h"

void text_mask_controls(char *text, size_t length)
{
	unsigned char previous = 0;

	for (size_t i = 0; i < length; i++) {
		const unsigned char c = (unsigned char)text[i];

		/* U+0080..U+009F are C2 80 .. C2 9F; after another lead byte 80..9F is no control. */
		if (previous == 0xc2 && c >= 0x80 && c <= 0x9f) {
			text[i - 1] = '?';
			text[i] = '?';
		} else if (c < 0x20 || c == 0x7f) {
			text[i] = '?';
		}
		previous = c;
	}
}
