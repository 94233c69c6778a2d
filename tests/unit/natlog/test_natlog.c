// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* From the kernel's connections to lines in a file: who is asked when, and what a full disk costs. */
#include "natlog/natlog.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "cmocka_all.h"
#include "log_folder.h"
#include "nat/flow.h"
#include "natlog/stamp.h"

#define POD 0x0a000032u
#define SERVER 0xc0000201u
#define EGRESS 0x0a0002c9u
#define OTHER 0x0a0002cau

enum { DEADLINE_MS = 90000, LOOK_MS = 20, DISK = 24 << 20, MANY = 20000, BUFFER = 32 << 20 };

struct ground {
	struct log_folder *folder;
	struct loop *loop;
	struct loop_timer *look;
	struct natlog *natlog;
	struct ct_writer *writer;
	bool (*is_so)(struct ground *ground);
	const char *pod; /* who has the address now */
	int64_t looked_ms;
	int64_t asked_ns;
	size_t wanted;
};

static bool ask(const struct ct_flow *flow, int64_t start_ns, struct natlog_who *ret, void *data)
{
	const struct ground *ground = data;

	(void)start_ns;
	ret->name = ground->pod;
	ret->policy = "payments";
	return flow->mark;
}

static bool carried(struct ip4 nat, int64_t from_ns, int64_t to_ns, void *data)
{
	(void)from_ns;
	(void)to_ns;
	(void)data;
	return nat.v == EGRESS;
}

static const struct natlog_ops ops = { .ask = ask, .carried = carried };

static void look(void *data)
{
	struct ground *ground = data;

	if (ground->is_so(ground)) {
		loop_stop(ground->loop);
		return;
	}
	ground->looked_ms += LOOK_MS;
	if (ground->looked_ms > DEADLINE_MS)
		fail_msg("not within %d ms", DEADLINE_MS);
	loop_timer_arm_ms(ground->look, LOOK_MS);
}

static void wait_until(struct ground *ground, bool (*is_so)(struct ground *ground))
{
	ground->is_so = is_so;
	ground->looked_ms = 0;
	loop_timer_arm_ms(ground->look, 0);
	assert_int_equal(loop_run(ground->loop), 0);
}

static struct natlog_status status_of(const struct ground *ground)
{
	struct natlog_status status;

	natlog_status(ground->natlog, &status);
	return status;
}

static bool is_open(struct ground *ground)
{
	return status_of(ground).outputs[0].sink.writer.is_open;
}

static bool has_begun(struct ground *ground)
{
	return status_of(ground).open >= ground->wanted;
}

static bool has_ended(struct ground *ground)
{
	const struct natlog_status status = status_of(ground);

	return status.records + status.lost >= ground->wanted;
}

/* All that ended before this is asked is in the file. */
static bool is_complete(struct ground *ground)
{
	const struct natlog_status status = status_of(ground);

	return !status.waiting && status.until_ns > ground->asked_ns;
}

static void wait_complete(struct ground *ground)
{
	ground->asked_ns = stamp_now_ns();
	wait_until(ground, is_complete);
}

/* As daemon/sysctls.c: else what begins while nobody listens has no end that is told. */
static void set_parameter(const char *key)
{
	char path[96];
	CLEANUP(cleanup_fd) int fd = -1;

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/nf_conntrack_%s", key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "1", 1), 1);
}

static struct output_hows to_file(const struct log_folder *folder)
{
	return (struct output_hows){ .v = { { .kind = OUTPUT_FILE, .file = folder->options } },
				     .n = 1 };
}

static void begin(struct ground *ground, void **state, size_t most_flows, size_t most_waiting)
{
	struct err err = ERR_NULL;

	if (unshare(CLONE_NEWNET) < 0) {
		print_message("SKIP: no network namespace: %s\n", strerror(errno));
		exit(77);
	}
	set_parameter("events");
	set_parameter("acct");
	set_parameter("timestamp");
	*ground = (struct ground){ .folder = *state, .loop = loop_new(), .pod = "pod" };
	assert_non_null(ground->loop);
	const struct natlog_options options = { .loop = ground->loop,
						.gateway = "gw-a",
						.book = "",
						.most_flows = most_flows,
						.most_waiting = most_waiting,
						.buffer = BUFFER,
						.ops = &ops,
						.data = ground };

	ground->folder->options.max_bytes = 1 << 30;

	const struct output_hows hows = to_file(ground->folder);

	ground->look = loop_timer_new(ground->loop, look, ground);
	ground->writer = ct_writer_new(&err);
	ground->natlog = natlog_new(&options, &hows, &err);
	if (!ground->natlog || !ground->writer || !ground->look)
		fail_msg("%s", err.text);
	wait_until(ground, is_open);
}

