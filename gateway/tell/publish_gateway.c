// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What publish.h says of the EgressGateway. */
#include "gateway/tell/publish_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/cluster.h"
#include "gateway/own/outside.h"
#include "gateway/own/own.h"
#include "gateway/use/pressure.h"
#include "kube/events.h"
#include "kube/kinds.h"
#include "kube/status.h"

enum { MESSAGE_MAX = 1024 };

/* Who writes a group's condition, by server-side apply; no gateway's name has a "/". */
#define SPEAKER "eipgw.io/group"
#define PORTS "PortsAvailable"

/* One round. */
struct words {
	const struct gateway_view *view;
	const struct group *group;
	const struct failover_facts *facts; /* NULL: alone */
	struct failover_facts mended;       /* see find_facts */
	struct publish_plan plan;           /* in a group */
	size_t n_carried;                   /* by any gateway */
	bool is_ready;
	struct kube_gateway_status status;
	struct kube_member member;
	struct kube_condition ready, ports;
	struct kube_condition conditions[2]; /* those two, as far as they are there */
	struct kube_carried carried[POLICY_EGRESS_MAX];
	const char *public_texts[POLICY_EGRESS_MAX];
	char texts[POLICY_EGRESS_MAX][IP4_TEXT_MAX];
	struct failover_egress egress[POLICY_EGRESS_MAX];
	struct publish_egress seen[POLICY_EGRESS_MAX];
	const char *self;
	char now[KUBE_TIME_MAX], message[MESSAGE_MAX];
	char ports_message[MESSAGE_MAX], ports_type[CONFIG_NAME_MAX + sizeof(PORTS)];
};

static size_t count(const struct words *words)
{
	return words->view->config->egress_ips.n;
}

static const char *name_of(const struct words *words, size_t i)
{
	const struct gateway_egress *egress = words->view->config->egress_ips.v;

	return egress[i].name;
}

static bool is_carried_here(const struct words *words, size_t i)
{
	const struct gateway_view *view = words->view;

	return gateway_private(view, i).v && gateway_serves(view, i) &&
	       (!words->facts || words->facts->egress[i].translates);
}

static bool is_carried(const struct words *words, size_t i)
{
	return words->facts ? publish_is_carried(words->facts, i) : is_carried_here(words, i);
}

/* ---- in a group */

static const struct group_egress *find_seen(const struct group *group, const char *name)
{
	for (size_t i = 0; i < group->n_egress; i++) {
		if (strcmp(group->egress[i].name, name) == 0)
			return &group->egress[i];
	}
	return NULL;
}

static bool is_listed(const struct words *words)
{
	const struct ip4 self = gateway_address(words->view);

	for (size_t i = 0; i < words->group->n_members; i++) {
		if (words->group->members[i].address.v == self.v)
			return true;
	}
	return false;
}

/* What the internet sees wrongly isn't carried, whatever the kernel translates. */
static void find_facts(struct words *words)
{
	words->mended = *words->view->failover;
	words->facts = words->view->failover;
	for (size_t i = 0; i < count(words); i++) {
		words->egress[i] = words->view->failover->egress[i];
		words->egress[i].translates = is_carried_here(words, i);
	}
	words->mended.egress = words->egress;
	words->facts = &words->mended;
}

/* NULL, and so nothing is written, for one that isn't known. */
static const char *zone_of(const char *zone)
{
	return zone && zone[0] ? zone : NULL;
}

static void make_plan(struct publish *publish, struct words *words)
{
	find_facts(words);
	for (size_t i = 0; i < count(words); i++) {
		const struct group_egress *seen = find_seen(words->group, name_of(words, i));

		words->seen[i] =
			(struct publish_egress){ name_of(words, i),
						 seen ? seen->gateway : (struct ip4){ 0 } };
	}
	const struct publish_input input = { .facts = words->facts,
					     .egress = words->seen,
					     .n = count(words),
					     .address = gateway_address(words->view),
					     .is_listed = is_listed(words) };

	publish_plan(&publish->memory, &input, mono_now(), &words->plan);
	if (words->plan.next_ms >= 0)
		(void)loop_timer_arm_ms(publish->due, words->plan.next_ms + 1);
}

