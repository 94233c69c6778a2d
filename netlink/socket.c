// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/socket.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/err.h"
#include "base/log.h"
#include "netlink/rtnl.h"

#define RECV_BUFFER_BYTES (8 << 20) /* the kernel counts about 1 KiB for a small message */
#define RECV_TIMEOUT_SEC 5 /* rtnetlink answers inside sendmsg(2); waiting means a lost answer */
#define DUMP_ATTEMPTS 5

/* Options that older kernels lack are worth having, not worth failing for. */
static void set_options(struct mnl_socket *sock)
{
	int fd = mnl_socket_get_fd(sock);
	struct timeval timeout = { .tv_sec = RECV_TIMEOUT_SEC };
	int on = 1, size = RECV_BUFFER_BYTES, got = 0;
	socklen_t length = sizeof(got);

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* The kernel doubles what it is given, and cuts SO_RCVBUF silently at rmem_max. */
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &length) < 0 || got < size)
		log_debug("netlink",
			  "receive buffer is smaller than asked for got_bytes=%d want_bytes=%d",
			  got, size);
}

static int join_groups(struct mnl_socket *sock, const int *groups)
{
	for (; groups && *groups; groups++) {
		int group = *groups;

		if (mnl_socket_setsockopt(sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			return -errno;
	}
	return 0;
}

int socket_open(const int *groups, struct mnl_socket **ret, struct err *err)
{
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int rc;

	if (!sock) {
		rc = -errno;
		return err_set(err, rc, "can't open a route netlink socket: %s", strerror(-rc));
	}
	set_options(sock);
	rc = mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : join_groups(sock, groups);
	if (rc < 0) {
		mnl_socket_close(sock);
		return err_set(err, rc, "can't bind a route netlink socket: %s", strerror(-rc));
	}
	*ret = sock;
	return 0;
}

int socket_recv(int fd, char buf[static SOCKET_RECV_MAX], int flags, uint32_t self,
		size_t *ret_length)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = buf, .iov_len = SOCKET_RECV_MAX };
		struct msghdr msg = { .msg_name = &from,
				      .msg_namelen = sizeof(from),
				      .msg_iov = &iov,
				      .msg_iovlen = 1 };
		ssize_t n = recvmsg(fd, &msg, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* A process with CAP_NET_ADMIN could send to us; only the kernel is port 0. */
		if (msg.msg_namelen != sizeof(from) || (from.nl_pid != 0 && from.nl_pid != self))
			continue;
		if (msg.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		*ret_length = (size_t)n;
		return 0;
	}
}

int socket_send(int fd, const void *data, size_t length)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	for (;;) {
		ssize_t n = sendto(fd, data, length, 0, (struct sockaddr *)&kernel, sizeof(kernel));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		return (size_t)n == length ? 0 : -EIO;
	}
}

/* The sentence behind an error: attributes follow the echoed header (NETLINK_CAP_ACK) or message. */
static const char *ack_text(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *ack = mnl_nlmsg_get_payload(nlh);
	size_t offset = MNL_NLMSG_HDRLEN + sizeof(*ack);
	const char *at = (const char *)nlh;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		offset += MNL_ALIGN((size_t)ack->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	while (offset + sizeof(struct nlattr) <= nlh->nlmsg_len) {
		const struct nlattr *attr = (const struct nlattr *)(at + offset);
		const char *text = mnl_attr_get_payload(attr);

		if (attr->nla_len <= sizeof(*attr) || attr->nla_len > nlh->nlmsg_len - offset)
			return NULL;
		if ((attr->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
			return text[mnl_attr_get_payload_len(attr) - 1] == '\0' ? text : NULL;
		offset += MNL_ALIGN((size_t)attr->nla_len);
	}
	return NULL;
}

int socket_ack_read(const struct nlmsghdr *nlh, const char **ret_text)
{
	const struct nlmsgerr *ack = mnl_nlmsg_get_payload(nlh);

	*ret_text = NULL;
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*ack) || ack->error > 0)
		return -EBADMSG;
	if (ack->error < 0)
		*ret_text = ack_text(nlh);
	return ack->error;
}

static int set_errno_text(struct err *err, int code, const char *kernel_text)
{
	if (kernel_text && kernel_text[0])
		return err_set(err, code, "%s (%s)", strerror(-code), kernel_text);
	return err_set(err, code, "%s", strerror(-code));
}

/* What one answer amounts to so far. */
struct answer {
	rtnl_message_fn fn;
	void *data;
	struct err *err;
	uint32_t seq;
	uint32_t portid;
	bool done;
	bool stale; /* interrupted or partly lost */
	int code;   /* the first failure: the kernel's or the callback's */
};

static void answer_message(struct answer *answer, const struct nlmsghdr *nlh)
{
	const char *text = NULL;
	int rc;

	if (nlh->nlmsg_seq != answer->seq || nlh->nlmsg_pid != answer->portid)
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->stale = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return;
	case NLMSG_OVERRUN:
		answer->stale = true;
		return;
	case NLMSG_ERROR:
		answer->done = true;
		rc = socket_ack_read(nlh, &text);
		break;
	case NLMSG_DONE:
		answer->done = true;
		rc = mnl_nlmsg_get_payload_len(nlh) >= sizeof(int) ?
			     *(const int *)mnl_nlmsg_get_payload(nlh) :
			     0;
		break;
	default:
		/* Nothing more is gathered from an answer that will be thrown away. */
		rc = answer->fn && !answer->stale && !answer->code ? answer->fn(nlh, answer->data) :
								     0;
		break;
	}
	if (rc < 0 && !answer->code)
		answer->code = set_errno_text(answer->err, rc, text);
}

