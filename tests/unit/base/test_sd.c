// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/sd.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "unit.h"

/* A bound datagram socket; `name` begins with '@' for an abstract one. */
static int bind_socket(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const size_t length = strlen(name);

	assert_in_range(length, 1, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
					  (name[0] == '/'))),
			 0);
	return fd;
}

static void assert_received(int fd, const char *expected)
{
	char text[256];
	const ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

static void a_state_arrives_at_a_path(void **state)
{
	char dir[] = "/tmp/eipgw-sd-XXXXXX";
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	CLEANUP(cleanup_fd) int fd = bind_socket(path);
	setenv("NOTIFY_SOCKET", path, 1);

	assert_int_equal(sd_notify_send("READY=1\nSTATUS=carrying 1 egress IP"), 0);

	assert_received(fd, "READY=1\nSTATUS=carrying 1 egress IP");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sd_notify_send("READY=1"), -ENOENT);
	assert_int_equal(rmdir(dir), 0);
}

static void a_state_arrives_at_an_abstract_socket(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@eipgw-sd-test-%d", getpid());
	CLEANUP(cleanup_fd) int fd = bind_socket(name);
	setenv("NOTIFY_SOCKET", name, 1);

	assert_int_equal(sd_notify_send("READY=1"), 0);

	assert_received(fd, "READY=1");
}

static void a_receiver_that_does_not_read_holds_nobody_up(void **state)
{
	enum { MORE_THAN_ANY_QUEUE = 100000 };
	char name[64];
	int rc = 0, n = 0;

	(void)state;
	snprintf(name, sizeof(name), "@eipgw-sd-test-%d", getpid());
	CLEANUP(cleanup_fd) int fd = bind_socket(name);
	setenv("NOTIFY_SOCKET", name, 1);

	while (rc == 0 && n++ < MORE_THAN_ANY_QUEUE)
		rc = sd_notify_send("STATUS=busy");
	assert_int_equal(rc, -EAGAIN);
	assert_received(fd, "STATUS=busy");
	assert_int_equal(sd_notify_send("READY=1"), 0);
}

static void without_a_socket_there_is_nothing_to_do(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(sd_notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(sd_notify_send("READY=1"), 0);
}

static void wrong_addresses_are_refused(void **state)
{
	char longer[256];

	(void)state;
	setenv("NOTIFY_SOCKET", "relative/path", 1);
	assert_int_equal(sd_notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "@", 1);
	assert_int_equal(sd_notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	assert_int_equal(sd_notify_send("READY=1"), -EINVAL);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longer, 1);
	assert_int_equal(sd_notify_send("READY=1"), -ENAMETOOLONG);
}

static void the_watchdog_interval_is_half_of_what_systemd_wants(void **state)
{
	static const struct {
		const char *usec;
		int ms;
	} cases[] = {
		{ "30000000", 15000 },
		{ "1000", 1 },
		{ "1", 1 },
		{ "0", 0 },
		{ "", 0 },
		{ "-5", 0 },
		{ "30s", 0 },
		{ " 30", 0 },
		{ "18446744073709551615", INT_MAX },
		{ "18446744073709551616", 0 },
	};

	(void)state;
	unsetenv("WATCHDOG_PID");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setenv("WATCHDOG_USEC", cases[i].usec, 1);
		assert_int_equal(sd_watchdog_interval_ms(), cases[i].ms);
	}
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(sd_watchdog_interval_ms(), 0);
}

static void a_watchdog_for_another_process_is_not_ours(void **state)
{
	char pid[32];

	(void)state;
	setenv("WATCHDOG_USEC", "2000000", 1);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(sd_watchdog_interval_ms(), 1000);
	snprintf(pid, sizeof(pid), "%d", getppid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(sd_watchdog_interval_ms(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_arrives_at_a_path),
		cmocka_unit_test(a_state_arrives_at_an_abstract_socket),
		cmocka_unit_test(a_receiver_that_does_not_read_holds_nobody_up),
		cmocka_unit_test(without_a_socket_there_is_nothing_to_do),
		cmocka_unit_test(wrong_addresses_are_refused),
		cmocka_unit_test(the_watchdog_interval_is_half_of_what_systemd_wants),
		cmocka_unit_test(a_watchdog_for_another_process_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
