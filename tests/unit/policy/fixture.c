// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "fixture.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
	if (!p)
		err(1, "fixture");
	return p;
}

struct fixture *fixture_new(void)
{
	struct fixture *f = must(calloc(1, sizeof(*f)));

	f->input.specs = f->specs;
	f->input.egress_names = f->egress_names;
	return f;
}

void fixture_free(struct fixture *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->input.n_specs; i++) {
		free((void *)f->specs[i].name);
		free((void *)f->specs[i].pods);
		free((void *)f->specs[i].destinations);
		free((void *)f->specs[i].excluded);
		free((void *)f->specs[i].blocked);
		free((void *)f->specs[i].egress);
	}
	for (size_t i = 0; i < f->input.n_egress; i++)
		free((void *)f->egress_names[i]);
	free((void *)f->input.always_excluded);
	policy_result_done(&f->result);
	free(f);
}

void cleanup_fixture(struct fixture **f)
{
	fixture_free(*f);
}

/* Calls `each` for every word. */
static size_t split(const char *words, void (*each)(void *data, size_t i, const char *word),
		    void *data)
{
	char *copy = must(strdup(words));
	char *state = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, " ", &state); w; w = strtok_r(NULL, " ", &state))
		each(data, n++, w);
	free(copy);
	return n;
}

static void store_prefix(void *data, size_t i, const char *word)
{
	struct ip4_prefix **v = data;
	struct err e = ERR_NULL;

	*v = must(reallocarray(*v, i + 1, sizeof(**v)));
	if (ip4_prefix_parse(word, &(*v)[i], &e) < 0)
		errx(1, "fixture: %s: %s", word, e.text);
}

static void store_number(void *data, size_t i, const char *word)
{
	unsigned **v = data;

	*v = must(reallocarray(*v, i + 1, sizeof(**v)));
	(*v)[i] = (unsigned)strtoul(word, NULL, 10);
}

static void store_name(void *data, size_t i, const char *word)
{
	struct fixture *f = data;

	if (i >= FIXTURE_MAX)
		errx(1, "fixture: too many names");
	f->egress_names[i] = must(strdup(word));
}

void fixture_egress(struct fixture *f, const char *names)
{
	f->input.n_egress = split(names, store_name, f);
}

void fixture_always_excluded(struct fixture *f, const char *prefixes)
{
	struct ip4_prefix *v = NULL;

	f->input.n_always_excluded = split(prefixes, store_prefix, &v);
	f->input.always_excluded = v;
}

void fixture_policy(struct fixture *f, const char *name, struct fixture_words words)
{
	if (f->input.n_specs >= FIXTURE_MAX)
		errx(1, "fixture: too many policies");

	struct policy_spec *spec = &f->specs[f->input.n_specs++];
	struct ip4_prefix *pods = NULL;
	struct ip4_prefix *destinations = NULL;
	struct ip4_prefix *excluded = NULL;
	struct ip4_prefix *blocked = NULL;
	unsigned *egress = NULL;

	spec->name = must(strdup(name));
	spec->n_pods = split(words.pods, store_prefix, &pods);
	spec->n_destinations = split(words.destinations ? words.destinations : "0.0.0.0/0",
				     store_prefix, &destinations);
	spec->n_excluded = split(words.excluded ? words.excluded : "", store_prefix, &excluded);
	spec->n_egress = split(words.egress ? words.egress : "0", store_number, &egress);
	spec->n_blocked = split(words.blocked ? words.blocked : "", store_prefix, &blocked);
	spec->precedence = words.precedence;
	spec->blocked = blocked;
	spec->pods = pods;
	spec->destinations = destinations;
	spec->excluded = excluded;
	spec->egress = egress;
}

void fixture_many_pods(struct fixture *f, size_t policy, const char *first, size_t n, uint32_t step)
{
	struct ip4_prefix *pods = must(calloc(n, sizeof(*pods)));
	uint32_t address = fixture_ip(first).v;

	for (size_t i = 0; i < n; i++)
		pods[i] =
			(struct ip4_prefix){ .addr = { address + (uint32_t)i * step }, .len = 32 };
	free((void *)f->specs[policy].pods);
	f->specs[policy].pods = pods;
	f->specs[policy].n_pods = n;
}

int fixture_compile(struct fixture *f)
{
	struct policy_result result = { .n_policies = 0 };

	f->err = ERR_NULL;
	int r = policy_compile(&f->input, &result, &f->err);
	policy_result_done(&f->result);
	f->result = result;
	return r;
}

static const char *describe(const struct fixture *f, const struct policy_rule *rules, size_t n)
{
	static char text[4096];
	size_t length = 0;

	if (!n)
		return "-";
	for (size_t i = 0; i < n && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s=%s",
					   i ? "," : "", f->result.names[rules[i].policy],
					   rules[i].egress == POLICY_EGRESS_NONE ?
						   "-" :
						   f->egress_names[rules[i].egress]);
	return text;
}

const char *fixture_rule(const struct fixture *f, const char *source, const char *destination)
{
	const struct policy_rule *rule =
		policy_rule_of(&f->result, fixture_ip(source), fixture_ip(destination));

	return describe(f, rule, rule ? 1 : 0);
}

const char *fixture_class(const struct fixture *f, const char *source)
{
	const struct policy_class *class = policy_class_of(&f->result, fixture_ip(source));

	return describe(f, class ? class->rules : NULL, class ? class->n_rules : 0);
}

struct ip4 fixture_ip(const char *text)
{
	struct ip4 ip = { 0 };
	struct err e = ERR_NULL;

	if (ip4_parse(text, &ip, &e) < 0)
		errx(1, "fixture: %s: %s", text, e.text);
	return ip;
}
