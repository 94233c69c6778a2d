// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Flows of one pod, and what the kernel of this namespace has. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nat/flow.h"

#define POD 0x0a000032u
#define SERVER 0xc0000201u
#define EGRESS 0x0a0002c9u

struct ct_flow flow_of(uint8_t protocol, uint16_t port, uint16_t nat_port);
struct ct_writer *open_writer(void); /* with events on, as the daemon has them */
void put(struct ct_writer *writer, enum ct_flow_change change, const struct ct_flow *flow);
void flush(struct ct_writer *writer);
void put_now(struct ct_writer *writer, enum ct_flow_change change, const struct ct_flow *flow);
size_t list(struct ct_flow **ret); /* all that the kernel has; the caller frees *ret */
void assert_same(const struct ct_flow *seen, const struct ct_flow *put);
void assert_only(const struct ct_flow *flow);
void assert_none(void);
