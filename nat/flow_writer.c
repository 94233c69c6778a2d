// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Flows are sent many at a time. Without NLM_F_ACK the kernel answers only what it refuses, and all its answers are there
 * when sendmsg(2) returns. An update of what isn't there is then made; what is there already, or is in the way, is looked
 * at alone.
 *
 * The kernel finds what to update by one side only, the reply: another flow may have that port, whose end we weren't told.
 * So it is asked to echo what it updated.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "nat/flow_internal.h"
#include "nat/nfnl.h"
#include "netlink/sysctl.h"

enum { BATCH = 64, RECEIVE_SIZE = 64 << 10, ECHO_BUFFER = 1 << 20, LATE_LIFE_S = 900 };

struct waiting {
	enum ct_flow_change change;
	struct ct_flow flow;
	bool due;
	bool hit_another; /* an update, and what was updated is another flow */
	int rc;           /* of the last try */
};

struct ct_writer {
	struct nfnl *alone; /* for one entry */
	struct mnl_socket *socket;
	uint32_t port_id, sequence; /* of the batch's first message */
	size_t n, echoed; /* echoes come in the order of the updates; up to here they have */
	struct waiting waiting[BATCH];
	struct ct_writer_stats stats;
	int last_refusal;
	bool (*keep)(const struct ct_entry *entry, void *data);
	void *keep_data;
	_Alignas(struct nlmsghdr) char send[BATCH * FLOW_MESSAGE_MAX];
	_Alignas(struct nlmsghdr) char receive[RECEIVE_SIZE];
};

struct ct_writer *ct_writer_new(struct err *err)
{
	struct ct_writer *writer = calloc(1, sizeof(*writer));
	int on = 1, size = ECHO_BUFFER;

	if (!writer) {
		err_set(err, -ENOMEM, "connection tracking: out of memory");
		return NULL;
	}
	writer->alone = nfnl_open(err);
	writer->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!writer->alone || !writer->socket ||
	    mnl_socket_bind(writer->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		if (writer->alone)
			err_set(err, -errno, "connection tracking: %s", strerror(errno));
		ct_writer_free(writer);
		return NULL;
	}
	/* A refusal needn't bring the message back. */
	(void)mnl_socket_setsockopt(writer->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	/* Without the privilege the default stays, which is enough by a half. */
	(void)setsockopt(mnl_socket_get_fd(writer->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size,
			 sizeof(size));
	writer->port_id = mnl_socket_get_portid(writer->socket);
	return writer;
}

void ct_writer_free(struct ct_writer *writer)
{
	if (!writer)
		return;
	nfnl_close(writer->alone);
	if (writer->socket)
		mnl_socket_close(writer->socket);
	free(writer);
}

void ct_writer_keep(struct ct_writer *writer,
		    bool (*keep)(const struct ct_entry *entry, void *data), void *data)
{
	writer->keep = keep;
	writer->keep_data = data;
}

void flow_writer_ports(const struct ct_writer *writer, uint32_t ret[static FLOW_WRITER_PORTS])
{
	ret[0] = writer->port_id;
	ret[1] = nfnl_port_id(writer->alone);
}

bool ct_writer_is_own(const struct ct_writer *writer, uint32_t port_id)
{
	return port_id == writer->port_id || port_id == nfnl_port_id(writer->alone);
}

/* An entry without events (nf_conntrack_events was off as it began) has no echo. */
static void take_echo(struct ct_writer *writer, const struct nlmsghdr *nlh)
{
	struct ct_entry entry;

	if (ct_decode(nlh, &entry))
		return;
	for (size_t i = writer->echoed; i < writer->n; i++) {
		struct waiting *waiting = &writer->waiting[i];
		const struct ct_tuple reply = flow_reply(&waiting->flow);

		if (waiting->change != CT_FLOW_IS || !ct_tuple_equal(&reply, &entry.reply))
			continue;
		waiting->hit_another = !ct_tuple_equal(&waiting->flow.orig, &entry.orig);
		writer->echoed = i + 1;
		return;
	}
}

/* Takes the refusals of the batch, and what it has updated. */
static void take_answers(struct ct_writer *writer, int left)
{
	for (const struct nlmsghdr *nlh = (void *)writer->receive; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		uint32_t index = nlh->nlmsg_seq - writer->sequence;

		if (nlh->nlmsg_type != NLMSG_ERROR)
			take_echo(writer, nlh);
		if (nlh->nlmsg_type != NLMSG_ERROR || index >= writer->n ||
		    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
			continue;
		const struct nlmsgerr *nle = mnl_nlmsg_get_payload(nlh);

		writer->waiting[index].rc = nle->error;
	}
}

static struct nlmsghdr *write_message(void *at, enum ct_flow_change change,
				      const struct ct_flow *flow)
{
	struct nlmsghdr *nlh;

	if (change == CT_FLOW_GONE)
		return flow_remove(at, flow);
	if (change == CT_FLOW_NEW)
		return flow_create(at, flow);
	nlh = flow_update(at, flow);
	nlh->nlmsg_flags |= NLM_F_ECHO;
	return nlh;
}

static int read_answers(struct ct_writer *writer, struct err *err)
{
	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(writer->socket), writer->receive,
				   sizeof(writer->receive), 0);

		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got < 0 && errno != EINTR)
			return err_set(err, -errno, "connection tracking: %s", strerror(errno));
		take_answers(writer, got < 0 ? 0 : (int)got);
	}
}

