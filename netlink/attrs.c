// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/attrs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

int attrs_parse(const void *data, size_t length, struct attrs *ret)
{
	const char *at = data;

	memset(ret, 0, sizeof(*ret));
	while (length > 0) {
		const struct nlattr *attr = (const struct nlattr *)at;
		size_t step;
		uint16_t type;

		if (length < sizeof(*attr) || attr->nla_len < sizeof(*attr) ||
		    attr->nla_len > length)
			return -EBADMSG;
		type = attr->nla_type & NLA_TYPE_MASK;
		if (type <= ATTR_MAX)
			ret->v[type] = attr;
		else
			ret->beyond = true;
		step = MNL_ALIGN((size_t)attr->nla_len);
		if (step > length)
			step = length; /* The padding of the last attribute may be missing. */
		at += step;
		length -= step;
	}
	return 0;
}

int attrs_parse_nested(const struct nlattr *nest, struct attrs *ret)
{
	return attrs_parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), ret);
}

int attrs_parse_message(const struct nlmsghdr *nlh, size_t header, struct attrs *ret)
{
	size_t offset = MNL_NLMSG_HDRLEN + MNL_ALIGN(header);

	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + header)
		return -EBADMSG;
	if (nlh->nlmsg_len <= offset)
		return attrs_parse(nlh, 0, ret);
	return attrs_parse((const char *)nlh + offset, nlh->nlmsg_len - offset, ret);
}

int attrs_get_fixed(const struct attrs *attrs, unsigned type, size_t size, void *ret)
{
	const struct nlattr *attr = attrs->v[type];

	if (!attr)
		return 0;
	if (mnl_attr_get_payload_len(attr) < size)
		return -EBADMSG;
	memcpy(ret, mnl_attr_get_payload(attr), size);
	return 0;
}

int attrs_get_u32(const struct attrs *attrs, unsigned type, uint32_t *ret)
{
	return attrs_get_fixed(attrs, type, sizeof(*ret), ret);
}

int attrs_get_ip4(const struct attrs *attrs, unsigned type, struct ip4 *ret)
{
	uint32_t be = htonl(ret->v);
	int rc = attrs_get_fixed(attrs, type, sizeof(be), &be);

	if (rc == 0)
		ret->v = ntohl(be);
	return rc;
}

int attrs_get_string(const struct attrs *attrs, unsigned type, char *ret, size_t size)
{
	const struct nlattr *attr = attrs->v[type];
	const char *text;
	size_t length;

	if (!attr)
		return 0;
	text = mnl_attr_get_payload(attr);
	length = strnlen(text, mnl_attr_get_payload_len(attr));
	if (length >= size)
		return -EBADMSG;
	memset(ret, 0, size);
	memcpy(ret, text, length);
	return 0;
}

int attrs_get_prefix(const struct attrs *attrs, unsigned type, uint8_t len, struct ip4_prefix *ret)
{
	int rc;

	if (len > 32 || (len > 0 && !attrs->v[type]))
		return -EBADMSG;
	rc = attrs_get_ip4(attrs, type, &ret->addr);
	if (rc < 0)
		return rc;
	ret->len = len;
	ret->addr.v = len == 0 ? 0 : ret->addr.v & (UINT32_MAX << (32 - len));
	return 0;
}
