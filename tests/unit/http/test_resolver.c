// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A fact about libcurl that the loop relies on: a name server that doesn't answer holds up nobody but the
 * request that asked for a name. Runs with a silent name server of its own in namespaces of its own.
 */
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/mono.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 300
#define MARGIN_MS 6000 /* the resolver itself gives up after 8 seconds */

static void bring_up_loopback(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

static int open_silent_name_server(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(53),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void use_name_server(void)
{
	static const char text[] = "nameserver 127.0.0.1\noptions timeout:8 attempts:1\n";
	char path[] = "/tmp/eipgw-resolv-XXXXXX";
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL), 0);
	unlink(path);
}

struct ending {
	struct loop *loop;
	int rc;
};

static void on_done(const struct http_response *response, void *data)
{
	struct ending *const ending = data;

	ending->rc = response->rc;
	loop_stop(ending->loop);
}

static void a_silent_name_server_does_not_hold_up_the_loop(void **state)
{
	const struct http_request request = {
		.url = "http://somewhere.example/",
		.limits = { .connect_ms = CONNECT_MS, .total_ms = 2 * CONNECT_MS, .body_max = 100 },
		.no_proxy = true,
	};
	struct ending ending = { .loop = loop_new() };
	struct http *const http = http_new(ending.loop, NULL);
	char query[512];
	(void)state;

	bring_up_loopback();
	CLEANUP(cleanup_fd) int server = open_silent_name_server();
	use_name_server();
	const struct mono begin = mono_now();
	assert_non_null(http_start(http, &request, on_done, &ending, NULL));
	assert_int_equal(loop_run(ending.loop), 0);
	http_free(http);
	loop_free(ending.loop);

	assert_in_range(mono_diff_ms(mono_now(), begin), CONNECT_MS - 50, MARGIN_MS);
	assert_int_equal(ending.rc, -ETIMEDOUT);
	/* It was really asked. */
	assert_true(recv(server, query, sizeof(query), MSG_DONTWAIT) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_name_server_does_not_hold_up_the_loop),
	};

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
		printf("SKIP: no namespaces of its own: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
