// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/nfnl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "netlink/attr.h"

enum { RECEIVE_SIZE = 64 << 10, REQUEST_SIZE = 4 << 10, TRIES = 5, LABEL_MAX = 160 };

struct nfnl {
	struct mnl_socket *socket;
	uint32_t port_id;
	uint32_t sequence;
	char request[REQUEST_SIZE];
	char receive[RECEIVE_SIZE];
};

struct nfnl *nfnl_open(struct err *err)
{
	struct nfnl *nfnl = calloc(1, sizeof(*nfnl));
	int on = 1;

	if (!nfnl) {
		err_set(err, -ENOMEM, "netfilter socket: out of memory");
		return NULL;
	}
	nfnl->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nfnl->socket || mnl_socket_bind(nfnl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err_set(err, -errno, "netfilter socket: %s", strerror(errno));
		nfnl_close(nfnl);
		return NULL;
	}
	nfnl->port_id = mnl_socket_get_portid(nfnl->socket);
	/* Both only make messages better; an old kernel may lack them. */
	(void)mnl_socket_setsockopt(nfnl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(nfnl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	return nfnl;
}

void nfnl_close(struct nfnl *nfnl)
{
	if (!nfnl)
		return;
	if (nfnl->socket)
		mnl_socket_close(nfnl->socket);
	free(nfnl);
}

uint32_t nfnl_port_id(const struct nfnl *nfnl)
{
	return nfnl->port_id;
}

struct nlmsghdr *nfnl_request(struct nfnl *nfnl, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nfnl->request);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = 0;
	return nlh;
}

/* The kernel's sentence in an extended acknowledgement, or NULL. */
static const char *ext_ack_text(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *nle = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*nle);
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(nlh) > skip ?
				MNL_ALIGN(nle->msg.nlmsg_len - sizeof(struct nlmsghdr)) :
				0;
	if (mnl_nlmsg_get_payload_len(nlh) < skip)
		return NULL;
	attr_for_each(attr, nlh, (unsigned)skip) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(attr);
	}
	return NULL;
}

static int refusal(const struct nlmsghdr *nlh, const char *what, struct err *err)
{
	const struct nlmsgerr *nle = mnl_nlmsg_get_payload(nlh);
	const char *text = ext_ack_text(nlh);

	return err_set(err, nle->error, "%s: %s%s%s", what, strerror(-nle->error), text ? ": " : "",
		       text ? text : "");
}

/* 1: finished; 0: go on; NFNL_E_STALE + 1 can't occur: stale is told by *stale. */
static int take_dump_message(const struct nlmsghdr *nlh, const struct nfnl_dump *dump, bool *stale,
			     struct err *err)
{
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		*stale = true;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return 1;
	if (nlh->nlmsg_type == NLMSG_OVERRUN) {
		*stale = true;
		return 0;
	}
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
			return err_set(err, -EBADMSG, "%s: short error message", dump->what);
		const struct nlmsgerr *nle = mnl_nlmsg_get_payload(nlh);

		return nle->error ? refusal(nlh, dump->what, err) : 1;
	}
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE || !dump->on_message)
		return 0;
	int rc = dump->on_message(nlh, dump->data);

	return rc < 0 ? err_set(err, rc, "%s: %s", dump->what, strerror(-rc)) : 0;
}

/* Reads to the end of the answer. 0, or a negative errno; *stale as found. */
static int read_answer(struct nfnl *nfnl, const struct nfnl_dump *dump, bool *stale,
		       struct err *err)
{
	for (;;) {
		ssize_t got =
			mnl_socket_recvfrom(nfnl->socket, nfnl->receive, sizeof(nfnl->receive));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			/* Lost messages: the rest of this dump may never end with DONE. */
			*stale = true;
			return 0;
		}
		if (got < 0)
			return err_set(err, -errno, "%s: %s", dump->what, strerror(errno));
		int left = (int)got;

		for (const struct nlmsghdr *nlh = (void *)nfnl->receive; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq != nfnl->sequence || nlh->nlmsg_pid != nfnl->port_id)
				continue; /* the tail of an abandoned answer */
			int rc = take_dump_message(nlh, dump, stale, err);

