// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Conntrack entries made by conntrack(8) are listed, and exactly one of them is deleted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"
#include "nat/ct.h"
#include "nat/nfnl.h"

#define POD 0x0a000032u

static void add(const char *const argv[])
{
	const char *all[32] = { "conntrack", "-I", "-t", "300" };
	size_t n = 4;

	for (; *argv; argv++)
		all[n++] = *argv;
	free(run_program(all, true));
}

#define ADD(...) add((const char *const[]){ __VA_ARGS__, NULL })

/* Two of one source to different servers, the same in another zone, other protocols, and IPv6. */
static void add_entries(void)
{
	ADD("-p", "tcp", "--state", "ESTABLISHED", "-s", "10.0.0.50", "-d", "192.0.2.1", "--sport",
	    "4000", "--dport", "443", "-u", "ASSURED");
	ADD("-p", "tcp", "--state", "ESTABLISHED", "-s", "10.0.0.50", "-d", "192.0.2.2", "--sport",
	    "4000", "--dport", "443");
	ADD("-p", "tcp", "--state", "ESTABLISHED", "-s", "10.0.0.50", "-d", "192.0.2.1", "--sport",
	    "4000", "--dport", "443", "-w", "7");
	ADD("-p", "udp", "-s", "10.0.0.50", "-d", "192.0.2.1", "--sport", "4000", "--dport", "443",
	    "-r", "192.0.2.1", "-q", "203.0.113.9", "--reply-port-src", "443", "--reply-port-dst",
	    "50000", "-m", "4097");
	ADD("-p", "icmp", "-s", "10.0.0.50", "-d", "192.0.2.1", "--icmp-type", "8", "--icmp-code",
	    "0", "--icmp-id", "99");
	ADD("-p", "udp", "-s", "10.0.0.51", "-d", "192.0.2.1", "--sport", "4000", "--dport", "443");
	ADD("-p", "udp", "-s", "fd00::1", "-d", "fd00::2", "--sport", "1", "--dport", "2");
}

static bool keep_all(const struct ct_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return true;
}

static bool keep_source(const struct ct_entry *entry, void *data)
{
	const uint32_t *source = data;

	return entry->orig.src.v == *source;
}

static struct ct_entries list(struct nfnl *nfnl)
{
	struct ct_entries entries = { 0 };
	struct err err = ERR_NULL;

	if (ct_list(nfnl, keep_all, NULL, &entries, &err))
		fail_msg("%s", err.text);
	return entries;
}

static bool same_entry(const struct ct_entry *a, const struct ct_entry *b)
{
	return a->id == b->id && a->zone == b->zone && a->orig.src.v == b->orig.src.v &&
	       a->orig.dst.v == b->orig.dst.v && a->orig.src_port == b->orig.src_port &&
	       a->orig.dst_port == b->orig.dst_port && a->orig.protocol == b->orig.protocol;
}

static bool contains(const struct ct_entries *entries, const struct ct_entry *entry)
{
	for (size_t i = 0; i < entries->n; i++) {
		if (same_entry(&entries->v[i], entry))
			return true;
	}
	return false;
}

static struct nfnl *open_socket(void)
{
	struct err err = ERR_NULL;
	struct nfnl *nfnl = nfnl_open(&err);

	assert_non_null(nfnl);
	return nfnl;
}

static void the_list_is_of_ipv4_and_can_be_narrowed(void **state)
{
	struct ct_entries all, some = { 0 };
	struct nfnl *nfnl = open_socket();
	uint32_t source = POD + 1;

	(void)state;
	add_entries();
	all = list(nfnl);
	assert_int_equal(ct_list(nfnl, keep_source, &source, &some, NULL), 0);

	assert_int_equal(all.n, 6);
	assert_int_equal(some.n, 1);
	assert_int_equal(some.v[0].orig.src.v, POD + 1);
	ct_entries_done(&all);
	ct_entries_done(&some);
	nfnl_close(nfnl);
}

static size_t count_of(struct nfnl *nfnl, enum ct_direction direction, const char *address)
{
	struct ct_source source = { .direction = direction, .keep = keep_all };
	struct ct_entries some = { 0 };
	struct err err = ERR_NULL;
	size_t n;

	assert_int_equal(ip4_parse(address, &source.address, &err), 0);
	if (ct_list_of(nfnl, &source, &some, &err))
		fail_msg("%s", err.text);
	n = some.n;
	ct_entries_done(&some);
	return n;
}

