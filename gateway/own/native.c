// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/native.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "awsapi/action.h"
#include "awsapi/failure.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"
#include "gateway/own/own_internal.h"
#include "gateway/own/transition.h"

enum { CHECK = 0 };

static const uint32_t legal[OWN_STATE_COUNT] = {
	[OWN_UNKNOWN] = TRANSITION_BIT(OWN_UNKNOWN) | TRANSITION_BIT(OWN_CLAIMING) |
			TRANSITION_BIT(OWN_HELD) | TRANSITION_BIT(OWN_BLOCKED),
	[OWN_CLAIMING] = TRANSITION_BIT(OWN_CLAIMING) | TRANSITION_BIT(OWN_HELD) |
			 TRANSITION_BIT(OWN_BLOCKED),
	[OWN_HELD] = TRANSITION_BIT(OWN_HELD) | TRANSITION_BIT(OWN_LOST),
	[OWN_LOST] = TRANSITION_BIT(OWN_LOST) | TRANSITION_BIT(OWN_HELD),
	[OWN_BLOCKED] = TRANSITION_BIT(OWN_CLAIMING) | TRANSITION_BIT(OWN_HELD) |
			TRANSITION_BIT(OWN_BLOCKED),
};
static const struct transition_table transitions = { "VPC routing", own_state_names, legal,
						     OWN_STATE_COUNT, OWN_BLOCKED };

