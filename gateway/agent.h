// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The gateway's daemon at work: holds what is wanted, keeps it in the kernel (nat/keeper), follows the
 * uplink's default route, and ends connections that may no longer be translated.
 */
#pragma once

#include <stdint.h>

struct err;
struct frame;
struct agent; /* one per process; what others see of it: tell/state.h */

/* The contract of struct frame_spec's start, reload, begin_stop and stop. */
void *agent_start(struct frame *frame, void *config, struct err *err);
int agent_reload(void *data, void *config, struct err *err);
int64_t agent_begin_stop(void *data);
void agent_stop(void *data);
int agent_cleanup(const void *data, struct err *err);
int agent_check_platform(struct err *err);
