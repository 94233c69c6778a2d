// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/seen.h"

#include <errno.h>
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

#include "nat/elems.h"
#include "nat/expr.h"
#include "nat/observe.h"
#include "netlink/attr.h"

enum {
	SEEN_CHAINS_MAX = 16384,
	SEEN_RULES_MAX = 65536,
	SEEN_COUNTERS_MAX = 4096,
	SEEN_SETS_MAX = 2048,
};

/* Attribute 1 is the table's name in all of nf_tables' messages. Other families have tables of that name. */
static bool is_ours(const struct nat_reading *reading, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) ||
	    nfg->nfgen_family != nat_family_number(reading->table.family))
		return false;
	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			return strcmp(mnl_attr_get_str(attr), reading->table.name) == 0;
	}
	return false;
}

/* False when it is missing or longer than any name of ours. */
static bool name_copy(char dst[static NAT_NAME_MAX], const char *src)
{
	size_t length = src ? strlen(src) : NAT_NAME_MAX;

	if (length >= NAT_NAME_MAX)
		return false;
	memcpy(dst, src, length + 1);
	return true;
}

/* Also when libnftnl can't parse a message: it may not know what somebody else put there. */
static int odd(struct nat_reading *reading)
{
	reading->seen->odd = true;
	return 0;
}

static void clear_rules(struct nat_seen_chain *chain)
{
	for (size_t j = 0; j < chain->n_rules; j++)
		free(chain->rules[j]);
	free(chain->rules);
	chain->rules = NULL;
	chain->n_rules = 0;
}

static void clear_chains(struct nat_observed *seen)
{
	for (size_t i = 0; i < seen->n_chains; i++)
		clear_rules(&seen->chains[i]);
	free(seen->chains);
	seen->chains = NULL;
	seen->n_chains = 0;
	nat_index_done(&seen->chain_index);
}

void nat_observed_done(struct nat_observed *seen)
{
	clear_chains(seen);
	nat_ruleset_done(&seen->sets);
	free(seen->counters);
	*seen = (struct nat_observed){ 0 };
}

/* A table with flags (dormant, owned by another socket) isn't as we make it. */
int nat_seen_table(const struct nlmsghdr *nlh, struct nat_reading *reading)
{
	const struct nlattr *attr;

	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_TABLE_FLAGS &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0 && mnl_attr_get_u32(attr) != 0)
			return odd(reading);
	}
	return 0;
}

int nat_seen_flowtable(const struct nlmsghdr *nlh, struct nat_reading *reading)
{
	struct nat_flowtable flowtable;

	if (!is_ours(reading, nlh))
		return 0;
	if (reading->seen->flowtable.name[0] || !nat_flowtable_of(nlh, &flowtable))
		return odd(reading);
	reading->seen->flowtable = flowtable;
	return 0;
}

void nat_seen_forget_flowtables(struct nat_reading *reading)
{
	reading->seen->flowtable = (struct nat_flowtable){ 0 };
}

void nat_seen_forget_objects(struct nat_reading *reading)
{
	free(reading->seen->counters);
	reading->seen->counters = NULL;
	reading->seen->n_counters = 0;
}

static int add_counter(struct nat_reading *reading, const struct nftnl_obj *obj)
{
	struct nat_observed *seen = reading->seen;
	struct nat_seen_counter *counters, *counter;
	struct nftnl_obj *o = (struct nftnl_obj *)obj;

	if (nftnl_obj_get_u32(o, NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER ||
	    seen->n_counters >= SEEN_COUNTERS_MAX)
		return odd(reading);
	counters = realloc(seen->counters, (seen->n_counters + 1) * sizeof(*counters));
	if (!counters)
		return -ENOMEM;
	seen->counters = counters;
	counter = &counters[seen->n_counters];
	if (!name_copy(counter->name, nftnl_obj_get_str(o, NFTNL_OBJ_NAME)))
		return odd(reading);
	counter->packets = nftnl_obj_get_u64(o, NFTNL_OBJ_CTR_PKTS);
	counter->bytes = nftnl_obj_get_u64(o, NFTNL_OBJ_CTR_BYTES);
	seen->n_counters++;
	return 0;
}

int nat_seen_object(const struct nlmsghdr *nlh, struct nat_reading *reading)
{
	struct nftnl_obj *obj;
	int rc;

	if (!is_ours(reading, nlh))
		return 0;
	obj = nftnl_obj_alloc();
	if (!obj)
		return -ENOMEM;
	rc = nftnl_obj_nlmsg_parse(nlh, obj) < 0 ? odd(reading) : add_counter(reading, obj);
	nftnl_obj_free(obj);
	return rc;
}

void nat_seen_forget_sets(struct nat_reading *reading)
{
	nat_ruleset_done(&reading->seen->sets);
	nat_ruleset_init_of(&reading->seen->sets, reading->table);
}

static int add_set(struct nat_reading *reading, const struct nftnl_set *def)
{
	struct nat_ruleset *sets = &reading->seen->sets;
	char name[NAT_NAME_MAX];
	uint32_t size;
	enum nat_set_kind kind = nat_set_recognise(def, &size);

	if (kind == NAT_SET_KIND_COUNT || sets->n_sets >= SEEN_SETS_MAX ||
	    !name_copy(name, nftnl_set_get_str((struct nftnl_set *)def, NFTNL_SET_NAME)))
		return odd(reading);
	nat_set_add(sets, name, kind, size);
	return sets->failed ? -ENOMEM : 0;
}

int nat_seen_set(const struct nlmsghdr *nlh, struct nat_reading *reading)
{
	struct nftnl_set *def;
	int rc;

	if (!is_ours(reading, nlh))
		return 0;
	def = nftnl_set_alloc();
	if (!def)
		return -ENOMEM;
	rc = nftnl_set_nlmsg_parse(nlh, def) < 0 ? odd(reading) : add_set(reading, def);
	nftnl_set_free(def);
	return rc;
}

void nat_seen_forget_elems(struct nat_reading *reading)
{
	reading->seen->sets.sets[reading->set].n = 0;
}

int nat_seen_elems(const struct nlmsghdr *nlh, struct nat_reading *reading)
{
	int rc = nat_elems_take(nlh, &reading->seen->sets, reading->set);

	return rc == NAT_ELEMS_E_ODD ? odd(reading) : rc;
}

void nat_seen_forget_chains(struct nat_reading *reading)
{
	clear_chains(reading->seen);
	reading->n_rules = 0;
}

/*
 * User data are a row of (type, length, bytes) by convention only: the kernel keeps whatever it was given, and
 * nftnl_udata_parse() believes the lengths.
 */
static void take_comment(const uint8_t *data, size_t length, char comment[static NAT_NAME_MAX])
{
	while (length >= 2 && data[1] <= length - 2u) {
		size_t text_length = data[1];
		const char *text = (const char *)data + 2;

		/* One that is too long isn't ours; without it the chain differs all the same. */
		if (data[0] == NFTNL_UDATA_CHAIN_COMMENT && text_length &&
		    text[text_length - 1] == '\0')
			(void)name_copy(comment, text);
		data += 2 + text_length;
		length -= 2 + text_length;
	}
}

static int take_hook(const struct nftnl_chain *chain, struct nat_chain *def)
{
	const char *type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);

	if (!type)
		return -EBADMSG;
	def->hook = (enum nat_hook)nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
	def->priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
	def->nat = strcmp(type, "nat") == 0;
	def->policy_drop = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_DROP;
	return 0;
}

