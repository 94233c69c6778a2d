// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A stream of frames; what was read is written and read again. */
#include <stdlib.h>
#include <string.h>

#include "peer/frame.h"

#include "fuzz.h"

static void write_again(const struct peer_frame *frame, struct peer_frame *again)
{
	uint8_t bytes[FRAME_BYTES_MAX], twice[FRAME_BYTES_MAX];
	size_t length = frame_write(frame, bytes, sizeof(bytes)), used = 0;

	if (!length || frame_read(bytes, length, &used, again) || used != length ||
	    frame_write(again, twice, sizeof(twice)) != length || memcmp(bytes, twice, length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer_frame *frames = calloc(2, sizeof(*frames));
	size_t at = 0, used = 0;

	while (frames && frame_read(data + at, size - at, &used, &frames[0]) == 0) {
		write_again(&frames[0], &frames[1]);
		at += used;
	}
	free(frames);
	return 0;
}
