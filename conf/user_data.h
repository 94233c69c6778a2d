// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The user data of a gateway instance: one JSON object, as Terraform writes it, with gateway.json in it. It may leave out what
 * only the instance knows: gateway.name, gateway.uplink and gateway.address. It never has a secret in it, since everything on the instance and
 * everybody who may describe it reads user data; it names the parameter that has the group's secret. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "conf/gateway.h"

struct err;

#define USER_DATA_MAX 16384 /* bytes; EC2 allows no more */
#define USER_DATA_PARAMETER_MAX \
	2048 /* with NUL: a name has 1011 characters at most, an ARN in front of it some more */

struct user_data_secret {
	char parameter[USER_DATA_PARAMETER_MAX]; /* of Systems Manager: name or ARN; "": none */
	char url[GATEWAY_TEXT_MAX];              /* of its API; "": the region's */
};

#define USER_DATA_RANGES_MAX 64

/* The firewall of the gateways' image, which refuses what nobody allows (packer/files/host-firewall.nft). */
struct user_data_firewall {
	struct ip4_prefixes metrics_from; /* none: nobody but the host itself */
};

struct user_data {
	uint32_t eipgw; /* the format's version: 1 */
	struct user_data_secret secret;
	struct user_data_firewall host_firewall;
	struct gateway_config configuration;
};

extern const struct config_table user_data_table;

/* -EINVAL: no such object, with the path of what is wrong, or what it seems to be instead. Freed by user_data_done. */
int user_data_parse(const char *text, size_t length, struct user_data *ret, struct err *err);
void user_data_done(struct user_data *data);

static inline bool user_data_wants_secret(const struct user_data *data)
{
	return data->secret.parameter[0];
}

/* What the instance knows. Each may be longer than there is room for: -EINVAL. */
struct user_data_instance {
	const char *name;        /* its ID */
	const char *uplink;      /* its primary interface's device */
	struct ip4 address;      /* its primary private address */
	const char *secret_file; /* where the secret will be */
};
/* Fills in what was left out, and checks the whole as gateway.json is checked. -EINVAL with a path. */
int user_data_complete(struct user_data *data, const struct user_data_instance *instance,
		       struct err *err);