/* Those that are due; afterwards each has its result. */
static int send_due(struct ct_writer *writer, struct err *err)
{
	size_t length = 0;

	writer->echoed = 0;
	for (size_t i = 0; i < writer->n; i++) {
		struct waiting *waiting = &writer->waiting[i];

		if (!waiting->due)
			continue;
		struct nlmsghdr *nlh =
			write_message(writer->send + length, waiting->change, &waiting->flow);

		nlh->nlmsg_seq = writer->sequence + (uint32_t)i;
		waiting->due = false;
		waiting->rc = 0;
		length += MNL_ALIGN(nlh->nlmsg_len);
	}
	if (!length)
		return 0;
	if (mnl_socket_sendto(writer->socket, writer->send, length) < 0)
		return err_set(err, -errno, "connection tracking: %s", strerror(errno));
	return read_answers(writer, err);
}

static int take_entry(const struct nlmsghdr *nlh, void *data)
{
	return ct_decode(nlh, data);
}

/* The entry of which `tuple` is one side. 0, or -ENOENT. */
static int find(struct ct_writer *writer, uint16_t type, const struct ct_tuple *tuple,
		struct ct_entry *ret)
{
	_Alignas(struct nlmsghdr) char buf[FLOW_MESSAGE_MAX];
	const struct nfnl_dump answer = { .what = "connection tracking",
					  .on_message = take_entry,
					  .data = ret };

	return nfnl_talk(writer->alone, flow_query(buf, type, tuple), &answer, NULL);
}

static int talk(struct ct_writer *writer, struct nlmsghdr *request)
{
	const struct nfnl_dump answer = { .what = "connection tracking" };

	return nfnl_talk(writer->alone, request, &answer, NULL);
}

/* False: it's to be kept. */
static bool evict(struct ct_writer *writer, const struct ct_entry *entry)
{
	if (writer->keep && writer->keep(entry, writer->keep_data))
		return false;
	if (ct_delete(writer->alone, entry, NULL) == 0)
		writer->stats.evicted++;
	return true;
}

/* Whatever is there of the flow's two sides and isn't the flow goes. */
static int make_room(struct ct_writer *writer, struct waiting *waiting)
{
	const struct ct_flow *flow = &waiting->flow;
	const struct ct_tuple reply = flow_reply(flow);
	_Alignas(struct nlmsghdr) char buf[FLOW_MESSAGE_MAX];
	struct ct_entry entry;

	if (find(writer, CTA_TUPLE_ORIG, &flow->orig, &entry) == 0) {
		if (ct_tuple_equal(&entry.reply, &reply)) {
			waiting->change = CT_FLOW_IS;
			return talk(writer, flow_update(buf, flow));
		}
		if (!evict(writer, &entry))
			return -EEXIST;
	}
	if (find(writer, CTA_TUPLE_REPLY, &reply, &entry) == 0 && !evict(writer, &entry))
		return -EEXIST;
	return talk(writer, flow_create(buf, flow));
}

/*
 * The kernel doesn't let a flow be less certain than it is (EBUSY), but has shortened its life by then: processors tell of
 * packets that follow each other closely in the wrong order now and then. It stays as it is until the next walk has told how
 * it stands. Of UDP it is enough that its next packet finds it, or makes it anew with the same port: a longer life would make
 * an end of it that nobody had seen.
 */
