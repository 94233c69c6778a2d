// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who is at the other end of a Unix socket, as the kernel says. */
#pragma once

#include "control/dispatch.h"

/* `path` is the socket file, for its group. What can't be found out gives no right. */
enum control_rights control_peer_rights(int fd, const char *path);
