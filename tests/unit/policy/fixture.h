// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A policy input from words: lists are blank-separated prefixes or numbers. Everything is on the
 * heap and freed by fixture_done. A fixture that can't be built ends the program.
 */
#pragma once

#include "base/err.h"
#include "policy/policy.h"

#define FIXTURE_MAX 1100

struct fixture {
	struct policy_input input;
	struct policy_spec specs[FIXTURE_MAX];
	const char *egress_names[FIXTURE_MAX];
	struct policy_result result;
	struct err err;
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
void cleanup_fixture(struct fixture **f);

/* Blank-separated names. */
void fixture_egress(struct fixture *f, const char *names);
void fixture_always_excluded(struct fixture *f, const char *prefixes);

struct fixture_words {
	const char *pods;
	const char *destinations; /* NULL: 0.0.0.0/0 */
	const char *excluded;     /* NULL: none */
	const char *egress;       /* indexes; NULL: "0" */
	const char *blocked;      /* NULL: none */
	int64_t precedence;
};
void fixture_policy(struct fixture *f, const char *name, struct fixture_words words);
/* Replaces the pods of the policy by `n` single addresses: first, first + step, ... */
void fixture_many_pods(struct fixture *f, size_t policy, const char *first, size_t n,
		       uint32_t step);

/* Compiles into f->result (an earlier one is freed) and f->err. */
int fixture_compile(struct fixture *f);
/* "policy=egress" ("policy=-" without an egress IP), or "-" where no rule applies. Valid until the next call. */
const char *fixture_rule(const struct fixture *f, const char *source, const char *destination);
/* "a=bank,b=other" for the class of a source, or "-". Valid until the next call. */
const char *fixture_class(const struct fixture *f, const char *source);
struct ip4 fixture_ip(const char *text);
