// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/log/flowlog_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "control/control.h"
#include "gateway/log/flowlog_outputs.h"
#include "gateway/log/flows.h"
#include "natlog/book.h"
#include "natlog/natlog.h"
#include "natlog/stamp.h"
#include "policy/facts.h"

#define NS_PER_S INT64_C(1000000000)

/* Events that wait in the kernel meanwhile are in its table still. */
enum { BEGIN_ANYWAY_MS = 10000, SOCKET_BUFFER = 16 << 20 };
/* When the daemon ends, and when it goes on: then heartbeats wait, too. */
enum { END_MS = 1000, CHANGE_MS = 50 };

/* ---- who */

/* The mark says which it was; the address must be that one's. */
static size_t egress_of(const struct gateway_view *view, const struct ct_flow *flow)
{
	size_t n = view->config->egress_ips.n;

	if (flow->mark <= n && gateway_private(view, flow->mark - 1).v == flow->nat.v)
		return flow->mark - 1;
	for (size_t i = 0; i < n; i++) {
		if (gateway_private(view, i).v == flow->nat.v)
			return i;
	}
	return POLICY_EGRESS_NONE;
}

static const char *configured_node(const struct gateway_config *config, struct ip4 pod)
{
	const struct gateway_node *nodes = config->nodes.v;

	for (size_t i = 0; i < config->nodes.n; i++) {
		for (size_t j = 0; j < nodes[i].pod_cidrs.n; j++) {
			if (ip4_prefix_contains(nodes[i].pod_cidrs.v[j], pod))
				return nodes[i].name;
		}
	}
	return NULL;
}

/* A pod that was made after the connection began isn't its, whoever has the address now. */
static void put_pod(const struct inventory *inventory, struct ip4 address, int64_t start_ns,
		    char uid[static INVENTORY_UID_MAX], struct natlog_who *ret)
{
	struct inventory_owner owner;
	struct inventory_birth birth;

	if (!inventory_owner_of(inventory, address, &owner) || owner.contested ||
	    !inventory_birth_of(inventory, address, &birth))
		return;
	if (start_ns && birth.created_s > start_ns / NS_PER_S)
		return;
	memcpy(uid, birth.uid, sizeof(birth.uid));
	ret->namespace = owner.namespace;
	ret->name = owner.name;
	ret->node = owner.node;
	ret->uid = uid;
}

void flowlog_source(const struct gateway_view *view, struct ip4 source, int64_t start_ns,
		    char uid[static INVENTORY_UID_MAX], struct natlog_who *ret)
{
	if (view->inventory)
		put_pod(view->inventory, source, start_ns, uid, ret);
	else
		ret->node = configured_node(view->config, source);
}

bool flowlog_who(const struct gateway_view *view, const struct ct_flow *flow, int64_t start_ns,
		 char uid[static INVENTORY_UID_MAX], struct natlog_who *ret)
{
	const struct policy_rule *rule;
	size_t egress;

	/* The host's own connections have no mark, nor has the self-test's tracked one. */
	if (!flow->mark || flow->mark > POLICY_EGRESS_MAX || !view->config)
		return false;
	egress = egress_of(view, flow);
	if (egress != POLICY_EGRESS_NONE) {
		const struct gateway_egress *list = view->config->egress_ips.v;

		ret->egress = list[egress].name;
		ret->public = gateway_public(view, egress);
	}
	rule = view->policies ? gateway_rule_of(view, flow->orig.src, flow->orig.dst) : NULL;
	if (rule && rule->egress == egress)
		ret->policy = view->policies->names[rule->policy];
	flowlog_source(view, flow->orig.src, start_ns, uid, ret);
	return true;
}

static bool ask(const struct ct_flow *flow, int64_t start_ns, struct natlog_who *ret, void *data)
{
	struct flowlog *flowlog = data;
	const struct gateway_view view = flowlog->options.view(flowlog->options.data);

	return flowlog_who(&view, flow, start_ns, flowlog->uid, ret);
}

bool flowlog_find(struct flowlog *flowlog, const struct ct_flow *flow, int64_t start_ns,
		  struct book_entry *entry, struct natlog_who *who)
{
	const struct gateway_view view = flowlog->options.view(flowlog->options.data);
	const size_t egress = view.config ? egress_of(&view, flow) : POLICY_EGRESS_NONE;

	if (egress != POLICY_EGRESS_NONE && gateway_is_fenced(&view, egress))
		return false;
	if (flowlog->natlog && natlog_find(flowlog->natlog, flow, entry))
		return true;
	*who = (struct natlog_who){ 0 };
	if (!flowlog_who(&view, flow, start_ns ? start_ns : 1, flowlog->uid, who))
		return false;
	*entry = (struct book_entry){ .who = who,
				      .start_ns = start_ns,
				      .basis = who->policy || who->name ? NATLOG_FOUND :
									  NATLOG_NONE };
	return true;
}

