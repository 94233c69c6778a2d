// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Connections that are open while the daemon is not there. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "cmocka_all.h"
#include "log_folder.h"
#include "nat/nfnl.h"
#include "natlog/natlog.h"
#include "natlog/stamp.h"

enum { DEADLINE_MS = 90000, LOOK_MS = 20, BUFFER = 1 << 20, PATH_BYTES = 128 };

struct ground {
	struct log_folder *folder;
	struct loop *loop;
	struct loop_timer *look;
	struct natlog *natlog;
	struct ct_writer *writer;
	const char *pod; /* who has the address now */
	char book[PATH_BYTES];
	int64_t looked_ms, asked_ns;
	size_t open;
};

static bool ask(const struct ct_flow *flow, int64_t start_ns, struct natlog_who *ret, void *data)
{
	const struct ground *ground = data;

	(void)flow;
	(void)start_ns;
	ret->name = ground->pod;
	return true;
}

static bool carried(struct ip4 nat, int64_t from_ns, int64_t to_ns, void *data)
{
	(void)nat;
	(void)data;
	return from_ns <= to_ns;
}

/* So many are open, and all that ended before it was asked is in the file. */
static void look(void *data)
{
	struct ground *ground = data;
	struct natlog_status status;

	natlog_status(ground->natlog, &status);
	ground->looked_ms += LOOK_MS;
	if (ground->looked_ms > DEADLINE_MS)
		fail_msg("not within %d ms", DEADLINE_MS);
	if (status.open == ground->open && !status.waiting && status.until_ns > ground->asked_ns)
		loop_stop(ground->loop);
	else
		loop_timer_arm_ms(ground->look, LOOK_MS);
}

static void wait_open(struct ground *ground, size_t open)
{
	ground->open = open;
	ground->looked_ms = 0;
	ground->asked_ns = stamp_now_ns();
	loop_timer_arm_ms(ground->look, 0);
	assert_int_equal(loop_run(ground->loop), 0);
}

static void stop(struct ground *ground)
{
	natlog_free(TAKE_PTR(ground->natlog), 30000);
}

static void start(struct ground *ground)
{
	static const struct natlog_ops ops = { .ask = ask, .carried = carried };
	const struct natlog_options options = { .loop = ground->loop,
						.gateway = "gw-a",
						.book = ground->book,
						.most_flows = 100,
						.most_waiting = 1 << 20,
						.buffer = BUFFER,
						.ops = &ops,
						.data = ground };
	struct output_hows hows = { .v = { { .kind = OUTPUT_FILE } }, .n = 1 };
	struct err err = ERR_NULL;

	hows.v[0].file = ground->folder->options;
	ground->natlog = natlog_new(&options, &hows, &err);
	if (!ground->natlog)
		fail_msg("%s", err.text);
	natlog_begin(ground->natlog);
}

static void set_parameter(const char *key)
{
	char path[96];
	CLEANUP(cleanup_fd) int fd = -1;

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/nf_conntrack_%s", key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "1", 1), 1);
}

static void set_up(struct ground *ground, void **state)
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
	snprintf(ground->book, sizeof(ground->book), "%s/nat.log.book", ground->folder->path);
	ground->look = loop_timer_new(ground->loop, look, ground);
	ground->writer = ct_writer_new(&err);
	assert_true(ground->look && ground->writer);
}

static void tear_down(struct ground *ground)
{
	stop(ground);
	ct_writer_free(ground->writer);
	loop_timer_free(ground->look);
	loop_free(ground->loop);
}