/* By server-side apply, a member's part is who wrote it: as he himself would write it now. */
static void write_peer(struct publish *publish, const struct words *words, size_t i)
{
	const struct failover_member *member = &words->facts->members[i];
	const struct kube_target target = { .kind = &kube_gateways,
					    .name = words->group->name,
					    .manager = member->name };
	struct kube_member dead = { .name = member->name,
				    .zone = zone_of(member->zone),
				    .address = member->address,
				    .state = KUBE_MEMBER_NOT_READY };
	struct kube_gateway_status status = { .observed_generation = words->group->generation };

	if (member->is_self)
		return;
	if (words->plan.peers[i] == PUBLISH_PEER_NOTHING) {
		kube_status_drop(publish->writer, &target);
		return;
	}
	if (words->plan.peers[i] == PUBLISH_PEER_NOT_READY) {
		status.members.v = &dead;
		status.members.n = 1;
	}
	(void)kube_status_set(publish->writer, &target, &kube_gateway_status_table, &status);
}

/* ---- the words */

static const char *find_partner(const struct publish *publish, const struct words *words, size_t i)
{
	return words->facts && !publish->is_old && words->facts->egress[i].partner[0] ?
		       words->facts->egress[i].partner :
		       NULL;
}

static void add_carried(struct publish *publish, size_t i, struct words *words)
{
	const struct gateway_view *view = words->view;
	const struct group *group = words->group;
	struct told *told =
		told_find(&publish->gateway, group->uid, group->name, name_of(words, i));
	bool outside = view->outside && view->outside->v[i].state == OUTSIDE_CONFIRMED;
	size_t n = words->status.public_ips.n;

	if (!told)
		return;
	(void)told_say(told, "Carried");
	words->carried[words->status.egress_ips.n++] = (struct kube_carried){
		.name = name_of(words, i),
		.public_ip = gateway_public(view, i),
		.allocation_id = view->own ? view->own->v[i].allocation_id : NULL,
		.member = publish->name,
		.second_member = find_partner(publish, words, i),
		.since = told->since,
		.verified = { .time = view->own || outside ? words->now : NULL,
			      .outside = outside },
	};
	words->public_texts[n] = ip4_format(gateway_public(view, i), words->texts[n]);
	words->status.public_ips.n = n + 1;
}

/* The one who took it over from us, until he is seen to have written that himself. */
static void add_successor(size_t i, struct words *words)
{
	const struct gateway_view *view = words->view;

	words->carried[words->status.egress_ips.n++] = (struct kube_carried){
		.name = name_of(words, i),
		.public_ip = gateway_public(view, i),
		.allocation_id = view->own ? view->own->v[i].allocation_id : NULL,
		.member = words->facts->egress[i].carrier,
	};
}

static void add_egress(struct publish *publish, struct words *words)
{
	for (size_t i = 0; i < count(words); i++) {
		if (is_carried_here(words, i) &&
		    (!words->facts || words->plan.entries[i] == PUBLISH_SELF))
			add_carried(publish, i, words);
		else if (words->facts && words->plan.entries[i] == PUBLISH_CARRIER)
			add_successor(i, words);
		words->n_carried += is_carried(words, i);
	}
	words->status.egress_ips.v = words->carried;
	words->status.public_ips.v = words->public_texts;
	words->status.active_members =
		(struct kube_texts){ &words->self, words->status.public_ips.n > 0 };
}

/* What keeps an egress IP from being carried. */
static const char *find_obstacle(const struct words *words, size_t i)
{
	const struct gateway_view *view = words->view;
	const struct own_egress *own = view->own ? &view->own->v[i] : NULL;

	if (own && (own->state == OWN_LOST || own->state == OWN_BLOCKED))
		return own->reason;
	if (words->facts && !words->facts->egress[i].translates && gateway_serves(view, i))
		return "no gateway of the group carries it";
	if (own && !gateway_private(view, i).v)
		return own->reason;
	if (!gateway_private(view, i).v)
		return "gateway.json names no private address for it";
	return view->outside ? view->outside->v[i].reason : "no gateway of the group carries it";
}

