// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/gateway_internal.h"

#include "conf/gateway.h"

static int check_group(const struct gateway_config *config, struct err *err)
{
	const bool is_ec2 = config->ownership == OWNERSHIP_EC2;
	int rc = native_config_check(&config->native, is_ec2, err);

	if (!rc)
		rc = failover_config_check(&config->failover,
					   config->source == SOURCE_KUBERNETES && is_ec2,
					   config->native.source_cidrs.n, err);
	return rc;
}

int gateway_config_check_parts(const struct gateway_config *config, struct err *err)
{
	int rc = check_group(config, err);

	if (!rc)
		rc = self_test_config_check(&config->self_test, err);
	if (!rc)
		rc = limits_config_check(&config->limits, err);
	if (!rc)
		rc = log_config_check(&config->log, err);
	if (!rc)
		rc = metrics_config_read(&config->metrics, config->gateway.address, NULL, err);
	if (!rc)
		rc = admin_config_read(&config->admin, NULL, err);
	return rc;
}
