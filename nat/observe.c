// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/observe.h"

#include <errno.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "nat/elems.h"
#include "nat/nfnl.h"
#include "nat/seen.h"
#include "netlink/attr.h"

/* Each costs milliseconds, and a node's kube-proxy may change its own tables several times a second. */
enum { TRIES = 20 };

/* One kind of dump: what is asked for, and who takes the answer. */
struct dump_kind {
	const char *what;
	uint16_t message;
	uint16_t table_attr; /* the dump is restricted to our table by it; 0: it can't be */
	nat_seen_fn *take;
	void (*forget)(struct nat_reading *reading);
};

enum { DUMP_OBJECTS, DUMP_FLOWTABLES, DUMP_SETS, DUMP_ELEMS, DUMP_CHAINS, DUMP_RULES };

static const struct dump_kind dump_kinds[] = {
	[DUMP_OBJECTS] = { "counters", NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, nat_seen_object,
			   nat_seen_forget_objects },
	[DUMP_FLOWTABLES] = { "flowtables", NFT_MSG_GETFLOWTABLE, NFTA_FLOWTABLE_TABLE,
			      nat_seen_flowtable, nat_seen_forget_flowtables },
	[DUMP_SETS] = { "sets", NFT_MSG_GETSET, NFTA_SET_TABLE, nat_seen_set,
			nat_seen_forget_sets },
	[DUMP_ELEMS] = { "elements", NFT_MSG_GETSETELEM, NFTA_SET_ELEM_LIST_TABLE, nat_seen_elems,
			 nat_seen_forget_elems },
	[DUMP_CHAINS] = { "chains", NFT_MSG_GETCHAIN, 0, nat_seen_chain, nat_seen_forget_chains },
	[DUMP_RULES] = { "rules", NFT_MSG_GETRULE, NFTA_RULE_TABLE, nat_seen_rule,
			 nat_seen_forget_rules },
};

struct dumping {
	const struct dump_kind *kind;
	struct nat_reading *reading;
};

static int on_message(const struct nlmsghdr *nlh, void *data)
{
	const struct dumping *dumping = data;

	return dumping->kind->take(nlh, dumping->reading);
}

static void on_restart(void *data)
{
	const struct dumping *dumping = data;

	if (dumping->kind->forget)
		dumping->kind->forget(dumping->reading);
}

static uint16_t nft_type(uint16_t message)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message);
}

/* `set`: of the elements, else NULL. */
static int read_kind(struct nfnl *nfnl, struct nat_reading *reading, const struct dump_kind *kind,
		     const char *set, struct err *err)
{
	struct dumping dumping = { .kind = kind, .reading = reading };
	struct nfnl_dump dump = { .what = set ? set : kind->what,
				  .on_message = on_message,
				  .restart = on_restart,
				  .data = &dumping };
	struct nlmsghdr *nlh = nfnl_request(nfnl, nft_type(kind->message), NLM_F_DUMP,
					    nat_family_number(reading->table.family));

	if (kind->table_attr)
		mnl_attr_put_strz(nlh, kind->table_attr, reading->table.name);
	if (set)
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	return nfnl_dump(nfnl, nlh, &dump, err);
}

static int read_elems(struct nfnl *nfnl, struct nat_reading *reading, struct err *err)
{
	struct nat_ruleset *sets = &reading->seen->sets;

	for (reading->set = 0; reading->set < sets->n_sets; reading->set++) {
		struct nat_set *set = &sets->sets[reading->set];
		int rc = read_kind(nfnl, reading, &dump_kinds[DUMP_ELEMS], set->name, err);

		if (rc)
			return rc;
		if (nat_elems_pair(set))
			reading->seen->odd = true;
	}
	return 0;
}

static int on_generation(const struct nlmsghdr *nlh, void *data)
{
	uint32_t *generation = data;
	const struct nlattr *attr;

	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			*generation = ntohl(mnl_attr_get_u32(attr));
	}
	return 0;
}

static int read_generation(struct nfnl *nfnl, uint32_t *ret, struct err *err)
{
	struct nfnl_dump answer = { .what = "nf_tables generation",
				    .on_message = on_generation,
				    .data = ret };

	return nfnl_talk(nfnl, nfnl_request(nfnl, nft_type(NFT_MSG_GETGEN), 0, NFPROTO_UNSPEC),
			 &answer, err);
}

static int on_table(const struct nlmsghdr *nlh, void *data)
{
	return nat_seen_table(nlh, data);
}

static int read_table(struct nfnl *nfnl, struct nat_reading *reading, struct err *err)
{
	struct nfnl_dump answer = { .what = "table", .on_message = on_table, .data = reading };
	struct nlmsghdr *nlh = nfnl_request(nfnl, nft_type(NFT_MSG_GETTABLE), 0,
					    nat_family_number(reading->table.family));
	int rc;

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, reading->table.name);
	rc = nfnl_talk(nfnl, nlh, &answer, err);
	reading->seen->has_table = rc == 0;
	return rc == -ENOENT ? err_set(err, 0, "%s", "") : rc;
}

/* -ENOENT inside: the table went away while we read; seen by the generation, so it's stale, not an error. */
static int read_all(struct nfnl *nfnl, struct nat_reading *reading, struct err *err)
{
	int rc = read_table(nfnl, reading, err);

	for (size_t i = 0; !rc && reading->seen->has_table && i < ARRAY_SIZE(dump_kinds); i++) {
		rc = i == DUMP_ELEMS ? read_elems(nfnl, reading, err) :
				       read_kind(nfnl, reading, &dump_kinds[i], NULL, err);
	}
	return rc == -ENOENT ? NFNL_E_STALE : rc;
}

/* 0 only when nothing changed between the first and the last dump. */
static int read_undisturbed(struct nfnl *nfnl, struct nat_reading *reading, struct err *err)
{
	uint32_t before = 0, after = 0;
	int rc = read_generation(nfnl, &before, err);

	if (!rc)
		rc = read_all(nfnl, reading, err);
	if (!rc)
		rc = read_generation(nfnl, &after, err);
	return !rc && before != after ? NFNL_E_STALE : rc;
}

int nat_observe(struct nfnl *nfnl, struct nat_table table, struct nat_observed *ret,
		struct err *err)
{
	for (int try = 0; try < TRIES; try++) {
		struct nat_observed seen = { 0 };
		struct nat_reading reading = { .table = table, .seen = &seen };
		int rc;

		nat_ruleset_init_of(&seen.sets, table);
		rc = read_undisturbed(nfnl, &reading, err);
		if (rc == 0) {
			nat_observed_done(ret);
			*ret = seen;
			return err_set(err, 0, "%s", "");
		}
		nat_observed_done(&seen);
		if (rc < 0)
			return rc;
	}
	err_set(err, 0, "table %s: changed in each of %d readings", table.name, TRIES);
	return NFNL_E_STALE;
}

int nat_observe_counters(struct nfnl *nfnl, struct nat_table table, struct nat_observed *ret,
			 struct err *err)
{
	struct nat_reading reading = { .table = table, .seen = ret };

	nat_observed_done(ret);
	return read_kind(nfnl, &reading, &dump_kinds[DUMP_OBJECTS], NULL, err);
}
