// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Deinstallation: nothing of the daemon stays in the kernel. */
#pragma once

struct err;

/*
 * The contract of struct frame_spec's cleanup; `data` is a struct node_config. In an order in which no
 * packet of a steered connection can leave with the pod's own address: the table that drops those
 * connections (node_describe_parting), then rules, routes and device go, then the connections, then that table.
 */
int node_cleanup(const void *data, struct err *err);
