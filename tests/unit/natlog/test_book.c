// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who had which connection when it began. */
#include "natlog/book.h"

#include <stdio.h>
#include <stdlib.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "cmocka_all.h"

#define MANY 100000u

static struct book *open_book(size_t most)
{
	const struct book_options options = { .most = most, .seed = { 11, 22, 33, 44 } };
	struct book *book = book_new(&options);

	assert_non_null(book);
	return book;
}

static struct ct_flow flow_at(uint32_t i)
{
	return (struct ct_flow){ .orig = { .src = { 0x0a000000 + (i >> 14) },
					   .dst = { 0xc6336400 },
					   .src_port = (uint16_t)(i & 0x3fff),
					   .dst_port = 443,
					   .protocol = IPPROTO_TCP },
				 .id = i * 2654435761u };
}

static void begin(struct book *book, const struct ct_flow *flow, const char *name, int64_t start_ns)
{
	const struct natlog_who who = { .namespace = "shop", .name = name, .policy = "payments" };
	const struct book_entry entry = { &who, start_ns, NATLOG_START };

	assert_true(book_begin(book, flow, &entry));
}

static void it_ends_with_who_had_it_when_it_began(void **state)
{
	struct book *book = open_book(10);
	const struct ct_flow flow = flow_at(1);
	struct book_entry entry;

	(void)state;
	begin(book, &flow, "old", 100);
	assert_int_equal(book_end(book, &flow, 200, &entry), BOOK_ENDED);
	assert_string_equal(entry.who->name, "old");
	assert_string_equal(entry.who->namespace, "shop");
	assert_string_equal(entry.who->policy, "payments");
	assert_string_equal(entry.who->uid, "");
	assert_int_equal(entry.start_ns, 100);
	assert_int_equal(entry.basis, NATLOG_START);
	assert_int_equal(book_count(book), 0);
	book_free(book);
}

/* The address changes hands while a connection of the old pod lives on beside one of the new pod. */
static void a_reused_address_changes_nothing_of_what_began_before(void **state)
{
	struct book *book = open_book(10);
	const struct ct_flow before = flow_at(1), after = flow_at(2);
	struct book_entry entry;

	(void)state;
	begin(book, &before, "old", 100);
	begin(book, &after, "new", 300);
	assert_int_equal(book_end(book, &before, 400, &entry), BOOK_ENDED);
	assert_string_equal(entry.who->name, "old");
	assert_int_equal(book_end(book, &after, 500, &entry), BOOK_ENDED);
	assert_string_equal(entry.who->name, "new");
	book_free(book);
}

static void the_same_tuple_with_another_id_is_another_connection(void **state)
{
	struct book *book = open_book(10);
	struct ct_flow flow = flow_at(1), again = flow;
	struct book_entry entry;

	(void)state;
	again.id++;
	begin(book, &flow, "old", 100);
	begin(book, &again, "new", 300);
	assert_int_equal(book_end(book, &flow, 400, &entry), BOOK_ENDED);
	assert_string_equal(entry.who->name, "old");
	assert_int_equal(book_end(book, &again, 500, &entry), BOOK_ENDED);
	assert_string_equal(entry.who->name, "new");
	book_free(book);
}

static void one_that_was_never_heard_of_is_unknown(void **state)
{
	struct book *book = open_book(10);
	const struct ct_flow flow = flow_at(1);
	struct book_entry entry;

	(void)state;
	assert_int_equal(book_end(book, &flow, 0, &entry), BOOK_UNKNOWN);
	assert_null(entry.who);
	assert_int_equal(entry.basis, NATLOG_NONE);
	book_free(book);
}

static void an_end_that_is_told_twice_ends_once(void **state)
{
	struct book *book = open_book(10);
	const struct ct_flow flow = flow_at(1);
	struct book_entry entry;

	(void)state;
	begin(book, &flow, "pod", 100);
	assert_int_equal(book_end(book, &flow, 200, &entry), BOOK_ENDED);
	assert_int_equal(book_end(book, &flow, 200, &entry), BOOK_AGAIN);
	/* The kernel gave the same id again, and the beginning was missed. */
	assert_int_equal(book_end(book, &flow, 300, &entry), BOOK_UNKNOWN);
	book_free(book);
}