static uint32_t late_life_s(const struct ct_flow *flow)
{
	char text[SYSCTL_VALUE_MAX];
	uint32_t life_s = LATE_LIFE_S;

	if (flow->orig.protocol != IPPROTO_TCP &&
	    sysctl_read("net/netfilter/nf_conntrack_udp_timeout", text, sizeof(text)) == 0)
		life_s = (uint32_t)strtoul(text, NULL, 10);
	return flow->timeout_s > life_s ? flow->timeout_s : life_s;
}

static int outlive(struct ct_writer *writer, const struct waiting *waiting)
{
	_Alignas(struct nlmsghdr) char buf[FLOW_MESSAGE_MAX];
	const struct ct_tuple reply = flow_reply(&waiting->flow);
	struct ct_flow flow = waiting->flow;
	struct ct_entry entry;

	if (find(writer, CTA_TUPLE_REPLY, &reply, &entry))
		return 0;
	flow.status = entry.status;
	flow.tcp_state = entry.tcp_state;
	flow.timeout_s = late_life_s(&flow);
	return talk(writer, flow_update(buf, &flow));
}

/* Something later in the batch is about the same flow: what was refused is of the past. */
static bool is_outdated(const struct ct_writer *writer, size_t index)
{
	const struct ct_tuple *tuple = &writer->waiting[index].flow.orig;

	for (size_t i = index + 1; i < writer->n; i++) {
		if (ct_tuple_equal(&writer->waiting[i].flow.orig, tuple))
			return true;
	}
	return false;
}

/* What wasn't there to be updated is made, together. */
static int send_again(struct ct_writer *writer, struct err *err)
{
	for (size_t i = 0; i < writer->n; i++) {
		struct waiting *waiting = &writer->waiting[i];

		if (waiting->change != CT_FLOW_IS || waiting->rc != -ENOENT)
			continue;
		if (is_outdated(writer, i)) {
			waiting->rc = 0;
			continue;
		}
		waiting->change = CT_FLOW_NEW;
		waiting->due = true;
	}
	return send_due(writer, err);
}

static void count(struct ct_writer *writer, struct waiting *waiting)
{
	if (waiting->change == CT_FLOW_GONE && waiting->rc == -ENOENT)
		return;
	if (waiting->rc == -EEXIST) {
		writer->stats.yielded++;
	} else if (waiting->rc) {
		writer->stats.refused++;
		writer->last_refusal = waiting->rc;
	} else if (waiting->change == CT_FLOW_GONE) {
		writer->stats.removed++;
	} else if (waiting->change == CT_FLOW_NEW) {
		writer->stats.created++;
	} else {
		writer->stats.updated++;
	}
}

int ct_writer_flush(struct ct_writer *writer, struct err *err)
{
	int rc = send_due(writer, err);

	if (!rc)
		rc = send_again(writer, err);
	for (size_t i = 0; !rc && i < writer->n; i++) {
		struct waiting *waiting = &writer->waiting[i];

		if (waiting->hit_another)
			waiting->change = CT_FLOW_NEW;
		if (waiting->hit_another ||
		    (waiting->change == CT_FLOW_NEW && waiting->rc == -EEXIST))
			waiting->rc = is_outdated(writer, i) ? 0 : make_room(writer, waiting);
		if (waiting->change == CT_FLOW_IS && waiting->rc == -EBUSY)
			waiting->rc = is_outdated(writer, i) ? 0 : outlive(writer, waiting);
		count(writer, waiting);
	}
	writer->sequence += (uint32_t)writer->n;
	writer->n = 0;
	return rc;
}

int ct_writer_put(struct ct_writer *writer, enum ct_flow_change change, const struct ct_flow *flow,
		  struct err *err)
{
	writer->waiting[writer->n++] =
		(struct waiting){ .change = change, .flow = *flow, .due = true };
	return writer->n == BATCH ? ct_writer_flush(writer, err) : 0;
}

struct ct_writer_stats ct_writer_stats(const struct ct_writer *writer)
{
	return writer->stats;
}

int ct_writer_last_refusal(const struct ct_writer *writer)
{
	return writer->last_refusal;
}
