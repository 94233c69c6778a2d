// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The contract tests' ground: a network namespace of its own for each test, with tables of somebody else
 * in it, and nft(8) as the somebody who changes things.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "nat/plan.h"
#include "nat/ruleset.h"
#include "nat/sync.h"

#define TABLE "eipgw_test"

struct loop;

struct kernel {
	struct nat_ruleset desired;
	struct nat_sync *sync;
	struct err err;
	size_t changed;                  /* transactions of the last run */
	char summary[NAT_PLAN_TEXT_MAX]; /* of the last run */
	char *foreign; /* what nft(8) said about the tables of others at the start; NULL: isn't compared */
};

/* cmocka set-up and tear-down. The tear-down fails if a table of others is not as it was, byte by byte. */
int kernel_set_up(void **state);
int kernel_tear_down(void **state);
#define in_a_namespace(f) cmocka_unit_test_setup_teardown(f, kernel_set_up, kernel_tear_down)

/* The full ruleset, finished. */
void kernel_describe(struct nat_ruleset *rs);
/* Makes it desired, loads it, and sees that it took one transaction. */
void kernel_load(struct kernel *k);
/* One run: fails the test if it fails. */
void kernel_run(struct kernel *k);
/* A run must now find nothing to do. */
void kernel_expect_rest(struct kernel *k);

/* Runs a program; its standard output, or NULL when `capture` is false. Fails the test unless it exits 0. */
char *run_program(const char *const argv[], bool capture);
/* nft(8) with a command; nft_list gives what it says as JSON, to be freed. */
void nft(const char *command);
bool nft_can(const char *command); /* whether this kernel would take it */
char *nft_list(const char *command);
