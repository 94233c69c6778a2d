// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kernel_model.h"

#include <string.h>

#include "sample.h"
#include "unit.h"

void model_forget_routes_by(struct model *m, int ifindex)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_routes; i++) {
		if (m->routes[i].oif != ifindex)
			m->routes[kept++] = m->routes[i];
	}
	m->n_routes = kept;
}

static void apply_link(struct model *m, const struct net_desired *desired, enum net_op_kind kind)
{
	struct rt_link before = m->tunnel;

	m->tunnel = desired->tunnel;
	switch (kind) {
	case NET_LINK_DEL:
		assert_true(m->has_tunnel);
		model_forget_routes_by(m, before.ifindex);
		m->has_tunnel = false;
		m->n_addrs = m->n_neighs = 0;
		break;
	case NET_LINK_ADD:
		assert_false(m->has_tunnel);
		m->has_tunnel = true;
		m->tunnel.up = false;
		m->tunnel.ifindex = m->next_ifindex++;
		break;
	default:
		m->tunnel.ifindex = before.ifindex;
		m->tunnel.vxlan_port = before.vxlan_port;
		if (memcmp(before.mac, m->tunnel.mac, 6) != 0 || before.noarp != m->tunnel.noarp)
			m->n_neighs = 0;
		break;
	}
}

static void apply_addr(struct model *m, const struct net_op *op)
{
	assert_true(m->has_tunnel);
	assert_int_equal(op->addr.ifindex, m->tunnel.ifindex);
	if (op->kind == NET_ADDR_ADD) {
		m->addrs[m->n_addrs++] = op->addr;
		return;
	}
	for (size_t i = 0; i < m->n_addrs; i++) {
		if (sample_same_addr(&m->addrs[i], &op->addr)) {
			m->addrs[i] = m->addrs[--m->n_addrs];
			if (m->n_addrs == 0)
				model_forget_routes_by(m, m->tunnel.ifindex);
			return;
		}
	}
	fail_msg("an address is deleted that isn't there");
}

size_t model_find_key(const struct model *m, const struct rt_route *route)
{
	size_t i = 0;

	while (i < m->n_routes && rt_route_key_compare(&m->routes[i], route) != 0)
		i++;
	return i;
}

static void apply_route(struct model *m, const struct net_op *op)
{
	struct rt_route route = net_route_resolve(op->route, m->tunnel.ifindex);
	size_t i = model_find_key(m, &route);

	if (op->kind != NET_ROUTE_DEL && op->route->oif == RT_OIF_TUNNEL) {
		assert_true(m->has_tunnel && m->tunnel.up);
		assert_true(m->n_addrs > 0);
	}
	switch (op->kind) {
	case NET_ROUTE_ADD:
		assert_true(i == m->n_routes);
		m->routes[m->n_routes++] = route;
		break;
	case NET_ROUTE_REPLACE:
		assert_true(i < m->n_routes);
		m->routes[i] = route;
		break;
	default:
		while (i < m->n_routes && rt_route_compare(&m->routes[i], &route) != 0)
			i++;
		assert_true(i < m->n_routes);
		memmove(&m->routes[i], &m->routes[i + 1], (m->n_routes - i - 1) * sizeof(route));
		m->n_routes--;
	}
}

static bool has_all_selectors_of(const struct rt_rule *rule, const struct rt_rule *asked)
{
	return rule->priority == asked->priority && rule->protocol == asked->protocol &&
	       rule->action == asked->action && (!asked->table || rule->table == asked->table) &&
	       (!asked->mark || rule->mark == asked->mark) &&
	       (!asked->mark_mask || rule->mark_mask == asked->mark_mask) &&
	       (!asked->src.len ||
		(rule->src.len == asked->src.len && rule->src.addr.v == asked->src.addr.v)) &&
	       (!asked->iif[0] || strcmp(rule->iif, asked->iif) == 0);
}

static void apply_rule(struct model *m, const struct net_op *op)
{
	size_t i = 0;

	if (op->kind == NET_RULE_ADD) {
		while (i < m->n_rules && m->rules[i].priority <= op->rule->priority)
			i++;
		memmove(&m->rules[i + 1], &m->rules[i], (m->n_rules - i) * sizeof(m->rules[0]));
		m->rules[i] = *op->rule;
		m->n_rules++;
		return;
	}
	while (i < m->n_rules && !has_all_selectors_of(&m->rules[i], op->rule))
		i++;
	assert_true(i < m->n_rules);
	memmove(&m->rules[i], &m->rules[i + 1], (m->n_rules - i - 1) * sizeof(m->rules[0]));
	m->n_rules--;
}

void model_apply(struct model *m, const struct net_desired *desired, const struct net_op *op)
{
	assert_true(m->n_rules < MODEL_ROOM - 1 && m->n_routes < MODEL_ROOM - 1);
	if (op->kind <= NET_LINK_SET)
		apply_link(m, desired, op->kind);
	else if (op->kind <= NET_ADDR_DEL)
		apply_addr(m, op);
	else if (op->kind == NET_NEIGH_ADD)
		m->neighs[m->n_neighs++] = desired->peer;
	else if (op->kind <= NET_ROUTE_DEL)
		apply_route(m, op);
	else
		apply_rule(m, op);
}

struct net_observed model_observe(const struct model *m)
{
	struct net_observed observed = { .has_tunnel = m->has_tunnel, .tunnel = m->tunnel };

	if (!m->has_tunnel)
		observed.tunnel = (struct rt_link){ 0 };
	observed.addrs = (struct rt_addrs){ sample_copy(m->addrs, m->n_addrs, sizeof(m->addrs[0])),
					    m->n_addrs };
	observed.neighs =
		(struct rt_neighs){ sample_copy(m->neighs, m->n_neighs, sizeof(m->neighs[0])),
				    m->n_neighs };
	observed.routes =
		(struct rt_routes){ sample_copy(m->routes, m->n_routes, sizeof(m->routes[0])),
				    m->n_routes };
	observed.rules = (struct rt_rules){ sample_copy(m->rules, m->n_rules, sizeof(m->rules[0])),
					    m->n_rules };
	return observed;
}
