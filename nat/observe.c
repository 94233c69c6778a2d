// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/observe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "nat/elems.h"
#include "nat/expr.h"
#include "nat/nfnl.h"
#include "netlink/attr.h"

enum { TRIES = 5, SEEN_CHAINS_MAX = 16384, SEEN_RULES_MAX = 65536, SEEN_COUNTERS_MAX = 4096 };

struct reading {
	const char *table;
	struct nat_observed *seen;
	size_t set; /* whose elements are being read */
	size_t n_rules;
	uint32_t generation;
};

static void clear_chains(struct nat_observed *seen)
{
	for (size_t i = 0; i < seen->n_chains; i++) {
		for (size_t j = 0; j < seen->chains[i].n_rules; j++)
			free(seen->chains[i].rules[j]);
		free(seen->chains[i].rules);
	}
	free(seen->chains);
	seen->chains = NULL;
	seen->n_chains = 0;
}

void nat_observed_done(struct nat_observed *seen)
{
	clear_chains(seen);
	nat_ruleset_done(&seen->sets);
	free(seen->counters);
	*seen = (struct nat_observed){ 0 };
}

static bool is_ours(const struct reading *reading, const char *table)
{
	return table && strcmp(table, reading->table) == 0;
}

static void name_copy(char dst[static NAT_NAME_MAX], const char *src)
{
	snprintf(dst, NAT_NAME_MAX, "%s", src ? src : "");
}

static int on_generation(const struct nlmsghdr *nlh, void *data)
{
	struct reading *reading = data;
	const struct nlattr *attr;

	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			reading->generation = ntohl(mnl_attr_get_u32(attr));
	}
	return 0;
}

static uint16_t nft_type(uint16_t message)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message);
}

static int read_generation(struct nfnl *nfnl, struct reading *reading, struct err *err)
{
	struct nfnl_dump answer = { .what = "nf_tables generation", .on_message = on_generation,
				    .data = reading };

	return nfnl_talk(nfnl, nfnl_request(nfnl, nft_type(NFT_MSG_GETGEN), 0, NFPROTO_IPV4),
			 &answer, err);
}

/* A table with flags (dormant, owned by another socket) isn't as we make it. */
static int on_table(const struct nlmsghdr *nlh, void *data)
{
	struct reading *reading = data;
	const struct nlattr *attr;

	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_TABLE_FLAGS &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0 && mnl_attr_get_u32(attr) != 0)
			reading->seen->odd = true;
	}
	return 0;
}

static int read_table(struct nfnl *nfnl, struct reading *reading, struct err *err)
{
	struct nfnl_dump answer = { .what = "table", .on_message = on_table, .data = reading };
	struct nlmsghdr *nlh = nfnl_request(nfnl, nft_type(NFT_MSG_GETTABLE), 0, NFPROTO_IPV4);
	int rc;

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, reading->table);
	rc = nfnl_talk(nfnl, nlh, &answer, err);
	reading->seen->has_table = rc == 0;
	return rc == -ENOENT ? err_set(err, 0, "%s", "") : rc;
}

static void forget_counters(void *data)
{
	struct reading *reading = data;

	free(reading->seen->counters);
	reading->seen->counters = NULL;
	reading->seen->n_counters = 0;
}

static int add_counter(struct nat_observed *seen, struct nftnl_obj *obj)
{
	struct nat_seen_counter *counters = seen->counters;

	if (seen->n_counters >= SEEN_COUNTERS_MAX)
		return -E2BIG;
	counters = realloc(counters, (seen->n_counters + 1) * sizeof(*counters));
	if (!counters)
		return -ENOMEM;
	seen->counters = counters;
	struct nat_seen_counter *counter = &counters[seen->n_counters++];

	name_copy(counter->name, nftnl_obj_get_str(obj, NFTNL_OBJ_NAME));
	counter->packets = nftnl_obj_get_u64(obj, NFTNL_OBJ_CTR_PKTS);
	counter->bytes = nftnl_obj_get_u64(obj, NFTNL_OBJ_CTR_BYTES);
	return 0;
}

static int on_object(const struct nlmsghdr *nlh, void *data)
{
	struct reading *reading = data;
	struct nftnl_obj *obj = nftnl_obj_alloc();
	int rc = 0;

	if (!obj)
		return -ENOMEM;
	if (nftnl_obj_nlmsg_parse(nlh, obj) < 0)
		rc = -EBADMSG;
	else if (is_ours(reading, nftnl_obj_get_str(obj, NFTNL_OBJ_TABLE))) {
		if (nftnl_obj_get_u32(obj, NFTNL_OBJ_TYPE) == NFT_OBJECT_COUNTER)
			rc = add_counter(reading->seen, obj);
		else
			reading->seen->odd = true;
	}
	nftnl_obj_free(obj);
	return rc;
}