static void put(struct ground *ground, enum ct_flow_change change, uint16_t port)
{
	const struct ct_flow flow = { .orig = { .src = { 0x0a000032 },
						.dst = { 0xc0000201 },
						.src_port = port,
						.dst_port = 443,
						.protocol = IPPROTO_UDP },
				      .nat = { 0x0a0002c9 },
				      .nat_port = port,
				      .mark = 1,
				      .status = IPS_SEEN_REPLY | IPS_ASSURED,
				      .timeout_s = 300 };
	struct err err = ERR_NULL;

	if (ct_writer_put(ground->writer, change, &flow, &err) ||
	    ct_writer_flush(ground->writer, &err))
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

static void a_restart_changes_nothing_of_who_began_what(void **state)
{
	struct natlog_status status;
	struct ground ground;

	set_up(&ground, state);
	start(&ground);
	ground.pod = "old";
	put(&ground, CT_FLOW_NEW, 4000);
	put(&ground, CT_FLOW_NEW, 4001);
	wait_open(&ground, 2);
	ground.pod = "new";
	stop(&ground);
	start(&ground);
	/* One ends at once, and one much later. */
	put(&ground, CT_FLOW_GONE, 4000);
	wait_open(&ground, 1);
	stop(&ground);
	start(&ground);
	wait_open(&ground, 1);
	natlog_status(ground.natlog, &status);
	assert_int_equal(status.keep.loaded, 1);
	put(&ground, CT_FLOW_GONE, 4001);
	wait_open(&ground, 0);
	assert_int_equal(count(&ground, "\"name\":\"old\""), 2);
	assert_int_equal(count(&ground, "\"type\":\"flow\""), 2);
	tear_down(&ground);
}

/* What ended while nobody was there is a gap, and nothing that the kernel kept to itself. */
static void what_ended_meanwhile_is_forgotten_without_a_word(void **state)
{
	struct natlog_status status;
	struct ground ground;

	set_up(&ground, state);
	start(&ground);
	put(&ground, CT_FLOW_NEW, 4000);
	put(&ground, CT_FLOW_NEW, 4001);
	wait_open(&ground, 2);
	stop(&ground);
	put(&ground, CT_FLOW_GONE, 4000);
	start(&ground);
	wait_open(&ground, 1);
	natlog_status(ground.natlog, &status);
	assert_int_equal(status.keep.loaded, 2);
	assert_int_equal(status.vanished, 0);
	assert_int_equal(count(&ground, "\"type\":\"flow\""), 0);
	assert_int_equal(count(&ground, "\"cause\":\"restart\""), 1);
	tear_down(&ground);
}

static void put_book(const struct ground *ground, const struct ct_flow *flow, int64_t start_ns)
{
	const struct book_options options = { .most = 10, .seed = { 1, 2, 3, 4 } };
	const struct natlog_who who = { .name = "former" };
	const struct book_entry entry = { .who = &who,
					  .start_ns = start_ns,
					  .basis = NATLOG_START };
	struct book *book = book_new(&options);
	char boot[BOOK_BOOT_LENGTH];
	CLEANUP(cleanup_fd)
	int from = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_fd)
	int fd = open(ground->book, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(read(from, boot, sizeof(boot)), sizeof(boot));
	assert_true(fd >= 0 && book);
	assert_true(book_begin(book, flow, &entry));
	assert_int_equal(book_save(book, boot, fd), 0);
	book_free(book);
}

static bool every(const struct ct_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return true;
}

static struct ct_flow only_flow(void)
{
	struct ct_entries entries = { 0 };
	struct err err = ERR_NULL;
	struct nfnl *nfnl = nfnl_open(&err);
	struct ct_flow flow;

	assert_non_null(nfnl);
	assert_int_equal(ct_list(nfnl, every, NULL, &entries, &err), 0);
	assert_int_equal(entries.n, 1);
	assert_true(ct_flow_of(&entries.v[0], &flow));
	ct_entries_done(&entries);
	nfnl_close(nfnl);
	return flow;
}

/* The kernel may give an id again, and the same ports: who began before the entry was made isn't its pod. */
static void a_connection_that_only_looks_like_a_former_one_is_another(void **state)
{
	const struct {
		int64_t start_ns;
		const char *who;
	} rows[] = { { 1, "\"name\":\"pod\"" },
		     { stamp_now_ns() + INT64_C(3600000000000), "\"name\":\"former\"" } };
	struct ground ground;

	set_up(&ground, state);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		put(&ground, CT_FLOW_NEW, 4000);
		const struct ct_flow flow = only_flow();

		put_book(&ground, &flow, rows[i / 2].start_ns);
		start(&ground);
		/* Found first, or ended before it could be. */
		if (i % 2)
			wait_open(&ground, 1);
		put(&ground, CT_FLOW_GONE, 4000);
		wait_open(&ground, 0);
		stop(&ground);
		assert_int_equal(count(&ground, rows[i / 2].who), i % 2 + 1);
	}
	tear_down(&ground);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(a_restart_changes_nothing_of_who_began_what),
		in_a_folder(what_ended_meanwhile_is_forgotten_without_a_word),
		in_a_folder(a_connection_that_only_looks_like_a_former_one_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
