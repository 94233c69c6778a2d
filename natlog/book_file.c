// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 *   head     what it is, the boot, the secret of the keys, how many of the following two there are
 *   who      number, length, packed (natlog/who.h)
 *   entry    a connection: struct kept, and its stints
 *   sum      of all before: a file that was cut off or damaged isn't believed
 *
 * Numbers are in the machine's order: the file is read by the machine that wrote it, or not at all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/hash.h"
#include "natlog/book_internal.h"

enum { BUFFER = 64 << 10 };

static const char magic[8] = "eipgwbk1";

struct head {
	char magic[sizeof(magic)];
	char boot[BOOK_BOOT_LENGTH];
	uint32_t n_who;
	uint64_t seed[4], n;
};

struct kept_who {
	uint32_t number, length;
};

struct kept {
	uint64_t key;
	int64_t start_ns;
	uint32_t id, who;
	uint8_t basis, is_told, n_stints, is_block, zero[4];
};

/* FNV-1a of words instead of bytes, which is as good against accidents. */
static uint64_t sum_of(uint64_t sum, const uint8_t *bytes, size_t n)
{
	for (; n >= sizeof(uint64_t); n -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, bytes, sizeof(word));
		sum = (sum ^ word) * HASH_PRIME;
		sum ^= sum >> 32;
	}
	for (; n; n--)
		sum = hash_byte(sum, *bytes++);
	return sum;
}

/* ---- written */

struct out {
	int fd, rc;
	size_t n;
	uint64_t sum; /* of whole buffers */
	uint8_t bytes[BUFFER];
};

static void push(struct out *out)
{
	for (size_t done = 0; !out->rc && done < out->n;) {
		const ssize_t put = write(out->fd, out->bytes + done, out->n - done);

		if (put >= 0)
			done += (size_t)put;
		else if (errno != EINTR)
			out->rc = -errno;
	}
	out->n = 0;
}

static void put(struct out *out, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;

	while (n) {
		const size_t room = BUFFER - out->n, part = n < room ? n : room;

		memcpy(out->bytes + out->n, from, part);
		out->n += part;
		from += part;
		n -= part;
		if (out->n < BUFFER)
			return;
		out->sum = sum_of(out->sum, out->bytes, BUFFER);
		push(out);
	}
}

static void put_who(struct out *out, const struct book *book)
{
	uint8_t bytes[WHO_BYTES_MAX];

	for (uint32_t number = 1; number <= book->who.n; number++) {
		const struct natlog_who *who =
			book->who.v[number - 1] ? who_of(&book->who, number) : NULL;
		struct kept_who head = { .number = number };

		if (!who)
			continue;
		/* Nobody has names that long; one who had would be nobody. */
		head.length = (uint32_t)who_pack(who, bytes, sizeof(bytes));
		put(out, &head, sizeof(head));
		put(out, bytes, head.length);
	}
}

static void put_slot(struct out *out, const struct shard *shard, const struct slot *slot)
{
	struct ct_stint stints[CT_STINTS_MAX];
	const size_t n = past_get(&shard->past, slot->past, stints);
	const struct kept kept = { .key = slot->key,
				   .start_ns = slot->start_ns,
				   .id = slot->id,
				   .who = slot->who,
				   .basis = slot->basis,
				   .is_told = slot->is_told,
				   .n_stints = (uint8_t)n,
				   .is_block = slot->is_block };

	put(out, &kept, sizeof(kept));
	put(out, stints, n * sizeof(stints[0]));
}

int book_save(const struct book *book, const char boot[static BOOK_BOOT_LENGTH], int fd)
{
	struct head head = { .n_who = (uint32_t)who_count(&book->who), .n = book->n };
	struct out *out = calloc(1, sizeof(*out));
	int rc;

	if (!out)
		return -ENOMEM;
	out->fd = fd;
	out->sum = HASH_START;
	memcpy(head.magic, magic, sizeof(magic));
	memcpy(head.boot, boot, BOOK_BOOT_LENGTH);
	memcpy(head.seed, book->seed, sizeof(head.seed));
	put(out, &head, sizeof(head));
	put_who(out, book);
	for (size_t i = 0; i < BOOK_SHARDS; i++) {
		const struct shard *shard = &book->shards[i];

		for (size_t j = 0; j < shard->size; j++) {
			if (shard->v[j].key)
				put_slot(out, shard, &shard->v[j]);
		}
	}
	const uint64_t sum = sum_of(out->sum, out->bytes, out->n);

	put(out, &sum, sizeof(sum));
	push(out);
	rc = out->rc;
	free(out);
	return rc;
}

