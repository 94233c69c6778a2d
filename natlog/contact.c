// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/contact.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "natlog/tls.h"

enum {
	CONNECT_MS = 5000,
	ROOM_MS = 200,
	DEAD_MS = 30000, /* that nothing was acknowledged */
	BUFFER = 256 << 10
};

void contact_init(struct contact *contact)
{
	*contact = (struct contact){ .fd = -1 };
}

bool contact_is_open(const struct contact *contact)
{
	return contact->fd >= 0;
}

void contact_close(struct contact *contact)
{
	tls_close(contact);
	if (contact->fd >= 0)
		close(contact->fd);
	contact_init(contact);
}

/* ---- connecting */

int contact_open_local(struct contact *contact, const char *path, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int code;

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG, "%s: is too long", path);
	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		code = -errno;
		return err_set(err, code, "can't connect to %s: %s", path, strerror(-code));
	}
	contact->is_datagram = contact->is_local = true;
	contact->fd = TAKE_FD(fd);
	return 0;
}

static int wait_for(int fd, short events, int ms)
{
	struct pollfd wait = { .fd = fd, .events = events };
	int rc;

	do {
		rc = poll(&wait, 1, ms);
	} while (rc < 0 && errno == EINTR);
	return rc > 0 ? 0 : -ETIMEDOUT;
}

static int finish_connect(int fd)
{
	socklen_t length = sizeof(int);
	int code = 0, rc = wait_for(fd, POLLOUT, CONNECT_MS);

	if (rc)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length))
		return -errno;
	return -code;
}

static void set_options(int fd)
{
	const int on = 1, dead_ms = DEAD_MS, buffer = BUFFER;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
}

static int connect_to(const struct addrinfo *to, int *ret_fd)
{
	CLEANUP(cleanup_fd)
	int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			to->ai_protocol);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (to->ai_socktype == SOCK_STREAM)
		set_options(fd);
	if (connect(fd, to->ai_addr, to->ai_addrlen))
		rc = errno == EINPROGRESS ? finish_connect(fd) : -errno;
	if (!rc)
		*ret_fd = TAKE_FD(fd);
	return rc;
}

static int open_remote(struct contact *contact, const struct how_place *place, int type,
		       struct err *err)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = type,
					.ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(place->host, place->port, &hints, &list);

	if (rc)
		return err_set(err, -EHOSTUNREACH, "%s: %s", place->host, gai_strerror(rc));
	rc = -EHOSTUNREACH;
	for (const struct addrinfo *at = list; rc && at; at = at->ai_next)
		rc = connect_to(at, &contact->fd);
	freeaddrinfo(list);
	if (rc)
		return err_set(err, rc, "can't connect to %s:%s: %s", place->host, place->port,
			       strerror(-rc));
	return 0;
}

int contact_open_datagram(struct contact *contact, const struct how_place *place, struct err *err)
{
	contact->is_datagram = true;
	return open_remote(contact, place, SOCK_DGRAM, err);
}

int contact_open_stream(struct contact *contact, const struct how_place *place,
			const struct how_tls *tls, struct err *err)
{
	int rc = open_remote(contact, place, SOCK_STREAM, err);

	contact->is_datagram = false;
	if (!rc && tls && tls->is_wanted)
		rc = tls_open(contact, place, tls, err);
	if (rc)
		contact_close(contact);
	return rc;
}

/* ---- sending */

static long send_some(struct contact *contact, const char *bytes, size_t n, struct err *err)
{
	ssize_t put;
	int code;

	if (contact->ssl)
		return tls_send(contact, bytes, n, err);
	do {
		put = send(contact->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (put < 0 && errno == EINTR);
	if (put >= 0)
		return put;
	code = -errno;
	if (code == -EAGAIN || code == -ENOBUFS)
		return -EAGAIN;
	return err_set(err, code, "the connection broke: %s", strerror(-code));
}

int contact_send(struct contact *contact, const char *bytes, size_t n, size_t *done,
		 struct err *err)
{
	bool has_waited = false;

	while (*done < n) {
		long put = send_some(contact, bytes + *done, n - *done, err);

		if (put >= 0) {
			*done += contact->is_datagram ? n : (size_t)put;
			continue;
		}
		if (put != -EAGAIN)
			return (int)put;
		if (has_waited || wait_for(contact->fd, POLLOUT, ROOM_MS))
			return -EAGAIN;
		/* A socket on this host says that it has room while its reader's queue is full. */
		has_waited = contact->is_datagram;
	}
	return 0;
}

static int check_datagrams(const struct contact *contact, struct err *err)
{
	socklen_t length = sizeof(int);
	int code = 0;

	if (getsockopt(contact->fd, SOL_SOCKET, SO_ERROR, &code, &length))
		code = errno;
	return code ? err_set(err, -code, "the other side refuses: %s", strerror(code)) : 0;
}

int contact_check(struct contact *contact, struct err *err)
{
	char bytes[256];
	ssize_t got;
	int code;

	if (contact->is_datagram)
		return check_datagrams(contact, err);
	if (contact->ssl)
		return tls_check(contact, err);
	do {
		got = recv(contact->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	} while (got > 0 || (got < 0 && errno == EINTR));
	code = errno;
	if (got < 0 && code == EAGAIN)
		return 0;
	if (got == 0)
		return err_set(err, -ECONNRESET, "the other side closed the connection");
	return err_set(err, -code, "the connection broke: %s", strerror(code));
}

/* An empty datagram means nothing to journald, and is refused where nobody reads. */
int contact_confirm(struct contact *contact, struct err *err)
{
	int code;

	if (!contact->is_local)
		return contact_check(contact, err);
	if (send(contact->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == 0 || errno == EAGAIN)
		return 0;
	code = errno;
	return err_set(err, -code, "the other side is gone: %s", strerror(code));
}

int contact_unsent(const struct contact *contact)
{
	int n = 0;

	return ioctl(contact->fd, SIOCOUTQ, &n) == 0 ? n : 0;
}