static void end(struct ground *ground)
{
	natlog_free(ground->natlog, 10000);
	ct_writer_free(ground->writer);
	loop_timer_free(ground->look);
	loop_free(ground->loop);
}

static void put(struct ground *ground, enum ct_flow_change change, uint16_t port, uint32_t nat)
{
	const struct ct_flow flow = { .orig = { .src = { POD },
						.dst = { SERVER },
						.src_port = port,
						.dst_port = 443,
						.protocol = IPPROTO_UDP },
				      .nat = { nat },
				      .nat_port = port,
				      .mark = 1,
				      .status = IPS_SEEN_REPLY | IPS_ASSURED,
				      .timeout_s = 300 };
	struct err err = ERR_NULL;

	if (ct_writer_put(ground->writer, change, &flow, &err))
		fail_msg("%s", err.text);
}

static void flush(struct ground *ground)
{
	struct err err = ERR_NULL;

	if (ct_writer_flush(ground->writer, &err))
		fail_msg("%s", err.text);
}

/* How many lines have that in them. */
static size_t count(const struct ground *ground, const char *what)
{
	CLEANUP(cleanup_free) char *text = log_folder_text(ground->folder, "");
	char *rest = text;
	const char *line;
	size_t n = 0;

	while (rest && (line = strsep(&rest, "\n")))
		n += strstr(line, what) != NULL;
	return n;
}

static void begin_flow(struct ground *ground, uint16_t port, uint32_t nat)
{
	ground->wanted = status_of(ground).open + 1;
	put(ground, CT_FLOW_NEW, port, nat);
	flush(ground);
	wait_until(ground, has_begun);
}

static void a_connection_is_whose_it_was_when_it_began(void **state)
{
	struct ground ground;

	begin(&ground, state, 100, 1 << 20);
	natlog_begin(ground.natlog);
	ground.pod = "old";
	begin_flow(&ground, 4000, EGRESS);
	ground.pod = "new";
	begin_flow(&ground, 4001, EGRESS);
	put(&ground, CT_FLOW_GONE, 4000, EGRESS);
	put(&ground, CT_FLOW_GONE, 4001, EGRESS);
	flush(&ground);
	wait_complete(&ground);
	assert_int_equal(count(&ground, "\"name\":\"old\",\"address\":\"10.0.0.50\",\"port\":4000"),
			 1);
	assert_int_equal(count(&ground, "\"name\":\"new\",\"address\":\"10.0.0.50\",\"port\":4001"),
			 1);
	assert_int_equal(count(&ground, "\"attribution\":\"replicated\""), 2);
	end(&ground);
}

static void what_was_there_before_is_found(void **state)
{
	struct ground ground;

	begin(&ground, state, 100, 1 << 20);
	natlog_free(ground.natlog, 10000);
	put(&ground, CT_FLOW_NEW, 4000, EGRESS);
	flush(&ground);

	const struct natlog_options options = { .loop = ground.loop,
						.gateway = "gw-a",
						.most_flows = 100,
						.most_waiting = 1 << 20,
						.buffer = BUFFER,
						.ops = &ops,
						.data = &ground };
	const struct output_hows hows = to_file(ground.folder);
	struct err err = ERR_NULL;

	ground.natlog = natlog_new(&options, &hows, &err);
	assert_non_null(ground.natlog);
	natlog_begin(ground.natlog);
	ground.wanted = 1;
	wait_until(&ground, has_begun);
	put(&ground, CT_FLOW_GONE, 4000, EGRESS);
	flush(&ground);
	wait_complete(&ground);
	assert_int_equal(count(&ground, "\"attribution\":\"found\""), 1);
	assert_int_equal(count(&ground, "\"type\":\"flow\""), 1);
	end(&ground);
}

