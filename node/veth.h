// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The VPC CNI names the host's end of a pod's cable after the pod: the prefix, and the first 11 hexadecimal digits
 * of SHA-1 over "NAMESPACE.NAME" (generateHostVethName in amazon-vpc-cni-k8s). So a device tells whose it is as soon
 * as it's there, a second or more before the API server knows the pod's address, and when two pods claim one
 * address it tells which of them has it.
 */
#pragma once

#include <stddef.h>

#define VETH_NAME_MAX 16 /* with its NUL */

/* 0; -EINVAL: the prefix has more than 4 characters; -EIO: libcrypto failed. */
int veth_name(const char *prefix, const char *space, const char *name,
	      char ret[static VETH_NAME_MAX]);