/* A base chain of a type that we never make (route) shows as a difference: it isn't nat and not filter. */
static bool is_known_type(const struct nftnl_chain *chain)
{
	const char *type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);

	return !type || strcmp(type, "nat") == 0 || strcmp(type, "filter") == 0;
}

static int take_chain(const struct nftnl_chain *chain, struct nat_chain *def)
{
	uint32_t length = 0;
	const void *udata = NULL;

	def->hook = NAT_HOOK_NONE;
	if (nftnl_chain_is_set(chain, NFTNL_CHAIN_USERDATA))
		udata = nftnl_chain_get_data(chain, NFTNL_CHAIN_USERDATA, &length);
	if (udata)
		take_comment(udata, length, def->comment);
	return nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM) ? take_hook(chain, def) : 0;
}

static int add_chain(struct nat_reading *reading, const struct nftnl_chain *chain)
{
	struct nat_observed *seen = reading->seen;
	struct nat_seen_chain *chains, new = { 0 };
	int rc;

	if (seen->n_chains >= SEEN_CHAINS_MAX || !is_known_type(chain) ||
	    !name_copy(new.def.name, nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME)))
		return odd(reading);
	rc = take_chain(chain, &new.def);
	if (rc)
		return rc;
	chains = realloc(seen->chains, (seen->n_chains + 1) * sizeof(*chains));
	if (!chains)
		return -ENOMEM;
	seen->chains = chains;
	chains[seen->n_chains] = new;
	rc = nat_index_add(&seen->chain_index, chains, sizeof(*chains), seen->n_chains);
	if (!rc)
		seen->n_chains++;
	return rc;
}

int nat_seen_chain(const struct nlmsghdr *nlh, struct nat_reading *reading)
{
	struct nftnl_chain *chain;
	int rc;

	if (!is_ours(reading, nlh))
		return 0;
	chain = nftnl_chain_alloc();
	if (!chain)
		return -ENOMEM;
	rc = nftnl_chain_nlmsg_parse(nlh, chain) < 0 ? odd(reading) : add_chain(reading, chain);
	nftnl_chain_free(chain);
	return rc;
}

void nat_seen_forget_rules(struct nat_reading *reading)
{
	for (size_t i = 0; i < reading->seen->n_chains; i++)
		clear_rules(&reading->seen->chains[i]);
	reading->n_rules = 0;
}

const struct nat_seen_chain *nat_seen_chain_find(const struct nat_observed *seen, const char *name)
{
	size_t i = nat_index_find(&seen->chain_index, seen->chains, sizeof(*seen->chains), name);

	return i == NAT_INDEX_NONE ? NULL : &seen->chains[i];
}

static int add_rule(struct nat_reading *reading, const struct nftnl_rule *rule)
{
	const char *name = nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN);
	struct nat_seen_chain *chain =
		name ? (struct nat_seen_chain *)nat_seen_chain_find(reading->seen, name) : NULL;
	char **rules;

	if (!chain)
		return 0; /* newer than the list of chains: the generation will have changed */
	if (reading->n_rules++ >= SEEN_RULES_MAX)
		return odd(reading);
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

int nat_seen_rule(const struct nlmsghdr *nlh, struct nat_reading *reading)
{
	struct nftnl_rule *rule;
	int rc;

	if (!is_ours(reading, nlh))
		return 0;
	rule = nftnl_rule_alloc();
	if (!rule)
		return -ENOMEM;
	rc = nftnl_rule_nlmsg_parse(nlh, rule) < 0 ? odd(reading) : add_rule(reading, rule);
	nftnl_rule_free(rule);
	return rc;
}
