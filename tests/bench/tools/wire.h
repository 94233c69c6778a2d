// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The BPF programs of packets.bpf.c on a device. Failures end the program. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "packets.h"

struct wire;

/* *ret_shared is the programs' own memory: what is written there holds from the next packet on. */
struct wire *wire_open(const char *object, const char *device, bool tunnel,
		       struct packets_shared **ret_shared);
void wire_close(struct wire *wire);
/* Makes n packets and sends them out of the device; those that find no room in the other end's ring are lost. */
void wire_send(struct wire *wire, uint32_t n);
