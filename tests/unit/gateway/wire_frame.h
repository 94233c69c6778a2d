// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Frames as they are on the wire, for wire.c. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire.h"

enum { FRAME_MAX = 2048 };

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t n;
};

/* In the tunnel, from packet->node. */
void frame_write(struct frame *frame, const struct wire_packet *packet);
/* One of IPv4 with TCP or UDP, or what the tunnel packet carries. */
struct wire_packet frame_read(struct frame *frame);
