// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Lives of connections that several gateways had. */
#include "natlog/tale.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmocka_all.h"
#include "natlog/who.h"

static const char boot[] = "01234567-89ab-cdef-0123-456789abcdef";

static struct book *new_book(uint64_t seed)
{
	const struct book_options options = { .most = 1000, .seed = { seed, 2, 3, 4 } };
	struct book *book = book_new(&options);

	assert_non_null(book);
	return book;
}

static struct ct_flow flow_of(unsigned n, uint32_t id)
{
	return (struct ct_flow){ .orig = { .src = { 0x0a000000 + n },
					   .dst = { 0xc6336400 },
					   .src_port = 4000,
					   .dst_port = 443,
					   .protocol = IPPROTO_TCP },
				 .id = id };
}

static void put(struct book *book, const struct ct_flow *flow, const char *name,
		const struct book_entry *like)
{
	const struct natlog_who who = { .name = name, .policy = "payments" };
	struct book_entry entry = *like;

	entry.who = &who;
	assert_true(book_begin(book, flow, &entry));
}

/* From one book to the other, as over a wire. */
static void tell(const struct book *from, const char *gateway, struct book *to,
		 const struct ct_flow *flow, const struct ct_account *account)
{
	uint8_t who[WHO_BYTES_MAX];
	struct ct_tale tale;
	size_t n;

	assert_true(tale_tell(from, gateway, flow, account, &tale));
	n = tale_who(from, gateway, tale.who, who, sizeof(who));
	assert_true(n > 0);
	assert_int_equal(tale_take(to, flow, &tale, who, n), TALE_TAKEN);
}

static void what_another_one_knew_at_the_beginning_is_known_here(void **state)
{
	struct book *a = new_book(1), *b = new_book(2);
	struct ct_flow there = flow_of(1, 11), here = flow_of(1, 22);
	/* An entry that was made at the same time, elsewhere. */
	struct ct_account account = { .start_ns = 99, .sent = { 2, 200 } };
	struct book_entry entry;

	(void)state;
	put(a, &there, "old", &(struct book_entry){ .start_ns = 100, .basis = NATLOG_START });
	put(b, &here, "new", &(struct book_entry){ .start_ns = 5, .basis = NATLOG_REPLICATED });
	tell(a, "gw-a", b, &there,
	     &(struct ct_account){ .start_ns = 99, .sent = { 5, 500 }, .received = { 3, 300 } });
	assert_int_equal(book_end(b, &here, 1000, &entry), BOOK_ENDED);
	assert_string_equal(entry.who->name, "old");
	assert_string_equal(entry.who->carriers, "gw-a");
	assert_int_equal(entry.basis, NATLOG_START);
	assert_true(entry.is_told);
	assert_int_equal(entry.start_ns, 99);
	tale_sum(&entry, "gw-b", &account);
	assert_int_equal(account.sent.bytes, 700);
	assert_int_equal(account.sent.packets, 7);
	assert_int_equal(account.received.bytes, 300);
	book_free(a);
	book_free(b);
}

static void who_knows_nobody_takes_nobody_away(void **state)
{
	struct book *a = new_book(1), *b = new_book(2);
	const struct ct_flow flow = flow_of(1, 11);
	struct book_entry entry;

	(void)state;
	put(a, &flow, "", &(struct book_entry){ .start_ns = 100, .basis = NATLOG_NONE });
	put(b, &flow, "pod", &(struct book_entry){ .start_ns = 5, .basis = NATLOG_REPLICATED });
	tell(a, "gw-a", b, &flow, NULL);
	assert_true(book_find(b, &flow, &entry));
	assert_string_equal(entry.who->name, "pod");
	assert_string_equal(entry.who->carriers, "gw-a");
	assert_int_equal(entry.basis, NATLOG_REPLICATED);
	assert_int_equal(entry.start_ns, 100);
	book_free(a);
	book_free(b);
}

