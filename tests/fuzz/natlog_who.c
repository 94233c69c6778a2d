// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Somebody as bytes, as other gateways and files say it. What was understood is written as it was. */
#include <stdlib.h>
#include <string.h>

#include "natlog/who.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1); /* of its exact size */
	uint8_t *again = malloc(size ? size : 1);
	struct natlog_who who;

	if (bytes && size)
		memcpy(bytes, data, size);
	if (bytes && again && who_unpack(bytes, size, &who) &&
	    (who_pack(&who, again, size) != size || memcmp(bytes, again, size) != 0))
		abort();
	free(bytes);
	free(again);
	return 0;
}
