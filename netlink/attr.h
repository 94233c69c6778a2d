// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Walking netlink attributes. libmnl's own macros hand a ptrdiff_t to an int parameter; these do the same
 * without the conversion. An attribute that says it is longer than what is left ends the walk.
 */
#pragma once

#include <libmnl/libmnl.h>

#define attr_for_each_in(attr, start, end)                                           \
	for ((attr) = (start);                                                       \
	     mnl_attr_ok((attr), (int)((const char *)(end) - (const char *)(attr))); \
	     (attr) = mnl_attr_next(attr))

/* The attributes of a message after its fixed header of `offset` bytes. The end is where the message says:
 * libmnl's payload tail is rounded up, and so up to three bytes behind it. */
#define attr_for_each(attr, nlh, offset)                                                       \
	attr_for_each_in(attr,                                                                 \
			 (const struct nlattr *)mnl_nlmsg_get_payload_offset((nlh), (offset)), \
			 (const char *)(nlh) + (nlh)->nlmsg_len)

#define attr_for_each_nested(attr, nest)                                          \
	attr_for_each_in(attr, (const struct nlattr *)mnl_attr_get_payload(nest), \
			 (const char *)mnl_attr_get_payload(nest) +               \
				 mnl_attr_get_payload_len(nest))
