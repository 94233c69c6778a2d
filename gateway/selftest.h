// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Asks servers on the internet which address they see, one request at a time, and does what outside.h says about
 * the answers. A request has the mark of an egress IP and leaves by the uplink, so that the rule that translates
 * pods' packets translates it. If somebody takes the rule away, it leaves untranslated, and may be seen with another
 * address, or not be answered: so what would make a state worse only counts when a run of the keeper afterwards
 * has found the rules untouched.
 */
#pragma once

#include <stdbool.h>

struct err;
struct gateway_config;
struct gateway_view;
struct loop;
struct nat_sync;
struct outside;
struct selftest;

/*
 * Asks nobody yet. `config` stays the caller's, has URLs, and outlives it. `run`: a run of the keeper is needed,
 * since the state of an egress IP changed or may change. NULL with the reason: out of memory.
 */
struct selftest *selftest_new(struct loop *loop, const struct gateway_config *config,
			      void (*run)(void *data), void *data, struct err *err);
/* Goes on where the one of the configuration before was; NULL: there was none. */
void selftest_adopt(struct selftest *test, const struct selftest *old);
/* NULL is fine. */
void selftest_free(struct selftest *test);

/*
 * Before rules are described: takes over where the egress IPs are now; the first time after what the table in
 * the kernel tells of an earlier process. A negative errno with the reason: describe nothing.
 */
int selftest_prepare(struct selftest *test, struct nat_sync *nat, const struct gateway_view *view,
		     struct err *err);
/* After a run of the keeper. Without rules nobody is asked. `touched`: others changed them before the run. */
void selftest_go_on(struct selftest *test, bool has_rules, bool touched);

/* Each egress IP that is to leave here was tested, and the internet sees none of them wrongly. */
bool selftest_is_settled(const struct selftest *test);
/* Valid until the next call of one of these. */
const struct outside *selftest_outside(const struct selftest *test);
