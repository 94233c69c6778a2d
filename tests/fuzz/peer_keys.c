// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A file of secrets. */
#include <stdlib.h>

#include "base/err.h"
#include "peer/keys.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer_keys keys = { .n = 0 };
	struct err err = ERR_NULL;

	if (size > PEER_KEYS_FILE_MAX)
		return 0;
	if (peer_keys_parse((const char *)data, size, &keys, &err) == 0 &&
	    (keys.n == 0 || keys.n > PEER_KEYS_MAX))
		abort();
	peer_keys_done(&keys);
	return 0;
}
