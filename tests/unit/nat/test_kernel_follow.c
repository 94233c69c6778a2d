// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Beginnings and ends of translated connections, with their numbers and times, also when nobody reads for a while. */
#include "nat/follow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"
#include "netlink/sysctl.h"

#define POD 0x0a000032u    /* 10.0.0.50 */
#define SERVER 0x0a000909u /* 10.0.9.9 */
#define EGRESS 0x0a0002c9u /* 10.0.2.201 */

enum { DEADLINE_MS = 60000, BUFFER = 8 << 20, SMALL = 16 << 10, MANY = 3000, SIZE = 100 };

struct heard {
	struct loop *loop;
	size_t begun, made, ended, lost;
	size_t wanted; /* ends */
	struct ct_flow flow;
	struct ct_account account;
	int64_t lost_from, lost_to;
	unsigned char *ends; /* by port */
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void on_begin(const struct ct_flow *flow, bool made, void *data)
{
	struct heard *heard = data;

	heard->flow = *flow;
	heard->begun++;
	heard->made += made;
}

static void on_end(const struct ct_flow *flow, const struct ct_account *account, void *data)
{
	struct heard *heard = data;

	heard->flow = *flow;
	heard->account = *account;
	if (heard->ends)
		heard->ends[flow->orig.src_port]++;
	if (++heard->ended >= heard->wanted)
		loop_stop(heard->loop);
}

static void on_lost(int64_t from_ns, int64_t to_ns, void *data)
{
	struct heard *heard = data;

	if (!heard->lost++)
		heard->lost_from = from_ns;
	heard->lost_to = to_ns;
}

static const struct ct_follow_ops ops = { .on_begin = on_begin,
					  .on_end = on_end,
					  .on_lost = on_lost };

static void too_late(void *data)
{
	const struct heard *heard = data;

	fail_msg("%zu of %zu ends within %d ms", heard->ended, heard->wanted, DEADLINE_MS);
}

static void run(struct heard *heard, size_t wanted)
{
	struct loop_timer *deadline = loop_timer_new(heard->loop, too_late, heard);

	assert_non_null(deadline);
	heard->wanted = wanted;
	loop_timer_arm_ms(deadline, DEADLINE_MS);
	if (heard->ended < wanted)
		assert_int_equal(loop_run(heard->loop), 0);
	loop_timer_free(deadline);
}

static struct ct_follow *follow(struct heard *heard, unsigned buffer)
{
	struct err err = ERR_NULL;
	struct ct_follow *follow = ct_follow_new(heard->loop, &ops, heard, buffer, &err);

	if (!follow)
		fail_msg("%s", err.text);
	return follow;
}

static void ip(const char *const argv[])
{
	run_program(argv, false);
}

static void set(const char *key, const char *value)
{
	struct err err = ERR_NULL;

	if (sysctl_write_checked(key, value, &err))
		fail_msg("%s", err.text);
}

/* What a gateway has: the parameters of daemon/sysctls.c, and a translation. All of it on one loopback device. */
static void be_a_gateway(void)
{
	static const char *const addresses[] = { "10.0.0.50/32", "10.0.9.9/32", "10.0.2.201/32" };

	ip((const char *const[]){ "ip", "link", "set", "lo", "up", NULL });
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		ip((const char *const[]){ "ip", "addr", "add", addresses[i], "dev", "lo", NULL });
	nft("add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; };"
	    "add rule ip nat post ip saddr 10.0.0.50 meta mark set 7 ct mark set 7 snat to 10.0.2.201;");
	set("net/netfilter/nf_conntrack_events", "1");
	set("net/netfilter/nf_conntrack_acct", "1");
	set("net/netfilter/nf_conntrack_timestamp", "1");
}

static struct sockaddr_in place(uint32_t address, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(address),
				     .sin_port = htons(port) };
}

static int socket_at(uint32_t address, uint16_t port)
{
	const struct sockaddr_in at = place(address, port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const void *)&at, sizeof(at)), 0);
	return fd;
}

/* A datagram from a port, which is a connection of its own. */
static void send_from(uint16_t port)
{
	const struct sockaddr_in to = place(SERVER, 5000);
	static const char bytes[SIZE];
	int fd = socket_at(POD, port);

	assert_int_equal(sendto(fd, bytes, SIZE, 0, (const void *)&to, sizeof(to)), SIZE);
	close(fd);
}

static void end_all(void)
{
	free(run_program((const char *const[]){ "conntrack", "-F", NULL }, true));
}

static void an_end_tells_traffic_and_times(void **state)
{
	struct heard heard = { .loop = loop_new() };
	CLEANUP(cleanup_fd) int server = -1;
	struct ct_follow *following;
	int64_t before = now_ns();

	(void)state;
	be_a_gateway();
	server = socket_at(SERVER, 5000);
	following = follow(&heard, BUFFER);
	ct_follow_begin(following);
	send_from(4000);
	end_all();
	run(&heard, 1);
	assert_int_equal(heard.begun, 1);
	assert_int_equal(heard.made, 0);
	assert_int_equal(heard.flow.orig.src.v, POD);
	assert_int_equal(heard.flow.orig.src_port, 4000);
	assert_int_equal(heard.flow.nat.v, EGRESS);
	assert_int_equal(heard.flow.mark, 7);
	assert_true(heard.account.is_counted);
	assert_int_equal(heard.account.sent.packets, 1);
	assert_int_equal(heard.account.sent.bytes, SIZE + 28);
	assert_int_equal(heard.account.received.packets, 0);
	assert_true(heard.account.start_ns >= before);
	assert_true(heard.account.stop_ns >= heard.account.start_ns);
	assert_true(heard.account.stop_ns <= now_ns());
	ct_follow_read(following, 10);
	assert_true(ct_follow_until_ns(following) >= heard.account.stop_ns);
	ct_follow_free(following);
	loop_free(heard.loop);
}

