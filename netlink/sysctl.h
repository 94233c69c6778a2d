// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Kernel parameters by their path below /proc/sys, with slashes ("net/ipv4/conf/egw0/rp_filter"), since
 * device names may have dots.
 */
#pragma once

#include <stddef.h>

struct err;

#define SYSCTL_VALUE_MAX 128

/*
 * The value without its newline, tabs as blanks. `path` is a key as above, or an absolute path. 0; -errno;
 * -EOVERFLOW when it doesn't fit into `size` bytes; -EINVAL when the key has a ".." or is too long.
 */
int sysctl_read(const char *path, char *buf, size_t size);

/*
 * Makes sure that `key` has `value`: reads, writes if it differs, reads back. Where /proc/sys is read-only, as
 * in a container, a value that is there already is fine, and those of devices that DEVCONF in sysctl.c has are set by
 * netlink. -errno with the key in the text; -EIO when the kernel took
 * the write and shows something else.
 */
int sysctl_write_checked(const char *key, const char *value, struct err *err);
