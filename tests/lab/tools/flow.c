// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { PORTS_LISTED_MAX = 64 };

static const struct flow_kind *const kind_tables[] = { flow_stream_kinds, flow_datagram_kinds,
						       flow_fresh_kinds };
static const char *const state_names[FLOW_STATE_COUNT] = { "connecting", "open", "dead" };
static struct flow *flows;

static const struct flow_kind *kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kind_tables) / sizeof(kind_tables[0]); i++)
		for (const struct flow_kind *kind = kind_tables[i]; kind->name; kind++)
			if (!strcmp(kind->name, name))
				return kind;
	return NULL;
}

static struct flow *flow_find(json_int_t id)
{
	for (struct flow *f = flows; f; f = f->next)
		if (f->id == id)
			return f;
	return NULL;
}

static void flow_free(struct flow *f)
{
	for (struct flow **at = &flows; *at; at = &(*at)->next) {
		if (*at != f)
			continue;
		*at = f->next;
		break;
	}
	timer_stop(&f->ticker);
	timer_stop(&f->linger);
	watch_close(&f->watch);
	flow_fresh_free(f);
	flow_datagram_free(f);
	json_decref(f->seen);
	json_decref(f->ports);
	json_decref(f->failures);
	free(f);
}

static void counter_add(json_t *counters, const char *key, uint64_t n)
{
	json_t *value = json_object_get(counters, key);

	if (value)
		json_integer_set(value, json_integer_value(value) + (json_int_t)n);
	else
		json_object_set_new(counters, key, json_integer((json_int_t)n));
}

void flow_note(json_t *counters, const char *key)
{
	counter_add(counters, key, 1);
}

void flow_saw(struct flow *f, const struct sockaddr_in *seen, uint64_t messages)
{
	char addr[INET_ADDRSTRLEN], full[INET_ADDRSTRLEN + 8];

	inet_ntop(AF_INET, &seen->sin_addr, addr, sizeof(addr));
	counter_add(f->seen, addr, messages);
	snprintf(full, sizeof(full), "%s:%u", addr, ntohs(seen->sin_port));
	if (json_object_get(f->ports, full) || json_object_size(f->ports) < PORTS_LISTED_MAX)
		counter_add(f->ports, full, messages);
}

void flow_progress(struct flow *f)
{
	int64_t now = now_ns();

	if (!f->first_ns)
		f->first_ns = now;
	else if (now - f->last_ns > f->gap_ns) {
		f->gap_ns = now - f->last_ns;
		f->gap_at_ns = f->last_ns;
	}
	f->last_ns = now;
}

static void flow_ready(struct watch *w, uint32_t events)
{
	struct flow *f = container_of(w, struct flow, watch);

	(void)events;
	f->kind->ready(f);
}

int flow_open(struct flow *f)
{
	int fd = endpoint_open(&f->to);

	if (fd < 0)
		return fd;
	f->opened_ns = now_ns();
	f->watch = (struct watch){ .fd = fd, .on_ready = flow_ready };
	return watch_add(&f->watch,
			 f->to.transport == TRANSPORT_TCP ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void flow_fail(struct flow *f, int error)
{
	f->error = error;
	f->errors++;
	if (error == ECONNRESET)
		f->resets++;
	flow_note(f->failures, errno_name(error));
	watch_close(&f->watch);
	f->state = FLOW_DEAD;
}

static bool flow_ended(const struct flow *f)
{
	return now_ns() >= f->end_ns;
}

static void ticker_expired(struct timer *t)
{
	struct flow *f = container_of(t, struct flow, ticker);
	int64_t due = now_ns() + f->interval_ns;

	if (flow_ended(f))
		return;
	timer_set(t, due);
	/* Who wants to reconnect does not want to sit out the kernel's two minutes of SYNs. */
	if (f->state == FLOW_CONNECTING && f->reconnect && now_ns() - f->opened_ns > f->timeout_ns)
		flow_fail(f, ETIME);
	if (f->state == FLOW_DEAD && f->reconnect) {
		int error = f->kind->start(f);

		if (error)
			flow_fail(f, -error);
		return;
	}
	if (f->state == FLOW_OPEN)
		f->kind->tick(f);
}

static json_t *flow_report(struct flow *f)
{
	int64_t now = now_ns();
	socklen_t len = sizeof(f->local);
	json_t *report;

	if (f->watch.fd >= 0)
		getsockname(f->watch.fd, (struct sockaddr *)&f->local, &len);
	report = json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:o, s:i}",
		"kind", f->kind->name, "state", state_names[f->state], "sent", (json_int_t)f->sent,
		"received", (json_int_t)f->received, "late", (json_int_t)f->late, "duplicates",
		(json_int_t)f->duplicates, "corrupt", (json_int_t)f->corrupt, "errors",
		(json_int_t)f->errors, "resets", (json_int_t)f->resets, "max_gap_ms",
		(double)f->gap_ns / 1e6, "max_gap_at_ms",
		f->gap_ns ? (double)(f->gap_at_ns - f->start_ns) / 1e6 : 0.0, "stalled_ms",
		(double)(now - (f->last_ns ? f->last_ns : f->start_ns)) / 1e6, "age_ms",
		(double)(now - f->start_ns) / 1e6, "max_rtt_ms", (double)f->rtt_max_ns / 1e6,
		"local", json_addr(f->local.sin_addr), "local_port", ntohs(f->local.sin_port));
	json_object_set(report, "seen", f->seen);
	json_object_set(report, "ports", f->ports);
	json_object_set(report, "failures", f->failures);
	json_object_set_new(report, "missing", flow_datagram_missing(f));
	json_object_set_new(report, "error",
			    f->error ? json_string(errno_name(f->error)) : json_null());
	return report;
}

