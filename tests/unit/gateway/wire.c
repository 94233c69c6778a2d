// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>

#include "base/mono.h"
#include "wire_frame.h"

enum { DEADLINE_MS = 10000 };

static void ip(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void ip(const char *format, ...)
{
	char command[256];
	va_list args;

	memcpy(command, "ip ", 4);
	va_start(args, format);
	vsnprintf(command + 3, sizeof(command) - 3, format, args);
	va_end(args);
	const char *argv[] = { "sh", "-c", command, NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("%s: %d", command, status);
}

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

static void enter_new(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		print_message("SKIP: no network namespace: %s\n", strerror(errno));
		exit(77);
	}
}

static void set_up_gateway(void)
{
	ip("link set lo up");
	ip("addr add 10.0.1.200/24 dev eth0");
	ip("link set eth0 up");
	ip("neigh add 10.0.1.1 lladdr 02:00:00:00:00:02 dev eth0 nud permanent");
	set("/proc/sys/net/ipv4/ip_forward", "1");
	set("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	set("/proc/sys/net/ipv4/conf/default/rp_filter", "2");
}

/*
 * The end that was up first gets its queue later, by the kernel's work on changed links, and drops what is sent till then.
 * That work holds the lock which the last command needs.
 */
static void wait_for_wire(int wire)
{
	const struct mono end = mono_add_ms(mono_now(), DEADLINE_MS);
	struct ifreq request = { .ifr_name = "wire" };

	do {
		assert_true(mono_is_before(mono_now(), end));
		assert_int_equal(ioctl(wire, SIOCGIFFLAGS, &request), 0);
		(void)poll(NULL, 0, 1);
	} while (!(request.ifr_flags & IFF_RUNNING));
	ip("link set eth0 up");
}

int wire_begin(unsigned *ret_ifindex)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int wire, gateway;

	enter_new();
	gateway = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	enter_new();
	ip("link add wire address 02:00:00:00:00:02 type veth peer name eth0 address "
	   "02:00:00:00:00:01 netns /proc/%d/fd/%d",
	   (int)getpid(), gateway);
	ip("link set wire up");
	wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP));
	at.sll_ifindex = (int)if_nametoindex("wire");
	assert_int_equal(bind(wire, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(setns(gateway, CLONE_NEWNET), 0);
	close(gateway);
	set_up_gateway();
	wait_for_wire(wire);
	*ret_ifindex = if_nametoindex("eth0");
	return wire;
}

void wire_send(int wire, const struct wire_packet *packet)
{
	struct frame frame;

	frame_write(&frame, packet);
	assert_int_equal(send(wire, frame.bytes, frame.n, 0), (ssize_t)frame.n);
}

struct wire_packet wire_next(int wire)
{
	struct pollfd ready = { .fd = wire, .events = POLLIN };
	struct frame frame;
	ssize_t n;

	if (poll(&ready, 1, DEADLINE_MS) != 1)
		fail_msg("nothing left within %d ms", DEADLINE_MS);
	n = recv(wire, frame.bytes, sizeof(frame.bytes), 0);
	assert_true(n > 0);
	frame.n = (size_t)n;
	return frame_read(&frame);
}
