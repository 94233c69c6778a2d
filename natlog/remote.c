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

enum { AGAIN_MIN_MS = 200, AGAIN_MAX_MS = 30000, SLOW_MS = 5000, GAPS_MAX = 4 };

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
	char gaps[GAPS_MAX * FORMAT_MAX]; /* records that go before all others */
	size_t n_gaps, gaps_done;
	bool is_gap;          /* what `out` has */
	struct mono moved_at; /* something was sent, or nothing was to be */
	struct mono again_at; /* it's connected again, not before */
	int64_t again_ms;
	struct err reason; /* why it isn't connected */
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

/* There are few: while it can't be connected nothing more gets on its way. */
static void add_gap(struct way *way, const struct natlog_gap *gap)
{
	if (way->n_gaps + FORMAT_MAX <= sizeof(way->gaps))
		way->n_gaps += format_gap(way->gaps + way->n_gaps, &way->how, gap);
}

static void lose_arrivals(struct way *way)
{
	struct arrival *arrival = &way->arrival;
	const struct natlog_gap gap = { .gateway = way->gateway,
					.cause = NATLOG_CONNECTION,
					.from_ns = arrival->sure_ns,
					.to_ns = stamp_now_ns() };

	if (arrival->is_recent || arrival->is_older)
		add_gap(way, &gap);
	arrival->is_recent = arrival->is_older = false;
	/* What is missing is told. */
	arrival->sure_ns = gap.to_ns;
}

/* ---- the connection */

static void drop(struct way *way)
{
	contact_close(&way->contact);
	forget_out(way);
	way->gaps_done = 0;
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
	if (strcmp(way->state_path, way->how.state) != 0)
		log_state_close(&way->state);
	memcpy(way->state_path, way->how.state, sizeof(way->state_path));
	return log_state_open(&way->state, way->state_path, err);
}

static void take_how(struct way *way, const struct output_how *how, const char *gateway)
{
	if (memcmp(how, &way->how, sizeof(*how)) != 0)
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

	if (!way->n_gaps || (way->out.n && !way->is_gap))
		return 0;
	rc = put_records(way, way->gaps, way->n_gaps, &way->gaps_done, err);
	way->is_gap = way->out.n != 0;
	if (!rc)
		way->n_gaps = way->gaps_done = 0;
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
	way->again_ms = AGAIN_MIN_MS;
	rc = log_state_mark(&way->state, way->how.kind == OUTPUT_IPFIX && way->how.ipfix.is_udp ?
						 way->arrival.sure_ns :
						 until_ns);
	return rc ? err_set(err, rc, "can't write %s: %s", way->state_path, strerror(-rc)) : 0;
}

/* One that went while nothing was to be sent. */
static int tick(struct way *way, int64_t now_ns, struct err *err)
{
	(void)now_ns;
	way->moved_at = mono_now();
	return check(way, err);
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
