// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside flow*.c: the messages of ctnetlink, written into `buf`, which has room for FLOW_MESSAGE_MAX bytes. */
#pragma once

#include "nat/flow.h"

struct ct_writer;
struct nlmsghdr;

#define FLOW_MESSAGE_MAX 512 /* the longest, a new TCP flow, has 260 */

struct nlmsghdr *flow_create(void *buf, const struct ct_flow *flow);
struct nlmsghdr *flow_update(
	void *buf,
	const struct ct_flow *flow); /* all but the translation, which can't be changed */
struct nlmsghdr *flow_remove(void *buf, const struct ct_flow *flow);
/* For the entry of which `tuple` is the original (`type` CTA_TUPLE_ORIG) or the reply (CTA_TUPLE_REPLY). */
struct nlmsghdr *flow_query(void *buf, uint16_t type, const struct ct_tuple *tuple);
struct nlmsghdr *flow_list(void *buf);

#define FLOW_WRITER_PORTS 2
/* The port ids (nlmsg_pid) of all that the writer does. */
void flow_writer_ports(const struct ct_writer *writer, uint32_t ret[static FLOW_WRITER_PORTS]);

/* What answers look like, translated. */
struct ct_tuple flow_reply(const struct ct_flow *flow);
