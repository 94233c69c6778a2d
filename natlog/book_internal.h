// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Shared by book.c (what is remembered) and book_file.c (and written down). */
#pragma once

#include "natlog/book.h"
#include "natlog/past.h"
#include "natlog/who.h"

enum { BOOK_SHARDS = 64, BOOK_RECENT = 16384 };

/* Those of one tuple stand near each other; each has an id of its own. */
struct slot {
	uint64_t key; /* of the tuple; 0: free */
	int64_t start_ns;
	uint32_t id;
	uint32_t who;
	uint32_t past; /* in its shard */
	uint8_t basis;
	uint8_t look;   /* in which it was seen last */
	uint8_t missed; /* the look that missed it first; 0: none did */
	bool is_told : 1, is_kept : 1, is_block : 1;
};

struct shard {
	struct slot *v;
	size_t n, size; /* a power of two; at most three quarters are taken */
	struct past past;
};

struct ended {
	uint64_t key;
	int64_t stop_ns;
	uint32_t id;
};

struct book {
	struct shard shards[BOOK_SHARDS];
	struct who_table who;
	struct ended recent[BOOK_RECENT];
	size_t n, most;
	size_t n_blocks; /* of these */
	uint64_t seed[4];
	uint64_t changes;
	uint32_t held; /* of the last end, until the next call */
	uint8_t look;  /* 1 to 255, and again */
	bool is_late,
		was_late; /* book_late since the last look began, and before since one was completed */
};

/* A new one. NULL: it's there already, or doesn't fit, or there is no memory. */
struct slot *book_insert(struct book *book, uint64_t key, uint32_t id);
struct shard *book_shard(const struct book *book, uint64_t key);
