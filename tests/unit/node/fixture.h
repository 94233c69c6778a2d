// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A node as the tests want it: configuration text and pods in, table and routing out. */
#pragma once

#include "nat/eval.h"
#include "node/desired.h"

struct node_fixture {
	struct node_config config;
	struct policy_result policies;
	struct lanes lanes;
	struct pods pods;
	struct node_view view;
	struct nat_ruleset table, table6;
	struct net_desired routing;
};

/* `policies` is the JSON of the configuration's "policies"; NULL: the usual one. Fails the test on errors. */
void node_fixture_init(struct node_fixture *f, const char *policies, const char *enforcement);
void node_fixture_done(struct node_fixture *f);

struct ip4 ip(const char *text);

/* The whole way: prerouting, routing, forward, postrouting. */
struct journey {
	enum { WENT_TUNNEL, WENT_DIRECT, WENT_NOWHERE } end;
	struct ip4 gateway;         /* WENT_TUNNEL */
	bool kept_source;           /* the identity SNAT was chosen */
	char counter[NAT_NAME_MAX]; /* the last one that counted */
	uint32_t mark, ct_mark;
};
/* `lost`: the table isn't there, only routing is. */
struct journey travel(const struct node_fixture *f, struct nat_packet packet, bool lost);
