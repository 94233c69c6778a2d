// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/flows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/seed.h"
#include "control/control.h"
#include "gateway/flow_filter.h"
#include "gateway/flowlog.h"
#include "nat/account.h"
#include "nat/flow.h"
#include "natlog/book.h"
#include "natlog/stamp.h"
#include "natlog/who.h"

enum { WALKS = 4, PAGE = 1000, WHO_MAX = 4 * PAGE, IDLE_MS = 10000, ID_MAX = 20 };

struct row {
	struct ct_flow flow;
	struct ct_account account;
	int64_t start_ns;
	uint32_t who;
	enum natlog_basis basis;
};

struct walk {
	struct flows *flows;
	struct loop_timer *idle;
	struct ct_walk *walk; /* NULL: it ended */
	struct flow_filter filter;
	char id[ID_MAX];      /* "": free */
	struct who_table who; /* of the rows */
	struct row *rows;     /* that weren't told yet */
	size_t n, size;
	size_t found, looked_at; /* since it began */
	bool has_more;           /* than were asked for */
	int failed;              /* 0, or why it ended early */
};

struct flows {
	struct loop *loop;
	struct flowlog *flowlog;
	struct walk walks[WALKS];
};

/* ---- a walk */

static void drop_rows(struct walk *walk)
{
	for (size_t i = 0; i < walk->n; i++)
		who_give(&walk->who, walk->rows[i].who);
	walk->n = 0;
}

static void stop(struct walk *walk)
{
	ct_walk_free(TAKE_PTR(walk->walk));
}

static void end(void *data)
{
	struct walk *walk = data;

	stop(walk);
	drop_rows(walk);
	who_done(&walk->who);
	free(TAKE_PTR(walk->rows));
	loop_timer_disarm(walk->idle);
	walk->size = 0;
	walk->id[0] = '\0';
}

static bool make_room(struct walk *walk)
{
	const size_t size = walk->size ? 2 * walk->size : 64;
	struct row *rows;

	if (walk->n < walk->size)
		return true;
	rows = reallocarray(walk->rows, size, sizeof(*rows));
	if (!rows)
		return false;
	walk->rows = rows;
	walk->size = size;
	return true;
}

static void add_row(struct walk *walk, const struct ct_flow *flow, const struct ct_account *account,
		    const struct book_entry *entry)
{
	struct row *row;

	if (!make_room(walk)) {
		walk->failed = -ENOMEM;
		stop(walk);
		return;
	}
	row = &walk->rows[walk->n++];
	*row = (struct row){ .flow = *flow,
			     .account = *account,
			     .start_ns = account->start_ns ? account->start_ns : entry->start_ns,
			     .who = entry->who ? who_take(&walk->who, entry->who) : 0,
			     .basis = entry->basis };
	walk->found++;
	if (walk->n >= PAGE)
		ct_walk_pause(walk->walk, true);
}

static void on_message(const struct ct_flow *flow, const struct nlmsghdr *nlh, void *data)
{
	static const struct natlog_who nobody = { 0 };
	struct walk *walk = data;
	struct ct_account account = { 0 };
	struct natlog_who who;
	struct book_entry entry;

	walk->looked_at++;
	if (!flow_filter_kernel(&walk->filter, flow))
		return;
	(void)ct_decode_account(nlh, &account);
	if (!flowlog_find(walk->flows->flowlog, flow, account.start_ns, &entry, &who) ||
	    !flow_filter_who(&walk->filter, flow, entry.who ? entry.who : &nobody))
		return;
	if (walk->found < walk->filter.limit) {
		add_row(walk, flow, &account, &entry);
		return;
	}
	walk->has_more = true;
	stop(walk);
}

static void on_end(int rc, void *data)
{
	struct walk *walk = data;

	walk->failed = rc;
	stop(walk);
}

static struct walk *find(struct flows *flows, const char *id)
{
	for (size_t i = 0; i < WALKS; i++) {
		if (strcmp(flows->walks[i].id, id) == 0)
			return &flows->walks[i];
	}
	return NULL;
}

static int begin(struct flows *flows, const struct control_args *args, struct walk **ret,
		 struct err *err)
{
	static const struct ct_walk_ops ops = { .on_message = on_message, .on_end = on_end };
	struct walk *walk = find(flows, "");
	int rc;

	if (!walk)
		return err_set(err, -EBUSY, "%d others look at connections now; try again later",
			       WALKS);
	rc = flow_filter_parse(args, &walk->filter, err);
	if (rc)
		return rc;
	walk->found = walk->looked_at = 0;
	walk->has_more = false;
	walk->failed = 0;
	walk->who = (struct who_table){ .most = WHO_MAX, .seed = seed_guessable() };
	walk->walk = ct_walk_new(flows->loop, &ops, walk, err);
	if (!walk->walk)
		return -EIO;
	snprintf(walk->id, sizeof(walk->id), "%016" PRIx64, seed_guessable());
	*ret = walk;
	return 0;
}