static void stop(void *data)
{
	loop_stop(data);
}

static void nothing_is_told_before_it_is_to_be(void **state)
{
	struct heard heard = { .loop = loop_new() };
	struct loop_timer *once = loop_timer_new(heard.loop, stop, heard.loop);
	CLEANUP(cleanup_fd) int server = -1;
	struct ct_follow *following;

	(void)state;
	be_a_gateway();
	server = socket_at(SERVER, 5000);
	following = follow(&heard, BUFFER);
	send_from(4000);
	end_all();
	for (int i = 0; i < 3; i++) {
		loop_timer_arm_ms(once, 1);
		assert_int_equal(loop_run(heard.loop), 0);
	}
	assert_int_equal(heard.begun + heard.ended, 0);
	ct_follow_begin(following);
	run(&heard, 1);
	assert_int_equal(heard.begun, 1);
	ct_follow_free(following);
	loop_timer_free(once);
	loop_free(heard.loop);
}

static void what_is_not_translated_is_not_told(void **state)
{
	const struct sockaddr_in to = place(SERVER, 5000);
	struct heard heard = { .loop = loop_new() };
	CLEANUP(cleanup_fd) int server = -1;
	CLEANUP(cleanup_fd) int other = -1;
	struct ct_follow *following;

	(void)state;
	be_a_gateway();
	server = socket_at(SERVER, 5000);
	other = socket_at(EGRESS, 4000);
	following = follow(&heard, BUFFER);
	ct_follow_begin(following);
	assert_int_equal(sendto(other, "x", 1, 0, (const void *)&to, sizeof(to)), 1);
	send_from(4001);
	end_all();
	run(&heard, 1);
	ct_follow_read(following, 100);
	assert_int_equal(heard.begun, 1);
	assert_int_equal(heard.ended, 1);
	ct_follow_free(following);
	loop_free(heard.loop);
}

static void one_that_a_program_made_is_told_apart(void **state)
{
	const struct ct_flow flow = { .orig = { .src = { POD },
						.dst = { SERVER },
						.src_port = 4000,
						.dst_port = 443,
						.protocol = IPPROTO_UDP },
				      .nat = { EGRESS },
				      .nat_port = 50000,
				      .mark = 7,
				      .status = IPS_SEEN_REPLY | IPS_ASSURED,
				      .timeout_s = 300 };
	struct heard heard = { .loop = loop_new() };
	struct err err = ERR_NULL;
	struct ct_writer *writer = ct_writer_new(&err);
	struct ct_follow *following;

	(void)state;
	assert_non_null(writer);
	be_a_gateway();
	following = follow(&heard, BUFFER);
	ct_follow_begin(following);
	assert_int_equal(ct_writer_put(writer, CT_FLOW_NEW, &flow, &err), 0);
	assert_int_equal(ct_writer_put(writer, CT_FLOW_GONE, &flow, &err), 0);
	assert_int_equal(ct_writer_flush(writer, &err), 0);
	run(&heard, 1);
	assert_int_equal(heard.begun, 1);
	assert_int_equal(heard.made, 1);
	assert_int_equal(heard.flow.nat_port, 50000);
	ct_follow_free(following);
	ct_writer_free(writer);
	loop_free(heard.loop);
}

/* Nobody reads while more happens than the socket takes. The kernel keeps each end until it fits. */
static void an_overrun_loses_no_end(void **state)
{
	struct heard heard = { .loop = loop_new(), .ends = calloc(1 << 16, 1) };
	CLEANUP(cleanup_fd) int server = -1;
	struct ct_follow *following;
	int64_t before;

	(void)state;
	assert_non_null(heard.ends);
	be_a_gateway();
	server = socket_at(SERVER, 5000);
	following = follow(&heard, SMALL);
	assert_true(ct_follow_is_reliable(following));
	before = now_ns();
	for (int i = 0; i < MANY; i++)
		send_from((uint16_t)(10000 + i));
	end_all();
	ct_follow_begin(following);
	run(&heard, MANY);
	for (size_t port = 0; port < 1 << 16; port++)
		assert_int_equal(heard.ends[port], port >= 10000 && port < 10000 + MANY);
	assert_true(heard.begun < MANY);
	assert_true(heard.lost > 0);
	assert_true(heard.lost_from <= before);
	assert_true(heard.lost_to >= before);
	ct_follow_free(following);
	loop_free(heard.loop);
	free(heard.ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(an_end_tells_traffic_and_times),
		in_a_namespace(nothing_is_told_before_it_is_to_be),
		in_a_namespace(what_is_not_translated_is_not_told),
		in_a_namespace(one_that_a_program_made_is_told_apart),
		in_a_namespace(an_overrun_loses_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
