// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * nat_corpus TESTS: writes the corpora of the nat_* fuzzers, and the dumps that the unit tests read, below
 * the directory TESTS, as a real kernel sends them: loads a table in a network namespace of its own, and saves
 * dumps, notifications and conntrack entries. Not built unless it is asked for.
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "nat/ruleset.h"
#include "nat/sync.h"
#include "nat_fuzz.h"

static const char *top;
static _Alignas(8) char receive[64 << 10];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *create(const char *folder, const char *name)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s", top, folder, name);
	file = fopen(path, "wb");
	if (!file)
		die(path);
	return file;
}

static void run(const char *const argv[])
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die(argv[0]);
}

static void nft(const char *command)
{
	run((const char *const[]){ "nft", command, NULL });
}

static void describe(struct nat_ruleset *rs)
{
	uint32_t chain, device;
	size_t pre, post;

	nat_ruleset_init(rs, FUZZ_TABLE);
	nat_counter_add(rs, "c1");
	chain = nat_name(rs, "class_a");
	device = nat_name(rs, "eni1");
	for (int kind = 0; kind < NAT_SET_IIF; kind++) {
		char name[16];
		bool named = kind == NAT_SET_IF_ADDR;
		bool mark = kind >= NAT_MAP_MARK_ADDR_VERDICT;
		bool addr = kind != NAT_MAP_MARK_VERDICT && kind != NAT_MAP_MARK_ADDR;

		snprintf(name, sizeof(name), "set%d", kind);
		nat_set_add(rs, name, (enum nat_set_kind)kind, 0);
		for (uint32_t i = 1; i <= 3; i++)
			nat_elem_add(rs, (size_t)kind,
				     (struct nat_elem){ .key = named ? device :
							       mark  ? i :
								       0,
							.first = addr ? i : 0,
							.last = addr ? i : 0,
							.data = kind > NAT_SET_IF_ADDR ? chain :
											 0 });
	}
	nat_chain_add(rs, "class_a", "egress of the bank");
	pre = nat_base_chain_add(rs, "pre", NAT_HOOK_PREROUTING, -80, 0);
	nat_rule_add(rs, pre,
		     NAT_RULE({ NAT_SADDR_IN, .name = "set1" }, { NAT_COUNT, .name = "c1" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_SADDR_VMAP, .name = "set4" }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_SET_CT_MARK, 0x107f, 0x1001, "" }, { NAT_RETURN }));
	post = nat_base_chain_add(rs, "post", NAT_HOOK_POSTROUTING, 99, NAT_BASE_NAT);
	nat_rule_add(rs, post,
		     NAT_RULE({ NAT_OIF, .name = "egw0" }, { NAT_SNAT_MARK, .name = "set8" }));
}

/* What others leave in a table: their expressions, sets and objects. */
static const char foreign[] =
	"add rule ip " FUZZ_TABLE
	" class_a ip saddr { 10.1.0.0/16 } limit rate 5/second counter log prefix x;"
	"add rule ip " FUZZ_TABLE " class_a tcp dport 80 meta l4proto tcp reject with tcp reset;"
	"add set ip " FUZZ_TABLE " timed { type ipv4_addr; flags timeout; };"
	"add element ip " FUZZ_TABLE " timed { 10.0.0.1 timeout 1h };"
	"add quota ip " FUZZ_TABLE " q { over 1 mbytes; };"
	"add element ip " FUZZ_TABLE " set3 { * : drop }";

struct dump {
	uint16_t type;
	uint8_t sequence; /* in what is written */
	const char *set;
};

static void dump(struct mnl_socket *nl, const struct dump *d, FILE *stream, FILE *single)
{
	char buffer[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	bool done = false;

	nlh->nlmsg_type = d->type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nfg->nfgen_family = AF_INET;
	if (d->set) {
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, FUZZ_TABLE);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, d->set);
	}
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("send");
	while (!done) {
		int left = (int)mnl_socket_recvfrom(nl, receive, sizeof(receive));

		for (struct nlmsghdr *m = (void *)receive; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			done = done || m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR;
			m->nlmsg_seq = d->sequence;
			if (!done && stream)
				fwrite(m, MNL_ALIGN(m->nlmsg_len), 1, stream);
			if (!done && single)
				fwrite(m, m->nlmsg_len, 1, single);
		}
	}
}

