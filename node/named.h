// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: which of the pods that Kubernetes names is behind which device of this node. The VPC CNI's device names tell
 * (node/veth.h). With a CNI that names them otherwise, the pod's status does, a second or so later.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ip4.h"
#include "node/pods.h"

struct inventory;

/* The addresses behind the pod's own device: at most `max`; 0: there is no such device. */
struct named_pod {
	const char *
		prefix; /* of the CNI's devices; pods with strict security groups have PODS_STRICT_PREFIX */
	const char *namespace, *name;
};
size_t named_addresses(const struct pods *pods, const struct named_pod *pod, struct ip4 *ret,
		       size_t max);

/* Whether any of the addresses is behind a device of this node. */
bool named_is_taken(const struct pods *pods, const struct ip4 *addresses, size_t n);

/*
 * Sets `known` of each, and marks the devices: whose is known is the one that is called after a pod, or behind which a
 * known address is. Sets `known` of an address: Kubernetes has named a pod that has the address, and the device isn't that of another pod:
 * not that one's own, though it has one here.
 */
void named_mark(struct pods *pods, const char *prefix, const struct inventory *inventory);
