// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Notifications: others' changes of our table are told once, our own and those of other tables never. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"

/* The loop is given so long to tell; then what wasn't told doesn't come. */
enum { QUIET_MS = 150, DEADLINE_MS = 10000, FDS_MAX = 64 };

struct watcher {
	struct kernel *k;
	struct loop *loop;
	struct loop_timer *timer;
	int told;
	char what[64];
};

static void on_stale(const char *what, void *data)
{
	struct watcher *w = data;

	w->told++;
	snprintf(w->what, sizeof(w->what), "%s", what);
}

static void on_timer(void *data)
{
	const struct watcher *w = data;

	loop_stop(w->loop);
}

/* The kernel notifies before nft(8) ends, so whatever is to come is in the socket already. */
static void hear_out(struct watcher *w)
{
	assert_int_equal(loop_timer_arm_ms(w->timer, QUIET_MS), 0);
	assert_int_equal(loop_run(w->loop), 0);
}

static void watch(struct watcher *w, struct kernel *k)
{
	struct nat_sync_ops ops = { .on_stale = on_stale };

	*w = (struct watcher){ .k = k, .loop = loop_new() };
	assert_non_null(w->loop);
	w->timer = loop_timer_new(w->loop, on_timer, w);
	assert_non_null(w->timer);
	nat_sync_free(k->sync);
	k->sync = nat_sync_new(w->loop, (struct nat_table){ NAT_IP, TABLE }, &ops, w, &k->err);
	assert_non_null(k->sync);
	kernel_load(k);
}

static void watch_end(struct watcher *w)
{
	nat_sync_free(w->k->sync);
	w->k->sync = NULL;
	loop_timer_free(w->timer);
	loop_free(w->loop);
}

static void our_own_changes_are_not_told(void **state)
{
	struct watcher w;
	const struct nat_set *set;
	struct nat_elem elem = { 0, 1, 1, 0 };

	watch(&w, *state);
	set = nat_set_find(&w.k->desired, "addrs");
	const struct nat_change change = { .set = set, .add = { &elem, 1 } };

	assert_int_equal(nat_sync_elems(w.k->sync, &w.k->desired,
					(struct nat_changes){ &change, 1 }, &w.k->err),
			 0);
	assert_int_equal(nat_sync_cleanup(w.k->sync, &w.k->err), 0);
	kernel_run(w.k);

	hear_out(&w);

	assert_int_equal(w.told, 0);
	watch_end(&w);
}

static void changes_of_other_tables_are_not_told(void **state)
{
	struct watcher w;

	watch(&w, *state);
	nft("add table ip x; add chain ip x pre; add rule ip x pre drop; delete table ip x");
	nft("add chain inet eipgw_test x; delete chain inet eipgw_test x");
	nft("add element ip6 eipgw_test addrs { fd00::2 }; delete element ip6 eipgw_test addrs { fd00::2 }");
	nft("add chain ip eipgw_test2 x; delete chain ip eipgw_test2 x");

	hear_out(&w);

	assert_int_equal(w.told, 0);
	watch_end(&w);
}

static void a_change_by_others_is_told_once_until_the_next_run(void **state)
{
	static const struct {
		const char *command, *what;
	} cases[] = {
		{ "add rule ip " TABLE " pre drop; add rule ip " TABLE " pre accept",
		  "rule added" },
		{ "flush chain ip " TABLE " pre", "rule deleted" },
		{ "delete element ip " TABLE " addrs { 10.0.0.3 }", "set element deleted" },
		{ "add element ip " TABLE " addrs { 192.0.2.1 }", "set element added" },
		{ "add chain ip " TABLE " foreign", "chain added" },
		{ "add set ip " TABLE " foreign { type ipv4_addr; }", "set added" },
		{ "add counter ip " TABLE " foreign", "object added" },
		{ "add table ip " TABLE " { flags dormant; }", "table changed" },
		{ "delete table ip " TABLE, "rule deleted" }, /* with it, and told first */
	};
	struct watcher w;

	watch(&w, *state);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].command);
		w.told = 0;
		nft(cases[i].command);
		hear_out(&w);
		assert_int_equal(w.told, 1);
		assert_string_equal(w.what, cases[i].what);
		nft("add table ip " TABLE "; add chain ip " TABLE " more");
		hear_out(&w);
		assert_int_equal(w.told, 1);
		kernel_run(w.k);
		hear_out(&w);
		assert_int_equal(w.told, 1);
	}
	watch_end(&w);
}

