// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "serve_http.h"

#include "cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct serve_log {
	size_t next; /* of the script */
	size_t n;    /* requests */
	size_t connections;
	char requests[SERVE_REQUESTS_MAX][SERVE_REQUEST_MAX];
};

static size_t body_length(const char *text)
{
	const char *const at = strcasestr(text, "\r\nContent-Length:");

	return at ? strtoul(at + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

/* Reads one whole request; false when the client has gone. */
static bool receive(int fd, char *text)
{
	size_t n = 0;

	for (;;) {
		const ssize_t got = recv(fd, text + n, SERVE_REQUEST_MAX - 1 - n, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
		text[n] = '\0';
		const char *const end = strstr(text, "\r\n\r\n");
		if (end && n >= (size_t)(end + 4 - text) + body_length(text))
			return true;
	}
}

static void transmit(int fd, const char *text, size_t length)
{
	while (length > 0) {
		const ssize_t n = send(fd, text, length, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

static void reply(int fd, const struct serve_reply *r)
{
	const char *const body = r->body ? r->body : "";
	char head[4096];
	char filler[1024];

	if (r->delay_ms > 0)
		poll(NULL, 0, r->delay_ms);
	if (r->raw) {
		transmit(fd, r->raw, strlen(r->raw));
		return;
	}
	snprintf(head, sizeof(head), "HTTP/1.1 %d Word\r\nContent-Length: %zu\r\n%s\r\n",
		 r->status ? r->status : 200, strlen(body) + r->filler + r->announced,
		 r->headers ? r->headers : "");
	transmit(fd, head, strlen(head));
	transmit(fd, body, strlen(body));
	memset(filler, 'x', sizeof(filler));
	for (size_t left = r->filler; left > 0;) {
		const size_t n = left < sizeof(filler) ? left : sizeof(filler);
		transmit(fd, filler, n);
		left -= n;
	}
}

static bool is_asked(const struct serve_reply *r, const char *request)
{
	const char *const path = strchr(request, ' ');

	return !r->path || (path && strncmp(path + 1, r->path, strlen(r->path)) == 0 &&
			    path[1 + strlen(r->path)] == ' ');
}

static const struct serve_reply *choose(struct serve_log *log, const struct serve_reply *replies,
					size_t n, const char *request)
{
	static const struct serve_reply over = { .status = 500, .body = "the script is over" };
	static const struct serve_reply absent = { .status = 404 };
	const size_t next = __atomic_load_n(&log->next, __ATOMIC_SEQ_CST);

	if (next < n && !is_asked(&replies[next], request))
		return &absent;
	return __atomic_fetch_add(&log->next, 1, __ATOMIC_SEQ_CST) < n ? &replies[next] : &over;
}

static void converse(int fd, struct serve_log *log, const struct serve_reply *replies, size_t n)
{
	const struct linger reset = { .l_onoff = 1 };
	char text[SERVE_REQUEST_MAX];

	while (receive(fd, text)) {
		const size_t i = __atomic_fetch_add(&log->n, 1, __ATOMIC_SEQ_CST);
		if (i < SERVE_REQUESTS_MAX)
			memcpy(log->requests[i], text, sizeof(text));
		const struct serve_reply *const r = choose(log, replies, n, text);
		reply(fd, r);
		if (r->end == SERVE_HANG)
			for (;;)
				pause();
		if (r->end == SERVE_RESET)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		if (r->end != SERVE_KEEP)
			return;
	}
}

/* Ends with its parent, which may have ended already. */
static void end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
}

static void serve(int listener, struct serve_log *log, const struct serve_reply *replies, size_t n)
{
	const struct sigaction no_zombies = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	const pid_t self = getpid();

	sigaction(SIGCHLD, &no_zombies, NULL);
	for (;;) {
		const int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		__atomic_fetch_add(&log->connections, 1, __ATOMIC_SEQ_CST);
		if (fork() == 0) {
			end_with(self);
			converse(fd, log, replies, n);
			close(fd);
			_exit(0);
		}
		close(fd);
	}
}

void serve_http_start(struct serve_http *server, const struct serve_reply *replies, size_t n)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 16), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	server->port = ntohs(address.sin_port);
	snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", server->port);
	server->log = mmap(NULL, sizeof(*server->log), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(server->log, MAP_FAILED);
	fflush(NULL);
	const pid_t self = getpid();
	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid == 0) {
		end_with(self);
		serve(listener, server->log, replies, n);
	}
	close(listener);
}

void serve_http_stop(struct serve_http *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	munmap(server->log, sizeof(*server->log));
}

size_t serve_http_count(const struct serve_http *server)
{
	return __atomic_load_n(&server->log->n, __ATOMIC_SEQ_CST);
}

const char *serve_http_request(const struct serve_http *server, size_t i)
{
	assert_true(i < serve_http_count(server) && i < SERVE_REQUESTS_MAX);
	return server->log->requests[i];
}

size_t serve_http_connections(const struct serve_http *server)
{
	return __atomic_load_n(&server->log->connections, __ATOMIC_SEQ_CST);
}