static int read_counters(struct nfnl *nfnl, struct reading *reading, struct err *err)
{
	struct nfnl_dump dump = { .what = "counters", .on_message = on_object,
				  .restart = forget_counters, .data = reading };
	struct nlmsghdr *nlh =
		nfnl_request(nfnl, nft_type(NFT_MSG_GETOBJ), NLM_F_DUMP, NFPROTO_IPV4);

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, reading->table);
	return nfnl_dump(nfnl, nlh, &dump, err);
}

static void forget_sets(void *data)
{
	struct reading *reading = data;

	nat_ruleset_done(&reading->seen->sets);
	nat_ruleset_init(&reading->seen->sets, reading->table);
}

static int on_set(const struct nlmsghdr *nlh, void *data)
{
	struct reading *reading = data;
	struct nftnl_set *def = nftnl_set_alloc();
	struct nat_observed *seen = reading->seen;
	int rc = 0;

	if (!def)
		return -ENOMEM;
	if (nftnl_set_nlmsg_parse(nlh, def) < 0)
		rc = -EBADMSG;
	else if (is_ours(reading, nftnl_set_get_str(def, NFTNL_SET_TABLE))) {
		uint32_t size;
		enum nat_set_kind kind = nat_set_recognise(def, &size);

		if (kind == NAT_SET_KIND_COUNT)
			seen->odd = true;
		else
			nat_set_add(&seen->sets, nftnl_set_get_str(def, NFTNL_SET_NAME), kind, size);
		rc = seen->sets.failed ? -ENOMEM : 0;
	}
	nftnl_set_free(def);
	return rc;
}

static int read_sets(struct nfnl *nfnl, struct reading *reading, struct err *err)
{
	struct nfnl_dump dump = { .what = "sets", .on_message = on_set, .restart = forget_sets,
				  .data = reading };
	struct nlmsghdr *nlh =
		nfnl_request(nfnl, nft_type(NFT_MSG_GETSET), NLM_F_DUMP, NFPROTO_IPV4);

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, reading->table);
	return nfnl_dump(nfnl, nlh, &dump, err);
}

static void forget_elems(void *data)
{
	struct reading *reading = data;

	reading->seen->sets.sets[reading->set].n = 0;
}

static int on_elems(const struct nlmsghdr *nlh, void *data)
{
	struct reading *reading = data;

	return nat_elems_take(nlh, &reading->seen->sets, reading->set);
}

static int read_elems(struct nfnl *nfnl, struct reading *reading, struct err *err)
{
	struct nat_ruleset *sets = &reading->seen->sets;

	for (reading->set = 0; reading->set < sets->n_sets; reading->set++) {
		struct nat_set *set = &sets->sets[reading->set];
		struct nfnl_dump dump = { .what = set->name, .on_message = on_elems,
					  .restart = forget_elems, .data = reading };
		struct nlmsghdr *nlh =
			nfnl_request(nfnl, nft_type(NFT_MSG_GETSETELEM), NLM_F_DUMP, NFPROTO_IPV4);
		int rc;

		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, reading->table);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
		rc = nfnl_dump(nfnl, nlh, &dump, err);
		if (rc)
			return rc;
		if (nat_elems_pair(set))
			return err_set(err, -EBADMSG, "set %s: ranges don't pair", set->name);
	}
	return 0;
}

static void forget_chains(void *data)
{
	struct reading *reading = data;

	clear_chains(reading->seen);
	reading->n_rules = 0;
}

static int take_comment(const struct nftnl_udata *attr, void *data)
{
	const char *text = nftnl_udata_get(attr);

	if (nftnl_udata_type(attr) == NFTNL_UDATA_CHAIN_COMMENT && nftnl_udata_len(attr) > 0 &&
	    text[nftnl_udata_len(attr) - 1] == '\0')
		name_copy(data, text);
	return 0;
}

static void take_chain(struct nftnl_chain *chain, struct nat_chain *def)
{
	uint32_t len = 0;
	const void *udata = NULL;

	name_copy(def->name, nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME));
	def->hook = NAT_HOOK_NONE;
	if (nftnl_chain_is_set(chain, NFTNL_CHAIN_USERDATA))
		udata = nftnl_chain_get_data(chain, NFTNL_CHAIN_USERDATA, &len);
	if (udata)
		nftnl_udata_parse(udata, len, take_comment, def->comment);
	if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM))
		return;
	def->hook = (enum nat_hook)nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
	def->priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
	def->nat = strcmp(nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE), "nat") == 0;
	def->policy_drop = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_DROP;
}

static int on_chain(const struct nlmsghdr *nlh, void *data)
{
	struct reading *reading = data;
	struct nat_observed *seen = reading->seen;
	struct nftnl_chain *chain = nftnl_chain_alloc();
	int rc = 0;

	if (!chain)
		return -ENOMEM;
	if (nftnl_chain_nlmsg_parse(nlh, chain) < 0) {
		rc = -EBADMSG;
	} else if (is_ours(reading, nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE))) {
		struct nat_seen_chain *chains =
			seen->n_chains < SEEN_CHAINS_MAX ?
				realloc(seen->chains, (seen->n_chains + 1) * sizeof(*chains)) :
				NULL;

		if (chains) {
			seen->chains = chains;
			chains[seen->n_chains] = (struct nat_seen_chain){ 0 };
			take_chain(chain, &chains[seen->n_chains++].def);
		} else {
			rc = -ENOMEM;
		}
	}
	nftnl_chain_free(chain);
	return rc;
}