/* ---- read */

struct in {
	const uint8_t *at, *end;
};

static bool get(struct in *in, void *ret, size_t n)
{
	if ((size_t)(in->end - in->at) < n)
		return false;
	memcpy(ret, in->at, n);
	in->at += n;
	return true;
}

/* map: by the file's number, ours; one user each until all is read. */
static bool get_who(struct in *in, struct book *book, uint32_t *map)
{
	struct kept_who head;
	struct natlog_who who;

	if (!get(in, &head, sizeof(head)) || !head.number || head.number > BOOK_WHO_MAX ||
	    map[head.number] || (size_t)(in->end - in->at) < head.length)
		return false;
	if (head.length && !who_unpack(in->at, head.length, &who))
		return false;
	in->at += head.length;
	if (head.length)
		map[head.number] = who_take(&book->who, &who);
	return true;
}

static bool is_sound(const struct kept *kept)
{
	static const uint8_t zero[sizeof(kept->zero)];

	return kept->key && kept->start_ns >= 0 && kept->who <= BOOK_WHO_MAX &&
	       kept->basis < NATLOG_BASIS_COUNT && kept->is_told <= 1 && kept->is_block <= 1 &&
	       kept->n_stints <= CT_STINTS_MAX && memcmp(kept->zero, zero, sizeof(zero)) == 0;
}

static bool get_slot(struct in *in, struct book *book, const uint32_t *map)
{
	struct ct_stint stints[CT_STINTS_MAX];
	struct kept kept;
	struct slot *slot;

	if (!get(in, &kept, sizeof(kept)) || !is_sound(&kept) ||
	    !get(in, stints, kept.n_stints * sizeof(stints[0])))
		return false;
	if (book->n >= book->most)
		return true;
	slot = book_insert(book, kept.key, kept.id);
	if (!slot)
		return false;
	slot->start_ns = kept.start_ns;
	slot->who = who_take_again(&book->who, kept.who ? map[kept.who] : 0);
	slot->basis = slot->who ? kept.basis : NATLOG_NONE;
	slot->past = past_put(&book_shard(book, kept.key)->past, stints, kept.n_stints);
	slot->is_told = kept.is_told;
	slot->is_block = kept.is_block;
	book->n_blocks += kept.is_block;
	slot->is_kept = true;
	return true;
}

static bool get_all(struct in *in, const struct head *head, struct book *book, uint32_t *map)
{
	bool good = head->n_who <= BOOK_WHO_MAX;

	for (uint32_t i = 0; good && i < head->n_who; i++)
		good = get_who(in, book, map);
	for (uint64_t i = 0; good && i < head->n; i++)
		good = get_slot(in, book, map);
	for (uint32_t i = 0; i <= BOOK_WHO_MAX; i++)
		who_give(&book->who, map[i]);
	return good && in->at == in->end;
}

int book_parse(const struct book_file *file, struct book **ret, struct err *err)
{
	struct in in = { file->bytes, file->bytes + file->n };
	struct book_options options = { .most = file->most };
	CLEANUP(cleanup_free) uint32_t *map = NULL;
	struct book *book;
	struct head head;

	if (!get(&in, &head, sizeof(head)) || memcmp(head.magic, magic, sizeof(magic)) != 0)
		return err_set(err, -EBADMSG, "it isn't ours, or another version's");
	if (memcmp(head.boot, file->boot, BOOK_BOOT_LENGTH) != 0)
		return err_set(err, -ESTALE, "it is from before the machine started");
	memcpy(options.seed, head.seed, sizeof(options.seed));
	book = book_new(&options);
	map = calloc(BOOK_WHO_MAX + 1, sizeof(*map));
	if (book && map && get_all(&in, &head, book, map)) {
		*ret = book;
		return 0;
	}
	err_set(err, -EBADMSG, "%s", book && map ? "it is damaged" : "out of memory");
	book_free(book);
	return -EBADMSG;
}

int book_load(const struct book_file *file, struct book **ret, struct err *err)
{
	struct book_file rest = *file;
	uint64_t sum = HASH_START, said;

	if (file->n < sizeof(said))
		return err_set(err, -EBADMSG, "it was cut off");
	rest.n -= sizeof(said);
	memcpy(&said, rest.bytes + rest.n, sizeof(said));
	for (size_t at = 0; at < rest.n; at += BUFFER)
		sum = sum_of(sum, rest.bytes + at, rest.n - at < BUFFER ? rest.n - at : BUFFER);
	if (sum != said)
		return err_set(err, -EBADMSG, "it was cut off, or is damaged");
	return book_parse(&rest, ret, err);
}
