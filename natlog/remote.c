// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mono.h"
#include "natlog/format.h"
#include "natlog/remote_kind.h"
#include "natlog/stamp.h"
#include "natlog/state.h"

enum { AGAIN_MIN_MS = 200, AGAIN_MAX_MS = 30000, SLOW_MS = 5000, UDP_MARKS = 2 };

/* Times are those of records: what ended before. */
struct arrival {
	int64_t sure_ns;   /* of the mark before the last one */
	int64_t marked_ns; /* of the last mark that arrived */
	bool is_recent;    /* something was sent since the last one, */
	bool is_older;     /* or between the two */
};

struct way {
	struct output_how how;
	char gateway[HOW_NAME_MAX];
	const struct remote_kind *kind;
	struct contact contact;
	struct log_state state;
	char state_path[HOW_STATE_MAX];
	struct remote_out out;
	struct remote_ipfix ipfix;
	struct arrival arrival;
	struct natlog_gap gaps[NATLOG_CAUSE_COUNT]; /* that aren't told yet; to_ns 0: none */
	char told[NATLOG_CAUSE_COUNT * FORMAT_MAX]; /* their records, which go before all others */
	size_t n_told, told_done;
	bool is_gap;          /* what `out` has */
	unsigned marks;       /* that arrived since it was connected */
	struct mono moved_at; /* something was sent, or nothing was to be */
	struct mono again_at; /* it's connected again, not before */
	int64_t again_ms;
	struct err reason; /* why it wasn't connected, until something has arrived again */
};

static struct way *make(void)
{
	struct way *way = calloc(1, sizeof(*way));

	if (!way)
		return NULL;
	contact_init(&way->contact);
	way->state.fd = -1;
	way->again_ms = AGAIN_MIN_MS;
	return way;
}

static bool is_open(const struct way *way)
{
	return contact_is_open(&way->contact);
}

static void forget_out(struct way *way)
{
	way->out.n = way->out.done = way->out.took = 0;
	way->is_gap = false;
	remote_ipfix_reset(&way->ipfix, false);
}

/* ---- gaps */

/* One of each cause: what breaks again before it was told is one gap. */
static void add_gap(struct way *way, const struct natlog_gap *gap)
{
	struct natlog_gap *into = &way->gaps[gap->cause];
	const int64_t from_ns = into->to_ns && into->from_ns < gap->from_ns ? into->from_ns :
									      gap->from_ns;

	*into = *gap;
	into->gateway = way->gateway;
	into->from_ns = from_ns;
}

static void lose_arrivals(struct way *way)
{
	struct arrival *arrival = &way->arrival;
	const struct natlog_gap gap = { .cause = NATLOG_CONNECTION,
					.from_ns = arrival->sure_ns,
					.to_ns = stamp_now_ns() };

	/* Also what tells of it may get lost: until a mark arrives, the next gap begins where this one does. */
	if (arrival->is_recent || arrival->is_older)
		add_gap(way, &gap);
	arrival->is_recent = arrival->is_older = false;
}

static void write_gaps(struct way *way)
{
	for (size_t i = 0; i < NATLOG_CAUSE_COUNT; i++) {
		if (way->gaps[i].to_ns)
			way->n_told +=
				format_gap(way->told + way->n_told, &way->how, &way->gaps[i]);
	}
}

static void forget_gaps(struct way *way)
{
	memset(way->gaps, 0, sizeof(way->gaps));
	way->n_told = way->told_done = 0;
}

/* ---- the connection */

static void drop(struct way *way)
{
	contact_close(&way->contact);
	forget_out(way);
	way->n_told = way->told_done = 0;
}

static void close_way(struct way *way)
{
	if (!is_open(way))
		return;
	drop(way);
	lose_arrivals(way);
}

static void free_way(struct way *way)
{
	drop(way);
	log_state_close(&way->state);
	free(way);
}

/* Later each time, until something has arrived. */
static int put_off(struct way *way, int rc, const struct err *err)
{
	way->reason = *err;
	way->again_at = mono_add_ms(mono_now(), way->again_ms);
	way->again_ms = way->again_ms * 2 < AGAIN_MAX_MS ? way->again_ms * 2 : AGAIN_MAX_MS;
	return rc;
}

static int broken(struct way *way, int rc, struct err *err)
{
	close_way(way);
	err_prefix(err, rc, "%s", output_names[way->how.kind]);
	return put_off(way, rc, err);
}

static int open_state(struct way *way, struct err *err)
{
	int rc;

	if (strcmp(way->state_path, way->how.state) != 0)
		log_state_close(&way->state);
	memcpy(way->state_path, way->how.state, sizeof(way->state_path));
	rc = log_state_open(&way->state, way->state_path, err);
	return rc ? err_mark(err, MSG_NATLOG_STATE, rc) : 0;
}

static void take_how(struct way *way, const struct output_how *how, const char *gateway)
{
	if (!how_is_same(how, &way->how))
		way->again_at = mono_now();
	way->how = *how;
	way->kind = &remote_kinds[how->kind];
	snprintf(way->gateway, sizeof(way->gateway), "%s", gateway);
	way->ipfix.how = &way->how;
}

static int open_way(struct way *way, const struct output_how *how, const char *gateway,
		    struct err *err)
{
	int rc;

