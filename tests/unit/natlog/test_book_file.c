// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is remembered, over a restart. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmocka_all.h"
#include "natlog/book.h"

static const char boot[] = "01234567-89ab-cdef-0123-456789abcdef";
static const char other_boot[] = "11234567-89ab-cdef-0123-456789abcdef";

struct bytes {
	uint8_t *v;
	size_t n;
};

static struct book *new_book(size_t most)
{
	const struct book_options options = { .most = most, .seed = { 5, 6, 7, 8 } };
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

static void fill(struct book *book, uint32_t n)
{
	char name[32];

	for (uint32_t i = 0; i < n; i++) {
		const struct ct_flow flow = flow_at(i);
		struct natlog_who who = { .namespace = "shop",
					  .name = name,
					  .policy = "payments",
					  .carriers = i % 3 ? "" : "gw-a gw-b",
					  .public = { i % 7 } };
		struct book_entry entry = { .who = i % 11 ? &who : NULL,
					    .start_ns = i + 1,
					    .basis = NATLOG_START,
					    .is_told = i % 3 == 0,
					    .n_stints = i % 3 ? 0 : 2,
					    .stints = { { i, { i, 2 }, { 3, 4 } },
							{ 9, { 5, 6 }, { 7, i } } } };

		snprintf(name, sizeof(name), "pod-%u", i % 997);
		assert_true(book_begin(book, &flow, &entry));
	}
}

static struct bytes save(const struct book *book)
{
	CLEANUP(cleanup_fd) int fd = memfd_create("book", MFD_CLOEXEC);
	struct bytes bytes;

	assert_int_equal(book_save(book, boot, fd), 0);
	bytes.n = (size_t)lseek(fd, 0, SEEK_END);
	bytes.v = malloc(bytes.n); /* of its exact size */
	assert_non_null(bytes.v);
	assert_int_equal(pread(fd, bytes.v, bytes.n, 0), bytes.n);
	return bytes;
}

static int load(const struct bytes *bytes, size_t n, const char *of, struct book **ret)
{
	const struct book_file file = { bytes->v, n, of, SIZE_MAX };
	struct err err = ERR_NULL;
	int rc = book_load(&file, ret, &err);

	assert_true(rc == 0 || err.text[0]);
	return rc;
}

static void all_comes_back_as_it_was(void **state)
{
	enum { N = 20000 };
	struct book *book = new_book(N), *again;
	struct bytes bytes;

	(void)state;
	fill(book, N);
	bytes = save(book);
	assert_int_equal(load(&bytes, bytes.n, boot, &again), 0);
	assert_int_equal(book_count(again), N);
	assert_int_equal(book_who_count(again), book_who_count(book));
	for (uint32_t i = 0; i < N; i++) {
		const struct ct_flow flow = flow_at(i);
		struct book_entry was, is;

		assert_true(book_find(book, &flow, &was));
		assert_true(book_find(again, &flow, &is));
		assert_true(is.is_kept && !was.is_kept);
		assert_int_equal(is.start_ns, was.start_ns);
		assert_int_equal(is.basis, was.basis);
		assert_int_equal(is.is_told, was.is_told);
		assert_int_equal(is.n_stints, was.n_stints);
		assert_memory_equal(is.stints, was.stints, is.n_stints * sizeof(is.stints[0]));
		assert_int_equal(!is.who, !was.who);
		if (!is.who)
			continue;
		assert_string_equal(is.who->name, was.who->name);
		assert_string_equal(is.who->carriers, was.who->carriers);
		assert_int_equal(is.who->public.v, was.who->public.v);
	}
	free(bytes.v);
	book_free(book);
	book_free(again);
}

/* It ended while nobody listened, and that's no news. */
static void what_is_not_there_any_more_is_forgotten_at_the_first_look(void **state)
{
	struct book *book = new_book(10), *again;
	struct bytes bytes;

	(void)state;
	fill(book, 10);
	bytes = save(book);
	assert_int_equal(load(&bytes, bytes.n, boot, &again), 0);
	book_look_begin(again);
	for (uint32_t i = 0; i < 10; i += 2) {
		const struct ct_flow flow = flow_at(i);
		struct book_entry entry;

		(void)book_see(again, &flow);
		assert_true(book_find(again, &flow, &entry));
		assert_false(entry.is_kept);
	}
	assert_int_equal(book_look_end(again), 0);
	assert_int_equal(book_count(again), 5);
	free(bytes.v);
	book_free(book);
	book_free(again);
}

static void blocks_that_nobody_told_again_are_forgotten_when_all_were(void **state)
{
	struct book *before = new_book(10), *after = NULL;
	struct bytes bytes;
	struct book_entry entry;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		const struct natlog_who who = { .name = "old" };
		struct ct_flow flow = flow_at(i);

		flow.orig.protocol = i < 3 ? 0 : IPPROTO_TCP;
		assert_true(book_begin(before, &flow,
				       &(struct book_entry){ .who = &who, .start_ns = 7 }));
	}
	bytes = save(before);
	book_free(before);
	assert_int_equal(load(&bytes, bytes.n, boot, &after), 0);
	free(bytes.v);
	assert_int_equal(book_count(after), 4);
	assert_int_equal(book_count_blocks(after), 3);
	for (uint32_t i = 0; i < 2; i++) {
		struct ct_flow flow = flow_at(i);

		flow.orig.protocol = 0;
		assert_true(book_see(after, &flow));
	}
	book_forget_blocks(after);
	assert_int_equal(book_count(after), 3);
	assert_int_equal(book_count_blocks(after), 2);
	for (uint32_t i = 0; i < 3; i++) {
		struct ct_flow flow = flow_at(i);

		flow.orig.protocol = 0;
		assert_int_equal(book_find(after, &flow, &entry), i < 2);
		assert_true(i == 2 || entry.start_ns == 7);
	}
	book_free(after);
}