void cmd_flow_start(struct ticket ticket, json_t *args)
{
	const struct flow_kind *kind = kind_find(arg_str(args, "kind", ""));
	struct flow *f = kind ? calloc(1, sizeof(*f)) : NULL;
	int error;

	if (!f || !endpoint_parse(args, &f->to)) {
		free(f);
		answer_fault(ticket, "flow_start: unknown kind or no destination");
		return;
	}
	f->kind = kind;
	f->to.transport = kind->transport;
	f->id = ticket.id;
	f->interval_ns = arg_int(args, "interval_ms", 10) * MS_NS;
	f->timeout_ns = arg_int(args, "timeout_ms", 1000) * MS_NS;
	f->size = (size_t)arg_int(args, "size", 64);
	f->per_sec = (uint64_t)arg_int(args, "per_sec", 0);
	f->reconnect = arg_bool(args, "reconnect");
	f->start_ns = now_ns();
	f->end_ns = f->start_ns + arg_int(args, "duration_ms", 120000) * MS_NS;
	f->watch.fd = -1;
	f->ticker.on_expired = ticker_expired;
	f->seen = json_object();
	f->ports = json_object();
	f->failures = json_object();
	f->next = flows;
	flows = f;
	error = kind->start(f);
	if (error)
		flow_fail(f, -error);
	timer_set(&f->ticker, f->start_ns);
	answer(ticket, json_pack("{s:I}", "flow", f->id));
}

void cmd_flow_stat(struct ticket ticket, json_t *args)
{
	struct flow *f = flow_find(arg_int(args, "flow", -1));

	if (f)
		answer(ticket, flow_report(f));
	else
		answer_fault(ticket, "flow_stat: no such flow");
}

static void linger_expired(struct timer *t)
{
	struct flow *f = container_of(t, struct flow, linger);

	/* Of a new socket per message it's known what has failed. */
	bool is_waiting = f->kind->ready ? f->received < f->sent : f->pending > 0;

	if (f->state == FLOW_OPEN && is_waiting && now_ns() < f->end_ns) {
		timer_set(t, now_ns() + MS_NS);
		return;
	}
	answer(f->stopper, flow_report(f));
	flow_free(f);
}

/* Sends no more, but gives what is under way the time to come back: then "lost" means lost. */
void cmd_flow_stop(struct ticket ticket, json_t *args)
{
	struct flow *f = flow_find(arg_int(args, "flow", -1));

	if (!f) {
		answer_fault(ticket, "flow_stop: no such flow");
		return;
	}
	timer_stop(&f->ticker);
	f->stopper = ticket;
	f->end_ns = now_ns() + arg_int(args, "linger_ms", 300) * MS_NS;
	f->linger.on_expired = linger_expired;
	timer_set(&f->linger, now_ns());
}