static void the_youngest_of_one_tuple_is_meant(void **state)
{
	struct book *a = new_book(1), *b = new_book(2);
	const struct ct_flow told = flow_of(1, 11), ended = flow_of(1, 31), is = flow_of(1, 32);
	struct book_entry entry;

	(void)state;
	put(a, &told, "second", &(struct book_entry){ .start_ns = 100, .basis = NATLOG_START });
	put(b, &is, "guess", &(struct book_entry){ .start_ns = 101, .basis = NATLOG_REPLICATED });
	put(b, &ended, "first", &(struct book_entry){ .start_ns = 50, .basis = NATLOG_START });
	tell(a, "gw-a", b, &told, NULL);
	assert_true(book_find(b, &ended, &entry));
	assert_string_equal(entry.who->name, "first");
	assert_true(book_find(b, &is, &entry));
	assert_string_equal(entry.who->name, "second");
	book_free(a);
	book_free(b);
}

static void what_is_not_here_or_no_tale_is_refused(void **state)
{
	struct book *a = new_book(1), *b = new_book(2);
	const struct ct_flow flow = flow_of(1, 11);
	uint8_t who[WHO_BYTES_MAX];
	struct ct_tale tale;
	size_t n;

	(void)state;
	assert_false(tale_tell(a, "gw-a", &flow, NULL, &tale));
	put(a, &flow, "pod", &(struct book_entry){ .start_ns = 1, .basis = NATLOG_START });
	assert_true(tale_tell(a, "gw-a", &flow, NULL, &tale));
	n = tale_who(a, "gw-a", tale.who, who, sizeof(who));
	assert_int_equal(tale_take(b, &flow, &tale, who, n), TALE_NOT_HERE);
	assert_int_equal(tale_take(a, &flow, &tale, who, n - 1), TALE_BROKEN);
	who[0] = '\n';
	assert_int_equal(tale_take(a, &flow, &tale, who, n), TALE_BROKEN);
	who[0] = '\0';
	tale.basis = NATLOG_BASIS_COUNT;
	assert_int_equal(tale_take(a, &flow, &tale, who, n), TALE_BROKEN);
	assert_int_equal(tale_who(a, "gw-a", 4711, who, sizeof(who)), 0);
	assert_int_equal(tale_who(a, "gw-a", tale.who, who, 8), 0);
	book_free(a);
	book_free(b);
}

static void more_gateways_than_fit_lose_a_name_and_no_packet(void **state)
{
	const struct ct_flow flow = flow_of(1, 11);
	struct book *books[10];
	struct ct_account account = { .start_ns = 1000 };
	struct book_entry entry;
	char name[16];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(books); i++) {
		books[i] = new_book(i);
		put(books[i], &flow, "pod",
		    &(struct book_entry){ .start_ns = 7, .basis = NATLOG_START });
	}
	for (unsigned i = 0; i + 1 < ARRAY_SIZE(books); i++) {
		const struct ct_account some = { .start_ns = 10 + i, .sent = { 1, 1u << i } };

		snprintf(name, sizeof(name), "gw-%u", i);
		tell(books[i], name, books[i + 1], &flow, &some);
	}
	assert_true(book_find(books[9], &flow, &entry));
	assert_int_equal(entry.n_stints, CT_STINTS_MAX);
	assert_string_equal(entry.who->carriers, "gw-0 gw-4 gw-5 gw-6 gw-7 gw-8");
	tale_sum(&entry, "gw-9", &account);
	assert_int_equal(account.sent.packets, 9);
	assert_int_equal(account.sent.bytes, (1 << 9) - 1);
	for (unsigned i = 0; i < ARRAY_SIZE(books); i++)
		book_free(books[i]);
}

/* ---- against a model */

enum { GATEWAYS = 3, FLOWS = 40, STEPS = 30000 };

static const char *const names[GATEWAYS] = { "gw-a", "gw-b", "gw-c" };

/* A kernel's entry. */
struct entry {
	uint32_t id;
	struct ct_account account;
};

