// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Many routes at once. Messages are packed into one buffer per sendmsg(2); only the last of a buffer asks
 * for an acknowledgement, since the kernel reports a failure unasked and works through the rest all the
 * same. A message's sequence number is the first of its buffer plus its place, which names the route.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "netlink/encode.h"
#include "netlink/rtnl.h"
#include "netlink/socket.h"

/* Half of the default SO_SNDBUF; about 500 encap routes. All of them failing fits the receive buffer. */
#define BATCH_BYTES 65536

struct batch {
	struct rtnl *rtnl;
	uint16_t type, flags;
	const struct rt_route *const *routes;
	size_t n;
	size_t failed;
	int code; /* of the first failure */
	struct err *err;

	char *buf;    /* BATCH_BYTES */
	size_t first; /* index of the route of the first message in buf */
	size_t count;
	uint32_t first_seq;
};

static void batch_failed(struct batch *batch, size_t index, int code, const char *kernel_text)
{
	char route[RT_TEXT_MAX];

	batch->failed++;
	if (batch->code)
		return;
	batch->code = code;
	rt_route_format(batch->routes[index], route);
	err_set(batch->err, code, "can't %s route %s: %s%s%s%s",
		batch->type == RTM_NEWROUTE ? "set" : "delete", route, strerror(-code),
		kernel_text ? " (" : "", kernel_text ? kernel_text : "", kernel_text ? ")" : "");
}

/* Fills the buffer from route batch->first on; returns its length. */
static size_t batch_pack(struct batch *batch)
{
	struct nlmsghdr *last = NULL;
	size_t used = 0;

	batch->count = 0;
	batch->first_seq = batch->rtnl->seq + 1;
	while (batch->first + batch->count < batch->n && used + ENCODE_MAX <= BATCH_BYTES) {
		last = encode_route(batch->buf + used, batch->type, batch->flags,
				    batch->routes[batch->first + batch->count]);
		last->nlmsg_seq = ++batch->rtnl->seq;
		used += MNL_ALIGN(last->nlmsg_len);
		batch->count++;
	}
	if (last)
		last->nlmsg_flags |= NLM_F_ACK;
	return used;
}

/* True when this was the last answer to the buffer. */
static bool batch_answer(struct batch *batch, const struct nlmsghdr *nlh)
{
	size_t place = nlh->nlmsg_seq - batch->first_seq;
	const char *text;
	int code;

	if (nlh->nlmsg_pid != batch->rtnl->portid || place >= batch->count ||
	    nlh->nlmsg_type != NLMSG_ERROR)
		return false;
	code = socket_ack_read(nlh, &text);
	if (code < 0)
		batch_failed(batch, batch->first + place, code, text);
	return place == batch->count - 1;
}

static bool batch_datagram(struct batch *batch, size_t length)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)batch->rtnl->buf;
	int left = (int)length;
	bool done = false;

	while (mnl_nlmsg_ok(nlh, left)) {
		done |= batch_answer(batch, nlh);
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	return done;
}

/* One buffer there and back. A failure here isn't one of a route: the answers can't be had. */
static int batch_exchange(struct batch *batch, size_t length)
{
	int rc = socket_send(batch->rtnl->fd, batch->buf, length);
	bool done = false;

	while (rc == 0 && !done) {
		size_t got = 0;

		rc = socket_recv(batch->rtnl->fd, batch->rtnl->buf, 0, 0, &got);
		if (rc == 0)
			done = batch_datagram(batch, got);
	}
	if (rc == -EAGAIN)
		rc = -ETIMEDOUT;
	return rc;
}

static int batch_run(struct batch *batch)
{
	CLEANUP(cleanup_free) char *buf = malloc(BATCH_BYTES);

	if (!buf) {
		batch->failed = batch->n;
		return err_set(batch->err, -ENOMEM, "no memory for a batch of routes");
	}
	batch->buf = buf;
	for (batch->first = 0; batch->first < batch->n; batch->first += batch->count) {
		int rc = batch_exchange(batch, batch_pack(batch));

		if (rc < 0) {
			batch->failed += batch->n - batch->first;
			return err_set(batch->err, rc, "can't hand over %zu routes: %s",
				       batch->n - batch->first, strerror(-rc));
		}
	}
	return batch->code;
}

static int routes_change(struct batch *batch, size_t *ret_failed)
{
	int rc = batch_run(batch);

	if (ret_failed)
		*ret_failed = batch->failed;
	return rc;
}

int rtnl_routes_replace(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
			size_t *ret_failed, struct err *err)
{
	struct batch batch = { .rtnl = rtnl,
			       .type = RTM_NEWROUTE,
			       .flags = NLM_F_CREATE | NLM_F_REPLACE,
			       .routes = routes,
			       .n = n,
			       .err = err };

	return routes_change(&batch, ret_failed);
}

int rtnl_routes_add(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
		    size_t *ret_failed, struct err *err)
{
	struct batch batch = { .rtnl = rtnl,
			       .type = RTM_NEWROUTE,
			       .flags = NLM_F_CREATE | NLM_F_EXCL,
			       .routes = routes,
			       .n = n,
			       .err = err };

	return routes_change(&batch, ret_failed);
}

int rtnl_routes_del(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
		    size_t *ret_failed, struct err *err)
{
	struct batch batch = {
		.rtnl = rtnl, .type = RTM_DELROUTE, .routes = routes, .n = n, .err = err
	};

	return routes_change(&batch, ret_failed);
}