/* The socket that gets notifications: the only one that is in a netlink group. */
static int watch_fd(void)
{
	for (int fd = 3; fd < FDS_MAX; fd++) {
		struct sockaddr_nl addr = { 0 };
		socklen_t size = sizeof(addr);

		if (getsockname(fd, (struct sockaddr *)&addr, &size) == 0 &&
		    addr.nl_family == AF_NETLINK && addr.nl_groups)
			return fd;
	}
	fail_msg("no netlink socket is in a group");
	return -1;
}

static void lost_notifications_are_told(void **state)
{
	struct watcher w;
	int size = 1;

	watch(&w, *state);
	assert_int_equal(setsockopt(watch_fd(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)),
			 0);
	/* Of another table, so that nothing but the loss can be told. */
	nft("add table ip storm; add set ip storm s { type ipv4_addr; flags interval; }; "
	    "add chain ip storm c1; add chain ip storm c2; add chain ip storm c3; add chain ip storm c4; "
	    "add element ip storm s { 10.0.0.0/24, 10.1.0.0/24, 10.2.0.0/24, 10.3.0.0/24 }; "
	    "add rule ip storm c1 drop; add rule ip storm c1 drop; add rule ip storm c2 drop; "
	    "add rule ip storm c3 counter drop; add rule ip storm c4 counter drop");
	nft("delete table ip storm");

	hear_out(&w);

	assert_int_equal(w.told, 1);
	assert_string_equal(w.what, "notifications were lost");
	assert_true(nat_sync_stats(w.k->sync).overruns > 0);
	kernel_expect_rest(w.k);
	watch_end(&w);
}

/* Two tables of one process: a large change of the one is no news to the other, and fills no queue of its. */
static void a_peer_does_not_listen_to_a_large_change(void **state)
{
	struct nat_sync_ops ops = { .on_stale = on_stale };
	struct nat_ruleset large;
	struct nat_sync *other;
	struct watcher w;
	int size = 1;

	watch(&w, *state);
	assert_int_equal(setsockopt(watch_fd(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)),
			 0);
	other = nat_sync_new(w.loop, (struct nat_table){ NAT_IP6, TABLE "_six" }, &ops, &w,
			     &w.k->err);
	assert_non_null(other);
	nat_sync_pair(w.k->sync, other);
	nat_ruleset_init_of(&large, (struct nat_table){ NAT_IP6, TABLE "_six" });
	size_t set = nat_set_add(&large, "numbers", NAT_SET_IIF, 0);

	for (uint32_t i = 1; i <= 2000; i++)
		nat_elem_add(&large, set, (struct nat_elem){ .key = i });
	assert_int_equal(nat_ruleset_finish(&large), 0);
	assert_int_equal(nat_sync_run(other, &large, NULL, NULL, &w.k->err), 0);
	hear_out(&w);
	assert_int_equal(w.told, 0);
	assert_int_equal(nat_sync_stats(w.k->sync).overruns, 0);
	/* Both listen again. */
	nft("flush chain ip " TABLE " pre");
	hear_out(&w);
	assert_int_equal(w.told, 1);
	w.told = 0;
	nft("flush set ip6 " TABLE "_six numbers");
	hear_out(&w);
	assert_int_equal(w.told, 1);
	nat_ruleset_done(&large);
	nat_sync_free(other);
	watch_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(our_own_changes_are_not_told),
		in_a_namespace(changes_of_other_tables_are_not_told),
		in_a_namespace(a_change_by_others_is_told_once_until_the_next_run),
		in_a_namespace(lost_notifications_are_told),
		in_a_namespace(a_peer_does_not_listen_to_a_large_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
