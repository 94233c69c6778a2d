// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "metrics/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "metrics/limit.h"

int listen_open(struct ip4 address, uint16_t port, int *ret, struct err *err)
{
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(address.v) };
	const int on = 1;
	char text[IP4_TEXT_MAX];

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
	    listen(fd, LIMIT_CONNECTIONS_MAX) < 0) {
		const int rc = -errno;

		return err_set(err, rc, "can't listen on %s:%u: %s", ip4_format(address, text),
			       port, strerror(-rc));
	}
	*ret = TAKE_FD(fd);
	return 0;
}

uint16_t listen_port(int fd)
{
	struct sockaddr_in is = { 0 };
	socklen_t length = sizeof(is);

	return getsockname(fd, (struct sockaddr *)&is, &length) == 0 ? ntohs(is.sin_port) : 0;
}
