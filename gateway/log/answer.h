// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What answers of the control socket say of who is behind an address, with the keys that the NAT log has (natlog/record.h). What
 * isn't known is left out.
 */
#pragma once

#include "base/ip4.h"

struct control_out;
struct natlog_who;

void answer_name(struct control_out *out, const char *key, const char *name);
/* The objects "pod" and "egress", to which the caller adds ports, and which it ends. */
void answer_pod(struct control_out *out, const struct natlog_who *who, struct ip4 address);
void answer_egress(struct control_out *out, const struct natlog_who *who, struct ip4 private);
void answer_address(struct control_out *out, const char *key, struct ip4 address);
