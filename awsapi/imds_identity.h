// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Who and where this instance is, as its metadata tell. The values, and the pure part of reading them: which
 * path is asked next, and what its answer adds. imds_read.h asks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "awsapi/ec2.h"
#include "awsapi/imds.h"
#include "base/ip4.h"

#define IMDS_INTERFACES_MAX 128
#define IMDS_LIST_MAX 4096 /* lines of one answer */
#define IMDS_MAC_MAX 18    /* "0a:1b:2c:3d:4e:5f" and NUL */

struct imds_addresses {
	struct ip4 *v;
	size_t n;
};

/* "ipv4-associations/PUBLIC": which private addresses the public one leads to. */
struct imds_association {
	struct ip4 public_ip;
	struct imds_addresses private_ips;
};

struct imds_interface {
	char mac[IMDS_MAC_MAX];
	char id[AWS_ID_MAX], subnet_id[AWS_ID_MAX], vpc_id[AWS_ID_MAX];
	uint32_t device_number;
	struct ip4_prefix subnet_cidr;     /* 0.0.0.0/0: unknown */
	struct ip4_prefixes vpc_cidrs;     /* all of the VPC's */
	struct imds_addresses private_ips; /* the primary one first */
	struct imds_addresses public_ips;
	struct ip4_prefixes delegated; /* prefixes of the interface (ipv4-prefix) */
	struct imds_association *associations;
	size_t n_associations;
};

struct imds_identity {
	char instance_id[AWS_ID_MAX], instance_type[AWS_ID_MAX];
	char life_cycle[32]; /* "on-demand", "spot", ...; "": unknown */
	char region[AWS_ID_MAX], zone[AWS_ID_MAX], zone_id[AWS_ID_MAX];
	char domain[64];        /* of the API's host names: "amazonaws.com" */
	char partition[32];     /* "aws", "aws-cn", ... */
	char mac[IMDS_MAC_MAX]; /* of the primary interface */
	struct imds_interface *interfaces;
	size_t n_interfaces;
	bool tags_enabled; /* else the instance's metadata options keep them away, and `tags` is empty */
	struct aws_tags tags; /* without those whose key or value has no room in struct aws_tag */
};

#define IMDS_IDENTITY_NULL ((struct imds_identity){ .interfaces = NULL })

void imds_identity_done(struct imds_identity *identity);
/* NULL when there is none with that MAC. */
const struct imds_interface *imds_identity_interface(const struct imds_identity *identity,
						     const char *mac);
/* The interface with identity->mac; NULL only for what was read with imds_read_interface. */
const struct imds_interface *imds_identity_primary(const struct imds_identity *identity);
/* That the public address leads to the private one of this interface, as the metadata know it. */
bool imds_interface_is_associated(const struct imds_interface *interface, struct ip4 public_ip,
				  struct ip4 private_ip);

/* Where the reading of one identity stands. */
enum imds_phase {
	IMDS_PHASE_BASE,
	IMDS_PHASE_INTERFACES,
	IMDS_PHASE_ASSOCIATIONS, /* of one interface */
	IMDS_PHASE_TAGS,
	IMDS_PHASE_TAG_VALUES,
	IMDS_PHASE_END
};

struct imds_reading {
	struct imds_identity identity;
	enum imds_phase phase;
	size_t row, interface, item;
	bool one_interface; /* nothing but identity.interfaces[0] is read */
};

/* To read everything (mac NULL), or one interface only. -EINVAL (no MAC), -ENOMEM. */
int imds_reading_init(struct imds_reading *reading, const char *mac);
void imds_reading_done(struct imds_reading *reading);
/* False when nothing is left to ask. */
bool imds_reading_next(const struct imds_reading *reading, char path[static IMDS_PATH_MAX]);
/*
 * The answer to the path that imds_reading_next gave; text NULL: 404. Moves on. -EPROTO (not what the path
 * should say), -ENOENT (something required isn't there), -EMSGSIZE, -ENOMEM with the reason in `err`.
 */
int imds_reading_take(struct imds_reading *reading, const char *text, struct err *err);