static void the_kernel_lists_those_of_a_source(void **state)
{
	struct nfnl *nfnl = open_socket();

	(void)state;
	add_entries();
	assert_int_equal(count_of(nfnl, CT_ORIGINAL, "10.0.0.50"), 5);
	assert_int_equal(count_of(nfnl, CT_ORIGINAL, "10.0.0.51"), 1);
	assert_int_equal(count_of(nfnl, CT_ORIGINAL, "192.0.2.1"), 0);
	assert_int_equal(count_of(nfnl, CT_REPLY, "192.0.2.1"), 5);
	assert_int_equal(count_of(nfnl, CT_REPLY, "192.0.2.2"), 1);
	assert_int_equal(count_of(nfnl, CT_REPLY, "10.0.0.50"), 0);
	nfnl_close(nfnl);
}

static const struct ct_entry *find(const struct ct_entries *entries, uint8_t protocol,
				   uint16_t zone)
{
	for (size_t i = 0; i < entries->n; i++) {
		const struct ct_entry *entry = &entries->v[i];

		if (entry->orig.protocol == protocol && entry->zone == zone &&
		    entry->orig.src.v == POD && entry->orig.dst.v == 0xc0000201)
			return entry;
	}
	fail_msg("no entry of protocol %d in zone %d", protocol, zone);
	return NULL;
}

static void entries_show_both_tuples_mark_status_and_zone(void **state)
{
	struct nfnl *nfnl = open_socket();
	const struct ct_entry *entry;
	struct ct_entries all;

	(void)state;
	add_entries();
	all = list(nfnl);

	entry = find(&all, IPPROTO_TCP, 0);
	assert_int_equal(entry->orig.src_port, 4000);
	assert_int_equal(entry->orig.dst_port, 443);
	assert_true(entry->status & 4);
	assert_int_equal(find(&all, IPPROTO_TCP, 7)->zone, 7);
	entry = find(&all, IPPROTO_UDP, 0);
	assert_int_equal(entry->reply.src.v, 0xc0000201);
	assert_int_equal(entry->reply.dst.v, 0xcb007109);
	assert_int_equal(entry->reply.dst_port, 50000);
	assert_int_equal(entry->mark, 4097);
	entry = find(&all, IPPROTO_ICMP, 0);
	assert_int_equal(entry->orig.icmp_type, 8);
	assert_int_equal(entry->orig.src_port, 99);
	ct_entries_done(&all);
	nfnl_close(nfnl);
}

static void exactly_the_given_entry_is_deleted(void **state)
{
	struct nfnl *nfnl = open_socket();
	struct ct_entries before, after;
	struct err err = ERR_NULL;

	(void)state;
	add_entries();
	before = list(nfnl);
	for (size_t i = 0; i < before.n; i++) {
		assert_int_equal(ct_delete(nfnl, &before.v[i], &err), 0);

		after = list(nfnl);
		assert_int_equal(after.n, before.n - i - 1);
		for (size_t j = 0; j < before.n; j++)
			assert_true(contains(&after, &before.v[j]) == (j > i));
		ct_entries_done(&after);
		assert_int_equal(ct_delete(nfnl, &before.v[i], &err), -ENOENT);
	}
	ct_entries_done(&before);
	nfnl_close(nfnl);
}

/* A flow that came back since is another one, and may be right. */
static void an_entry_of_another_id_stays(void **state)
{
	struct nfnl *nfnl = open_socket();
	struct ct_entries before, after;
	struct ct_entry wrong;
	struct err err = ERR_NULL;

	(void)state;
	add_entries();
	before = list(nfnl);
	wrong = before.v[0];
	wrong.id++;

	assert_int_equal(ct_delete(nfnl, &wrong, &err), -ENOENT);
	wrong = before.v[0];
	wrong.zone = 9;
	assert_int_equal(ct_delete(nfnl, &wrong, &err), -ENOENT);

	after = list(nfnl);
	assert_int_equal(after.n, before.n);
	ct_entries_done(&before);
	ct_entries_done(&after);
	nfnl_close(nfnl);
}

static void an_empty_table_is_an_empty_list(void **state)
{
	struct nfnl *nfnl = open_socket();
	struct ct_entries all = list(nfnl);

	(void)state;
	assert_int_equal(all.n, 0);
	ct_entries_done(&all);
	nfnl_close(nfnl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(the_list_is_of_ipv4_and_can_be_narrowed),
		in_a_namespace(the_kernel_lists_those_of_a_source),
		in_a_namespace(entries_show_both_tuples_mark_status_and_zone),
		in_a_namespace(exactly_the_given_entry_is_deleted),
		in_a_namespace(an_entry_of_another_id_stays),
		in_a_namespace(an_empty_table_is_an_empty_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