static const char *explain(struct words *words)
{
	size_t used;

	snprintf(words->message, sizeof(words->message), "%zu of %zu egress IPs are carried",
		 words->n_carried, count(words));
	used = strlen(words->message);
	for (size_t i = 0; i < count(words) && used < MESSAGE_MAX; i++) {
		if (!is_carried(words, i))
			used += (size_t)snprintf(words->message + used, MESSAGE_MAX - used,
						 "; %s: %.300s", name_of(words, i),
						 find_obstacle(words, i));
	}
	words->is_ready = words->n_carried == count(words);
	return words->is_ready ? "Carried" : "NotCarried";
}

static void note(struct publish *publish, const struct words *words,
		 const struct kube_condition *condition, const char *action)
{
	const struct kube_event event = { .kind = "EgressGateway",
					  .api_version = kube_gateways.api_version,
					  .name = words->group->name,
					  .uid = words->group->uid,
					  .is_warning = condition->status[0] == 'F',
					  .reason = condition->reason,
					  .action = action,
					  .note = condition->message };

	kube_events_note(publish->events, &event);
}

/*
 * All members judge, so that each knows since when it is so; one of them tells.
 * The writer knows objects by their names only: what it has written to a deleted one isn't in that one's successor.
 */
static void add_ready(struct publish *publish, struct words *words)
{
	const struct group *group = words->group;
	const char *reason = explain(words);
	struct told *told = told_find(&publish->gateway, group->uid, group->name, "Ready");
	enum told_news news = told ? told_say(told, reason) : TOLD_SAME;

	if (news == TOLD_FIRST)
		kube_status_forget(publish->writer, &kube_gateways, group->name);
	if (!told || (words->facts && !words->plan.is_speaker))
		return;
	words->ready = (struct kube_condition){ .type = "Ready",
						.status = words->is_ready ? "True" : "False",
						.observed_generation = group->generation,
						.since = told->since,
						.reason = reason,
						.message = words->message };
	if (news != TOLD_SAME)
		note(publish, words, &words->ready, words->is_ready ? "Translating" : "Dropping");
	/* The Event gets it by itself. */
	message_append(message_named(reason), words->message, sizeof(words->message));
}

/* Of those that are carried here. False: there is none. */
static bool explain_ports(struct words *words, bool *ret_short)
{
	const struct pressure *pressure = words->view->pressure;
	size_t used = 0;
	bool is_any = false;

	*ret_short = false;
	for (size_t i = 0; i < count(words); i++) {
		const bool is_short = pressure && pressure->v[i].is_short;

		if (!is_carried_here(words, i))
			continue;
		is_any = true;
		if (is_short && used < MESSAGE_MAX)
			used += (size_t)snprintf(words->ports_message + used, MESSAGE_MAX - used,
						 "%s%s", used ? "; " : "", pressure->v[i].text);
		*ret_short |= is_short;
	}
	if (!*ret_short)
		snprintf(words->ports_message, MESSAGE_MAX,
			 "to each destination of each egress IP there are ports left");
	return is_any;
}

/*
 * Each member knows the ports of what it carries only, so in a group the condition has the member's name before it, and is a
 * part of what that member writes.
 */
static void add_ports(struct publish *publish, struct words *words)
{
	const struct group *group = words->group;
	struct told *told;
	enum told_news news;
	bool is_short;

	if (!explain_ports(words, &is_short))
		return;
	told = told_find(&publish->gateway, group->uid, group->name, PORTS);
	if (!told)
		return;
	news = told_say(told, is_short ? "PortsShort" : "PortsLeft");
	snprintf(words->ports_type, sizeof(words->ports_type), "%s%s" PORTS,
		 words->facts ? publish->name : "", words->facts ? "/" : "");
	words->ports = (struct kube_condition){ .type = words->ports_type,
						.status = is_short ? "False" : "True",
						.observed_generation = group->generation,
						.since = told->since,
						.reason = is_short ? "PortsShort" : "PortsLeft",
						.message = words->ports_message };
	if (news == TOLD_OTHER || (news == TOLD_FIRST && is_short))
		note(publish, words, &words->ports, is_short ? "Refusing" : "Translating");
	message_append(message_named(words->ports.reason), words->ports_message,
		       sizeof(words->ports_message));
}

