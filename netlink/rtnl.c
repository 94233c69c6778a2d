// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/rtnl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "netlink/encode.h"
#include "netlink/plan.h"
#include "netlink/socket.h"
#include "netlink/text.h"

#define DUMP_OBJECTS_MAX (4u << 20) /* kept objects of one dump; beyond it is -E2BIG */
#define RULES_ATTEMPTS 6

struct rtnl *rtnl_open(struct err *err)
{
	CLEANUP(cleanup_free) char *buf = malloc(SOCKET_RECV_MAX);
	CLEANUP(cleanup_free) struct rtnl *rtnl = calloc(1, sizeof(*rtnl));

	if (!buf || !rtnl) {
		err_set(err, -ENOMEM, "no memory for a netlink socket");
		return NULL;
	}
	if (socket_open(NULL, &rtnl->sock, err) < 0)
		return NULL;
	rtnl->fd = mnl_socket_get_fd(rtnl->sock);
	rtnl->portid = mnl_socket_get_portid(rtnl->sock);
	rtnl->buf = TAKE_PTR(buf);
	return TAKE_PTR(rtnl);
}

void rtnl_close(struct rtnl *rtnl)
{
	if (!rtnl)
		return;
	mnl_socket_close(rtnl->sock);
	free(rtnl->buf);
	free(rtnl);
}

/* What a dump gathers: an array of the objects of one kind that `keep` lets through. */
struct gather {
	enum rt_kind kind;
	bool (*keep)(const struct rt_change *change, const void *data);
	const void *keep_data;
	void *v;
	size_t n, capacity, size;
};

static int gather_add(struct gather *gather, const void *object)
{
	if (gather->n == gather->capacity) {
		size_t capacity = gather->capacity ? gather->capacity * 2 : 64;
		void *v;

		if (capacity > DUMP_OBJECTS_MAX)
			return -E2BIG;
		v = reallocarray(gather->v, capacity, gather->size);
		if (!v)
			return -ENOMEM;
		gather->v = v;
		gather->capacity = capacity;
	}
	memcpy((char *)gather->v + gather->n++ * gather->size, object, gather->size);
	return 0;
}

static int gather_message(const struct nlmsghdr *nlh, void *data)
{
	struct gather *gather = data;
	struct rt_change change;
	int rc = rtnl_decode(nlh, &change);

	if (rc == -ENOMSG)
		return 0;
	if (rc < 0)
		return rc;
	if (change.kind != gather->kind ||
	    (gather->keep && !gather->keep(&change, gather->keep_data)))
		return 0;
	return gather_add(gather,
			  &change.link); /* All members of the union begin at one address. */
}

static void gather_restart(void *data)
{
	((struct gather *)data)->n = 0;
}

/* Dumps with the request in nlh and hands the array over. */
static int dump_gather(struct rtnl *rtnl, struct nlmsghdr *nlh, struct gather *gather,
		       struct err *err)
{
	static const struct rtnl_dump_ops ops = { .on_message = gather_message,
						  .restart = gather_restart };
	static const char *const names[] = { [RT_LINK] = "links",
					     [RT_ADDR] = "addresses",
					     [RT_NEIGH] = "neighbours",
					     [RT_ROUTE] = "routes",
					     [RT_RULE] = "rules" };
	int rc = rtnl_dump(rtnl, nlh, &ops, gather, err);

	if (rc == 0)
		return 0;
	free(gather->v);
	gather->v = NULL;
	return err_prefix(err, rc, "can't read the %s", names[gather->kind]);
}

/* A request buffer with the family header zeroed; the strict check refuses anything else. */
struct request {
	_Alignas(struct nlmsghdr) char buf[ENCODE_MAX];
};

static struct nlmsghdr *dump_start(struct request *request, uint16_t type, size_t header)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request->buf);
	unsigned char *family;

	nlh->nlmsg_type = type;
	family = mnl_nlmsg_put_extra_header(nlh, header);
	/* Each family header begins with the family. */
	*family = type == RTM_GETLINK ? AF_UNSPEC : AF_INET;
	return nlh;
}