/* ---- where */

static struct place *find_place(struct flowlog *flowlog, struct ip4 address)
{
	for (size_t i = 0; i < flowlog->n_places; i++) {
		if (flowlog->places[i].address.v == address.v)
			return &flowlog->places[i];
	}
	return NULL;
}

/* An address that ceased to be an egress IP's makes room for one that became one's. */
static struct place *new_place(struct flowlog *flowlog, struct ip4 address)
{
	struct place *place;

	if (flowlog->n_places == POLICY_EGRESS_MAX)
		flowlog->n_places = 0;
	place = &flowlog->places[flowlog->n_places++];
	*place = (struct place){ .address = address };
	return place;
}

/* Who hands it over translates, too, and records until he has done so. */
static bool is_coming(const struct gateway_view *view, size_t egress, const struct place *place)
{
	return place && place->is_elsewhere && view->shared && view->shared[egress];
}

static void see_fence(struct flowlog *flowlog, const struct gateway_view *view)
{
	for (size_t i = 0; view->fenced && i < view->config->egress_ips.n; i++) {
		const struct ip4 address = gateway_private(view, i);
		struct place *place = find_place(flowlog, address);
		const bool is_elsewhere = gateway_is_fenced(view, i) || is_coming(view, i, place);

		if (!address.v)
			continue;
		if (place && place->is_elsewhere == is_elsewhere)
			continue;
		if (place)
			place->since_ns = stamp_now_ns();
		else
			place = new_place(flowlog, address);
		place->is_elsewhere = is_elsewhere;
	}
}

void flowlog_see_fence(struct flowlog *flowlog)
{
	const struct gateway_view view = flowlog->options.view(flowlog->options.data);

	if (flowlog->natlog && view.config)
		see_fence(flowlog, &view);
}

/* What another gateway translates is in this kernel too, and that one records it. */
static bool carried(struct ip4 nat, int64_t from_ns, int64_t to_ns, void *data)
{
	struct flowlog *flowlog = data;
	const struct place *place = find_place(flowlog, nat);

	/* One that nobody told of. */
	if (!place) {
		flowlog_see_fence(flowlog);
		place = find_place(flowlog, nat);
	}
	if (!place)
		return true;
	return place->is_elsewhere ? from_ns < place->since_ns : to_ns >= place->since_ns;
}

/* ---- life */

static void begin(struct flowlog *flowlog)
{
	flowlog_see_fence(flowlog);
	flowlog->has_begun = true;
	loop_timer_disarm(flowlog->anyway);
	if (flowlog->natlog)
		natlog_begin(flowlog->natlog);
}

static void begin_anyway(void *data)
{
	struct flowlog *flowlog = data;

	if (flowlog->natlog && !flowlog->has_begun)
		log_warning(MSG_NATLOG_UNATTRIBUTED, "natlog",
			    "it isn't known yet whose addresses are; connections that "
			    "end are recorded without a pod");
	begin(flowlog);
}

bool flowlog_tell(const struct ct_flow *flow, const struct ct_account *account, struct ct_tale *ret,
		  void *data)
{
	const struct flowlog *flowlog = data;

	return flowlog->natlog && natlog_tell(flowlog->natlog, flow, account, ret);
}

size_t flowlog_tell_who(uint32_t who, uint8_t *ret, size_t size, void *data)
{
	const struct flowlog *flowlog = data;

	return flowlog->natlog ? natlog_tell_who(flowlog->natlog, who, ret, size) : 0;
}

void flowlog_take(const struct ct_flow *flow, const struct ct_tale *tale, const uint8_t *who,
		  size_t n, void *data)
{
	const struct flowlog *flowlog = data;

	if (flowlog->natlog)
		natlog_take(flowlog->natlog, flow, &(struct natlog_word){ tale, who, n });
}

static int open_log(struct flowlog *flowlog, const struct gateway_config *config, struct err *err)
{
	static const struct natlog_ops ops = { .ask = ask, .carried = carried };
	struct output_hows hows;
	char book[FLOWLOG_BOOK_MAX];

	flowlog_book(&config->log, book);
	const struct natlog_options options = { .loop = flowlog->options.loop,
						.gateway = config->gateway.name,
						.book = book,
						.most_flows = config->log.max_connections,
						.most_waiting = config->log.max_waiting_bytes,
						.is_blocks_only =
							!log_has(&config->log, LOG_RECORD_FLOW),
						.buffer = SOCKET_BUFFER,
						.ops = &ops,
						.data = flowlog };

	flowlog_outputs(&config->log, &hows);
	flowlog->natlog = natlog_new(&options, &hows, err);
	if (!flowlog->natlog)
		return -EINVAL;
	if (flowlog->has_begun)
		natlog_begin(flowlog->natlog);
	flowlog_blocks_open(flowlog);
	return 0;
}