			if (rc)
				return rc > 0 ? 0 : rc;
		}
		if (left > 0)
			return err_set(err, -EBADMSG, "%s: torn message from the kernel",
				       dump->what);
	}
}

static int send_request(struct nfnl *nfnl, const struct nlmsghdr *request, const char *what,
			struct err *err)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)request;

	nlh->nlmsg_seq = ++nfnl->sequence;
	if (mnl_socket_sendto(nfnl->socket, nlh, nlh->nlmsg_len) < 0)
		return err_set(err, -errno, "%s: %s", what, strerror(errno));
	return 0;
}

int nfnl_dump(struct nfnl *nfnl, const struct nlmsghdr *request, const struct nfnl_dump *dump,
	      struct err *err)
{
	for (int try = 0; try < TRIES; try++) {
		bool stale = false;
		int rc;

		if (dump->restart)
			dump->restart(dump->data);
		rc = send_request(nfnl, request, dump->what, err);
		if (!rc)
			rc = read_answer(nfnl, dump, &stale, err);
		if (rc)
			return rc;
		if (!stale)
			return 0;
	}
	err_set(err, 0, "%s: the dump was interrupted %d times", dump->what, TRIES);
	return NFNL_E_STALE;
}

int nfnl_talk(struct nfnl *nfnl, struct nlmsghdr *request, const struct nfnl_dump *answer,
	      struct err *err)
{
	bool stale = false;
	int rc;

	request->nlmsg_flags |= NLM_F_ACK;
	rc = send_request(nfnl, request, answer->what, err);
	if (!rc)
		rc = read_answer(nfnl, answer, &stale, err);
	if (!rc && stale)
		return err_set(err, -ENOBUFS, "%s: the answer was lost", answer->what);
	return rc;
}

struct label {
	uint32_t sequence;
	char text[LABEL_MAX];
};

struct nfnl_batch {
	char *buf;
	size_t length, capacity;
	size_t last;       /* where the message that was added last begins */
	uint32_t sequence; /* of the next message; the first is 1, begin has 0 */
	struct label *labels;
	size_t n_labels;
	bool failed;
};

static void put_marker(struct nfnl_batch *batch, uint16_t type)
{
	struct nlmsghdr *nlh = nfnl_batch_room(batch);

	if (!nlh)
		return;
	mnl_nlmsg_put_header(nlh);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = batch->sequence++;
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
	batch->length += nlh->nlmsg_len;
}

struct nfnl_batch *nfnl_batch_new(void)
{
	struct nfnl_batch *batch = calloc(1, sizeof(*batch));

	if (batch)
		put_marker(batch, NFNL_MSG_BATCH_BEGIN);
	return batch;
}

void nfnl_batch_free(struct nfnl_batch *batch)
{
	if (!batch)
		return;
	free(batch->buf);
	free(batch->labels);
	free(batch);
}

void *nfnl_batch_room(struct nfnl_batch *batch)
{
	if (batch->failed)
		return NULL;
	if (batch->capacity - batch->length < NFNL_MESSAGE_MAX) {
		size_t bigger = batch->capacity + batch->capacity / 2 + 2 * NFNL_MESSAGE_MAX;
		char *buf = bigger <= NFNL_BATCH_BYTES_MAX ? realloc(batch->buf, bigger) : NULL;

		if (!buf) {
			batch->failed = true;
			return NULL;
		}
		batch->buf = buf;
		batch->capacity = bigger;
	}
	return batch->buf + batch->length;
}

uint32_t nfnl_batch_sequence(const struct nfnl_batch *batch)
{
	return batch->sequence;
}

size_t nfnl_batch_messages(const struct nfnl_batch *batch)
{
	return batch->sequence - 1;
}