static void what_is_found_does_not_replace_what_is_known(void **state)
{
	const struct natlog_who late = { .name = "late" };
	const struct book_entry found = { &late, 500, NATLOG_FOUND };
	struct book *book = open_book(10);
	const struct ct_flow known = flow_at(1), fresh = flow_at(2);
	struct book_entry entry;

	(void)state;
	begin(book, &known, "early", 100);
	assert_true(book_see(book, &known));
	assert_false(book_see(book, &fresh));
	assert_true(book_put(book, &known, &found));
	assert_true(book_put(book, &fresh, &found));
	assert_true(book_find(book, &known, &entry));
	assert_string_equal(entry.who->name, "early");
	assert_true(book_find(book, &fresh, &entry));
	assert_string_equal(entry.who->name, "late");
	assert_int_equal(entry.basis, NATLOG_FOUND);
	book_free(book);
}

static void what_does_not_fit_is_refused_and_unknown(void **state)
{
	const struct natlog_who who = { .name = "pod" };
	const struct book_entry entry = { &who, 1, NATLOG_START };
	struct book *book = open_book(2);
	const struct ct_flow flows[] = { flow_at(1), flow_at(2), flow_at(3) };
	struct book_entry got;

	(void)state;
	assert_true(book_begin(book, &flows[0], &entry));
	assert_true(book_begin(book, &flows[1], &entry));
	assert_false(book_begin(book, &flows[2], &entry));
	assert_int_equal(book_count(book), 2);
	assert_int_equal(book_end(book, &flows[2], 5, &got), BOOK_UNKNOWN);
	/* One that ends makes room, and one that is there needs none. */
	assert_true(book_begin(book, &flows[0], &entry));
	assert_int_equal(book_end(book, &flows[0], 5, &got), BOOK_ENDED);
	assert_true(book_begin(book, &flows[2], &entry));
	book_free(book);
}

static void who_is_kept_once_and_as_long_as_it_is_needed(void **state)
{
	struct book *book = open_book(MANY);
	struct book_entry entry;
	char name[16];

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		const struct ct_flow flow = flow_at(i);

		snprintf(name, sizeof(name), "pod-%u", i % 10);
		begin(book, &flow, name, i + 1);
	}
	assert_int_equal(book_who_count(book), 10);
	for (uint32_t i = 0; i < 1000; i++) {
		const struct ct_flow flow = flow_at(i);

		snprintf(name, sizeof(name), "pod-%u", i % 10);
		assert_int_equal(book_end(book, &flow, i + 1, &entry), BOOK_ENDED);
		assert_string_equal(entry.who->name, name);
	}
	/* The last one's is valid until the next call. */
	assert_int_equal(book_who_count(book), 1);
	assert_false(book_see(book, &(struct ct_flow){ .id = 1 }));
	assert_int_equal(book_who_count(book), 0);
	book_free(book);
}

/* Against a list as slow as it is simple. */
static void many_that_come_and_go_are_all_kept_apart(void **state)
{
	struct book *book = open_book(MANY);
	int64_t *start = calloc(MANY, sizeof(*start));
	uint32_t random = 1;
	char name[16];
	size_t n = 0;

	(void)state;
	assert_non_null(start);
	for (uint32_t step = 1; step <= 4 * MANY; step++) {
		random = random * 1664525 + 1013904223;
		uint32_t i = (random >> 8) % MANY;
		const struct ct_flow flow = flow_at(i);
		struct book_entry entry;

		if (start[i]) {
			assert_int_equal(book_end(book, &flow, step, &entry), BOOK_ENDED);
			assert_int_equal(entry.start_ns, start[i]);
			snprintf(name, sizeof(name), "pod-%u", i % 997);
			assert_string_equal(entry.who->name, name);
			start[i] = 0;
			n--;
		} else {
			snprintf(name, sizeof(name), "pod-%u", i % 997);
			begin(book, &flow, name, step);
			start[i] = step;
			n++;
		}
		assert_int_equal(book_count(book), n);
	}
	assert_true(book_who_count(book) <= 997);
	for (uint32_t i = 0; i < MANY; i++) {
		const struct ct_flow flow = flow_at(i);
		struct book_entry entry;

		if (start[i])
			assert_int_equal(book_end(book, &flow, 1, &entry), BOOK_ENDED);
	}
	assert_false(book_see(book, &(struct ct_flow){ .id = 1 }));
	assert_int_equal(book_who_count(book), 0);
	free(start);
	book_free(book);
}

