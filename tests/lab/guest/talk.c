// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// Traffic inside of a small guest (eipgwlab/smallguest.py), which has no Python:
//
//   talk serve ADDRESS PORT                            sends back what comes by TCP and UDP, for ever
//   talk tcp|udp SOURCE SERVER PORT COUNT SIZE PAUSE   one connection: COUNT messages of SIZE bytes with PAUSE ms between them,
//                                                      the next one when the last one came back
//
// Ends with "answered N", and with status 1 if an answer failed to come. So what is sent and received is known exactly.
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE_MAX_BYTES = 1200, ANSWER_MS = 5000, CLIENTS = 64 };

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(2);
}

static struct sockaddr_in address(const char *text, const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };

	if (inet_pton(AF_INET, text, &at.sin_addr) != 1)
		fail(text);
	return at;
}

static int open_at(int type, const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, type, 0), yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		fail("socket");
	return fd;
}

static void echo_datagram(int fd)
{
	char data[SIZE_MAX_BYTES];
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &length);

	if (n > 0)
		(void)sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&peer, length);
}

/* False: it ended. */
static int echo_stream(int fd)
{
	char data[SIZE_MAX_BYTES];
	ssize_t n = recv(fd, data, sizeof(data), 0);

	return n > 0 && send(fd, data, (size_t)n, MSG_NOSIGNAL) == n;
}

static _Noreturn void serve(const char *self, const char *port)
{
	struct sockaddr_in at = address(self, port);
	struct pollfd fds[2 + CLIENTS] = { { .fd = open_at(SOCK_STREAM, &at), .events = POLLIN },
					   { .fd = open_at(SOCK_DGRAM, &at), .events = POLLIN } };
	nfds_t n = 2;

	if (listen(fds[0].fd, CLIENTS) < 0)
		fail("listen");
	for (;;) {
		if (poll(fds, n, -1) < 0)
			fail("poll");
		for (nfds_t i = n; i-- > 2;) {
			if (!fds[i].revents || echo_stream(fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i] = fds[--n];
		}
		if (fds[1].revents)
			echo_datagram(fds[1].fd);
		if (fds[0].revents && n < 2 + CLIENTS)
			fds[n++] = (struct pollfd){ .fd = accept(fds[0].fd, NULL, NULL),
						    .events = POLLIN };
	}
}

/* The whole of it, or less when nothing more comes. */
static size_t receive(int fd, char *data, size_t size)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t got = 0;

	while (got < size && poll(&ready, 1, ANSWER_MS) == 1) {
		ssize_t n = recv(fd, data + got, size - got, 0);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static int talk(int fd, long count, size_t size, int pause)
{
	char sent[SIZE_MAX_BYTES], got[SIZE_MAX_BYTES];
	long answered = 0;

	for (; answered < count; answered++) {
		memset(sent, (int)(answered % 251), sizeof(sent));
		if (send(fd, sent, size, MSG_NOSIGNAL) != (ssize_t)size ||
		    receive(fd, got, size) != size || memcmp(sent, got, size) != 0)
			break;
		(void)poll(NULL, 0, pause);
	}
	printf("answered %ld\n", answered);
	return answered < count;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		serve(argv[2], argv[3]);
	if (argc != 8)
		return 2;
	struct sockaddr_in self = address(argv[2], "0"), server = address(argv[3], argv[4]);
	int fd = open_at(strcmp(argv[1], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, &self);
	size_t size = strtoul(argv[6], NULL, 10);

	if (size > SIZE_MAX_BYTES || connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
		fail("connect");
	return talk(fd, strtol(argv[5], NULL, 10), size, (int)strtol(argv[7], NULL, 10));
}