void nfnl_batch_add(struct nfnl_batch *batch, struct nlmsghdr *nlh, const char *label_format, ...)
{
	struct label *labels = batch->labels;
	va_list ap;

	/* Grown in powers of two; losing labels would only make a message worse, but memory is out then. */
	if ((batch->n_labels & (batch->n_labels - 1)) == 0) {
		size_t bigger = batch->n_labels ? batch->n_labels * 2 : 1;

		labels = realloc(batch->labels, bigger * sizeof(*labels));
		if (!labels) {
			batch->failed = true;
			return;
		}
		batch->labels = labels;
	}
	nlh->nlmsg_seq = batch->sequence;
	labels[batch->n_labels].sequence = batch->sequence++;
	va_start(ap, label_format);
	vsnprintf(labels[batch->n_labels].text, LABEL_MAX, label_format, ap);
	va_end(ap);
	batch->n_labels++;
	batch->last = batch->length;
	batch->length += MNL_ALIGN(nlh->nlmsg_len);
}

static const char *label_of(const struct nfnl_batch *batch, uint32_t sequence)
{
	for (size_t i = 0; i < batch->n_labels; i++) {
		if (batch->labels[i].sequence == sequence)
			return batch->labels[i].text;
	}
	return "nf_tables transaction";
}

/* The whole batch must go in one sendmsg(2): the kernel takes what is in one buffer as one transaction. */
static int make_send_room(struct nfnl *nfnl, size_t length, struct err *err)
{
	int fd = mnl_socket_get_fd(nfnl->socket);
	int want = (int)length + (64 << 10);
	int have = 0;
	socklen_t size = sizeof(have);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &have, &size) == 0 && have / 2 >= want)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want)) < 0)
		return err_set(err, -errno, "send buffer of %d bytes: %s", want, strerror(errno));
	return 0;
}

struct verdict {
	bool acknowledged;
	int result; /* the first refusal */
};

static void take_verdicts(const struct nfnl *nfnl, const struct nfnl_batch *batch, int length,
			  struct verdict *verdict, struct err *err)
{
	for (const struct nlmsghdr *nlh = (void *)nfnl->receive; mnl_nlmsg_ok(nlh, length);
	     nlh = mnl_nlmsg_next(nlh, &length)) {
		if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_pid != nfnl->port_id ||
		    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
			continue;
		const struct nlmsgerr *nle = mnl_nlmsg_get_payload(nlh);

		verdict->acknowledged = true;
		if (nle->error && !verdict->result)
			verdict->result = refusal(nlh, label_of(batch, nlh->nlmsg_seq), err);
	}
}

/* All answers are queued when sendmsg returns. The first refusal wins; without an answer it failed. */
static int read_verdict(struct nfnl *nfnl, const struct nfnl_batch *batch, struct err *err)
{
	int fd = mnl_socket_get_fd(nfnl->socket);
	struct verdict verdict = { 0 };

	for (;;) {
		ssize_t got = recv(fd, nfnl->receive, sizeof(nfnl->receive), MSG_DONTWAIT);
		int error = errno;

		if (got >= 0) {
			take_verdicts(nfnl, batch, (int)got, &verdict, err);
			continue;
		}
		if (error == EINTR)
			continue;
		if (verdict.result || error == EAGAIN)
			break;
		return err_set(err, -error, "nf_tables transaction: %s", strerror(error));
	}
	if (!verdict.acknowledged)
		return err_set(err, -EIO, "nf_tables transaction: the kernel did not answer");
	return verdict.result;
}

int nfnl_batch_send(struct nfnl *nfnl, struct nfnl_batch *batch, struct err *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iov;
	struct msghdr msg = {
		.msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = &iov, .msg_iovlen = 1
	};
	int rc;

	put_marker(batch, NFNL_MSG_BATCH_END);
	if (batch->failed)
		return err_set(err, -ENOMEM, "nf_tables transaction: out of memory");
	/*
	 * The last message asks for the one acknowledgement that says "all taken". The end marker can't: Linux 6.1 doesn't
	 * acknowledge markers.
	 */
	((struct nlmsghdr *)(void *)(batch->buf + batch->last))->nlmsg_flags |= NLM_F_ACK;
	rc = make_send_room(nfnl, batch->length, err);
	if (rc)
		return rc;
	iov = (struct iovec){ .iov_base = batch->buf, .iov_len = batch->length };
	if (sendmsg(mnl_socket_get_fd(nfnl->socket), &msg, 0) < 0)
		return err_set(err, -errno, "nf_tables transaction of %zu bytes: %s", batch->length,
			       strerror(errno));
	return read_verdict(nfnl, batch, err);
}
