// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A Lease (coordination.k8s.io/v1) as client-go's leader election uses it: others may compete for the same one. Each
 * ask reads and writes at most a few times, by compare-and-swap on resourceVersion, within a deadline of its own; how
 * often to ask is the caller's. No Lease fences anybody: who holds it must stop in time by himself.
 *
 * `until` is the moment, by our monotonic clock, when others may take a Lease that we don't renew; a caller stops some
 * margin before. That clock stands still while the host is suspended: who was suspended believes nothing here, and asks.
 *
 * The identity names a gateway, not a process: after a restart what we held is ours again. Two gateways of one name
 * would both hold it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"
#include "kube/failure.h"

struct err;
struct kube_client;
struct kube_lease;

#define KUBE_LEASE_HOLDER_MAX 512
#define KUBE_LEASE_NAME_MAX 254

struct kube_lease_name {
	const char *namespace, *name;
};

enum kube_lease_state {
	KUBE_LEASE_UNKNOWN, /* never read */
	KUBE_LEASE_FREE,    /* no object, no holder, or he let it expire */
	KUBE_LEASE_MINE,    /* is what the record says; whether it still counts: view.until */
	KUBE_LEASE_OTHERS,
	KUBE_LEASE_STATE_COUNT
};
extern const char *const kube_lease_state_names[KUBE_LEASE_STATE_COUNT];

struct kube_lease_view {
	enum kube_lease_state state;
	const char *
		holder; /* as the record says, also of one that has expired; "": nobody. Until the next ask. */
	uint64_t mark;          /* changes whenever the record does: a holder who renews lives */
	struct mono changed_at; /* when we saw that */
	struct mono until;      /* of our own last renewal; 0: none */
	struct mono expires;    /* of another's record: when it will be FREE for us */
	int64_t transitions;
};

enum kube_lease_ask {
	KUBE_LEASE_LOOK, /* only reads */
	KUBE_LEASE_TRY, /* renews what is ours; takes what is free; makes an object where there is none */
	/*
	 * Takes it from whoever has it, expired or not, if the record is still the one that was last read: its holder
	 * is known to be dead, or agrees.
	 */
	KUBE_LEASE_TAKE,
	KUBE_LEASE_RELEASE, /* if ours: no holder, as client-go's ReleaseOnCancel. Others needn't wait. */
	KUBE_LEASE_ASK_COUNT
};

/*
 * `failure->class` OK: the view is what the server has now, whether we got what we wanted or not. Else it's as it was,
 * and a write may have been done all the same: `until` never counts such a one. From here the next ask may be
 * started, and the Lease freed.
 */
typedef void (*kube_lease_fn)(struct kube_lease *lease, const struct kube_failure *failure,
			      void *data);

struct kube_lease_options {
	struct kube_client *client;
	struct kube_lease_name name; /* copied */
	const char *identity;        /* at most 253 characters; copied */
	uint32_t duration_sec;       /* at least 1 */
	kube_lease_fn done;
	void *data;
};

/* NULL: -EINVAL's reason or "out of memory" in `err`. Nothing is asked yet. */
struct kube_lease *kube_lease_new(const struct kube_lease_options *options, struct err *err);
/* The Lease isn't released. What is under way may still have its effect. NULL is fine. */
void kube_lease_free(struct kube_lease *lease);

/*
 * `done` is called once, later and from the loop, `deadline_ms` from now at the latest. 0; -EBUSY: the last ask hasn't
 * ended.
 */
int kube_lease_ask(struct kube_lease *lease, enum kube_lease_ask ask, uint32_t deadline_ms);
void kube_lease_view(const struct kube_lease *lease, struct mono now, struct kube_lease_view *ret);
