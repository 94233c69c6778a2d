// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What EC2 and Auto Scaling tell, as plain values: filled by the tables of addresses.c, groups.c, interfaces.c,
 * instances.c, routes.c and lifecycle.c, freed by aws_action_done or the *_done functions here. Texts are
 * "" and addresses 0 where the answer has none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "http/retry.h"

#define AWS_ID_MAX 64 /* "eipalloc-0123456789abcdef0" and longer kinds */
#define AWS_CODE_MAX 96
#define AWS_TOKEN_MAX 2048 /* NextToken; opaque */
#define AWS_TAGS_MAX 50    /* of one resource, the EC2 limit */
/* 128 and 256 characters of up to 4 bytes. */
#define AWS_TAG_KEY_MAX 513
#define AWS_TAG_VALUE_MAX 1025

struct aws_tag {
	char key[AWS_TAG_KEY_MAX], value[AWS_TAG_VALUE_MAX];
};

struct aws_tags {
	struct aws_tag *v;
	size_t n;
};

/* The value of the tag, NULL if the resource doesn't have it. */
const char *aws_tags_find(const struct aws_tags *tags, const char *key);

struct aws_id {
	char text[AWS_ID_MAX];
};

struct aws_ids {
	struct aws_id *v;
	size_t n;
};

/* DescribeAddresses, item of addressesSet. */
struct aws_address {
	char allocation_id[AWS_ID_MAX];
	char association_id[AWS_ID_MAX];
	char network_interface_id[AWS_ID_MAX];
	char instance_id[AWS_ID_MAX];
	char border_group[AWS_ID_MAX];
	struct ip4 public_ip;
	struct ip4 private_ip;
	struct aws_tags tags;
};

struct aws_addresses {
	struct aws_address *v;
	size_t n;
};
void aws_addresses_done(struct aws_addresses *addresses);

/* AssociateAddress. */
struct aws_association {
	char association_id[AWS_ID_MAX];
};

/* AllocateAddress. */
struct aws_allocation {
	char allocation_id[AWS_ID_MAX];
	struct ip4 public_ip;
};

/* DescribeNetworkInterfaces, item of networkInterfaceSet. */
struct aws_private_address {
	struct ip4 address;
	bool primary;
	char allocation_id[AWS_ID_MAX]; /* of the associated Elastic IP */
	char association_id[AWS_ID_MAX];
	struct ip4 public_ip; /* Elastic or, without an allocation ID, assigned by the subnet */
};

struct aws_private_addresses {
	struct aws_private_address *v;
	size_t n;
};

struct aws_interface {
	char id[AWS_ID_MAX], subnet_id[AWS_ID_MAX], vpc_id[AWS_ID_MAX], zone[AWS_ID_MAX];
	char attachment_instance_id[AWS_ID_MAX];
	char interface_type[AWS_ID_MAX];
	char mac[18];
	char status[32];
	uint32_t device_index; /* of the attachment; 0 also without one */
	bool source_dest_check;
	struct ip4 primary;
	struct aws_private_addresses addresses;
	struct ip4_prefixes prefixes; /* delegated IPv4 prefixes */
	struct aws_ids groups;        /* security groups */
	struct aws_tags tags;
};

struct aws_interfaces {
	struct aws_interface *v;
	size_t n;
	char next_token[AWS_TOKEN_MAX]; /* used and emptied by aws_call */
};
void aws_interfaces_done(struct aws_interfaces *interfaces);

/* AssignPrivateIpAddresses: what was assigned, as far as the answer says. */
struct aws_assigned {
	char network_interface_id[AWS_ID_MAX];
	struct aws_private_addresses addresses;
};

/* DescribeInstances, item of instancesSet. */
struct aws_instance {
	char id[AWS_ID_MAX], type[AWS_ID_MAX], subnet_id[AWS_ID_MAX], vpc_id[AWS_ID_MAX];
	char zone[AWS_ID_MAX];
	char state[32]; /* "running" */
	struct ip4 private_ip, public_ip;
	struct aws_ids interfaces;
	struct aws_tags tags;
};

struct aws_instances {
	struct aws_instance *v;
	size_t n;
	char next_token[AWS_TOKEN_MAX];
};
void aws_instances_done(struct aws_instances *instances);

/* DescribeSecurityGroups: one rule of a group, for all that it lists. */
struct aws_group_rule {
	char protocol[16];               /* "tcp", "udp", "icmp", a number, or "-1": all */
	char from_port[12], to_port[12]; /* inclusive; "": all; for ICMP type and code */
	struct ip4_prefixes cidrs;       /* the other side: addresses, */
	struct aws_ids groups;           /* members of groups, */
	struct aws_ids prefix_lists;     /* and what these lists name */
};

struct aws_group_rules {
	struct aws_group_rule *v;
	size_t n;
};

struct aws_group {
	char id[AWS_ID_MAX];
	struct aws_group_rules inbound, outbound;
};

struct aws_groups {
	struct aws_group *v;
	size_t n;
	char next_token[AWS_TOKEN_MAX];
};
void aws_groups_done(struct aws_groups *groups);

/* DescribeRouteTables. */
struct aws_route {
	char destination[IP4_PREFIX_TEXT_MAX]; /* "0.0.0.0/0"; "": IPv6, or a prefix list */
	char network_interface_id[AWS_ID_MAX], instance_id[AWS_ID_MAX];
	char gateway_id[AWS_ID_MAX], nat_gateway_id[AWS_ID_MAX];
	char state[32]; /* "active" or "blackhole" */
};

struct aws_routes {
	struct aws_route *v;
	size_t n;
};

struct aws_route_table {
	char id[AWS_ID_MAX], vpc_id[AWS_ID_MAX];
	struct aws_routes routes;
	struct aws_ids
		subnets; /* explicitly associated ones; an item is "" for the main association */
	struct aws_tags tags;
};

struct aws_route_tables {
	struct aws_route_table *v;
	size_t n;
	char next_token[AWS_TOKEN_MAX];
};
void aws_route_tables_done(struct aws_route_tables *tables);

/* GetCallerIdentity. */
struct aws_identity {
	char arn[256], account[AWS_ID_MAX];
};
