// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "peer/beat.h"

#define NEW_SECRET "0123456789abcdef0123456789abcdef"
#define OLD_SECRET "fedcba9876543210fedcba9876543210"

static struct peer_keys keys_of(const char *text)
{
	struct peer_keys keys;

	assert_int_equal(peer_keys_parse(text, strlen(text), &keys, NULL), 0);
	return keys;
}

static struct beat full_beat(size_t echoes, size_t claims)
{
	struct beat beat = { .name = "i-0a1b2c3d4e5f60718",
			     .boot = 0x1122334455667788,
			     .sequence = 99,
			     .place = 0x99aabbccddeeff00,
			     .n_echoes = echoes,
			     .n_claims = claims };

	for (size_t i = 0; i < echoes; i++)
		beat.echoes[i] = (struct beat_echo){ .member = i + 1, .boot = i << 40 };
	for (size_t i = 0; i < claims; i++)
		beat.claims[i] = (struct beat_claim){ .egress = i + 7,
						      .state = 3,
						      .holder = (uint8_t)(i % BEAT_MEMBERS_MAX),
						      .to = BEAT_NOBODY,
						      .term = 80000 };
	return beat;
}

static void assert_same(const struct beat *a, const struct beat *b)
{
	assert_string_equal(a->name, b->name);
	assert_true(a->boot == b->boot && a->sequence == b->sequence && a->place == b->place);
	assert_int_equal(a->n_echoes, b->n_echoes);
	assert_int_equal(a->n_claims, b->n_claims);
	for (size_t i = 0; i < a->n_echoes; i++)
		assert_true(a->echoes[i].member == b->echoes[i].member &&
			    a->echoes[i].boot == b->echoes[i].boot);
	for (size_t i = 0; i < a->n_claims; i++)
		assert_true(a->claims[i].egress == b->claims[i].egress &&
			    a->claims[i].state == b->claims[i].state &&
			    a->claims[i].holder == b->claims[i].holder &&
			    a->claims[i].to == b->claims[i].to &&
			    a->claims[i].term == b->claims[i].term);
}

static void a_beat_comes_back_whatever_its_size(void **state)
{
	static const size_t sizes[][2] = { { 0, 0 },
					   { 1, 1 },
					   { BEAT_MEMBERS_MAX, BEAT_CLAIMS_MAX } };
	const struct peer_keys keys = keys_of(NEW_SECRET);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const struct beat beat = full_beat(sizes[i][0], sizes[i][1]);
		uint8_t bytes[BEAT_BYTES_MAX];
		struct beat seen;
		size_t length = beat_write(&beat, &keys.v[0], bytes);

		assert_true(length > 0);
		assert_int_equal(beat_read(bytes, length, &keys, &seen), 0);
		assert_same(&seen, &beat);
	}
}

static void what_has_no_place_isnt_written(void **state)
{
	const struct peer_keys keys = keys_of(NEW_SECRET);
	struct beat beat = full_beat(1, 1);
	uint8_t bytes[BEAT_BYTES_MAX];

	(void)state;
	beat.n_claims = BEAT_CLAIMS_MAX + 1;
	assert_int_equal(beat_write(&beat, &keys.v[0], bytes), 0);
	beat.n_claims = 0;
	beat.n_echoes = BEAT_MEMBERS_MAX + 1;
	assert_int_equal(beat_write(&beat, &keys.v[0], bytes), 0);
}

static void the_longest_name_of_a_full_beat_fits(void **state)
{
	const struct peer_keys keys = keys_of(NEW_SECRET);
	struct beat beat = full_beat(BEAT_MEMBERS_MAX, BEAT_CLAIMS_MAX);
	uint8_t bytes[BEAT_BYTES_MAX];

	(void)state;
	memset(beat.name, 'n', BEAT_NAME_MAX - 1);
	beat.name[BEAT_NAME_MAX - 1] = '\0';
	assert_true(beat_write(&beat, &keys.v[0], bytes) > 0);
}

static void a_change_anywhere_is_noticed(void **state)
{
	const struct peer_keys keys = keys_of(NEW_SECRET);
	const struct beat beat = full_beat(2, 2);
	uint8_t bytes[BEAT_BYTES_MAX];
	struct beat seen;
	size_t length = beat_write(&beat, &keys.v[0], bytes);

	(void)state;
	for (size_t bit = 0; bit < length * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(beat_read(bytes, length, &keys, &seen), -EKEYREJECTED);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < length; n++)
		assert_true(beat_read(bytes, n, &keys, &seen) < 0);
	assert_int_equal(beat_read(bytes, length, &keys, &seen), 0);
}

static void sign(uint8_t *bytes, size_t length, const struct peer_key *key)
{
	assert_non_null(HMAC(EVP_sha256(), key->beat, sizeof(key->beat), bytes, length - 32,
			     bytes + length - 32, NULL));
}

/* Authentic and nonsense: somebody with the key and another version, or a fault of ours. */
static void what_is_malformed_is_refused_though_its_authentic(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
	} rows[] = {
		{ "magic", 0, 'X' },
		{ "version", 4, 2 },
		{ "length of the name", 5, 0 },
		{ "length of the name", 5, 200 },
		{ "name", 6, ' ' },
		{ "number of echoes", 32, 33 },
		{ "number of echoes", 32, 2 },
		{ "number of claims", 49, 128 },
		{ "number of claims", 49, 0 },
	};
	const struct peer_keys keys = keys_of(NEW_SECRET);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct beat beat = full_beat(1, 1), seen;
		uint8_t bytes[BEAT_BYTES_MAX];

		memcpy(beat.name, "gw", 3);
		size_t length = beat_write(&beat, &keys.v[0], bytes);

		assert_int_equal(bytes[32], 1); /* where the rows think that it is */
		bytes[rows[i].at] = rows[i].value;
		sign(bytes, length, &keys.v[0]);
		if (beat_read(bytes, length, &keys, &seen) != -EBADMSG)
			fail_msg("%s %u was taken", rows[i].what, rows[i].value);
	}
}

