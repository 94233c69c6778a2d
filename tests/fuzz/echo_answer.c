// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Any body goes into the reader of echo servers' answers: it names an address or a reason, never both. */
#include "gateway/own/outside.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outside_answer answer;
	/* Its own allocation, so that reading beyond the end is seen. */
	char *const body = malloc(size ? size : 1);

	if (!body)
		return 0;
	memcpy(body, data, size);
	outside_read(body, size, &answer);
	free(body);
	if (!answer.seen.v != (answer.reason[0] != '\0') ||
	    strnlen(answer.reason, sizeof(answer.reason)) == sizeof(answer.reason))
		abort();
	return 0;
}
