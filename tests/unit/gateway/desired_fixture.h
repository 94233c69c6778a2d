// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a configuration becomes in the kernel, and packets through it, for the tests of desired. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/table/desired.h"
#include "nat/eval.h"

struct fixture {
	struct gateway_config config;
	struct policy_result policies;
	struct gateway_view view;
	struct nat_ruleset table;
	struct net_desired routing;
};

struct ip4 ip(const char *text);
/* A configuration in which 10.0.1.50 has the egress IP "bank", 10.0.1.51 "mail". */
extern const char two_pods_text[];
/* A sound configuration, which is described with 10.0.1.1 as the router. */
void fixture_init_with(struct fixture *f, const char *text);
void fixture_done(struct fixture *f);

struct row {
	const char *what, *node, *src, *dst, *iif, *oif;
	uint32_t state, status;
	const char *leaves_as; /* NULL: not at all; "": untranslated here (its entry does it) */
};

void check_row(const struct fixture *f, const struct row *row);