static void what_two_looks_do_not_see_is_forgotten(void **state)
{
	struct book *book = open_book(MANY);
	struct book_entry entry;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		const struct ct_flow flow = flow_at(i);

		begin(book, &flow, "pod", 1);
	}
	for (int round = 0; round < 3; round++) {
		book_look_begin(book);
		for (uint32_t i = 0; i < 1000; i += 2) {
			const struct ct_flow flow = flow_at(i);

			assert_true(book_see(book, &flow));
		}
		/* One that begins meanwhile needn't be seen. */
		const struct ct_flow young = flow_at(2000 + (uint32_t)round);

		begin(book, &young, "young", 1);
		assert_int_equal(book_look_end(book), round == 0 ? 0 : round == 1 ? 500 : 1);
		assert_int_equal(book_count(book), round == 0 ? 1001 : 502);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		const struct ct_flow flow = flow_at(i);

		assert_int_equal(book_find(book, &flow, &entry), i % 2 == 0);
	}
	book_free(book);
}

/* A look that is broken off says nothing about what it didn't reach. */
static void a_look_that_was_broken_off_does_not_count(void **state)
{
	struct book *book = open_book(10);
	const struct ct_flow flow = flow_at(1);

	(void)state;
	begin(book, &flow, "pod", 1);
	for (int i = 0; i < 300; i++)
		book_look_begin(book);
	assert_int_equal(book_look_end(book), 0);
	assert_int_equal(book_count(book), 1);
	book_look_begin(book);
	assert_int_equal(book_look_end(book), 1);
	book_free(book);
}

/* Looks one after the other while ends are told late miss many that will be told of. */
static void what_is_missed_while_the_kernel_is_late_is_missed_anew(void **state)
{
	struct book *book = open_book(10);
	const struct ct_flow flow = flow_at(1);

	(void)state;
	begin(book, &flow, "pod", 1);
	book_late(book);
	book_look_begin(book);
	book_late(book);
	assert_int_equal(book_look_end(book), 0);
	book_look_begin(book); /* broken off */
	book_look_begin(book);
	assert_int_equal(book_look_end(book), 0);
	book_look_begin(book);
	book_late(book);
	assert_int_equal(book_look_end(book), 0);
	book_look_begin(book);
	assert_int_equal(book_look_end(book), 0);
	book_look_begin(book);
	assert_int_equal(book_look_end(book), 1);
	book_free(book);
}

/* Blocks of ports are in no table of the kernel's. */
static void no_look_counts_for_a_block(void **state)
{
	struct book *book = open_book(10);
	struct ct_flow block = flow_at(1);
	const struct ct_flow flow = flow_at(2);
	struct book_entry entry;

	(void)state;
	block.orig.protocol = 0;
	block.id = 0;
	begin(book, &block, "old", 100);
	begin(book, &flow, "old", 100);
	assert_int_equal(book_count(book), 2);
	assert_int_equal(book_count_blocks(book), 1);
	for (int i = 0; i < 3; i++) {
		book_look_begin(book);
		(void)book_look_end(book);
	}
	assert_int_equal(book_count(book), 1);
	assert_int_equal(book_end(book, &block, 0, &entry), BOOK_ENDED);
	assert_string_equal(entry.who->name, "old");
	assert_int_equal(book_count_blocks(book), 0);
	book_free(book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_ends_with_who_had_it_when_it_began),
		cmocka_unit_test(a_reused_address_changes_nothing_of_what_began_before),
		cmocka_unit_test(the_same_tuple_with_another_id_is_another_connection),
		cmocka_unit_test(one_that_was_never_heard_of_is_unknown),
		cmocka_unit_test(an_end_that_is_told_twice_ends_once),
		cmocka_unit_test(what_is_found_does_not_replace_what_is_known),
		cmocka_unit_test(what_does_not_fit_is_refused_and_unknown),
		cmocka_unit_test(who_is_kept_once_and_as_long_as_it_is_needed),
		cmocka_unit_test(many_that_come_and_go_are_all_kept_apart),
		cmocka_unit_test(what_two_looks_do_not_see_is_forgotten),
		cmocka_unit_test(a_look_that_was_broken_off_does_not_count),
		cmocka_unit_test(no_look_counts_for_a_block),
		cmocka_unit_test(what_is_missed_while_the_kernel_is_late_is_missed_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
