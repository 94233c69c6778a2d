// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "decide_world.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "decide_promises.h"
#include "policy/assign.h"

enum { ROUND_MS = 10000, PLAN_MS = 50 };

uint64_t world_random(struct world *w, uint64_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (w->random >> 11) % below;
}

struct mono world_clock(const struct world *w, const struct world_member *m)
{
	return (struct mono){ (w->now_ms - m->slept_ms) * INT64_C(1000000) };
}

static int index_of(const struct world *w, const struct world_member *m)
{
	return (int)(m - w->m);
}

static bool is_awake(const struct world_member *m)
{
	return m->is_running && !m->is_asleep;
}

/* ---- what a daemon hears, and does ---------------------------------------------------------------------- */

static void send_beats(struct world *w, struct world_member *m);

static void start_call(struct world *w, struct world_member *m, enum decide_ask ask)
{
	struct world_call *const call = &m->call;
	const bool is_mine = strcmp(m->seen.record.holder, m->name) == 0;
	const bool writes = m->at_hand &&
			    (ask == DECIDE_ASK_TAKE || (is_mine && ask != DECIDE_ASK_LOOK));

	*call = (struct world_call){ .is_busy = true,
				     .ask = ask,
				     .is_write = writes,
				     .version = m->version,
				     .at_ms = w->now_ms + WORLD_STEP_MS + w->api_ms,
				     .deadline_ms = w->now_ms + DECIDE_DEADLINE_MS,
				     .sent_at = world_clock(w, m) };
	if (writes)
		kube_lease_make(&m->seen, w->now_ms * 1000, ask == DECIDE_ASK_RELEASE,
				&call->wanted);
}

static void note_changes(struct world *w, struct world_member *m,
			 const struct decide_orders *orders)
{
	for (size_t i = 0; i < orders->n_changes; i++) {
		const struct decide_change *const c = &orders->changes[i];

		w->reached[c->from] |= UINT32_C(1) << c->to;
		w->changed_at_ms = w->now_ms;
		w->takeovers += c->to == DECIDE_TAKING && c->from != DECIDE_ACTIVE;
		if (!(decide_legal[c->from] & UINT32_C(1) << c->to))
			promise_broken(w, "a change that the table hasn't");
		if (w->tells)
			fprintf(stderr, "%lld %s: %s -> %s: %s\n", (long long)w->now_ms, m->name,
				decide_state_names[c->from], decide_state_names[c->to], c->reason);
	}
}

void world_tell(struct world *w, struct world_member *m, const struct decide_event *event)
{
	struct decide_orders orders;

	w->n_events++;
	decide_event(&m->d, event, world_clock(w, m), &orders);
	note_changes(w, m, &orders);
	if (orders.ask != DECIDE_ASK_NONE) {
		if (m->call.is_busy)
			promise_broken(w, "an ask before the last one has ended");
		start_call(w, m, orders.ask);
	}
	if (orders.verify && !m->verify_at_ms)
		m->verify_at_ms = w->now_ms + 2 * WORLD_STEP_MS;
	if (orders.say)
		send_beats(w, m);
}

static int number_of(const struct world *w, const char *holder)
{
	for (int i = 0; i < w->n; i++)
		if (strcmp(w->m[i].name, holder) == 0)
			return i;
	return holder[0] ? DECIDE_STRANGER : DECIDE_NOBODY;
}

/* Arrives in the same step: faults come between steps. */
static void send_beats(struct world *w, struct world_member *m)
{
	m->beat_at_ms = w->now_ms + DECIDE_BEAT_MS;
	m->seq++;
	for (int i = 0; i < w->n; i++) {
		struct decide_event event = { .kind = DECIDE_BEAT, .who = index_of(w, m) };

		if (&w->m[i] == m || !is_awake(&w->m[i]) || !w->link[index_of(w, m)][i])
			continue;
		decide_make_beat(&m->d, i, world_clock(w, m), &event.beat);
		event.beat.boot = m->boot;
		event.beat.seq = m->seq;
		world_tell(w, &w->m[i], &event);
	}
}

/* ---- the API server ------------------------------------------------------------------------------------- */

static void end_call(struct world *w, struct world_member *m, bool is_ok)
{
	const struct mono now = world_clock(w, m);
	struct decide_event event = { .kind = is_ok ? DECIDE_LEASE : DECIDE_LEASE_FAILED };
	const enum kube_lease_state state = kube_lease_judge(&m->seen, now);

	m->call.is_busy = false;
	if (!is_ok)
		m->at_hand = false;
	event.lease = (struct decide_lease){ .is_free = state == KUBE_LEASE_FREE,
					     .holder = number_of(w, m->seen.record.holder),
					     .mark = m->seen.mark,
					     .until = m->seen.until,
					     .transitions = m->seen.record.transitions };
	world_tell(w, m, &event);
}

