// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Kubernetes objects from words. What is parsed lives until objects_done, so that inputs can be kept and compared.
 * What can't be parsed ends the program.
 */
#pragma once

#include "policy/facts.h"
#include "policy/inventory.h"

/* Blank-separated "key=value". */
struct label_text *objects_labels(const char *words, size_t *ret_n);
/* Blank-separated "key=value" for matchLabels, and "key:OPERATOR" or "key:OPERATOR:value,value". NULL: NULL. */
const struct selector_text *objects_selector(const char *words);
struct ip4_prefix *objects_prefixes(const char *words, size_t *ret_n);
struct ip4 objects_ip(const char *text);
void objects_done(void);

struct pod_words {
	const char *uid;    /* NULL: "uid" and the name */
	const char *labels; /* NULL: none */
	const char *ips;    /* blank-separated, both families; NULL: none */
	const char *node;   /* NULL: "n1" */
	int64_t created_s;
	enum inventory_phase phase; /* 0: Pending, which counts like Running */
	bool host_network, terminating;
};
/* `name` is "namespace/name". The result points into static room, valid until the next call. */
const struct inventory_pod *objects_pod(const char *name, struct pod_words words);
const struct inventory_namespace *objects_namespace(const char *name, const char *labels);

struct policy_words {
	const char *uid;                 /* NULL: "uid" and the name */
	const char *namespaces, *pods;   /* of the first selector; both NULL: there is none */
	const char *namespaces2, *pods2; /* of a second one */
	const char *cidrs;               /* NULL: none */
	const char *destinations;        /* NULL: 0.0.0.0/0 */
	const char *excluded;            /* NULL: none */
	const char *gateway, *egress;    /* NULL: "gw", "bank"; several names with blanks */
	int64_t created_s, generation;
	bool best_effort, allow_ip6;
};
const struct inventory_policy *objects_policy(const char *name, struct policy_words words);

/* "policy=egress,policy=-" as last told, in the order of the rules; "-": no class. Valid until the next call. */
const char *objects_class(const struct inventory *inventory, const char *address);
