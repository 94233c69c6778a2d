// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "plan_fixture.h"

#include <stdlib.h>

int plan_fixture_set_up(void **state)
{
	struct plan_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->desired = sample_desired();
	f->observed = sample_observed(&f->desired, PLAN_FIXTURE_IFINDEX);
	*state = f;
	return 0;
}

int plan_fixture_tear_down(void **state)
{
	struct plan_fixture *f = *state;

	net_plan_done(&f->plan);
	net_desired_done(&f->desired);
	net_observed_done(&f->observed);
	free(f);
	return 0;
}

void plan_fixture_compute(struct plan_fixture *f)
{
	assert_int_equal(net_plan_compute(&f->desired, &f->observed, &f->plan, &f->err), 0);
}

void plan_fixture_assert_steps(struct plan_fixture *f, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < f->plan.n && i < n; i++) {
		char text[RT_TEXT_MAX];

		assert_string_equal(net_op_format(&f->plan.v[i], &f->desired, text), texts[i]);
	}
	assert_int_equal(f->plan.n, n);
}
