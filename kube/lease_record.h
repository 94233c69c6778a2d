// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside kube/: what a Lease says, as client-go's leader election reads and writes it, and whether it still holds. Pure.
 *
 * A record holds for its duration from the moment when we saw it change, by our clock. What time its holder wrote into
 * it doesn't matter: clocks differ. A write of ours holds from before it was sent, so that nobody's count ends earlier.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"
#include "kube/lease.h"

struct err;
struct json_t;

#define KUBE_LEASE_TIME_MAX 64

struct kube_lease_record {
	char holder[KUBE_LEASE_HOLDER_MAX]; /* "": nobody. One that is longer is cut, and so isn't us. */
	int64_t duration_sec;               /* as written; 0: not */
	int64_t transitions;
	char acquired[KUBE_LEASE_TIME_MAX], renewed[KUBE_LEASE_TIME_MAX]; /* "": not written */
};

/* 0, or as kube_json_read. */
int kube_lease_read(const struct json_t *json, struct kube_lease_record *ret, struct err *err);

struct kube_lease_seen {
	const char *identity; /* ours; borrowed */
	int64_t duration_sec; /* ours; also of a record that has none */
	bool is_known, is_absent;
	struct kube_lease_record record;
	uint64_t mark;          /* other whenever the record is */
	struct mono changed_at; /* when that was seen */
	struct mono until;      /* by our last write; 0: none that counts */
};

/* What was read: NULL: there's no such object. */
void kube_lease_see(struct kube_lease_seen *seen, const struct kube_lease_record *record,
		    struct mono now);
/* What we wrote, and the server took: `sent_at` from before it was sent. */
void kube_lease_see_written(struct kube_lease_seen *seen, const struct kube_lease_record *record,
			    struct mono sent_at, struct mono now);
/* When the record has held long enough, unless it changes. */
struct mono kube_lease_expires(const struct kube_lease_seen *seen);
enum kube_lease_state kube_lease_judge(const struct kube_lease_seen *seen, struct mono now);

/* The record to write, by wall time `now_us`: to take or renew it; or to let it go. */
void kube_lease_make(const struct kube_lease_seen *seen, int64_t now_us, bool release,
		     struct kube_lease_record *ret);
/*
 * The whole object's text: `base` with that record, or a new one. Whatever else `base` has stays. Freed by free();
 * NULL: no memory.
 */
char *kube_lease_print(const struct json_t *base, const struct kube_lease_name *name,
		       const struct kube_lease_record *record);