static void each_key_of_the_file_is_accepted_and_no_other(void **state)
{
	const struct peer_keys old = keys_of(OLD_SECRET), new = keys_of(NEW_SECRET),
			       both = keys_of(NEW_SECRET "\n" OLD_SECRET);
	const struct beat beat = full_beat(0, 0);
	uint8_t bytes[BEAT_BYTES_MAX];
	struct beat seen;
	size_t length = beat_write(&beat, &old.v[0], bytes);

	(void)state;
	assert_int_equal(beat_read(bytes, length, &old, &seen), 0);
	assert_int_equal(beat_read(bytes, length, &both, &seen), 0);
	assert_int_equal(beat_read(bytes, length, &new, &seen), -EKEYREJECTED);
}

/* What a receiver named "me" in its life 50 believes of "gw". */
struct told {
	uint64_t boot, sequence;
	uint64_t echo; /* of "me"; 0: none */
	bool believed;
	uint64_t offered;
};

static void play(const char *story, const struct told *told, size_t n)
{
	struct beat_sender sender = { .boot = 0 };

	for (size_t i = 0; i < n; i++) {
		struct beat beat = { .name = "gw",
				     .boot = told[i].boot,
				     .sequence = told[i].sequence };

		beat.echoes[beat.n_echoes++] =
			(struct beat_echo){ .member = beat_hash("other"), .boot = 50 };
		if (told[i].echo)
			beat.echoes[beat.n_echoes++] =
				(struct beat_echo){ .member = beat_hash("me"),
						    .boot = told[i].echo };
		if (beat_believe(&sender, &beat, "me", 50) != told[i].believed)
			fail_msg("%s: beat %zu", story, i);
		if (sender.offered != told[i].offered)
			fail_msg("%s: beat %zu offers %llu", story, i,
				 (unsigned long long)sender.offered);
	}
}

static void only_a_beat_of_now_is_believed(void **state)
{
	static const struct {
		const char *story;
		struct told told[8];
		size_t n;
	} stories[] = {
		{ "who says hello first is echoed before he's believed",
		  { { 1, 1, 0, false, 1 }, { 1, 2, 0, false, 1 }, { 1, 3, 50, true, 1 } },
		  3 },
		{ "a beat comes again, and an older one",
		  { { 1, 5, 50, true, 1 },
		    { 1, 5, 50, false, 1 },
		    { 1, 4, 50, false, 1 },
		    { 1, 6, 0, true, 1 } },
		  4 },
		{ "he was restarted",
		  { { 1, 5, 50, true, 1 },
		    { 2, 1, 0, false, 2 },
		    { 2, 2, 50, true, 2 },
		    { 2, 3, 0, true, 2 } },
		  4 },
		{ "beats of his former life come again",
		  { { 1, 5, 50, true, 1 },
		    { 2, 1, 50, true, 2 },
		    { 1, 6, 50, false, 2 },
		    { 1, 7, 50, false, 2 },
		    { 2, 2, 0, true, 2 } },
		  5 },
		{ "beats from before our own restart come again",
		  { { 1, 5, 49, false, 1 }, { 1, 6, 49, false, 1 }, { 1, 7, 50, true, 1 } },
		  3 },
		{ "an unbelieved life doesn't end the one that is believed",
		  { { 1, 5, 50, true, 1 }, { 9, 1, 49, false, 9 }, { 1, 6, 0, true, 1 } },
		  3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
		play(stories[i].story, stories[i].told, stories[i].n);
}

static void many_former_lives_are_remembered(void **state)
{
	struct beat_sender sender = { .boot = 0 };
	struct beat beat = { .name = "gw", .sequence = 1, .n_echoes = 1 };

	(void)state;
	beat.echoes[0] = (struct beat_echo){ .member = beat_hash("me"), .boot = 50 };
	for (beat.boot = 1; beat.boot <= BEAT_LIVES_MAX + 1; beat.boot++)
		assert_true(beat_believe(&sender, &beat, "me", 50));
	beat.sequence = 2;
	for (beat.boot = 1; beat.boot <= BEAT_LIVES_MAX; beat.boot++)
		assert_false(beat_believe(&sender, &beat, "me", 50));
}

static void ones_own_beat_is_nobodys(void **state)
{
	struct beat_sender sender = { .boot = 0 };
	struct beat beat = { .name = "me", .boot = 50, .sequence = 1, .n_echoes = 1 };

	(void)state;
	beat.echoes[0] = (struct beat_echo){ .member = beat_hash("me"), .boot = 50 };
	assert_false(beat_believe(&sender, &beat, "me", 50));
	assert_int_equal(sender.offered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_beat_comes_back_whatever_its_size),
		cmocka_unit_test(what_has_no_place_isnt_written),
		cmocka_unit_test(the_longest_name_of_a_full_beat_fits),
		cmocka_unit_test(a_change_anywhere_is_noticed),
		cmocka_unit_test(what_is_malformed_is_refused_though_its_authentic),
		cmocka_unit_test(each_key_of_the_file_is_accepted_and_no_other),
		cmocka_unit_test(only_a_beat_of_now_is_believed),
		cmocka_unit_test(many_former_lives_are_remembered),
		cmocka_unit_test(ones_own_beat_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