static void add_member(const struct publish *publish, struct words *words)
{
	words->member = (struct kube_member){ .name = publish->name,
					      .zone = zone_of(words->view->zone),
					      .address = gateway_address(words->view),
					      .state = words->status.public_ips.n ?
							       KUBE_MEMBER_ACTIVE :
							       KUBE_MEMBER_NOT_READY };
	if (words->facts)
		words->member.state = words->plan.state;
	words->status.members.v = &words->member;
	words->status.members.n = 1;
}

static void add_conditions(struct words *words, struct kube_gateway_status *status)
{
	size_t n = 0;

	status->observed_generation = words->group->generation;
	if (words->ready.type)
		words->conditions[n++] = words->ready;
	if (words->ports.type && !words->facts)
		words->conditions[n++] = words->ports;
	status->conditions.v = words->conditions;
	status->conditions.n = n;
}

/*
 * In a group the condition is a part of its own, whoever writes it: of a condition that two of them had written, half
 * would go with the one that speaks no longer, and without its time it isn't one.
 */
static void write_conditions(struct publish *publish, struct words *words)
{
	const struct kube_target target = { .kind = &kube_gateways,
					    .name = words->group->name,
					    .manager = SPEAKER };
	struct kube_gateway_status status = { .observed_generation = 0 };

	add_conditions(words, &status);
	if (!words->plan.is_speaker || !words->ready.type) {
		kube_status_drop(publish->writer, &target);
		return;
	}
	if (words->plan.is_doubted)
		kube_status_doubt(publish->writer, &target);
	(void)kube_status_set(publish->writer, &target, &kube_gateway_status_table, &status);
}

static void write_status(struct publish *publish, const struct words *words)
{
	const struct kube_target target = { .kind = &kube_gateways, .name = words->group->name };

	if (words->facts && words->plan.is_held)
		return;
	if (words->facts && words->plan.is_doubted)
		kube_status_doubt(publish->writer, &target);
	if (kube_status_set(publish->writer, &target, &kube_gateway_status_table, &words->status))
		log_warning(MSG_STATUS_NO_ROOM, "kubernetes", "status of EgressGateway %s: no room",
			    target.name);
	if (words->facts && words->plan.is_urgent)
		kube_status_hurry(publish->writer, &target);
}

static void tell(struct publish *publish, struct words *words)
{
	words->self = publish->name;
	kube_time_format(time(NULL), words->now);
	if (words->view->failover)
		make_plan(publish, words);
	told_begin(&publish->gateway);
	add_egress(publish, words);
	add_ready(publish, words);
	add_ports(publish, words);
	told_end(&publish->gateway, NULL, NULL);
	add_member(publish, words);
	words->status.observed_generation = words->group->generation;
	if (!words->facts)
		add_conditions(words, &words->status);
	else if (words->ports.type)
		words->status.conditions = (struct kube_conditions){ &words->ports, 1 };
	write_status(publish, words);
	if (!words->facts)
		return;
	write_conditions(publish, words);
	for (size_t i = 0; i < words->facts->n_members; i++)
		write_peer(publish, words, i);
}

/* Once a failure was told, until a writing has succeeded. */
static void look_back(struct publish *publish)
{
	struct kube_status_counts counts;

	kube_status_counts(publish->writer, &counts);
	if (publish->failing && counts.written > publish->written) {
		publish->failing = false;
		log_info("kubernetes", "statuses can be written again");
	}
	publish->written = counts.written;
}

void publish_gateway(struct publish *publish, const struct gateway_view *view)
{
	CLEANUP(cleanup_free) struct words *words = calloc(1, sizeof(*words));

	look_back(publish);
	if (!words)
		return;
	words->view = view;
	words->group = groups_find(cluster_groups(publish->cluster), publish->group);
	if (words->group)
		tell(publish, words);
}
