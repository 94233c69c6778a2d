// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the tables of several resources share. */
#pragma once

#include <stddef.h>

#include "awsapi/requests.h"
#include "awsapi/xml.h"
#include "base/cleanup.h"

#define MEMBER_SIZE(type, member) sizeof(((type *)NULL)->member)

/* Rows of a table: where the element is, and the member that it goes to. */
#define ROW(p, t, type_, member)                                            \
	{                                                                   \
		.path = (p), .type = (t), .offset = offsetof(type_, member) \
	}
#define ROW_TEXT(p, type_, member)                                                   \
	{                                                                            \
		.path = (p), .type = XML_AS_TEXT, .offset = offsetof(type_, member), \
		.size = MEMBER_SIZE(type_, member)                                   \
	}
/* What the item is good for nothing without. */
#define ROW_ID(p, type_, member)                                                      \
	{                                                                             \
		.path = (p), .type = XML_AS_TEXT, .flags = XML_IS_REQUIRED,           \
		.offset = offsetof(type_, member), .size = MEMBER_SIZE(type_, member) \
	}
#define ROW_LIST(p, type_, member, max_, table)                                      \
	{                                                                            \
		.path = (p), .type = XML_AS_LIST, .offset = offsetof(type_, member), \
		.max = (max_), .sub = (table)                                        \
	}
#define TABLE(type_, rows)                              \
	{                                               \
		sizeof(type_), (rows), ARRAY_SIZE(rows) \
	}

extern const struct xml_table aws_tag_table;
/* `key` is "Tag" or "TagSpecification.1.Tag". */
void aws_params_add_tags(struct aws_params *params, const char *key, const struct aws_tag *tags,
			 size_t n);

/* The text, or "" for address 0. */
const char *aws_ip4_text(struct ip4 address, char buf[static IP4_TEXT_MAX]);
/* The end of each request function: what was put together, or its failure. */
int aws_request_finish(struct aws_request *request);
