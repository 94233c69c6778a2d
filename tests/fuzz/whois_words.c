// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What people type behind `eipgw whois`: whom, and when. */
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "cli/when.h"

#include "fuzz.h"

#define NOW INT64_C(1795961400000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* of its exact size */
	struct endpoint endpoint;
	struct when when;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (when_parse(text, NOW, &when, NULL) == 0 &&
	    (when.from_ns < 0 || when.to_ns < when.from_ns))
		abort();
	if (endpoint_parse(text, &endpoint, NULL) == 0 &&
	    (endpoint.prefix.len > 32 || strlen(endpoint.name) >= sizeof(endpoint.name)))
		abort();
	free(text);
	return 0;
}