struct life {
	bool lives;
	unsigned carrier, owner, n_entries;
	int64_t start_ns;
	struct entry entries[GATEWAYS];
	struct ct_traffic gone; /* told of entries that are no more */
	struct ct_traffic told[GATEWAYS];
	bool carried[GATEWAYS];
};

struct model {
	struct book *books[GATEWAYS];
	struct life lives[FLOWS];
	uint32_t random, ids;
	int64_t now;
};

static uint32_t draw(struct model *m, uint32_t n)
{
	m->random = m->random * 1664525 + 1013904223;
	return (m->random >> 8) % n;
}

static struct ct_flow flow_at(const struct model *m, unsigned i, unsigned gateway)
{
	return flow_of(i, m->lives[i].entries[gateway].id);
}

static void make_entry(struct model *m, unsigned i, unsigned gateway, enum natlog_basis basis)
{
	struct life *life = &m->lives[i];
	char name[16];

	life->entries[gateway] = (struct entry){ .id = ++m->ids, .account.start_ns = ++m->now };
	life->n_entries++;
	const struct ct_flow flow = flow_at(m, i, gateway);

	/* Who comes later has got the address meanwhile. */
	snprintf(name, sizeof(name), "pod-%u", basis == NATLOG_START ? life->owner : 4711);
	put(m->books[gateway], &flow, name,
	    &(struct book_entry){ .start_ns = ++m->now, .basis = basis });
}

static void tell_all(struct model *m, unsigned i, bool is_new)
{
	struct life *life = &m->lives[i];
	const struct ct_flow flow = flow_at(m, i, life->carrier);
	const struct ct_account *account = &life->entries[life->carrier].account;

	for (unsigned g = 0; g < GATEWAYS; g++) {
		if (g != life->carrier)
			tell(m->books[life->carrier], names[life->carrier], m->books[g], &flow,
			     is_new ? NULL : account);
	}
	if (!is_new)
		life->told[life->carrier] = account->sent;
}

static void begin(struct model *m, unsigned i)
{
	m->lives[i] =
		(struct life){ .lives = true, .carrier = draw(m, GATEWAYS), .owner = draw(m, 10) };
	m->lives[i].carried[m->lives[i].carrier] = true;
	make_entry(m, i, m->lives[i].carrier, NATLOG_START);
	m->lives[i].start_ns = m->lives[i].entries[m->lives[i].carrier].account.start_ns;
	for (unsigned g = 0; g < GATEWAYS; g++) {
		if (g != m->lives[i].carrier)
			make_entry(m, i, g, NATLOG_REPLICATED);
	}
	tell_all(m, i, true);
	tell_all(m, i, false);
}

static void end(struct model *m, unsigned i)
{
	struct life *life = &m->lives[i];
	struct ct_traffic wanted = life->gone;
	char name[16];

	snprintf(name, sizeof(name), "pod-%u", life->owner);
	for (unsigned g = 0; g < GATEWAYS; g++) {
		const struct ct_traffic *traffic =
			g == life->carrier ? &life->entries[g].account.sent : &life->told[g];

		wanted.packets += traffic->packets;
		wanted.bytes += traffic->bytes;
	}
	for (unsigned g = 0; g < GATEWAYS; g++) {
		const struct ct_flow flow = flow_at(m, i, g);
		struct ct_account account = life->entries[g].account;
		struct book_entry entry;

		assert_int_equal(book_end(m->books[g], &flow, ++m->now, &entry), BOOK_ENDED);
		assert_string_equal(entry.who->name, name);
		assert_int_equal(entry.basis, NATLOG_START);
		if (entry.is_told)
			assert_int_equal(entry.start_ns, life->start_ns);
		for (unsigned h = 0; h < GATEWAYS; h++) {
			if (life->carried[h] && h != life->carrier)
				assert_non_null(strstr(entry.who->carriers, names[h]));
		}
		if (g != life->carrier)
			continue;
		tale_sum(&entry, names[g], &account);
		assert_int_equal(account.sent.packets, wanted.packets);
		assert_int_equal(account.sent.bytes, wanted.bytes);
	}
	life->lives = false;
}

