// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/check.h"

#include "base/err.h"
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int check_name(const char *list, size_t index, const char *name, struct err *err)
{
	if (!name || !*name)
		return err_set(err, -EINVAL, "%s[%zu].name: is empty", list, index);
	if (strlen(name) >= POLICY_NAME_MAX)
		return err_set(err, -EINVAL, "%s[%zu].name: is longer than %d characters", list,
			       index, POLICY_NAME_MAX - 1);
	return 0;
}

static int check_egress(const struct policy_input *input, struct err *err)
{
	if (input->n_egress > POLICY_EGRESS_MAX)
		return err_set(err, -EINVAL, "egress_ips: has %zu entries; at most %d are possible",
			       input->n_egress, POLICY_EGRESS_MAX);

	for (size_t i = 0; i < input->n_egress; i++) {
		int r = check_name("egress_ips", i, input->egress_names[i], err);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(input->egress_names[i], input->egress_names[k]))
				return err_set(
					err, -EINVAL,
					"egress_ips[%zu].name: \"%s\" is also egress_ips[%zu]", i,
					input->egress_names[i], k);
	}
	return 0;
}

static int check_spec(const struct policy_input *input, size_t index, struct err *err)
{
	const struct policy_spec *spec = &input->specs[index];

	int r = check_name("policies", index, spec->name, err);
	if (r < 0)
		return r;
	if (!spec->n_destinations && !input->lenient)
		return err_set(err, -EINVAL, "policies[%zu].destination_cidrs: is empty", index);
	if (!spec->n_egress && !input->lenient)
		return err_set(err, -EINVAL, "policies[%zu].egress_ips: is empty", index);
	if (spec->n_egress > POLICY_EGRESS_MAX)
		return err_set(err, -EINVAL,
			       "policies[%zu].egress_ips: has %zu entries; at most %d are possible",
			       index, spec->n_egress, POLICY_EGRESS_MAX);
	for (size_t i = 0; i < spec->n_egress; i++)
		if (spec->egress[i] >= input->n_egress)
			return err_set(
				err, -EINVAL,
				"policies[%zu].egress_ips[%zu]: there is no egress IP number %u",
				index, i, spec->egress[i]);
	return 0;
}

int policy_check(const struct policy_input *input, struct err *err)
{
	if (input->n_specs > POLICY_MAX)
		return err_set(err, -EINVAL, "policies: has %zu entries; at most %d are possible",
			       input->n_specs, POLICY_MAX);

	int r = check_egress(input, err);
	for (size_t i = 0; r == 0 && i < input->n_specs; i++)
		r = check_spec(input, i, err);
	return r;
}

static int compare_names(const void *a, const void *b, void *data)
{
	const struct policy_spec *specs = data;
	uint16_t x = *(const uint16_t *)a;
	uint16_t y = *(const uint16_t *)b;
	int order = strcmp(specs[x].name, specs[y].name);

	return order ? order : (x > y) - (x < y);
}

static int compare_ranks(const void *a, const void *b, void *data)
{
	const struct policy_spec *specs = data;
	int64_t x = specs[*(const uint16_t *)a].precedence;
	int64_t y = specs[*(const uint16_t *)b].precedence;

	return x == y ? compare_names(a, b, data) : (x > y) - (x < y);
}

int policy_rank(const struct policy_input *input, uint16_t *policy_at, struct err *err)
{
	for (size_t i = 0; i < input->n_specs; i++)
		policy_at[i] = (uint16_t)i;
	if (input->n_specs)
		qsort_r(policy_at, input->n_specs, sizeof(*policy_at), compare_names,
			(void *)input->specs);

	for (size_t i = 1; i < input->n_specs; i++) {
		const char *name = input->specs[policy_at[i]].name;

		if (!strcmp(name, input->specs[policy_at[i - 1]].name))
			return err_set(err, -EINVAL,
				       "policies[%u].name: \"%s\" is also policies[%u]",
				       policy_at[i], name, policy_at[i - 1]);
	}
	if (input->n_specs)
		qsort_r(policy_at, input->n_specs, sizeof(*policy_at), compare_ranks,
			(void *)input->specs);
	return 0;
}
