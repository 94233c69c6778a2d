// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/native.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

enum { SOURCES_MAX = 4096, SOURCE_LEN_MIN = 8 };

static const struct config_key keys[] = {
	{ .name = "source_cidrs",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct gateway_native, source_cidrs),
	  .max = SOURCES_MAX,
	  .help = "sources that VPC route tables send here, without a tunnel" },
	{ .name = "route_tables",
	  .type = CONFIG_NAMES,
	  .offset = offsetof(struct gateway_native, route_tables),
	  .max = NATIVE_TABLES_MAX,
	  .help = "ec2: VPC route tables whose route is made to lead here, rtb-..." },
	{ .name = "destination_cidr",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_native, destination_cidr),
	  .max = IP4_PREFIX_TEXT_MAX - 1,
	  .def = "\"0.0.0.0/0\"",
	  .help = "which route of those tables; it must exist" },
};
const struct config_table native_config_table = { sizeof(struct gateway_native), keys,
						  ARRAY_SIZE(keys) };

static const char *find_table_fault(const char *id)
{
	return strncmp(id, "rtb-", 4) == 0 && id[4] ? NULL : "is not the ID of a route table";
}

int native_config_check(const struct gateway_native *native, bool may_own, struct err *err)
{
	struct ip4_prefix destination;
	int rc = ip4_prefix_parse(native->destination_cidr, &destination, err);

	if (rc)
		return err_prefix(err, rc, "native.destination_cidr");
	if (native->route_tables.n && !may_own)
		return err_set(err, -EINVAL, "native.route_tables: needs \"ownership\": \"ec2\"");
	if (native->route_tables.n && !native->source_cidrs.n)
		return err_mark(
			err, MSG_CONFIG_MISSING_KEY,
			err_set(err, -EINVAL,
				"native.source_cidrs: the key is missing; what the route tables "
				"send would be refused"));
	for (size_t i = 0; i < native->source_cidrs.n; i++) {
		if (native->source_cidrs.v[i].len < SOURCE_LEN_MIN)
			return err_set(err, -EINVAL, "native.source_cidrs[%zu]: is wider than /%d",
				       i, SOURCE_LEN_MIN);
	}
	for (size_t i = 0; i < native->route_tables.n; i++) {
		const char *fault = find_table_fault(native->route_tables.v[i]);

		if (fault)
			return err_set(err, -EINVAL, "native.route_tables[%zu]: %s", i, fault);
	}
	return 0;
}