	take_how(way, how, gateway);
	if (mono_is_before(mono_now(), way->again_at)) {
		*err = way->reason;
		return -ENOTCONN;
	}
	rc = open_state(way, err);
	if (!rc)
		rc = way->kind->connect(&way->contact, &way->how, err);
	if (rc) {
		err_prefix(err, rc, "%s", output_names[how->kind]);
		return put_off(way, rc, err);
	}
	if (!way->arrival.sure_ns)
		way->arrival.sure_ns = way->arrival.marked_ns = stamp_now_ns();
	remote_ipfix_reset(&way->ipfix, true);
	way->marks = 0;
	way->moved_at = mono_now();
	return 0;
}

/* ---- records */

/* It's worth telling when it takes long. */
static int not_yet(struct way *way, struct err *err)
{
	if (mono_diff_ms(mono_now(), way->moved_at) < SLOW_MS)
		return WAY_PENDING;
	err_set(err, 0, "%s: the other side is slow to take what is sent",
		output_names[way->how.kind]);
	return WAY_PENDING;
}

static int send_out(struct way *way, struct err *err)
{
	const size_t before = way->out.done;
	int rc = contact_send(&way->contact, way->out.bytes, way->out.n, &way->out.done, err);

	if (way->out.done != before) {
		way->moved_at = mono_now();
		way->arrival.is_recent = true;
	}
	if (rc == -EAGAIN)
		return not_yet(way, err);
	return rc ? broken(way, rc, err) : 0;
}

static int put_records(struct way *way, const char *bytes, size_t n, size_t *done, struct err *err)
{
	int rc = 0;

	while (!rc && *done < n) {
		if (!way->out.n)
			way->kind->fill(&way->out, bytes + *done, n - *done, &way->ipfix);
		rc = send_out(way, err);
		if (rc)
			break;
		*done += way->out.took;
		way->out.n = way->out.done = way->out.took = 0;
	}
	return rc;
}

/* Unless a record is half sent. */
static int put_gaps(struct way *way, struct err *err)
{
	int rc;

	if (way->out.n && !way->is_gap)
		return 0;
	if (!way->n_told)
		write_gaps(way);
	rc = put_records(way, way->told, way->n_told, &way->told_done, err);
	way->is_gap = way->out.n != 0;
	if (!rc)
		forget_gaps(way);
	return rc;
}

static int check(struct way *way, struct err *err)
{
	int rc = contact_check(&way->contact, err);

	return rc ? broken(way, rc, err) : 0;
}

static int put(struct way *way, const char *bytes, size_t n, size_t *done, struct err *err)
{
	int rc = check(way, err);

	if (!rc)
		rc = put_gaps(way, err);
	return rc ? rc : put_records(way, bytes, n, done, err);
}

static int put_gap(struct way *way, const struct natlog_gap *gap, struct err *err)
{
	(void)err;
	add_gap(way, gap);
	return 0;
}

/* ---- marks */

static int until(const struct way *way, int64_t *ret_ns)
{
	return log_state_until(&way->state, ret_ns);
}

static void arrive(struct arrival *arrival, int64_t until_ns)
{
	arrival->sure_ns = arrival->marked_ns;
	arrival->marked_ns = until_ns;
	arrival->is_older = arrival->is_recent;
	arrival->is_recent = false;
}

static bool is_udp(const struct way *way)
{
	return way->how.kind == OUTPUT_IPFIX && way->how.ipfix.is_udp;
}

/* A datagram is sent whether anybody is there or not, and the refusal comes later. */
static bool is_proved(const struct way *way)
{
	return way->marks >= (is_udp(way) ? UDP_MARKS : 1);
}

static void forgive(struct way *way)
{
	way->again_ms = AGAIN_MIN_MS;
	way->reason = ERR_NULL;
}

static int mark(struct way *way, int64_t until_ns, struct err *err)
{
	int rc = check(way, err);

	if (!rc)
		rc = put_gaps(way, err);
	if (rc)
		return rc;
	if (contact_unsent(&way->contact) > 0)
		return not_yet(way, err);
	rc = contact_confirm(&way->contact, err);
	if (rc)
		return broken(way, rc, err);
	arrive(&way->arrival, until_ns);
	way->moved_at = mono_now();
	way->marks++;
	if (is_proved(way))
		forgive(way);
	rc = log_state_mark(&way->state, is_udp(way) ? way->arrival.sure_ns : until_ns);
	return rc ? err_mark(err, MSG_NATLOG_STATE,
			     err_set(err, rc, "can't write %s: %s", way->state_path,
				     strerror(-rc))) :
		    0;
}

/* One that went while nothing was to be sent. What is connected again has its error until something has arrived. */
static int tick(struct way *way, int64_t now_ns, struct err *err)
{
	int rc = check(way, err);

	(void)now_ns;
	way->moved_at = mono_now();
	if (!rc)
		*err = way->reason;
	return rc;
}

const struct way_ops remote_way = {
	.make = make,
	.free = free_way,
	.open = open_way,
	.is_open = is_open,
	.close = close_way,
	.until = until,
	.put = put,
	.put_gap = put_gap,
	.mark = mark,
	.tick = tick,
};
