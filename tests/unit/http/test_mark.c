// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Which mark a request's packets have. The server sees it: with tcp_fwmark_accept the kernel gives an accepted
 * socket the mark of the packet that asked for it, which loopback doesn't take off.
 */
#include "base/cleanup.h"
#include "base/loop.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PEERS_MAX = 8 };

struct bed {
	struct loop *loop;
	struct http *http;
	struct loop_io *listener;
	char url[64];
	struct loop_io *peers[PEERS_MAX];
	int fds[PEERS_MAX];
	uint32_t marks[PEERS_MAX]; /* of each connection */
	uint32_t served;           /* the mark of the one that the last request came by */
	size_t n;
	int rc;
	char error[256];
};

static void prepare_namespace(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	const int sysctl = open("/proc/sys/net/ipv4/tcp_fwmark_accept", O_WRONLY | O_CLOEXEC);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	assert_int_equal(write(sysctl, "1", 1), 1);
	close(sysctl);
	close(fd);
}

/* Any part of a request is answered: they are short and come in one piece. */
static void peer_ready(int fd, unsigned events, void *data)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	struct bed *const bed = data;
	char buf[2048];
	size_t i = 0;
	(void)events;

	while (bed->fds[i] != fd)
		i++;
	if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) <= 0) {
		loop_io_free(TAKE_PTR(bed->peers[i]));
		return;
	}
	bed->served = bed->marks[i];
	assert_int_equal(send(fd, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
}

static void listener_ready(int fd, unsigned events, void *data)
{
	struct bed *const bed = data;
	const int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	socklen_t size = sizeof(*bed->marks);
	(void)events;

	assert_true(peer >= 0 && bed->n < PEERS_MAX);
	assert_int_equal(getsockopt(peer, SOL_SOCKET, SO_MARK, &bed->marks[bed->n], &size), 0);
	bed->fds[bed->n] = peer;
	bed->peers[bed->n++] = loop_io_new(bed->loop, peer, LOOP_READ, peer_ready, bed);
}

static void bed_make(struct bed *bed)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*bed = (struct bed){ .loop = loop_new() };
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, PEERS_MAX), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	snprintf(bed->url, sizeof(bed->url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
	bed->listener = loop_io_new(bed->loop, fd, LOOP_READ, listener_ready, bed);
	bed->fds[PEERS_MAX - 1] = fd;
	bed->http = http_new(bed->loop, NULL);
	assert_non_null(bed->http);
}

static void bed_done(struct bed *bed)
{
	http_free(bed->http);
	loop_io_free(bed->listener);
	for (size_t i = 0; i < bed->n; i++) {
		loop_io_free(bed->peers[i]);
		close(bed->fds[i]);
	}
	close(bed->fds[PEERS_MAX - 1]);
	loop_free(bed->loop);
}

static void on_done(const struct http_response *response, void *data)
{
	struct bed *const bed = data;

	bed->rc = response->rc;
	snprintf(bed->error, sizeof(bed->error), "%s", response->error);
	loop_stop(bed->loop);
}

static void request(struct bed *bed, uint32_t mark)
{
	const struct http_request request = {
		.url = bed->url,
		.limits = { .connect_ms = 2000, .total_ms = 5000, .body_max = 100 },
		.mark = mark,
	};

	assert_non_null(http_start(bed->http, &request, on_done, bed, NULL));
	assert_int_equal(loop_run(bed->loop), 0);
}

static void each_mark_has_a_connection_of_its_own(void **state)
{
	/* What is asked for, and how many connections there have been then: plain ones are kept. */
	static const struct {
		uint32_t mark;
		size_t connections;
	} rows[] = { { 7, 1 }, { 0, 2 }, { 7, 3 }, { 0x80000001, 4 }, { 0, 4 } };
	static const uint32_t marks[] = { 7, 0, 7, 0x80000001 };
	struct bed bed;
	(void)state;

	bed_make(&bed);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		request(&bed, rows[i].mark);
		assert_int_equal(bed.rc, 0);
		assert_int_equal(bed.served, rows[i].mark);
		assert_int_equal(bed.n, rows[i].connections);
	}
	assert_memory_equal(bed.marks, marks, sizeof(marks));
	bed_done(&bed);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	assert_int_equal(syscall(SYS_capset, &header, none), 0);
}

/* The last one: what it drops is gone for good. */
static void without_the_capability_nothing_leaves_unmarked(void **state)
{
	struct bed bed;
	(void)state;

	bed_make(&bed);
	drop_capabilities();
	request(&bed, 7);

	assert_int_equal(bed.rc, -EPERM);
	assert_string_equal(bed.error, "the connection can't be marked");
	assert_int_equal(bed.n, 0);
	bed_done(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mark_has_a_connection_of_its_own),
		cmocka_unit_test(without_the_capability_nothing_leaves_unmarked),
	};

	if (unshare(CLONE_NEWNET) < 0) {
		printf("SKIP: no namespace of its own: %s\n", strerror(errno));
		return 77;
	}
	prepare_namespace();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
