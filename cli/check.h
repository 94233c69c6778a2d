// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside cli/: `eipgw check` as a table. A row has a name, what it can't be judged without, and a pure function
 * from facts to results, of which it may give several.
 */
#pragma once

#include <stddef.h>

struct facts;
struct sysctl_table;

enum outcome {
	OUTCOME_OK,
	OUTCOME_WARN,
	OUTCOME_FAIL,
	OUTCOME_UNTRIED, /* nobody can know from here, or something before it failed */
	OUTCOME_COUNT
};
extern const char *const outcome_names[OUTCOME_COUNT];

#define CHECK_TEXT_MAX 640
#define CHECK_STATEMENT_MAX 1024

struct check_result {
	const char *name;
	int id; /* of the row: base/message.h */
	enum outcome outcome;
	char what[CHECK_TEXT_MAX];           /* what was established */
	char fix[CHECK_TEXT_MAX];            /* "": nothing to do */
	char statement[CHECK_STATEMENT_MAX]; /* the IAM statement that is missing; "": none is */
};

struct check_results {
	struct check_result *v;
	size_t n;
	const char *name; /* of the row that is being judged */
	int id;
	int failed; /* out of memory */
};
void check_results_done(struct check_results *results);

/* Adds one, with the text of what was established; the rest is empty. Never NULL. */
struct check_result *check_say(struct check_results *results, enum outcome outcome,
			       const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What to do about it. */
void check_fix(struct check_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct iam_statement;
/* The statement that is missing, for one of its actions. */
void check_statement(struct check_result *result, const struct iam_statement *statement,
		     const char *action, const char *deployment);

enum check_needs {
	NEED_CONFIG = 1,
	NEED_GATEWAY = 2, /* the check is of a gateway; else the row is left out */
	NEED_EC2 = 4,     /* EC2 has answered a call */
	NEED_INTERFACE = 8,
	NEED_ROOT = 16,
	NEED_KUBE = 32, /* policies come from Kubernetes; else the row is left out */
};

struct check_row {
	const char *name;
	int id; /* its page says what each outcome means */
	unsigned needs;
	void (*judge)(const struct facts *facts, struct check_results *results);
};
extern const struct check_row check_rows[];
extern const size_t check_rows_count;

/* All rows, one after the other. */
void check_judge(const struct facts *facts, struct check_results *results);
/* One row by its name; for tests. */
void check_judge_row(const char *name, const struct facts *facts, struct check_results *results);

/* The rows' functions, by what they look at. */
void judge_daemon(const struct facts *facts, struct check_results *results);
void judge_config(const struct facts *facts, struct check_results *results);
void judge_imds(const struct facts *facts, struct check_results *results);
void judge_credentials(const struct facts *facts, struct check_results *results);
void judge_ec2(const struct facts *facts, struct check_results *results);
void judge_clock(const struct facts *facts, struct check_results *results);
void judge_path(const struct facts *facts, struct check_results *results);
void judge_permissions(const struct facts *facts, struct check_results *results);
void judge_egress(const struct facts *facts, struct check_results *results);
void judge_source_check(const struct facts *facts, struct check_results *results);
void judge_routes(const struct facts *facts, struct check_results *results);
void judge_groups(const struct facts *facts, struct check_results *results);
void judge_kube_api(const struct facts *facts, struct check_results *results);
void judge_kube_login(const struct facts *facts, struct check_results *results);
void judge_kube_rights(const struct facts *facts, struct check_results *results);
void judge_kube_kinds(const struct facts *facts, struct check_results *results);
void judge_uplink(const struct facts *facts, struct check_results *results);
void judge_port(const struct facts *facts, struct check_results *results);
void judge_features(const struct facts *facts, struct check_results *results);
void judge_sysctls(const struct facts *facts, struct check_results *results);