/* The list of records is the configuration's, which may be gone when this is asked. */
static void take_config(struct flowlog *flowlog, const struct gateway_log *log)
{
	flowlog->config = *log;
	flowlog->config.records = (struct config_names){ 0 };
	flowlog->blocks.is_wanted = log_has(log, LOG_RECORD_BLOCK);
	flowlog->has_flows = log_has(log, LOG_RECORD_FLOW);
}

struct flowlog *flowlog_new(const struct flowlog_options *options,
			    const struct gateway_config *config, struct err *err)
{
	struct flowlog *flowlog = calloc(1, sizeof(*flowlog));

	if (!flowlog) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	flowlog->options = *options;
	take_config(flowlog, &config->log);
	flowlog->anyway = loop_timer_new(options->loop, begin_anyway, flowlog);
	flowlog->flows = flows_new(options->loop, flowlog);
	if (!flowlog->anyway || !flowlog->flows || flowlog_blocks_init(flowlog)) {
		err_set(err, -ENOMEM, "out of memory");
		flowlog_free(flowlog);
		return NULL;
	}
	if (log_is_wanted(&config->log) && open_log(flowlog, config, err)) {
		flowlog_free(flowlog);
		return NULL;
	}
	loop_timer_arm_ms(flowlog->anyway, BEGIN_ANYWAY_MS);
	return flowlog;
}

void flowlog_free(struct flowlog *flowlog)
{
	if (!flowlog)
		return;
	flows_free(flowlog->flows);
	natlog_free(flowlog->natlog, END_MS);
	flowlog_blocks_done(flowlog);
	loop_timer_free(flowlog->anyway);
	free(flowlog);
}

void flowlog_begin(struct flowlog *flowlog)
{
	begin(flowlog);
	flowlog_blocks_begin(flowlog);
}

/* The ceilings are of what is there from the beginning; outputs can be others at any time. */
static bool needs_another(const struct flowlog *flowlog, const struct gateway_log *b)
{
	const struct gateway_log *a = &flowlog->config;

	return flowlog->has_flows != log_has(b, LOG_RECORD_FLOW) ||
	       flowlog->blocks.is_wanted != log_has(b, LOG_RECORD_BLOCK) ||
	       log_is_wanted(a) != log_is_wanted(b) || a->max_connections != b->max_connections ||
	       a->max_waiting_bytes != b->max_waiting_bytes;
}

void flowlog_configure(struct flowlog *flowlog, const struct gateway_config *config)
{
	const bool is_another = needs_another(flowlog, &config->log) ||
				!flowlog->natlog == log_is_wanted(&config->log);
	struct err err = ERR_NULL;

	take_config(flowlog, &config->log);
	flowlog->error[0] = '\0';
	if (!is_another) {
		struct output_hows hows;

		flowlog_outputs(&config->log, &hows);
		if (flowlog->natlog)
			natlog_reopen(flowlog->natlog, &hows, CHANGE_MS);
		return;
	}
	natlog_free(flowlog->natlog, CHANGE_MS);
	flowlog->natlog = NULL;
	if (log_is_wanted(&config->log) && open_log(flowlog, config, &err)) {
		log_error(MSG_NATLOG_NONE, "natlog", "there is no log of connections: %s",
			  err.text);
		memcpy(flowlog->error, err.text, sizeof(flowlog->error));
	}
}

bool flowlog_status(const struct flowlog *flowlog, struct natlog_status *ret)
{
	if (flowlog->natlog)
		natlog_status(flowlog->natlog, ret);
	return flowlog->natlog;
}

const char *flowlog_error(const struct flowlog *flowlog)
{
	return flowlog->error;
}

const struct gateway_log *flowlog_config(const struct flowlog *flowlog)
{
	return &flowlog->config;
}

struct flows *flowlog_flows(const struct flowlog *flowlog)
{
	return flowlog->flows;
}

void flowlog_place(const struct flowlog *flowlog, struct control_out *out)
{
	if (!flowlog->config.file.path[0])
		return;
	control_string(out, "log_path", flowlog->config.file.path);
	control_bool(out, "log_flows", flowlog->has_flows);
}