int native_init(struct native *native, const struct gateway_native *wanted, uint64_t seed)
{
	const size_t n = wanted->source_cidrs.n ? wanted->route_tables.n + 1 : 0;
	struct native_point *v = calloc(n ? n : 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	*native = (struct native){ .v = v, .n = n, .backoff = own_backoff(seed) };
	if (ip4_prefix_parse(wanted->destination_cidr, &native->destination, NULL))
		native->destination = (struct ip4_prefix){ .len = 0 };
	for (size_t i = 0; i < n; i++) {
		v[i].backoff = own_backoff(seed + i + 1);
		snprintf(v[i].reason, sizeof(v[i].reason), "EC2 hasn't been asked yet");
		if (i > CHECK)
			memcpy(v[i].table_id, wanted->route_tables.v[i - 1],
			       sizeof(wanted->route_tables.v[i - 1]));
	}
	return 0;
}

void native_done(struct native *native)
{
	free(native->v);
	*native = (struct native){ 0 };
}

void native_adopt(struct native *native, const struct native *old)
{
	const bool is_same = native->destination.addr.v == old->destination.addr.v &&
			     native->destination.len == old->destination.len;

	memcpy(native->interface_id, old->interface_id, sizeof(native->interface_id));
	memcpy(native->subnet_id, old->subnet_id, sizeof(native->subnet_id));
	for (size_t i = 0; i < native->n; i++) {
		for (size_t j = 0; j < old->n; j++) {
			const struct native_point *was = &old->v[j];

			if (was->state != OWN_LOST && (i == CHECK || is_same) &&
			    strcmp(was->table_id, native->v[i].table_id) == 0)
				native->v[i] = *was;
		}
	}
}

const char *native_name(const struct native *native, size_t i, char buf[static NATIVE_NAME_MAX])
{
	char text[IP4_PREFIX_TEXT_MAX];

	if (i == CHECK)
		snprintf(buf, NATIVE_NAME_MAX, "source/dest check");
	else
		snprintf(buf, NATIVE_NAME_MAX, "route %s of %s",
			 ip4_prefix_format(native->destination, text), native->v[i].table_id);
	return buf;
}

/* An answer may be older than our last change. */
static bool is_settling(const struct native_point *p, struct mono now)
{
	return p->changed_at.ns && mono_diff_ms(now, p->changed_at) < OWN_SETTLE_MS;
}

static bool is_ours(const struct native_point *p)
{
	return p->state == OWN_HELD || p->state == OWN_LOST;
}

/* Seen as it should be. */
static void hold(struct native_point *p, const char *reason)
{
	p->due = p->unverified = false;
	backoff_reset(&p->backoff);
	transition_set(&transitions, p, OWN_HELD, "%s", reason);
}

/* Why a change failed is told until it succeeds, and BLOCKED stays so while it's tried again. */
static void claim(struct native_point *p, struct mono now, const char *reason)
{
	p->due = true;
	if (p->backoff.attempt > 0)
		return;
	if (is_settling(p, now))
		reason = "changed; EC2 doesn't show it yet";
	transition_set(&transitions, p, OWN_CLAIMING, "%s", reason);
}

static void block(struct native_point *p, const char *reason)
{
	p->due = false;
	backoff_reset(&p->backoff);
	transition_set(&transitions, p, OWN_BLOCKED, "%s", reason);
}

static bool is_waiting(const struct native_point *p, struct mono now)
{
	return p->state == OWN_CLAIMING && is_settling(p, now);
}

void native_see_interface(struct native *native, const struct aws_interface *interface,
			  struct mono now)
{
	struct native_point *check = &native->v[CHECK];
	char reason[OWN_REASON_MAX];

	memcpy(native->interface_id, interface->id, sizeof(native->interface_id));
	memcpy(native->subnet_id, interface->subnet_id, sizeof(native->subnet_id));
	if (native->n == 0)
		return;
	native->check_at = mono_add_ms(now, OWN_CLAIM_MS);
	snprintf(reason, sizeof(reason), "it is %s for %s",
		 interface->source_dest_check ? "on" : "off", interface->id);
	if (!interface->source_dest_check)
		hold(check, reason);
	else if (!is_ours(check))
		claim(check, now, reason);
	else if (!is_settling(check, now))
		transition_set(&transitions, check, OWN_LOST,
			       "somebody turned it on again for %s; a reload turns it off",
			       interface->id);
}

static const struct aws_route_table *find_table(const struct aws_route_tables *tables,
						const char *id)
{
	for (size_t i = 0; i < tables->n; i++) {
		if (strcmp(tables->v[i].id, id) == 0)
			return &tables->v[i];
	}
	return NULL;
}

static const struct aws_route *find_route(const struct native *native,
					  const struct aws_route_table *table)
{
	char text[IP4_PREFIX_TEXT_MAX];

	ip4_prefix_format(native->destination, text);
	for (size_t i = 0; i < table->routes.n; i++) {
		if (strcmp(table->routes.v[i].destination, text) == 0)
			return &table->routes.v[i];
	}
	return NULL;
}

static bool has_subnet(const struct aws_route_table *table, const char *subnet_id)
{
	for (size_t i = 0; subnet_id[0] && i < table->subnets.n; i++) {
		if (strcmp(table->subnets.v[i].text, subnet_id) == 0)
			return true;
	}
	return false;
}

static void name_target(const struct aws_route *route, char buf[static NATIVE_TARGET_MAX])
{
	/* An interface's route names its instance too. */
	const char *const ids[] = { route->network_interface_id, route->nat_gateway_id,
				    route->gateway_id, route->instance_id };
	const char *target = "something else";

	for (size_t i = ARRAY_SIZE(ids); i-- > 0;) {
		if (ids[i][0])
			target = ids[i];
	}
	snprintf(buf, NATIVE_TARGET_MAX, "%s", target);
}

/* Why the route isn't replaced, "" if it is. */
static void check_place(const struct native *native, const struct native_point *p,
			const struct aws_route_table *table, const struct aws_route *route,
			char reason[static OWN_REASON_MAX])
{
	reason[0] = '\0';
	if (!table)
		snprintf(reason, OWN_REASON_MAX,
			 "there is no route table %s in this region and account", p->table_id);
	else if (has_subnet(table, native->subnet_id))
		snprintf(
			reason, OWN_REASON_MAX,
			"%s is that of this gateway's own subnet %s, whose packets would come back "
			"here; leave it out, or move the gateway",
			p->table_id, native->subnet_id);
	else if (!route)
		snprintf(reason, OWN_REASON_MAX,
			 "it doesn't exist; create it once, leading to %s or anywhere else",
			 native->interface_id);
	/* Instances there may have public addresses, whose answers would get lost here. And the gateway's own
	 * subnet may use this table as the main one, which isn't seen above. */
	else if (strncmp(route->gateway_id, "igw-", 4) == 0)
		snprintf(
			reason, OWN_REASON_MAX,
			"it leads to %s, so %s is a public subnet's; replace it yourself if that is "
			"meant",
			route->gateway_id, p->table_id);
	else if (strcmp(route->gateway_id, "local") == 0)
		snprintf(reason, OWN_REASON_MAX, "it is the VPC's own");
}

/* It was here, and isn't. */
static void lose(struct native_point *p, const struct aws_route_table *table,
		 const struct aws_route *route, const char *target)
{
	if (!table)
		transition_set(&transitions, p, OWN_LOST, "somebody deleted the route table");
	else if (!route)
		transition_set(&transitions, p, OWN_LOST,
			       "somebody deleted it; create it again, and reload");
	else
		transition_set(&transitions, p, OWN_LOST,
			       "somebody made it lead to %s; a reload takes it back", target);
}

static void see_table(struct native *native, struct native_point *p,
		      const struct aws_route_table *table, struct mono now)
{
	const struct aws_route *route = table ? find_route(native, table) : NULL;
	char target[NATIVE_TARGET_MAX] = "", reason[OWN_REASON_MAX];
	bool is_here = route && native->interface_id[0] &&
		       strcmp(route->network_interface_id, native->interface_id) == 0;

	if (route)
		name_target(route, target);
	if (is_here && is_ours(p)) {
		snprintf(reason, sizeof(reason), "it leads to %s", native->interface_id);
		hold(p, reason);
		return;
	}
	if (is_ours(p)) {
		/* An old answer shows where it led before our change. */
		if (!is_settling(p, now) || strcmp(target, p->before) != 0)
			lose(p, table, route, target);
		return;
	}
	check_place(native, p, table, route, reason);
	if (reason[0]) {
		block(p, reason);
		return;
	}
	snprintf(reason, sizeof(reason), "it leads to %s%s", target,
		 route && strcmp(route->state, "blackhole") == 0 ? ", which is gone" : "");
	if (is_here) {
		hold(p, reason);
		return;
	}
	memcpy(p->before, target, sizeof(p->before));
	claim(p, now, reason);
}

void native_see_tables(struct native *native, const struct aws_route_tables *answer,
		       struct mono now)
{
	bool is_any_waiting = false;

	backoff_reset(&native->backoff);
	for (size_t i = CHECK + 1; i < native->n; i++) {
		struct native_point *p = &native->v[i];

		see_table(native, p, find_table(answer, p->table_id), now);
		is_any_waiting = is_any_waiting || is_waiting(p, now);
	}
	native->look_at = mono_add_ms(now, is_any_waiting ? OWN_CLAIM_MS : OWN_VERIFY_MS);
}

void native_see_changed(struct native *native, size_t i, struct mono now)
{
	struct native_point *p = &native->v[i];

	backoff_reset(&p->backoff);
	p->due = false;
	p->changed_at = now;
	p->change_at = mono_add_ms(now, OWN_SETTLE_MS);
	transition_set(&transitions, p, OWN_CLAIMING, "changed; EC2 doesn't show it yet");
	*(i == CHECK ? &native->check_at : &native->look_at) = mono_add_ms(now, OWN_CLAIM_MS);
}

static void take_failure(struct native_point *p, const struct aws_action *action,
			 const struct aws_failure *failure)
{
	bool is_final = failure->class == HTTP_CLASS_PERMANENT ||
			failure->class == HTTP_CLASS_NOT_FOUND ||
			failure->class == HTTP_CLASS_CONFLICT;
	char reason[OWN_REASON_MAX];

	if (!own_explain_policy(action, failure, reason))
		snprintf(reason, sizeof(reason), "%.*s", OWN_REASON_MAX - 1, failure->text);
	if (p->state == OWN_HELD) {
		p->unverified = true;
		transition_set(&transitions, p, OWN_HELD, "it stays, but can't be verified: %.300s",
			       reason);
	} else if (p->state != OWN_LOST) {
		transition_set(&transitions, p, is_final ? OWN_BLOCKED : p->state, "%s", reason);
	}
}

void native_see_failure(struct native *native, size_t i, const struct aws_action *action,
			const struct aws_failure *failure, struct mono now)
{
	if (i < native->n) {
		struct native_point *p = &native->v[i];

		take_failure(p, action, failure);
		p->change_at = own_next_try(&p->backoff, failure, now);
		/* It may have had its effect: before it's tried again, a look. */
		p->due = false;
		if (failure->class == HTTP_CLASS_RETRY)
			p->changed_at = now;
		if (i != CHECK && mono_is_before(p->change_at, native->look_at))
			native->look_at = p->change_at;
		return;
	}
	if (i == NATIVE_TABLES)
		native->look_at = own_next_try(&native->backoff, failure, now);
	for (size_t j = 0; j < native->n; j++) {
		struct native_point *p = &native->v[j];
		bool is_meant = (j == CHECK) == (i == NATIVE_INTERFACE);

		if (!is_meant && (i == NATIVE_TABLES || p->state != OWN_UNKNOWN))
			continue;
		p->due = false; /* nothing is changed that can't be looked at */
		backoff_reset(&p->backoff);
		take_failure(p, action, failure);
	}
}

bool native_wants_look(const struct native *native, struct mono now)
{
	return native->n > CHECK + 1 && !mono_is_before(now, native->look_at);
}

/* Once the check is off. */
static bool may_change(const struct native *native, size_t i)
{
	return native->v[i].due && (i == CHECK || native->v[CHECK].state == OWN_HELD);
}

size_t native_next_change(const struct native *native, struct mono now)
{
	for (size_t i = 0; i < native->n; i++) {
		if (may_change(native, i) && !mono_is_before(now, native->v[i].change_at))
			return i;
	}
	return native->n;
}

int64_t native_next_ms(const struct native *native, bool is_ready, struct mono now)
{
	const struct native_point *check = &native->v[CHECK];
	struct mono next = { .ns = INT64_MAX };

	if (native->n == 0)
		return INT64_MAX;
	if (native->n > CHECK + 1)
		next = native->look_at;
	if (is_waiting(check, now) && check->backoff.attempt == 0 &&
	    mono_is_before(native->check_at, next))
		next = native->check_at;
	if (check->backoff.attempt > 0 && !check->due && mono_is_before(check->change_at, next))
		next = check->change_at;
	for (size_t i = 0; is_ready && i < native->n; i++) {
		if (may_change(native, i) && mono_is_before(native->v[i].change_at, next))
			next = native->v[i].change_at;
	}
	int64_t ms = next.ns == INT64_MAX ? INT64_MAX : mono_diff_ms(next, now);

	return ms > 0 ? ms : 0;
}

int native_request_look(const struct native *native, struct aws_request *ret)
{
	const char *ids[NATIVE_TABLES_MAX];
	size_t n = 0;

	for (size_t i = CHECK + 1; i < native->n && n < NATIVE_TABLES_MAX; i++)
		ids[n++] = native->v[i].table_id;
	return ec2_list_route_tables(ids, n, ret);
}

int native_request_change(const struct native *native, size_t i, struct aws_request *ret)
{
	if (i == CHECK)
		return ec2_set_source_dest_check(native->interface_id, false, ret);
	return ec2_replace_route(native->v[i].table_id, native->destination, native->interface_id,
				 ret);
}

bool native_all_held(const struct native *native)
{
	for (size_t i = 0; i < native->n; i++) {
		if (native->v[i].state != OWN_HELD)
			return false;
	}
	return true;
}
