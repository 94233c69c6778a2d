// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "objects.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void **kept;
static size_t n_kept;

static void *keep(void *p)
{
	kept = reallocarray(kept, n_kept + 1, sizeof(*kept));
	if (!p || !kept)
		err(1, "objects");
	kept[n_kept++] = p;
	return p;
}

static void *room(size_t n, size_t size)
{
	return keep(calloc(n + 1, size));
}

void objects_done(void)
{
	for (size_t i = 0; i < n_kept; i++)
		free(kept[i]);
	free(kept);
	kept = NULL;
	n_kept = 0;
}

/* The words, and how many there are. */
static char **split(const char *words, const char *by, size_t *ret_n)
{
	char *copy = keep(strdup(words ? words : ""));
	char **v = room(strlen(copy), sizeof(*v));
	char *state = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, by, &state); w; w = strtok_r(NULL, by, &state))
		v[n++] = w;
	*ret_n = n;
	return v;
}

static struct label_text label(char *word)
{
	char *equals = strchr(word, '=');

	if (!equals)
		errx(1, "objects: %s is no label", word);
	*equals = '\0';
	return (struct label_text){ word, equals + 1 };
}

struct label_text *objects_labels(const char *words, size_t *ret_n)
{
	char **v = split(words, " ", ret_n);
	struct label_text *labels = room(*ret_n, sizeof(*labels));

	for (size_t i = 0; i < *ret_n; i++)
		labels[i] = label(v[i]);
	return labels;
}

static struct selector_expression expression(char *word)
{
	struct selector_expression e = { .key = word };
	char *colon = strchr(word, ':');
	char *second = strchr(colon + 1, ':');

	*colon = '\0';
	e.operator= colon + 1;
	if (second) {
		*second = '\0';
		e.values = (const char *const *)split(second + 1, ",", &e.n_values);
	}
	return e;
}

const struct selector_text *objects_selector(const char *words)
{
	size_t n;
	char **v = split(words, " ", &n);
	struct selector_text *text = room(1, sizeof(*text));
	struct label_text *labels = room(n, sizeof(*labels));
	struct selector_expression *expressions = room(n, sizeof(*expressions));

	if (!words)
		return NULL;
	text->labels = labels;
	text->expressions = expressions;
	for (size_t i = 0; i < n; i++) {
		if (strchr(v[i], ':'))
			expressions[text->n_expressions++] = expression(v[i]);
		else
			labels[text->n_labels++] = label(v[i]);
	}
	return text;
}

struct ip4_prefix *objects_prefixes(const char *words, size_t *ret_n)
{
	char **v = split(words, " ", ret_n);
	struct ip4_prefix *prefixes = room(*ret_n, sizeof(*prefixes));
	struct err e = ERR_NULL;

	for (size_t i = 0; i < *ret_n; i++)
		if (ip4_prefix_parse(v[i], &prefixes[i], &e) < 0)
			errx(1, "objects: %s: %s", v[i], e.text);
	return prefixes;
}

struct ip4 objects_ip(const char *text)
{
	struct ip4 ip;

	if (ip4_parse(text, &ip, NULL) < 0)
		errx(1, "objects: %s is no address", text);
	return ip;
}

static const char *uid_of(const char *uid, const char *name)
{
	char *text = room(strlen(name) + 4, 1);

	snprintf(text, strlen(name) + 4, "uid%s", name);
	return uid ? uid : text;
}

const struct inventory_pod *objects_pod(const char *name, struct pod_words words)
{
	static struct inventory_pod pod;
	size_t n, n_ips;
	char **parts = split(name, "/", &n), **ips = split(words.ips, " ", &n_ips);
	struct ip4 *v4 = room(n_ips, sizeof(*v4));
	struct ip6 *v6 = room(n_ips, sizeof(*v6));

	pod = (struct inventory_pod){ .namespace = parts[0],
				      .name = parts[1],
				      .uid = uid_of(words.uid, parts[1]),
				      .created_s = words.created_s,
				      .node = words.node ? words.node : "n1",
				      .addresses = v4,
				      .addresses6 = v6,
				      .phase = words.phase,
				      .host_network = words.host_network,
				      .terminating = words.terminating };
	pod.labels = objects_labels(words.labels, &pod.n_labels);
	for (size_t i = 0; i < n_ips; i++) {
		if (!strchr(ips[i], ':'))
			v4[pod.n_addresses++] = objects_ip(ips[i]);
		else if (inet_pton(AF_INET6, ips[i], &v6[pod.n_addresses6++]) != 1)
			errx(1, "objects: %s is no address", ips[i]);
	}
	return &pod;
}

const struct inventory_namespace *objects_namespace(const char *name, const char *labels)
{
	static struct inventory_namespace space;

	space = (struct inventory_namespace){ .name = name, .uid = uid_of(NULL, name) };
	space.labels = objects_labels(labels, &space.n_labels);
	return &space;
}

const struct inventory_policy *objects_policy(const char *name, struct policy_words words)
{
	static struct inventory_policy policy;
	struct inventory_selector *selectors = room(2, sizeof(*selectors));

	policy = (struct inventory_policy){ .name = name,
					    .uid = uid_of(words.uid, name),
					    .created_s = words.created_s,
					    .generation = words.generation,
					    .selectors = selectors,
					    .gateway = words.gateway ? words.gateway : "gw",
					    .best_effort = words.best_effort,
					    .allow_ip6 = words.allow_ip6 };
	if (words.namespaces || words.pods)
		selectors[policy.n_selectors++] =
			(struct inventory_selector){ objects_selector(words.namespaces),
						     objects_selector(words.pods) };
	if (words.namespaces2 || words.pods2)
		selectors[policy.n_selectors++] =
			(struct inventory_selector){ objects_selector(words.namespaces2),
						     objects_selector(words.pods2) };
	policy.pod_cidrs = objects_prefixes(words.cidrs, &policy.n_pod_cidrs);
	policy.destinations = objects_prefixes(
		words.destinations ? words.destinations : "0.0.0.0/0", &policy.n_destinations);
	policy.excluded = objects_prefixes(words.excluded, &policy.n_excluded);
	policy.egress_ips = (const char *const *)split(words.egress ? words.egress : "bank", " ",
						       &policy.n_egress_ips);
	return &policy;
}

const char *objects_class(const struct inventory *inventory, const char *address)
{
	static char text[4096];
	const struct policy_class *class = inventory_class_of(inventory, objects_ip(address));
	const struct policy_result *result = inventory_result(inventory);
	size_t used = 0;

	if (!class)
		return "-";
	for (size_t i = 0; i < class->n_rules && used < sizeof(text); i++) {
		unsigned egress = class->rules[i].egress;
		char number[16];

		snprintf(number, sizeof(number), "%u", egress);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s=%s", i ? "," : "",
					 result->names[class->rules[i].policy],
					 egress == POLICY_EGRESS_NONE ? "-" : number);
	}
	return text;
}