static void answer_datagram(struct answer *answer, const char *data, size_t length)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)data;
	int left = (int)length;

	while (mnl_nlmsg_ok(nlh, left)) {
		answer_message(answer, nlh);
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	if (left > 0) /* Torn: something follows that is no message. */
		answer->stale = true;
}

/* Sends the request and reads until the end of its answer, whatever happens on the way: a dump that is
 * left half-read would make the kernel refuse the next one. */
static int exchange(struct rtnl *rtnl, struct nlmsghdr *nlh, struct answer *answer)
{
	int rc;

	answer->seq = nlh->nlmsg_seq = ++rtnl->seq;
	answer->portid = rtnl->portid;
	rc = socket_send(rtnl->fd, nlh, nlh->nlmsg_len);
	if (rc < 0)
		return set_errno_text(answer->err, rc, NULL);
	while (!answer->done) {
		size_t length = 0;

		rc = socket_recv(rtnl->fd, rtnl->buf, answer->stale ? MSG_DONTWAIT : 0, 0, &length);
		if (rc == -ENOBUFS || rc == -EMSGSIZE) {
			answer->stale = true;
			continue;
		}
		if (rc == -EAGAIN &&
		    answer->stale) /* The end of the answer was among what got lost. */
			return 0;
		if (rc < 0)
			return err_set(answer->err, rc == -EAGAIN ? -ETIMEDOUT : rc,
				       "the kernel's answer is missing: %s", strerror(-rc));
		answer_datagram(answer, rtnl->buf, length);
	}
	return answer->code;
}

int rtnl_query(struct rtnl *rtnl, struct nlmsghdr *nlh, rtnl_message_fn fn, void *data,
	       struct err *err)
{
	struct answer answer = { .fn = fn, .data = data, .err = err };
	int rc;

	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	rc = exchange(rtnl, nlh, &answer);
	if (rc == 0 && answer.stale)
		return err_set(err, -ENOBUFS, "the kernel's answer was lost");
	return rc;
}

int rtnl_request(struct rtnl *rtnl, struct nlmsghdr *nlh, struct err *err)
{
	return rtnl_query(rtnl, nlh, NULL, NULL, err);
}

int rtnl_dump(struct rtnl *rtnl, struct nlmsghdr *nlh, const struct rtnl_dump_ops *ops, void *data,
	      struct err *err)
{
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	for (int i = 0; i < DUMP_ATTEMPTS; i++) {
		struct answer answer = { .fn = ops->on_message, .data = data, .err = err };
		int rc;

		ops->restart(data);
		rc = exchange(rtnl, nlh, &answer);
		if (answer.stale &&
		    rc != -ENOMEM) /* Any other failure may be a child of the tear. */
			continue;
		return rc;
	}
	return err_set(err, RTNL_E_STALE, "the kernel's state changed in each of %d reads",
		       DUMP_ATTEMPTS);
}
