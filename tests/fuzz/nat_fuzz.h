// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Input as a netlink message: copied to where it is aligned, with a length that fits. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>

#define FUZZ_TABLE "eipgw_test"

/* NULL when the input is too short for a header. The block is just as long as the input; free it. */
static inline struct nlmsghdr *fuzz_message(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = size < sizeof(*nlh) ? NULL : malloc(size);

	if (!nlh)
		return NULL;
	memcpy(nlh, data, size);
	nlh->nlmsg_len = (uint32_t)size;
	return nlh;
}

static inline void fuzz_expect(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}