static void pass(struct model *m, struct life *life)
{
	struct ct_traffic *sent = &life->entries[life->carrier].account.sent;

	sent->packets++;
	sent->bytes += draw(m, 1500);
}

/* With a last word, or without: then what was counted since the last one is only in the old one's kernel. */
static void move(struct model *m, unsigned i, bool is_planned)
{
	struct life *life = &m->lives[i];

	if (is_planned)
		tell_all(m, i, false);
	life->carrier = (life->carrier + 1 + draw(m, GATEWAYS - 1)) % GATEWAYS;
	life->carried[life->carrier] = true;
	tell_all(m, i, false);
}

/* Nothing of what was there is left, and what lives is told anew. */
static void reboot(struct model *m, unsigned gateway)
{
	for (unsigned i = 0; i < FLOWS; i++) {
		if (m->lives[i].lives &&
		    (m->lives[i].carrier == gateway || m->lives[i].n_entries > 5))
			end(m, i);
	}
	book_free(m->books[gateway]);
	m->books[gateway] = new_book(m->ids);
	for (unsigned i = 0; i < FLOWS; i++) {
		struct life *life = &m->lives[i];

		if (!life->lives)
			continue;
		life->gone.packets += life->told[gateway].packets;
		life->gone.bytes += life->told[gateway].bytes;
		life->told[gateway] = (struct ct_traffic){ 0 };
		make_entry(m, i, gateway, NATLOG_REPLICATED);
		tell_all(m, i, false);
	}
}

static struct book *through_a_file(struct book *book)
{
	CLEANUP(cleanup_fd) int fd = memfd_create("book", MFD_CLOEXEC);
	struct book *again = NULL;
	struct err err = ERR_NULL;
	size_t n;
	void *bytes;

	assert_int_equal(book_save(book, boot, fd), 0);
	n = (size_t)lseek(fd, 0, SEEK_END);
	bytes = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	const struct book_file file = { bytes, n, boot, 1000 };

	if (book_load(&file, &again, &err))
		fail_msg("%s", err.text);
	munmap(bytes, n);
	assert_int_equal(book_count(again), book_count(book));
	book_free(book);
	return again;
}

static void whatever_happens_a_life_is_told_once_and_whole(void **state)
{
	struct model m = { .random = 1 };

	(void)state;
	for (unsigned g = 0; g < GATEWAYS; g++)
		m.books[g] = new_book(g);
	for (unsigned step = 0; step < STEPS; step++) {
		const unsigned i = draw(&m, FLOWS), what = draw(&m, 1000);

		if (!m.lives[i].lives)
			begin(&m, i);
		else if (what < 500)
			pass(&m, &m.lives[i]);
		else if (what < 700)
			tell_all(&m, i, false);
		else if (what < 800)
			move(&m, i, what < 750);
		else if (what < 900)
			end(&m, i);
		else if (what < 910)
			reboot(&m, draw(&m, GATEWAYS));
		else if (what < 930)
			m.books[what % GATEWAYS] = through_a_file(m.books[what % GATEWAYS]);
	}
	for (unsigned i = 0; i < FLOWS; i++) {
		if (m.lives[i].lives)
			end(&m, i);
	}
	for (unsigned g = 0; g < GATEWAYS; g++) {
		assert_int_equal(book_count(m.books[g]), 0);
		book_free(m.books[g]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_another_one_knew_at_the_beginning_is_known_here),
		cmocka_unit_test(who_knows_nobody_takes_nobody_away),
		cmocka_unit_test(the_youngest_of_one_tuple_is_meant),
		cmocka_unit_test(what_is_not_here_or_no_tale_is_refused),
		cmocka_unit_test(more_gateways_than_fit_lose_a_name_and_no_packet),
		cmocka_unit_test(whatever_happens_a_life_is_told_once_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