int rtnl_links(struct rtnl *rtnl, struct rt_links *ret, struct err *err)
{
	struct request request;
	struct nlmsghdr *nlh = dump_start(&request, RTM_GETLINK, sizeof(struct ifinfomsg));
	struct gather gather = { .kind = RT_LINK, .size = sizeof(*ret->v) };
	int rc;

	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	rc = dump_gather(rtnl, nlh, &gather, err);
	if (rc == 0)
		*ret = (struct rt_links){ gather.v, gather.n };
	return rc;
}

int rtnl_addrs(struct rtnl *rtnl, struct rt_addrs *ret, struct err *err)
{
	struct request request;
	struct nlmsghdr *nlh = dump_start(&request, RTM_GETADDR, sizeof(struct ifaddrmsg));
	struct gather gather = { .kind = RT_ADDR, .size = sizeof(*ret->v) };
	int rc = dump_gather(rtnl, nlh, &gather, err);

	if (rc == 0)
		*ret = (struct rt_addrs){ gather.v, gather.n };
	return rc;
}

static bool neigh_is_permanent(const struct rt_change *change, const void *data)
{
	(void)data;
	return change->neigh.permanent;
}

int rtnl_neighs(struct rtnl *rtnl, struct rt_neighs *ret, struct err *err)
{
	struct request request;
	struct nlmsghdr *nlh = dump_start(&request, RTM_GETNEIGH, sizeof(struct ndmsg));
	struct gather gather = { .kind = RT_NEIGH,
				 .keep = neigh_is_permanent,
				 .size = sizeof(*ret->v) };
	int rc = dump_gather(rtnl, nlh, &gather, err);

	if (rc == 0)
		*ret = (struct rt_neighs){ gather.v, gather.n };
	return rc;
}

static int dump_rules(struct rtnl *rtnl, struct rt_rules *ret, struct err *err)
{
	struct request request;
	struct nlmsghdr *nlh = dump_start(&request, RTM_GETRULE, sizeof(struct fib_rule_hdr));
	struct gather gather = { .kind = RT_RULE, .size = sizeof(*ret->v) };
	int rc = dump_gather(rtnl, nlh, &gather, err);

	if (rc == 0)
		*ret = (struct rt_rules){ gather.v, gather.n };
	return rc;
}

static bool same_rules(const struct rt_rules *a, const struct rt_rules *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (rt_rule_compare(&a->v[i], &b->v[i]) != 0)
			return false;
	}
	return true;
}

/*
 * The kernel goes on with a rule dump by counting, so that a change in between makes it skip a rule or
 * show one twice, and it doesn't set NLM_F_DUMP_INTR (seen on 6.18). Two equal lists in a row are believed.
 * Routes have the same lack, but their dump goes on by key: what isn't touched is shown exactly once.
 */
int rtnl_rules(struct rtnl *rtnl, struct rt_rules *ret, struct err *err)
{
	struct rt_rules former = { 0 };
	int rc = dump_rules(rtnl, &former, err);

	for (int i = 1; rc == 0 && i < RULES_ATTEMPTS; i++) {
		struct rt_rules rules = { 0 };

		rc = dump_rules(rtnl, &rules, err);
		if (rc == 0 && same_rules(&former, &rules)) {
			free(former.v);
			*ret = rules;
			return 0;
		}
		free(former.v);
		former = rules;
	}
	free(former.v);
	if (rc)
		return rc;
	return err_set(err, RTNL_E_STALE, "can't read the rules: they differed in each of %d reads",
		       RULES_ATTEMPTS);
}

static bool route_passes(const struct rt_change *change, const void *data)
{
	const struct rt_route_filter *filter = data;
	const struct rt_route *route = &change->route;

	if (filter->protocol && route->protocol != filter->protocol)
		return false;
	if (filter->table && route->table != filter->table)
		return false;
	return !filter->keep || filter->keep(route, filter->data);
}