static void begin_write(struct world *w, struct world_member *m)
{
	m->call.is_write = true;
	m->call.version = m->version;
	m->call.sent_at = world_clock(w, m);
	m->call.at_ms = w->now_ms + WORLD_STEP_MS + w->api_ms;
	kube_lease_make(&m->seen, w->now_ms * 1000, m->call.ask == DECIDE_ASK_RELEASE,
			&m->call.wanted);
}

static void serve_read(struct world *w, struct world_member *m)
{
	const struct mono now = world_clock(w, m);

	kube_lease_see(&m->seen, w->exists ? &w->lease : NULL, now);
	m->version = w->exists ? w->version : 0;
	m->at_hand = true;
	m->call.was_read = true;
	const enum kube_lease_state state = kube_lease_judge(&m->seen, now);

	if ((m->call.ask == DECIDE_ASK_TRY && state != KUBE_LEASE_OTHERS) ||
	    (m->call.ask == DECIDE_ASK_RELEASE && state == KUBE_LEASE_MINE))
		begin_write(w, m);
	else
		end_call(w, m, true);
}

/* It has its effect now; the answer comes a step later, or never. */
static void serve_write(struct world *w, struct world_member *m)
{
	if ((w->exists ? w->version : 0) != m->call.version) {
		m->call.is_write = false;
		m->call.at_ms = w->now_ms + WORLD_STEP_MS;
		return;
	}
	w->exists = true;
	w->lease = m->call.wanted;
	m->call.version = ++w->version;
	m->call.is_done = true;
	m->call.at_ms = w->now_ms + WORLD_STEP_MS;
}

static void answer_write(struct world *w, struct world_member *m)
{
	m->version = m->call.version;
	m->at_hand = true;
	kube_lease_see_written(&m->seen, &m->call.wanted, m->call.sent_at, world_clock(w, m));
	m->held_until_ms =
		m->call.wanted.holder[0] ? m->call.sent_at.ns / 1000000 + DECIDE_DURATION_MS : 0;
	end_call(w, m, true);
}

static void go_on(struct world *w, struct world_member *m)
{
	struct world_call *const call = &m->call;

	if (!call->is_busy)
		return;
	if (w->now_ms >= call->deadline_ms) {
		end_call(w, m, false);
		return;
	}
	if (w->now_ms < call->at_ms || !w->api[index_of(w, m)])
		return;
	if (call->is_done)
		answer_write(w, m);
	else if (call->is_write)
		serve_write(w, m);
	else
		serve_read(w, m);
}

/* ---- EC2 ------------------------------------------------------------------------------------------------ */

static void associate(struct world *w, struct world_member *m)
{
	const int i = index_of(w, m);
	const struct decide_event refused = { .kind = DECIDE_EC2, .ec2 = DECIDE_EC2_REFUSED };

	/* The call may be under way while its daemon dies. */
	if (m->associate_at_ms && w->now_ms >= m->associate_at_ms) {
		m->associate_at_ms = 0;
		if (w->ec2[i] && !w->refuses[i])
			w->eip = i;
		if (is_awake(m) && w->refuses[i])
			world_tell(w, m, &refused);
		if (is_awake(m) && !m->verify_at_ms)
			m->verify_at_ms = w->now_ms + 2 * WORLD_STEP_MS;
	}
	if (is_awake(m) && decide_claims(&m->d) && !m->associate_at_ms && w->eip != i)
		m->associate_at_ms = w->now_ms + 2 * WORLD_STEP_MS + w->ec2_ms;
}

static void verify(struct world *w, struct world_member *m)
{
	const int i = index_of(w, m);
	struct decide_event event = { .kind = DECIDE_EC2, .who = w->eip };

	if (w->now_ms >= m->round_at_ms && !m->verify_at_ms) {
		m->round_at_ms = w->now_ms + ROUND_MS;
		m->verify_at_ms = w->now_ms + 2 * WORLD_STEP_MS;
	}
	if (!m->verify_at_ms || w->now_ms < m->verify_at_ms)
		return;
	m->verify_at_ms = 0;
	event.ec2 = !w->ec2[i]  ? DECIDE_EC2_SILENT :
		    w->eip == i ? DECIDE_EC2_MINE :
				  DECIDE_EC2_ELSEWHERE;
	world_tell(w, m, &event);
}