/* All dumps of a table in one file, and each set's elements in one of their own. */
static void save_table(struct mnl_socket *nl, const char *name)
{
	static const uint16_t before[] = { NFT_MSG_GETOBJ, NFT_MSG_GETSET };
	static const uint16_t after[] = { NFT_MSG_GETCHAIN, NFT_MSG_GETRULE };
	FILE *stream = create("unit/nat/dumps", name);

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		dump(nl, &(struct dump){ .type = NFNL_SUBSYS_NFTABLES << 8 | before[i] }, stream,
		     NULL);
	for (int kind = 0; kind < NAT_SET_IIF; kind++) {
		char set[16], file[64];
		struct dump d = { NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, (uint8_t)kind,
				  set };
		FILE *single;

		snprintf(set, sizeof(set), "set%d", kind);
		snprintf(file, sizeof(file), "%s-%s", name, set);
		single = create("fuzz/corpus/nat_elems", file);
		fputc(kind, single);
		dump(nl, &d, stream, single);
		fclose(single);
	}
	for (size_t i = 0; i < ARRAY_SIZE(after); i++)
		dump(nl, &(struct dump){ .type = NFNL_SUBSYS_NFTABLES << 8 | after[i] }, stream,
		     NULL);
	fclose(stream);
}

/* The first notification of each type. */
static void save_notices(struct mnl_socket *watch)
{
	bool seen[256] = { 0 };
	ssize_t got;

	while ((got = recv(mnl_socket_get_fd(watch), receive, sizeof(receive), MSG_DONTWAIT)) > 0) {
		int left = (int)got;

		for (struct nlmsghdr *m = (void *)receive; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			char name[32];
			FILE *file;

			if (seen[m->nlmsg_type & 0xff])
				continue;
			seen[m->nlmsg_type & 0xff] = true;
			snprintf(name, sizeof(name), "notice-%d", m->nlmsg_type & 0xff);
			file = create("fuzz/corpus/nat_notice", name);
			fwrite(m, m->nlmsg_len, 1, file);
			fclose(file);
		}
	}
}

static void save_conntrack(struct mnl_socket *nl)
{
	static const char *const entries[][16] = {
		{ "tcp", "--state", "ESTABLISHED", "--sport", "4000", "--dport", "443", "-w", "7" },
		{ "udp", "--sport", "4000", "--dport", "443", "-r", "192.0.2.1", "-q",
		  "203.0.113.9", "--reply-port-src", "443", "--reply-port-dst", "50000", "-m",
		  "4097" },
		{ "icmp", "--icmp-type", "8", "--icmp-code", "0", "--icmp-id", "99" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		const char *argv[32] = { "conntrack", "-I", "-t",        "300", "-s",
					 "10.0.0.50", "-d", "192.0.2.1", "-p" };
		FILE *file = create("fuzz/corpus/nat_ct", entries[i][0]);

		memcpy(argv + 9, entries[i], sizeof(entries[i]));
		run((const char *const[]){ "conntrack", "-F", NULL });
		run(argv);
		dump(nl, &(struct dump){ .type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET },
		     NULL, file);
		fclose(file);
	}
}

int main(int argc, char **argv)
{
	struct nat_sync_ops ops = { 0 };
	int group = NFNLGRP_NFTABLES;
	struct err err = ERR_NULL;
	struct mnl_socket *nl, *watch;
	struct nat_ruleset rs;
	struct nat_sync *sync;

	if (argc != 2 || unshare(CLONE_NEWNET) < 0)
		die("nat_corpus TESTS, as root");
	top = argv[1];
	nl = mnl_socket_open(NETLINK_NETFILTER);
	watch = mnl_socket_open(NETLINK_NETFILTER);
	sync = nat_sync_new(NULL, (struct nat_table){ NAT_IP, FUZZ_TABLE }, &ops, NULL, &err);
	describe(&rs);
	if (!nl || !watch || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_bind(watch, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(watch, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ||
	    nat_ruleset_finish(&rs) || nat_sync_run(sync, &rs, NULL, NULL, &err))
		die(err.text);
	save_table(nl, "ours");
	nft(foreign);
	save_table(nl, "foreign");
	nft("delete table ip " FUZZ_TABLE);
	save_notices(watch);
	save_conntrack(nl);
	nat_sync_free(sync);
	nat_ruleset_done(&rs);
	mnl_socket_close(watch);
	mnl_socket_close(nl);
	return 0;
}