int rtnl_routes(struct rtnl *rtnl, const struct rt_route_filter *filter, struct rt_routes *ret,
		struct err *err)
{
	struct request request;
	struct nlmsghdr *nlh = dump_start(&request, RTM_GETROUTE, sizeof(struct rtmsg));
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct gather gather = {
		.kind = RT_ROUTE, .keep = route_passes, .keep_data = filter, .size = sizeof(*ret->v)
	};
	int rc;

	rtm->rtm_protocol = filter->protocol;
	if (filter->table)
		mnl_attr_put_u32(nlh, RTA_TABLE, filter->table);
	rc = dump_gather(rtnl, nlh, &gather, err);
	if (rc == -ENOENT && filter->table) /* A table without routes doesn't exist. */
		rc = err_set(err, 0, "%s", "");
	if (rc == 0)
		*ret = (struct rt_routes){ gather.v, gather.v ? gather.n : 0 };
	return rc;
}

static int take_link(const struct nlmsghdr *nlh, void *data)
{
	struct rt_change change;
	int rc = rtnl_decode(nlh, &change);

	if (rc < 0 || change.kind != RT_LINK)
		return rc < 0 ? rc : -ENOMSG;
	*(struct rt_link *)data = change.link;
	return 0;
}

int rtnl_link_by_name(struct rtnl *rtnl, const char *name, struct rt_link *ret, struct err *err)
{
	struct request request;
	struct nlmsghdr *nlh = dump_start(&request, RTM_GETLINK, sizeof(struct ifinfomsg));
	struct rt_link link = { 0 };
	int rc;

	if (strlen(name) >= RT_IFNAME_MAX)
		return err_set(err, -EINVAL, "the device name %.32s is too long", name);
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	rc = rtnl_query(rtnl, nlh, take_link, &link, err);
	if (rc < 0)
		return err_prefix(err, rc, "device %s", name);
	*ret = link;
	return 0;
}

/* EEXIST has two causes that need different cures; ask the kernel which it is. */
static int explain_exists(struct rtnl *rtnl, const struct rt_link *link, struct err *err)
{
	struct rt_link present = { 0 };

	if (rtnl_link_by_name(rtnl, link->name, &present, NULL) == 0)
		return err_mark(
			err, MSG_DEVICE_FOREIGN,
			err_set(err, -EEXIST,
				"can't add device %s: the name is taken by a device of kind %s",
				link->name, present.kind[0] ? present.kind : "(none)"));
	return err_mark(
		err, MSG_TUNNEL_PORT_TAKEN,
		err_set(err, -EEXIST,
			"can't add device %s: UDP port %u is taken by another VXLAN device in external mode",
			link->name, link->vxlan_port));
}

int rtnl_link_add_vxlan(struct rtnl *rtnl, const struct rt_link *link, struct err *err)
{
	struct request request;
	struct nlmsghdr *nlh = encode_vxlan(request.buf, NLM_F_CREATE | NLM_F_EXCL, link);
	int rc = rtnl_request(rtnl, nlh, err);

	if (rc == -EEXIST)
		return explain_exists(rtnl, link, err);
	if (rc == -EADDRINUSE)
		return err_mark(err, MSG_TUNNEL_PORT_TAKEN,
				err_prefix(err, rc, "can't add device %s: UDP port %u is taken",
					   link->name, link->vxlan_port));
	if (rc < 0)
		return err_prefix(err, rc, "can't add the VXLAN device %s", link->name);
	return 0;
}

