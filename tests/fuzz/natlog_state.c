// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What stands beside a NAT log: until when it is complete. A time that is read is written as it was. */
#include <stdlib.h>
#include <string.h>

#include "natlog/stamp.h"
#include "natlog/state.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char stamp[STAMP_MAX];
	char *text = malloc(size ? size : 1); /* of its exact size */
	int64_t ns;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	if (log_state_parse(text, size, &ns) == 0 &&
	    (ns < 0 || memcmp(stamp_format(ns, stamp), text + 10, STAMP_LENGTH) != 0))
		abort();
	free(text);
	return 0;
}