/* ---- an answer */

static void put_address(struct control_out *out, const char *key, struct ip4 address)
{
	char text[IP4_TEXT_MAX];

	if (address.v)
		control_string(out, key, ip4_format(address, text));
}

static void put_name(struct control_out *out, const char *key, const char *name)
{
	if (name && *name)
		control_string(out, key, name);
}

static void put_traffic(struct control_out *out, const char *key, const struct ct_traffic *traffic)
{
	control_object(out, key);
	control_int(out, "packets", (long long)traffic->packets);
	control_int(out, "bytes", (long long)traffic->bytes);
	control_end(out);
}

/* As the NAT log has them (natlog/record.h). */
static void put_ends(struct control_out *out, const struct ct_flow *flow,
		     const struct natlog_who *who)
{
	const bool is_icmp = flow->orig.protocol == IPPROTO_ICMP;
	const char *port = is_icmp ? "id" : "port";

	control_object(out, "pod");
	put_name(out, "namespace", who->namespace);
	put_name(out, "name", who->name);
	put_name(out, "uid", who->uid);
	put_name(out, "node", who->node);
	put_address(out, "address", flow->orig.src);
	control_int(out, port, flow->orig.src_port);
	control_end(out);
	put_name(out, "policy", who->policy);
	control_object(out, "egress");
	put_name(out, "name", who->egress);
	put_address(out, "public", who->public);
	put_address(out, "private", flow->nat);
	control_int(out, port, flow->nat_port);
	control_end(out);
	control_object(out, "destination");
	put_address(out, "address", flow->orig.dst);
	control_int(out, is_icmp ? "icmp_type" : "port",
		    is_icmp ? flow->orig.icmp_type : flow->orig.dst_port);
	control_end(out);
}

static void put_row(struct control_out *out, const struct walk *walk, const struct row *row)
{
	static const struct natlog_who nobody = { 0 };
	const struct natlog_who *who = who_of(&walk->who, row->who);
	char stamp[STAMP_MAX];

	control_object(out, NULL);
	if (row->start_ns)
		control_string(out, "start", stamp_format(row->start_ns, stamp));
	control_string(out, "protocol", natlog_protocol_name(row->flow.orig.protocol));
	put_ends(out, &row->flow, who ? who : &nobody);
	if (row->account.is_counted) {
		put_traffic(out, "sent", &row->account.sent);
		put_traffic(out, "received", &row->account.received);
	}
	control_string(out, "state", flow_state(&row->flow));
	control_int(out, "timeout_s", row->flow.timeout_s);
	control_string(out, "attribution", natlog_basis_name(row->basis));
	control_end(out);
}

int flows_answer(struct flows *flows, const struct control_args *args, struct control_out *out,
		 struct err *err)
{
	const char *const id = control_arg(args, "walk");
	struct walk *walk = id && *id ? find(flows, id) : NULL;
	int rc = 0;

	if (id && !walk)
		return err_set(err, -ENOENT, "nobody asked for that walk for %d s; begin again",
			       IDLE_MS / 1000);
	if (!walk)
		rc = begin(flows, args, &walk, err);
	if (rc)
		return rc;
	control_string(out, "walk", walk->id);
	control_array(out, "flows");
	for (size_t i = 0; i < walk->n; i++)
		put_row(out, walk, &walk->rows[i]);
	control_end(out);
	drop_rows(walk);
	control_int(out, "looked_at", (long long)walk->looked_at);
	control_bool(out, "more", walk->has_more);
	control_bool(out, "done", !walk->walk);
	rc = walk->failed;
	if (walk->walk) {
		ct_walk_pause(walk->walk, false);
		loop_timer_arm_ms(walk->idle, IDLE_MS);
		return 0;
	}
	end(walk);
	return rc ? err_set(err, rc, "connections can't be listed: %s", strerror(-rc)) : 0;
}

struct flows *flows_new(struct loop *loop, struct flowlog *flowlog, struct err *err)
{
	struct flows *flows = calloc(1, sizeof(*flows));

	for (size_t i = 0; flows && i < WALKS; i++) {
		flows->walks[i].flows = flows;
		flows->walks[i].idle = loop_timer_new(loop, end, &flows->walks[i]);
		if (!flows->walks[i].idle) {
			flows_free(flows);
			flows = NULL;
		}
	}
	if (!flows) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	flows->loop = loop;
	flows->flowlog = flowlog;
	return flows;
}

void flows_free(struct flows *flows)
{
	if (!flows)
		return;
	for (size_t i = 0; i < WALKS; i++) {
		if (flows->walks[i].id[0])
			end(&flows->walks[i]);
		loop_timer_free(flows->walks[i].idle);
	}
	free(flows);
}