static void another_boot_is_told_apart(void **state)
{
	struct book *book = new_book(10), *again = NULL;
	struct bytes bytes;

	(void)state;
	fill(book, 10);
	bytes = save(book);
	assert_int_equal(load(&bytes, bytes.n, other_boot, &again), -ESTALE);
	assert_null(again);
	free(bytes.v);
	book_free(book);
}

static void what_is_cut_off_or_damaged_is_refused_whole(void **state)
{
	struct book *book = new_book(40), *again = NULL;
	struct bytes bytes;

	(void)state;
	fill(book, 40);
	bytes = save(book);
	for (size_t n = 0; n < bytes.n; n++) {
		CLEANUP(cleanup_free) uint8_t *part = malloc(n + 1);

		memcpy(part, bytes.v, n);
		assert_int_equal(load(&(struct bytes){ part, n }, n, boot, &again), -EBADMSG);
	}
	for (size_t at = 0; at < bytes.n; at++) {
		bytes.v[at] ^= 0x40;
		assert_int_equal(load(&bytes, bytes.n, boot, &again), -EBADMSG);
		bytes.v[at] ^= 0x40;
	}
	assert_int_equal(load(&bytes, bytes.n, boot, &again), 0);
	book_free(again);
	free(bytes.v);
	book_free(book);
}

static void more_than_fits_is_left_out(void **state)
{
	struct book *book = new_book(100), *again = NULL;
	struct err err = ERR_NULL;
	struct bytes bytes;

	(void)state;
	fill(book, 100);
	bytes = save(book);
	const struct book_file file = { bytes.v, bytes.n, boot, 30 };

	assert_int_equal(book_load(&file, &again, &err), 0);
	assert_int_equal(book_count(again), 30);
	free(bytes.v);
	book_free(book);
	book_free(again);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void a_million_take_what_they_take(void **state)
{
	enum { N = 1000000 };
	struct book *book = new_book(N), *again = NULL;
	struct bytes bytes;
	int64_t began, saved;

	(void)state;
	fill(book, N);
	began = now_ms();
	bytes = save(book);
	saved = now_ms();
	assert_int_equal(load(&bytes, bytes.n, boot, &again), 0);
	print_message("%d connections: %zu MB, %lld ms of a processor to save, %lld to load\n", N,
		      bytes.n >> 20, (long long)(saved - began), (long long)(now_ms() - saved));
	assert_int_equal(book_count(again), N);
	free(bytes.v);
	book_free(book);
	book_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_comes_back_as_it_was),
		cmocka_unit_test(what_is_not_there_any_more_is_forgotten_at_the_first_look),
		cmocka_unit_test(blocks_that_nobody_told_again_are_forgotten_when_all_were),
		cmocka_unit_test(another_boot_is_told_apart),
		cmocka_unit_test(what_is_cut_off_or_damaged_is_refused_whole),
		cmocka_unit_test(more_than_fits_is_left_out),
		cmocka_unit_test(a_million_take_what_they_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
