// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside cli/: what `eipgw check` judges. Plain data, gathered once by facts_host.c and facts_aws.c; what wasn't
 * asked, or could not be, says so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "awsapi/credentials.h"
#include "awsapi/ec2.h"
#include "awsapi/failure.h"
#include "base/err.h"
#include "cli/iam.h"
#include "cli/kube.h"
#include "netlink/rt.h"
#include "netlink/sysctl.h"

struct control_node;
struct gateway_config;
struct imds_identity;
struct node_config;
struct tunnel_config;

/* A question: not put (nothing to put it with), answered, or failed for a reason. */
enum fact_state { FACT_UNASKED, FACT_KNOWN, FACT_FAILED };

/* What the kernel must have, tried in a network namespace of its own. */
enum feature {
	FEATURE_NF_TABLES, /* sets, maps, conntrack matches, counters, NAT, notrack, MSS */
	FEATURE_CTNETLINK,
	FEATURE_VXLAN,    /* in external mode */
	FEATURE_LWTUNNEL, /* routes with an encapsulation */
	FEATURE_BPF_FILTER,
	FEATURE_COUNT
};

struct feature_fact {
	enum fact_state state;
	char error[200];
};

#define SYSCTL_FACTS_MAX 16
struct sysctl_fact {
	char value[SYSCTL_VALUE_MAX]; /* "": can't be read */
	bool is_absent; /* of a device that isn't there yet, or a module that isn't loaded yet */
};

/* Calls that are tried. */
enum permission {
	PERMISSION_DESCRIBE_ADDRESSES,
	PERMISSION_DESCRIBE_INTERFACES,
	PERMISSION_ASSOCIATE,
	PERMISSION_ASSIGN, /* knows no dry run */
	PERMISSION_DESCRIBE_ROUTE_TABLES,
	PERMISSION_MODIFY_INTERFACE,
	PERMISSION_REPLACE_ROUTE,
	PERMISSION_COMPLETE_LIFECYCLE, /* never tried */
	PERMISSION_RECORD_HEARTBEAT,   /* likewise */
	PERMISSION_COUNT
};

struct permission_fact {
	enum fact_state state;
	struct aws_failure failure; /* of FACT_KNOWN: the answer, whatever it was */
	char why[160];              /* of FACT_FAILED: why it couldn't be tried */
};

/* One configured egress IP: what EC2 says about it. */
struct egress_fact {
	enum fact_state state;
	struct aws_failure failure;
	struct aws_addresses found;
};

struct facts {
	bool is_node, is_root;
	const char *config_path;
	struct err config_error;
	const struct gateway_config *gateway; /* NULL: not accepted, or a node */
	const struct node_config *node;
	const struct tunnel_config *tunnel; /* of the one that is there; NULL: none */
	const char *uplink_name;
	uint32_t internet_mtu; /* 0: a node */

	/* The host. */
	const struct control_node *status; /* what the daemon says; NULL: it doesn't answer */
	bool has_uplink, has_tunnel;
	struct rt_link uplink, tunnel_link;
	char links_error[200];
	int port_error;     /* errno of taking the tunnel's UDP port; 0: free */
	char port_user[16]; /* another VXLAN device that has it; "": none */
	struct feature_fact features[FEATURE_COUNT];
	struct sysctl_fact sysctls[SYSCTL_FACTS_MAX]; /* in the order of the daemon's table */

	struct kube_facts kube;

	/* AWS. Not asked at all for a node. */
	bool wants_ec2;    /* the daemon calls EC2 by itself */
	bool wants_routes; /* route-table mode */
	struct err imds_error;
	const struct imds_identity *identity; /* NULL: the metadata service gave none */
	struct err login_error;
	bool is_logged_in, has_credentials;
	struct credentials_status credentials;
	int64_t now_sec; /* our wall clock, and AWS's at the same time; -1: unknown */
	int64_t aws_sec;
	char url[256];
	enum fact_state resolved;
	bool endpoint_is_private; /* all addresses of the endpoint's host are */
	char host[256], host_address[64];
	bool ec2_answered;
	struct aws_failure first_failure; /* of the first call */

	enum fact_state interface_state;
	struct aws_failure interface_failure;
	struct aws_interface interface; /* my primary one, as EC2 knows it */
	struct permission_fact permissions[PERMISSION_COUNT];
	struct egress_fact *egress; /* one for each configured egress IP */
	size_t n_egress;
	struct aws_interfaces places; /* the interfaces where they are, and those that have the wanted
				       * private addresses */
	enum fact_state tables_state; /* asked only in route-table mode */
	struct aws_route_tables tables;
	enum fact_state groups_state;
	struct aws_failure groups_failure;
	struct aws_groups groups;
	enum fact_state nodes_state; /* asked only if rules refer to groups */
	struct aws_interfaces nodes; /* of the VPC: who is in which group */
};
