// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* sd_notify(3) without libsystemd: one datagram to $NOTIFY_SOCKET (path or abstract). */
#pragma once

/*
 * 0; 0 too when $NOTIFY_SOCKET is unset; -errno otherwise. `state` e.g. "READY=1\nSTATUS=...". It doesn't wait for a receiver
 * that doesn't read, unlike libsystemd's: -EAGAIN, and the state was not told.
 */
int sd_notify_send(const char *state);
/* Half of the interval that $WATCHDOG_USEC asks for, in ms; 0 when no watchdog is wanted. */
int sd_watchdog_interval_ms(void);
