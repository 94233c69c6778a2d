// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A small node whose kernel shows exactly what is desired; tests then change one thing. */
#pragma once

#include "base/err.h"
#include "netlink/plan.h"
#include "sample.h"
#include "unit.h"

#define PLAN_FIXTURE_IFINDEX 7

struct plan_fixture {
	struct net_desired desired;
	struct net_observed observed;
	struct net_plan plan;
	struct err err;
};

int plan_fixture_set_up(void **state);
int plan_fixture_tear_down(void **state);
void plan_fixture_compute(struct plan_fixture *f);
void plan_fixture_assert_steps(struct plan_fixture *f, const char *const *texts, size_t n);

/* The plan's steps, as iproute2's commands. */
#define ASSERT_STEPS(f, ...)                                                                \
	do {                                                                                \
		static const char *const texts_[] = { __VA_ARGS__ };                        \
		plan_fixture_assert_steps((f), texts_, sizeof(texts_) / sizeof(texts_[0])); \
	} while (0)

#define on_a_node(f) cmocka_unit_test_setup_teardown(f, plan_fixture_set_up, plan_fixture_tear_down)