static int read_chains(struct nfnl *nfnl, struct reading *reading, struct err *err)
{
	struct nfnl_dump dump = { .what = "chains", .on_message = on_chain,
				  .restart = forget_chains, .data = reading };

	return nfnl_dump(nfnl,
			 nfnl_request(nfnl, nft_type(NFT_MSG_GETCHAIN), NLM_F_DUMP, NFPROTO_IPV4),
			 &dump, err);
}

static struct nat_seen_chain *chain_find(struct nat_observed *seen, const char *name)
{
	for (size_t i = 0; name && i < seen->n_chains; i++) {
		if (strcmp(seen->chains[i].def.name, name) == 0)
			return &seen->chains[i];
	}
	return NULL;
}

static void forget_rules(void *data)
{
	struct reading *reading = data;

	for (size_t i = 0; i < reading->seen->n_chains; i++) {
		struct nat_seen_chain *chain = &reading->seen->chains[i];

		for (size_t j = 0; j < chain->n_rules; j++)
			free(chain->rules[j]);
		free(chain->rules);
		chain->rules = NULL;
		chain->n_rules = 0;
	}
	reading->n_rules = 0;
}

static int add_rule(struct reading *reading, const struct nftnl_rule *rule)
{
	struct nat_seen_chain *chain = chain_find(reading->seen,
						  nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN));
	char **rules;

	if (!chain)
		return 0; /* newer than the list of chains: the generation will have changed */
	if (reading->n_rules++ >= SEEN_RULES_MAX)
		return -E2BIG;
	rules = realloc(chain->rules, (chain->n_rules + 1) * sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	chain->rules = rules;
	rules[chain->n_rules] = nat_expr_text(rule);
	if (!rules[chain->n_rules])
		return -ENOMEM;
	chain->n_rules++;
	return 0;
}

static int on_rule(const struct nlmsghdr *nlh, void *data)
{
	struct reading *reading = data;
	struct nftnl_rule *rule = nftnl_rule_alloc();
	int rc = 0;

	if (!rule)
		return -ENOMEM;
	if (nftnl_rule_nlmsg_parse(nlh, rule) < 0)
		rc = -EBADMSG;
	else if (is_ours(reading, nftnl_rule_get_str(rule, NFTNL_RULE_TABLE)))
		rc = add_rule(reading, rule);
	nftnl_rule_free(rule);
	return rc;
}

static int read_rules(struct nfnl *nfnl, struct reading *reading, struct err *err)
{
	struct nfnl_dump dump = { .what = "rules", .on_message = on_rule, .restart = forget_rules,
				  .data = reading };
	struct nlmsghdr *nlh =
		nfnl_request(nfnl, nft_type(NFT_MSG_GETRULE), NLM_F_DUMP, NFPROTO_IPV4);

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, reading->table);
	return nfnl_dump(nfnl, nlh, &dump, err);
}

typedef int (*read_fn)(struct nfnl *nfnl, struct reading *reading, struct err *err);

/* -ENOENT inside: the table went away while we read; seen by the generation, so it's stale, not an error. */
static int read_all(struct nfnl *nfnl, struct reading *reading, struct err *err)
{
	static const read_fn steps[] = { read_counters, read_sets, read_elems, read_chains,
					 read_rules };
	int rc = read_table(nfnl, reading, err);

	if (rc || !reading->seen->has_table)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		rc = steps[i](nfnl, reading, err);
		if (rc)
			return rc == -ENOENT ? NFNL_E_STALE : rc;
	}
	return 0;
}

int nat_observe(struct nfnl *nfnl, const char *table, struct nat_observed *ret, struct err *err)
{
	for (int try = 0; try < TRIES; try++) {
		struct nat_observed seen = { 0 };
		struct reading reading = { .table = table, .seen = &seen };
		uint32_t before;
		int rc;

		nat_ruleset_init(&seen.sets, table);
		rc = read_generation(nfnl, &reading, err);
		before = reading.generation;
		if (!rc)
			rc = read_all(nfnl, &reading, err);
		if (rc >= 0) {
			int again = read_generation(nfnl, &reading, err);

			rc = again ? again : rc;
		}
		if (rc == 0 && reading.generation == before) {
			nat_observed_done(ret);
			*ret = seen;
			return 0;
		}
		nat_observed_done(&seen);
		if (rc < 0)
			return rc;
	}
	err_set(err, 0, "table %s: changed in each of %d readings", table, TRIES);
	return NFNL_E_STALE;
}

int nat_observe_counters(struct nfnl *nfnl, const char *table, struct nat_observed *ret,
			 struct err *err)
{
	struct reading reading = { .table = table, .seen = ret };

	nat_observed_done(ret);
	return read_counters(nfnl, &reading, err);
}