static void what_another_gateway_carries_is_not_ours_to_record(void **state)
{
	struct ground ground;

	begin(&ground, state, 100, 1 << 20);
	natlog_begin(ground.natlog);
	begin_flow(&ground, 4000, OTHER);
	begin_flow(&ground, 4001, EGRESS);
	put(&ground, CT_FLOW_GONE, 4000, OTHER);
	put(&ground, CT_FLOW_GONE, 4001, EGRESS);
	flush(&ground);
	wait_complete(&ground);
	assert_int_equal(count(&ground, "\"port\":4000"), 0);
	assert_int_equal(count(&ground, "\"type\":\"flow\""), 1);
	assert_int_equal(status_of(&ground).open, 0);
	end(&ground);
}

/* Beyond what may be remembered, an end is recorded by who has the address then. */
static void one_too_many_is_recorded_by_its_end(void **state)
{
	struct ground ground;

	begin(&ground, state, 1, 1 << 20);
	natlog_begin(ground.natlog);
	begin_flow(&ground, 4000, EGRESS);
	put(&ground, CT_FLOW_NEW, 4001, EGRESS);
	put(&ground, CT_FLOW_GONE, 4001, EGRESS);
	put(&ground, CT_FLOW_GONE, 4000, EGRESS);
	flush(&ground);
	wait_complete(&ground);
	assert_int_equal(count(&ground, "\"attribution\":\"end\""), 1);
	assert_int_equal(count(&ground, "\"attribution\":\"replicated\""), 1);
	assert_int_equal(status_of(&ground).unremembered, 1);
	end(&ground);
}

static void fill_disk(const struct log_folder *folder)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/ballast", folder->path);
	file = fopen(path, "we");
	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	for (int i = 0; i < DISK; i += 65536) {
		static const char page[65536];

		(void)fwrite(page, sizeof(page), 1, file);
	}
	fclose(file);
}

/* The disk is full, what waits is at its ceiling, and more connections end: they are lost, counted, and a gap says so. */
static void a_disk_that_is_full_for_too_long_is_a_gap_with_their_number(void **state)
{
	struct natlog_status status;
	struct ground ground;
	char wanted[96];

	if (mount("none", ((struct log_folder *)*state)->path, "tmpfs", 0, "size=24m")) {
		print_message("SKIP: no tmpfs: %s\n", strerror(errno));
		exit(77);
	}
	begin(&ground, state, MANY, 256 << 10);
	natlog_begin(ground.natlog);
	fill_disk(ground.folder);
	for (int i = 0; i < MANY; i++)
		put(&ground, CT_FLOW_NEW, (uint16_t)i, EGRESS);
	for (int i = 0; i < MANY; i++)
		put(&ground, CT_FLOW_GONE, (uint16_t)i, EGRESS);
	flush(&ground);
	ground.wanted = MANY;
	wait_until(&ground, has_ended);
	status = status_of(&ground);
	assert_true(status.lost > 0);
	assert_int_equal(status.records + status.lost, MANY);

	snprintf(wanted, sizeof(wanted), "%s/ballast", ground.folder->path);
	assert_int_equal(unlink(wanted), 0);
	wait_complete(&ground);
	snprintf(wanted, sizeof(wanted), "\"cause\":\"backlog\",\"lost\":%llu}",
		 (unsigned long long)status.lost);
	assert_int_equal(count(&ground, wanted), 1);
	assert_int_equal(count(&ground, "\"cause\":\"backlog\""), 1);
	assert_int_equal(count(&ground, "\"type\":\"flow\""), status.records);
	end(&ground);
	assert_int_equal(umount2(((struct log_folder *)*state)->path, MNT_DETACH), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(a_connection_is_whose_it_was_when_it_began),
		in_a_folder(what_was_there_before_is_found),
		in_a_folder(what_another_gateway_carries_is_not_ours_to_record),
		in_a_folder(one_too_many_is_recorded_by_its_end),
		in_a_folder(a_disk_that_is_full_for_too_long_is_a_gap_with_their_number),
	};

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		print_message("SKIP: no mount namespace: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