/* ---- a daemon and its kernel ---------------------------------------------------------------------------- */

static void plan(struct world *w, struct world_member *m)
{
	const struct mono now = world_clock(w, m);
	struct policy_carrier carriers[WORLD_MEMBERS_MAX];
	struct policy_carried egress = { "bank", POLICY_CARRIER_NONE };
	const struct policy_group group = { carriers, (size_t)w->n, &egress, 1 };
	struct decide_event event = { .kind = DECIDE_PLAN };
	size_t to;

	for (int i = 0; i < w->n; i++) {
		const bool is_self = &w->m[i] == m;

		carriers[i] = (struct policy_carrier){
			.name = w->m[i].name,
			.ready = is_self ?
					 m->kernel_ready && !m->draining :
					 decide_hears(&m->d, i, now) && m->d.peers[i].beat.is_ready,
		};
		/* Who carries it is ready, whatever he says about taking over. */
		if (decide_hears(&m->d, i, now) && m->d.peers[i].beat.role != DECIDE_ROLE_NONE &&
		    m->d.peers[i].beat.role != DECIDE_ROLE_HANDING_OVER)
			carriers[i].ready = true;
	}
	const int carrier = decide_carrier(&m->d, now);

	if (carrier >= 0)
		egress.carrier = (size_t)carrier;
	policy_assign(&group, &to);
	event.who = to == POLICY_CARRIER_NONE ? DECIDE_NOBODY : (int)to;
	if (w->plan != DECIDE_NOBODY)
		event.who = w->plan;
	to = policy_assign_turn(&group, 0, (size_t)index_of(w, m));
	event.turn = to == POLICY_CARRIER_NONE ? -1 : (int)to;
	world_tell(w, m, &event);
}

static void tend_kernel(struct world *w, struct world_member *m)
{
	if (m->told_translating != m->translating || m->told_ready != m->kernel_ready ||
	    !m->d.kernel_known || m->d.state == DECIDE_FENCED) {
		const struct decide_event event = { .kind = DECIDE_KERNEL,
						    .is_ready = m->kernel_ready,
						    .translating = m->translating };

		m->told_translating = m->translating;
		m->told_ready = m->kernel_ready;
		world_tell(w, m, &event);
	}
	m->translating = m->kernel_ready && decide_translates(&m->d, world_clock(w, m));
}

static void run_member(struct world *w, struct world_member *m)
{
	static const struct decide_event tick = { .kind = DECIDE_TICK };

	go_on(w, m);
	verify(w, m);
	if (w->now_ms % PLAN_MS == 0)
		plan(w, m);
	world_tell(w, m, &tick);
	tend_kernel(w, m);
	if (w->now_ms >= m->beat_at_ms)
		send_beats(w, m);
}

void world_step(struct world *w)
{
	w->now_ms += WORLD_STEP_MS;
	const int first = (int)world_random(w, (uint64_t)w->n);

	for (int k = 0; k < w->n; k++) {
		struct world_member *const m = &w->m[(first + k) % w->n];

		if (m->is_asleep)
			m->slept_ms += WORLD_STEP_MS;
		if (is_awake(m))
			run_member(w, m);
		associate(w, m);
	}
	promises_check(w);
}

void world_run(struct world *w, int64_t ms)
{
	for (const int64_t end = w->now_ms + ms; w->now_ms < end;)
		world_step(w);
}

bool world_is_settled(const struct world *w)
{
	if (w->eip < 0 || strcmp(w->lease.holder, w->m[w->eip].name) != 0)
		return false;
	for (int i = 0; i < w->n; i++) {
		const struct world_member *const m = &w->m[i];

		if (i == w->eip && (!is_awake(m) || m->d.state != DECIDE_ACTIVE || !m->translating))
			return false;
		if (i != w->eip && is_awake(m) && (m->d.state != DECIDE_STANDBY || m->translating))
			return false;
	}
	return true;
}

int64_t world_settle(struct world *w, int64_t ms)
{
	const int64_t begin = w->now_ms;

	while (!world_is_settled(w)) {
		if (w->now_ms - begin >= ms)
			return -1;
		world_step(w);
	}
	return w->now_ms - begin;
}

int64_t world_wait_carried(struct world *w, int64_t ms)
{
	const int64_t begin = w->now_ms;

	while (w->eip < 0 || !is_awake(&w->m[w->eip]) || !w->m[w->eip].translating) {
		if (w->now_ms - begin >= ms)
			return -1;
		world_step(w);
	}
	return w->now_ms - begin;
}
