// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Answers of EC2 as short texts, for the tests of own. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "awsapi/failure.h"
#include "gateway/own/own.h"
#include "gateway/own/own_standby.h"

#define MINE "eni-mine"
#define OTHER "eni-other"
#define THIRD "eni-third"

enum { BANK = 100, MAIL }; /* 203.0.113.N, eipalloc-N */

struct where {
	int eip;
	const char *interface, *private;
};
#define AT(...) ((struct where){ __VA_ARGS__ })

struct why {
	enum http_class class;
	const char *code;
};
#define WITH(...) ((struct why){ __VA_ARGS__ })

struct ip4 ip(const char *text);
struct mono at(double seconds);
struct own_wanted want(const char *name, int eip);
void see_mine(struct own *own, double seconds, const char *text);
struct own_step see_address(struct own *own, double seconds, size_t i, struct where where);
void fail_call(struct own *own, double seconds, size_t i, const struct aws_action *action,
	       struct why why);
void expect(const struct own *own, size_t i, enum own_state state, const char *reason);
void expect_step(struct own_step step, enum own_step_kind kind, const char *private);
void begin(struct own *own, size_t n, struct own_wanted a, struct own_wanted b);
void begin_bank(struct own *own);
void begin_claimed(struct own *own);
void begin_found(struct own *own);
