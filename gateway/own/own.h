// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: whether each egress IP is this gateway's, and what has to be called next so that it becomes so. The
 * shell (cloud.h) asks EC2 and tells the answers here.
 *
 *   UNKNOWN --> CLAIMING --> HELD --> LOST
 *      |            ^  |      ^
 *      +-> BLOCKED -+  +------+        BLOCKED, a person must act, is looked at again now and then
 *
 * A claim takes the Elastic IP from whoever has it, since the configuration says so. What is held and then seen
 * elsewhere or gone is LOST: somebody decided so, and there is no fight; only a reload or restart claims again.
 * Nothing is ever released or disassociated, and a failed call never takes away what is held.
 *
 * In a group of gateways there is also STANDBY: own_standby.h.
 *
 * EC2 is consistent only after a while: for OWN_SETTLE_MS after a change of ours no answer counts as drift that
 * may be older than the change, and the change isn't made again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "awsapi/ec2.h"
#include "base/config.h"
#include "base/ip4.h"
#include "base/mono.h"
#include "http/retry.h"

struct aws_action;
struct aws_failure;
struct aws_request;
struct gateway_config;

#define OWN_SETTLE_MS 30000
#define OWN_CLAIM_MS 1000     /* between two looks while claiming */
#define OWN_VERIFY_MS 10000   /* between two looks at the rest */
#define OWN_METADATA_MS 60000 /* so long the metadata may differ from EC2 */
#define OWN_TAG_MAX 384
#define OWN_REASON_MAX 384
#define OWN_SLOTS_MAX 256 /* addresses of one interface */

enum own_state {
	OWN_UNKNOWN,
	OWN_CLAIMING,
	OWN_HELD,
	OWN_LOST,
	OWN_BLOCKED,
	OWN_STANDBY,
	OWN_STATE_COUNT
};
extern const char *const own_state_names[OWN_STATE_COUNT];

/* What the configuration says: exactly one of allocation_id, public_ip and tag. */
struct own_wanted {
	char name[CONFIG_NAME_MAX];
	char allocation_id[AWS_ID_MAX];
	struct ip4 public_ip;
	char tag[OWN_TAG_MAX]; /* "Key=Value" */
	struct ip4 private_ip; /* 0: any secondary address of the interface */
};

/* One address of my interface, as EC2 last said. */
struct own_slot {
	struct ip4 address;
	bool primary;
	char allocation_id[AWS_ID_MAX];
	struct ip4 public_ip; /* 0: no Elastic IP */
};

/* Where an Elastic IP is; interface "": nowhere. */
struct own_place {
	char interface_id[AWS_ID_MAX];
	struct ip4 private_ip;
};

enum own_spot {
	OWN_NOT_SEEN,  /* or it has just gone, and it isn't known yet where to */
	OWN_MINE,      /* at the address that is kept for it on my interface */
	OWN_ELSEWHERE, /* `place`; that may be another address of my interface, too */
	OWN_NOWHERE,
};

/* As EC2 last said, or by accepting the association; for OWN_SETTLE_MS answers that may be older don't count. */
struct own_where {
	enum own_spot spot;
	struct own_place place;
	struct mono at;        /* when EC2 said so; 0: never */
	struct mono failed_at; /* a question or the association failed since; 0: none has */
	bool is_refused;       /* the association, for good */
};

struct own_egress {
	struct own_wanted wanted;
	enum own_state state;
	char reason[OWN_REASON_MAX]; /* one sentence: what is missing, or what holds it */
	char allocation_id[AWS_ID_MAX];
	struct ip4 public_ip;
	struct ip4 private_ip; /* chosen or held; no other egress IP gets it */
	/* Of all times here 0 is "never". */
	struct mono look_at;       /* not asked about before */
	struct mono assign_at;     /* no address is assigned before */
	struct mono associate_at;  /* likewise */
	struct mono changed_at;    /* by us, perhaps */
	struct mono differs_since; /* the metadata from EC2 */
	struct own_place before;   /* where it was when we took it */
	bool doubted;       /* held, and an answer that may be old shows it gone: look closer */
	bool unverified;    /* held, and the last question failed */
	bool barred;        /* not ours to claim */
	bool due;           /* may be claimed since a moment ago, and the call isn't under way */
	bool taking;        /* it is */
	bool before_unsure; /* it was taken without a look: old answers may show any place */
	const struct aws_action *refused; /* BLOCKED: what was refused; NULL: what was found is why */
	struct own_where where;
	struct backoff backoff;
};

struct own {
	struct own_egress *v;
	size_t n;
	char interface_id[AWS_ID_MAX]; /* "": not seen yet */
	struct own_slot slots[OWN_SLOTS_MAX];
	size_t n_slots;
	struct mono look_at; /* at the interface */
	struct mono seen_at;
	struct backoff backoff;
	bool shared;   /* one gateway of a group */
	uint64_t news; /* counts what is new in any own_where, be it only the time */
};

enum own_step_kind { OWN_STEP_NONE, OWN_STEP_ASSIGN, OWN_STEP_ASSOCIATE, OWN_STEP_COUNT };

struct own_step {
	enum own_step_kind kind;
	struct ip4 private_ip; /* ASSIGN: 0 means any */
};

/* `wanted` is copied; `seed` for the back-off's jitter, not 0. 0 or -ENOMEM. */
int own_init(struct own *own, const struct own_wanted *wanted, size_t n, uint64_t seed);
void own_done(struct own *own);
/*
 * After own_init and own_share for a new configuration: what is wanted exactly as before stays as it was in `old`, save what
 * was lost, which is claimed anew.
 */
void own_adopt(struct own *own, const struct own *old);

/* The answer about my interface: judges what is held, by what EC2 says its addresses carry. */
void own_see_interface(struct own *own, const struct aws_interface *interface, struct mono now);
/*
 * The answer to the question about one egress IP, after own_see_interface. What it returns is to be called now,
 * and the outcome told by one of the next three.
 */
struct own_step own_see_addresses(struct own *own, size_t i, const struct aws_addresses *answer,
				  struct mono now);
void own_see_assigned(struct own *own, size_t i, struct ip4 address, struct mono now);
void own_see_associated(struct own *own, size_t i, struct mono now);
/* `i`: OWN_ALL when the question was about the interface. */
#define OWN_ALL SIZE_MAX
void own_see_failure(struct own *own, size_t i, const struct aws_action *action,
		     const struct aws_failure *failure, struct mono now);
/* Whether the metadata know the association; EC2 decides, a lasting difference is told. */
void own_see_metadata(struct own *own, size_t i, bool associated, struct mono now);

/* Whether EC2 is to be asked about the egress IP itself now; for those held the interface tells enough. */
bool own_wants_look(const struct own *own, size_t i, struct mono now);
/* What a configuration asks for, one for each of its egress IPs; the caller frees it. NULL: out of memory. */
struct own_wanted *own_list_wanted(const struct gateway_config *config);
/* The question, and the call of a step, as requests: the contract of awsapi/requests.h. */
int own_request_look(const struct own *own, size_t i, struct aws_request *ret);
int own_request_step(const struct own *own, size_t i, struct own_step step,
		     struct aws_request *ret);
/* How long until own_see_interface is due again, at least 0. */
int64_t own_next_ms(const struct own *own, struct mono now);

/*
 * The address to translate to; 0: not available. In a group that's also what is prepared and not held: whether to
 * translate is for others to say.
 */
struct ip4 own_private(const struct own *own, size_t i);
bool own_is_decided(const struct own *own); /* none is UNKNOWN */
bool own_all_held(const struct own *own);   /* in a group: or prepared, in STANDBY */
