// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmocka_all.h"
#include "peer/keys.h"

#define A "0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210"
#define C "00000000000000000000000000000000"
#define D "11111111111111111111111111111111"

static int parse(const char *text, struct peer_keys *ret, struct err *err)
{
	return peer_keys_parse(text, strlen(text), ret, err);
}

static void each_line_is_a_secret(void **state)
{
	struct peer_keys keys, other;
	struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(parse("# the new one\n" A "\n\n# the old one\r\n" B "\r\n", &keys, &err),
			 0);
	assert_int_equal(keys.n, 2);
	assert_int_equal(parse(B, &other, &err), 0);
	assert_int_equal(other.n, 1);
	assert_memory_equal(&keys.v[1], &other.v[0], sizeof(keys.v[1]));
	assert_memory_not_equal(&keys.v[0], &keys.v[1], PEER_KEY_BYTES);
	assert_ptr_equal(peer_keys_find(&keys, keys.v[1].identity, 16), &keys.v[1]);
	assert_null(peer_keys_find(&keys, keys.v[1].identity, 15));
	assert_null(peer_keys_find(&keys, "0000000000000000", 16));
}

/* Made with Python's hmac after RFC 5869: extract with an empty salt, expand with the name of the use. */
static void keys_are_what_hkdf_makes_of_the_secret(void **state)
{
	static const uint8_t beat[] = { 0x6a, 0xd1, 0xcc, 0xc2, 0xae, 0x0d, 0xd9, 0xc8,
					0x70, 0xa8, 0xbb, 0x7f, 0xe9, 0x4b, 0x2f, 0x58,
					0xa0, 0x6e, 0x1a, 0x70, 0xf2, 0xd3, 0xf3, 0xc1,
					0x4f, 0xc3, 0xb2, 0x99, 0x19, 0xe2, 0xd8, 0x66 };
	static const uint8_t channel[] = { 0x26, 0x8d, 0xf4, 0xe9, 0xfb, 0x72, 0x03, 0x04,
					   0xdd, 0x94, 0x3b, 0x2a, 0x3e, 0xe5, 0x37, 0x81,
					   0x40, 0x92, 0xbd, 0x3a, 0x61, 0x40, 0x5d, 0x6c,
					   0xc5, 0x4e, 0x0a, 0x51, 0xfe, 0x20, 0xad, 0xa0 };
	struct peer_keys keys;

	(void)state;
	assert_int_equal(parse(A, &keys, NULL), 0);
	assert_memory_equal(keys.v[0].beat, beat, PEER_KEY_BYTES);
	assert_memory_equal(keys.v[0].channel, channel, PEER_KEY_BYTES);
	assert_string_equal(keys.v[0].identity, "f8bb24a781b79ca4");
}

static void what_is_no_secret_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "", "there is no secret in it" },
		{ "# nothing\n\n", "there is no secret in it" },
		{ A "\nshort\n", "line 2: a secret has 32 to 512 characters, not 5" },
		{ "\n" A " \n", "line 2: a secret consists of printable ASCII without blanks" },
		{ A "\n" A "\n", "line 2: the same secret stands above" },
		{ A "\n" B "\n" C "\n" D "\n", "line 4: more than 3 secrets" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct peer_keys keys = { .n = 77 };
		struct err err = ERR_NULL;

		assert_int_equal(parse(rows[i].text, &keys, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].reason);
		assert_int_equal(keys.n, 77);
	}
}

static void the_longest_secret_is_taken_and_no_longer_one(void **state)
{
	char text[PEER_SECRET_MAX + 2];
	struct peer_keys keys;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(peer_keys_parse(text, PEER_SECRET_MAX, &keys, NULL), 0);
	assert_int_equal(peer_keys_parse(text, PEER_SECRET_MAX + 1, &keys, NULL), -EINVAL);
	assert_int_equal(peer_keys_parse(text, PEER_SECRET_MIN, &keys, NULL), 0);
	assert_int_equal(peer_keys_parse(text, PEER_SECRET_MIN - 1, &keys, NULL), -EINVAL);
}

static void write_file(const char *path, const char *text, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void a_file_is_private_and_small(void **state)
{
	static char large[PEER_KEYS_FILE_MAX + 1];
	char dir[] = "/tmp/eipgw-keys-XXXXXX", path[64];
	struct peer_keys keys;
	struct err err = ERR_NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/keys", dir);
	assert_int_equal(peer_keys_load(path, &keys, &err), -ENOENT);
	write_file(path, A "\n", strlen(A) + 1, 0640);
	assert_int_equal(peer_keys_load(path, &keys, &err), 0);
	assert_int_equal(keys.n, 1);
	write_file(path, A "\n", strlen(A) + 1, 0604);
	assert_int_equal(peer_keys_load(path, &keys, &err), -EACCES);
	memset(large, '#', sizeof(large));
	write_file(path, large, sizeof(large), 0600);
	assert_int_equal(peer_keys_load(path, &keys, &err), -EINVAL);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_a_secret),
		cmocka_unit_test(keys_are_what_hkdf_makes_of_the_secret),
		cmocka_unit_test(what_is_no_secret_is_refused_with_its_line),
		cmocka_unit_test(the_longest_secret_is_taken_and_no_longer_one),
		cmocka_unit_test(a_file_is_private_and_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
