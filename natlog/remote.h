// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Records to who collects them: the journal, a syslog server, an IPFIX collector. What differs between them is how one connects,
 * and how records become what is sent (remote_kind.h). The rest is here: connecting again, later each time; the gap when a
 * connection broke with something on its way; and when a mark has arrived.
 *
 * None of these protocols says that a record was taken. So a mark has arrived when the other side's kernel has acknowledged all
 * that was sent before it - for the journal, when journald has read it; for UDP, when a second has passed without a refusal.
 * When a connection breaks, what was sent since the mark before the last one that arrived may be missing, and a gap says so. What was in
 * the middle of being sent is sent again, and may come twice.
 *
 * Records come with their length before them (2 bytes, this host's order).
 */
#pragma once

#include "natlog/way.h"

extern const struct way_ops remote_way;
