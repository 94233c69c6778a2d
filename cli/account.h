// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside cli/: the account's EC2, with the endpoints of the gateway's configuration where there is one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "awsapi/session.h"
#include "conf/gateway.h"

struct aws_addresses;
struct aws_ids;
struct aws_instances;
struct aws_interfaces;
struct cli;
struct cli_options;
struct err;

struct account {
	struct gateway_config config; /* when has_config */
	bool has_config;
	struct aws_session *session;
};

/*
 * Reads the configuration (--config; without it, the usual file if it's there) and makes a session, which has
 * asked nothing yet. An exit code, with a sentence in `err` when it isn't EXIT_OK.
 */
int account_open(const struct cli *cli, const struct cli_options *options, uint32_t wait_ms,
		 struct account *ret, struct err *err);
void account_done(struct account *account);

/* Questions; 0, or -EIO with *ret_failure. The caller frees what came. */
int account_addresses(const struct account *account, struct aws_addresses *ret,
		      struct aws_failure *ret_failure);
/* In parts, as many as there are. With no ids nothing is asked. */
int account_instances(const struct account *account, const struct aws_ids *ids,
		      struct aws_instances *ret, struct aws_failure *ret_failure);
int account_interfaces(const struct account *account, const struct aws_ids *ids,
		       struct aws_interfaces *ret, struct aws_failure *ret_failure);

/* A list of IDs, each once; "" isn't added. 0 or -ENOMEM. */
int account_add_id(struct aws_ids *ids, const char *id);
void account_ids_done(struct aws_ids *ids);

/* Whether the configuration means that Elastic IP. Pure. */
bool account_names(const struct gateway_egress *egress, const struct aws_address *address);
/* The name of the configured egress IP, or "". */
const char *account_egress_name(const struct account *account, const struct aws_address *address);