int rtnl_link_set(struct rtnl *rtnl, const struct rt_link *link, struct err *err)
{
	struct request request;
	int rc = 0;

	if (strcmp(link->kind, "vxlan") == 0)
		rc = rtnl_request(rtnl, encode_vxlan_ttl(request.buf, 0, link), err);
	if (rc == 0)
		rc = rtnl_request(rtnl, encode_link_set(request.buf, 0, link), err);
	/* A VXLAN device binds its socket when it is brought up. */
	if (rc == -EADDRINUSE)
		return err_mark(err, MSG_TUNNEL_PORT_TAKEN,
				err_prefix(err, rc,
					   "can't bring device %s up: UDP port %u is taken",
					   link->name, link->vxlan_port));
	if (rc < 0)
		return err_prefix(err, rc, "can't change device %s", link->name);
	return 0;
}

int rtnl_link_del(struct rtnl *rtnl, int ifindex, struct err *err)
{
	struct request request;
	int rc = rtnl_request(rtnl, encode_link_del(request.buf, 0, ifindex), err);

	return rc < 0 ? err_prefix(err, rc, "can't delete the device with index %d", ifindex) : 0;
}

static int addr_request(struct rtnl *rtnl, uint16_t type, uint16_t flags,
			const struct rt_addr *addr, struct err *err)
{
	struct request request;
	int rc = rtnl_request(rtnl, encode_addr(request.buf, type, flags, addr), err);
	char text[IP4_TEXT_MAX];

	if (rc < 0)
		return err_prefix(err, rc, "can't %s address %s/%u on the device with index %d",
				  type == RTM_NEWADDR ? "add" : "delete",
				  ip4_format(addr->addr.addr, text), addr->addr.len, addr->ifindex);
	return 0;
}

int rtnl_addr_add(struct rtnl *rtnl, const struct rt_addr *addr, struct err *err)
{
	return addr_request(rtnl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, addr, err);
}

int rtnl_addr_del(struct rtnl *rtnl, const struct rt_addr *addr, struct err *err)
{
	return addr_request(rtnl, RTM_DELADDR, 0, addr, err);
}

static int neigh_request(struct rtnl *rtnl, uint16_t type, uint16_t flags,
			 const struct rt_neigh *neigh, struct err *err)
{
	struct request request;
	int rc = rtnl_request(rtnl, encode_neigh(request.buf, type, flags, neigh), err);
	char text[IP4_TEXT_MAX];

	if (rc < 0)
		return err_prefix(err, rc, "can't %s neighbour %s on the device with index %d",
				  type == RTM_NEWNEIGH ? "add" : "delete",
				  ip4_format(neigh->dst, text), neigh->ifindex);
	return 0;
}

int rtnl_neigh_add(struct rtnl *rtnl, const struct rt_neigh *neigh, struct err *err)
{
	return neigh_request(rtnl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, neigh, err);
}

int rtnl_neigh_del(struct rtnl *rtnl, const struct rt_neigh *neigh, struct err *err)
{
	return neigh_request(rtnl, RTM_DELNEIGH, 0, neigh, err);
}

static int rule_request(struct rtnl *rtnl, uint16_t type, uint16_t flags,
			const struct rt_rule *rule, struct err *err)
{
	struct request request;
	int rc = rtnl_request(rtnl, encode_rule(request.buf, type, flags, rule), err);
	char text[RT_TEXT_MAX];

	if (rc < 0)
		return err_prefix(err, rc, "can't %s rule %s",
				  type == RTM_NEWRULE ? "add" : "delete",
				  rt_rule_format(rule, text));
	return 0;
}

int rtnl_rule_add(struct rtnl *rtnl, const struct rt_rule *rule, struct err *err)
{
	return rule_request(rtnl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule, err);
}

int rtnl_rule_append(struct rtnl *rtnl, const struct rt_rule *rule, struct err *err)
{
	return rule_request(rtnl, RTM_NEWRULE, NLM_F_CREATE, rule, err);
}

int rtnl_rule_del(struct rtnl *rtnl, const struct rt_rule *rule, struct err *err)
{
	return rule_request(rtnl, RTM_DELRULE, 0, rule, err);
}
