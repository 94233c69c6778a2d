// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What a reflector tells, against a server with a script. How a real API server behaves is tests/kube's to say; here
 * it's what one does rarely.
 */
#include "../http/serve_http.h"

#include "kube/reflector.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "kube/client.h"
#include "kube/config.h"

#include "cmocka_all.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct bed {
	struct serve_http server;
	struct loop *loop;
	struct http *http;
	struct kube_config config;
	struct kube_client *client;
	struct kube_reflector *reflector;
	struct loop_timer *deadline;
	char story[4096];    /* a word for each callback */
	char names[8][16];   /* of the objects, as their users */
	const char *stop_at; /* the loop ends when the story ends so */
	const char *free_at; /* the reflector is freed then */
	bool is_late;
};

__attribute__((format(printf, 2, 3))) static void note(struct bed *bed, const char *format, ...)
{
	const size_t length = strlen(bed->story);
	va_list args;

	va_start(args, format);
	vsnprintf(bed->story + length, sizeof(bed->story) - length, format, args);
	va_end(args);
	const char *const word = bed->story + length;
	if (bed->free_at && strcmp(word, bed->free_at) == 0) {
		kube_reflector_free(TAKE_PTR(bed->reflector));
		loop_stop(bed->loop);
	}
	const size_t end = strlen(bed->story);
	const size_t wanted = bed->stop_at ? strlen(bed->stop_at) : 0;
	if (wanted && end >= wanted && strcmp(bed->story + end - wanted, bed->stop_at) == 0)
		loop_stop(bed->loop);
}

static char *name_of(struct bed *bed, const char *name)
{
	size_t i = 0;

	while (bed->names[i][0] && strcmp(bed->names[i], name) != 0)
		i++;
	assert_in_range(i, 0, ARRAY_SIZE(bed->names) - 2); /* the last stays empty */
	snprintf(bed->names[i], sizeof(bed->names[i]), "%s", name);
	return bed->names[i];
}

static void on_object(enum kube_change change, const void *object, void **user, void *data)
{
	const struct kube_pod *const pod = object;
	struct bed *const bed = data;

	assert_string_equal(pod->meta.namespace, "s");
	assert_ptr_equal(*user, change == KUBE_ADDED ? NULL : name_of(bed, pod->meta.name));
	*user = name_of(bed, pod->meta.name);
	note(bed, "%c%s:%s ", change == KUBE_ADDED ? '+' : '~', pod->meta.name, pod->meta.uid);
}

static void on_removed(void *user, void *data)
{
	const char *const name = user;

	note(data, "-%s ", name);
}

static void on_unreadable(const struct kube_meta *meta, const char *why, void **user, void *data)
{
	(void)user;
	note(data, "?%s(%s) ", meta->name, why);
}

static void on_synced(void *data)
{
	note(data, "synced ");
}

static void on_failed(const struct kube_failure *failure, int64_t again_ms, void *data)
{
	(void)again_ms;
	note(data, "!%s ", http_class_names[failure->class]);
}

static void on_deadline(void *data)
{
	struct bed *const bed = data;

	bed->is_late = true;
	loop_stop(bed->loop);
}

static const struct kube_reflector_options usual = {
	.kind = &kube_pods,
	.callbacks = { on_object, on_removed, on_unreadable, on_synced, on_failed },
};

static void setup(struct bed *bed, const struct serve_reply *replies, size_t n)
{
	struct err err = ERR_NULL;

	*bed = (struct bed){ .stop_at = NULL };
	serve_http_start(&bed->server, replies, n);
	const struct kube_config_values values = { .server = bed->server.url };
	assert_int_equal(kube_config_set(&values, &bed->config, &err), 0);
	bed->loop = loop_new();
	bed->http = http_new(bed->loop, &err);
	const struct kube_client_options options = { .loop = bed->loop,
						     .http = bed->http,
						     .config = &bed->config };
	bed->client = kube_client_new(&options, &err);
	bed->deadline = loop_timer_new(bed->loop, on_deadline, bed);
	assert_non_null(bed->client);
	assert_int_equal(loop_timer_arm_ms(bed->deadline, 30000), 0);
}

static void run(struct bed *bed, const struct kube_reflector_options *template, const char *stop_at)
{
	struct kube_reflector_options options = *template;

	options.client = bed->client;
	options.data = bed;
	bed->stop_at = stop_at;
	if (!bed->reflector)
		bed->reflector = kube_reflector_new(&options, NULL);
	assert_non_null(bed->reflector);
	assert_int_equal(loop_run(bed->loop), 0);
	if (bed->is_late)
		fail_msg("it went on: %s", bed->story);
}

static void teardown(struct bed *bed)
{
	kube_reflector_free(bed->reflector);
	kube_client_free(bed->client);
	http_free(bed->http);
	loop_timer_free(bed->deadline);
	loop_free(bed->loop);
	kube_config_done(&bed->config);
	serve_http_stop(&bed->server);
}

#define POD(name, uid, version)                                                   \
	"{\"metadata\":{\"namespace\":\"s\",\"name\":\"" name "\",\"uid\":\"" uid \
	"\",\"resourceVersion\":\"" version "\"},\"spec\":{\"nodeName\":\"n1\"}}"
#define LIST(version, items) \
	"{\"items\":[" items "],\"metadata\":{\"resourceVersion\":\"" version "\"}}"
#define PAGE(version, next, items)                                            \
	"{\"items\":[" items "],\"metadata\":{\"resourceVersion\":\"" version \
	"\",\"continue\":\"" next "\"}}"
#define WORD(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version) WORD("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define HANGING .announced = 1, .end = SERVE_HANG

static void pages_a_watch_and_its_resumption_are_asked_for_as_the_server_wants_it(void **state)
{
	const struct serve_reply replies[] = {
		{ .body = PAGE("10", "a/b=", POD("a", "1", "3")) },
		{ .body = LIST("10", POD("b", "2", "4")) },
		{ .body = WORD("ADDED", POD("c", "3", "11")) WORD("MODIFIED", POD("a", "1", "12"))
			  WORD("DELETED", POD("b", "2", "13")) BOOKMARK("20") },
		{ .body = WORD("ADDED", POD("d", "4", "21")), HANGING },
	};
	struct kube_reflector_options options = usual;
	struct bed bed;
	(void)state;

	options.field_selector = "spec.nodeName=n1";
	options.label_selector = "a in (b,c)";
	setup(&bed, replies, ARRAY_SIZE(replies));
	run(&bed, &options, "+d:4 ");

	assert_string_equal(bed.story, "+a:1 +b:2 synced +c:3 ~a:1 -b !retry +d:4 ");
	static const char *const begins[] = {
		"GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn1&labelSelector=a%20in%20%28b%2Cc%29&limit=500 ",
		"GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn1&labelSelector=a%20in%20%28b%2Cc%29&limit=500&continue=a%2Fb%3D ",
		"GET /api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1&labelSelector=a%20in%20%28b%2Cc%29&resourceVersion=10&allowWatchBookmarks=true&timeoutSeconds=",
		"GET /api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1&labelSelector=a%20in%20%28b%2Cc%29&resourceVersion=20&allowWatchBookmarks=true&timeoutSeconds=",
	};
	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		const char *const text = serve_http_request(&bed.server, i);
		if (strstr(text, begins[i]) != text)
			fail_msg("request %zu: %.200s", i, text);
	}
	teardown(&bed);
}

static void a_second_list_tells_differences_only(void **state)
{
	const struct serve_reply replies[] = {
		{ .body = LIST("10", POD("a", "1", "3") "," POD("b", "2", "4") "," POD(
					     "c", "3", "5") "," POD("d", "4", "6")) },
		{ .body = WORD("ERROR",
			       "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}") },
		{ .body = LIST("20", POD("a", "1", "3") "," POD("b", "2", "14") "," POD(
					     "c", "9", "15") "," POD("e", "5", "16")) },
		{ .body = "", HANGING },
	};
	struct bed bed;
	(void)state;

	setup(&bed, replies, ARRAY_SIZE(replies));
	run(&bed, &usual, "synced ");
	run(&bed, &usual, "synced ");

	assert_string_equal(bed.story,
			    "+a:1 +b:2 +c:3 +d:4 synced !not found ~b:2 -c +c:9 +e:5 -d synced ");
	teardown(&bed);
}

static void nothing_is_gone_before_a_list_is_complete(void **state)
{
	const struct serve_reply replies[] = {
		{ .body = LIST("10", POD("a", "1", "3") "," POD("b", "2", "4")) },
		{ .status = 410, .body = "" },
		{ .body = PAGE("20", "x", POD("c", "3", "15")) },
		{ .body = "{\"items\":[", .announced = 10, .end = SERVE_CLOSE }, /* cut */
		{ .status = 500, .body = "" },
		{ .body = LIST("20", POD("b", "2", "4")) },
		{ .body = "", HANGING },
	};
	struct bed bed;
	(void)state;

	setup(&bed, replies, ARRAY_SIZE(replies));
	run(&bed, &usual, "synced ");
	run(&bed, &usual, "synced ");

	assert_string_equal(bed.story, "+a:1 +b:2 synced !not found +c:3 !retry !retry -a synced ");
	teardown(&bed);
}

static void a_first_list_that_is_cut_removes_nothing_and_is_not_synced(void **state)
{
	static const struct serve_reply cuts[] = {
		{ .body = "{\"items\":[" POD("a", "1", "3"), .announced = 1, .end = SERVE_CLOSE },
		{ .body = "{\"items\":[" POD("a", "1", "3") },
		{ .body = "{\"items\":[" POD("a", "1", "3") "]}" },
		{ .body = "{\"items\":[" POD(
			  "a", "1", "3") ",{}],\"metadata\":{\"resourceVersion\":\"1\"}}" },
		{ .body = "{\"items\":[" POD("a", "1", "3") ",{]" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		const struct serve_reply replies[] = { cuts[i],
						       { .body = LIST("10", POD("a", "1", "3")) },
						       { .body = "", HANGING } };
		struct bed bed;

		setup(&bed, replies, ARRAY_SIZE(replies));
		run(&bed, &usual, "synced ");
		assert_string_equal(bed.story, "+a:1 !retry synced ");
		teardown(&bed);
	}
}

static void an_object_that_cannot_be_read_is_told_and_does_not_stop_the_others(void **state)
{
	const struct serve_reply replies[] = {
		{ .body = LIST(
			  "10",
			  "{\"metadata\":{\"namespace\":\"s\",\"name\":\"x\",\"uid\":\"7\",\"resourceVersion\":\"1\"},"
			  "\"spec\":{\"hostNetwork\":\"yes\"}}," POD("a", "1", "3")) },
		{ .body = WORD("MODIFIED", POD("x", "7", "11")) WORD(
			  "MODIFIED",
			  "{\"metadata\":{\"namespace\":\"s\",\"name\":\"x\",\"uid\":\"7\",\"resourceVersion\":\"12\"},"
			  "\"spec\":{\"nodeName\":{}}}") WORD("DELETED", POD("x", "7", "13")),
		  HANGING },
	};
	struct bed bed;
	(void)state;

	setup(&bed, replies, ARRAY_SIZE(replies));
	run(&bed, &usual, "-x ");

	assert_string_equal(
		bed.story,
		"?x(spec.hostNetwork: isn't true or false) +a:1 synced +x:7 ?x(spec.nodeName: isn't a text) -x ");
	teardown(&bed);
}

static void an_object_above_the_ceiling_fails_the_list(void **state)
{
	const struct serve_reply replies[] = { { .body = LIST("10", POD("a", "1", "3")) } };
	struct kube_reflector_options options = usual;
	struct bed bed;
	(void)state;

	options.object_max = 20;
	setup(&bed, replies, ARRAY_SIZE(replies));
	run(&bed, &options, "!permanent ");

	assert_string_equal(bed.story, "!permanent ");
	struct kube_reflector_status status;
	kube_reflector_status(bed.reflector, &status);
	assert_non_null(strstr(status.last_failure, "larger than 20 bytes"));
	assert_false(status.is_synced);
	teardown(&bed);
}

static void deletions_of_another_life_are_not_ours(void **state)
{
	const struct serve_reply replies[] = {
		{ .body = LIST("10", POD("a", "1", "3")) },
		{ .body = WORD("DELETED", POD("a", "0", "11")) WORD("DELETED", POD("z", "0", "12"))
			  WORD("ADDED", POD("a", "2", "13")) WORD("DELETED", POD("a", "2", "14")),
		  HANGING },
	};
	struct bed bed;
	(void)state;

	setup(&bed, replies, ARRAY_SIZE(replies));
	run(&bed, &usual, "+a:2 -a ");

	assert_string_equal(bed.story, "+a:1 synced -a +a:2 -a ");
	teardown(&bed);
}

static void a_store_that_was_set_back_is_listed_twice_and_told_whole(void **state)
{
	const struct serve_reply replies[] = {
		{ .body = LIST("100", POD("a", "1", "30") "," POD("b", "2", "31")) },
		{ .body = WORD(
			  "ERROR",
			  "{\"kind\":\"Status\",\"code\":504,\"reason\":\"Timeout\",\"message\":\"Too large resource version: 100\"}") },
		{ .body = LIST("50", POD("a", "1", "30")) },
		{ .body = LIST("50", POD("a", "1", "30")) },
		{ .body = "", HANGING },
	};
	struct bed bed;
	(void)state;

	setup(&bed, replies, ARRAY_SIZE(replies));
	run(&bed, &usual, "synced ");
	run(&bed, &usual, "synced ");

	assert_string_equal(bed.story, "+a:1 +b:2 synced !retry ~a:1 -b synced ");
	teardown(&bed);
}

static void a_watch_that_says_nothing_is_given_up(void **state)
{
	const struct serve_reply replies[] = {
		{ .body = LIST("10", POD("a", "1", "3")) },
		{ .body = BOOKMARK("15"), HANGING },
		{ .body = WORD("ADDED", POD("b", "2", "16")), HANGING },
	};
	struct kube_reflector_options options = usual;
	struct bed bed;
	(void)state;

	options.quiet_ms = 100;
	setup(&bed, replies, ARRAY_SIZE(replies));
	run(&bed, &options, "+b:2 ");

	assert_string_equal(bed.story, "+a:1 synced !retry +b:2 ");
	assert_non_null(strstr(serve_http_request(&bed.server, 2), "resourceVersion=15&"));
	teardown(&bed);
}

static void words_that_are_no_words_list_anew(void **state)
{
	static const char *const words[] = {
		"nonsense",
		"{\"type\":\"ADDED\"}",
		"{\"object\":{}}",
		WORD("ADDED", "{\"metadata\":{}}"),
		WORD("ADDED", "{\"metadata\":{\"resourceVersion\":\"11\"}}"),
		WORD("CHANGED", POD("a", "1", "11")),
		"{\"type\":\"ADDED\",\"object\":{}}}",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct serve_reply replies[] = {
			{ .body = LIST("10", POD("a", "1", "3")) },
			{ .body = words[i], HANGING },
			{ .body = LIST("12", POD("a", "1", "3")) },
			{ .body = "", HANGING },
		};
		struct bed bed;

		setup(&bed, replies, ARRAY_SIZE(replies));
		run(&bed, &usual, "synced ");
		run(&bed, &usual, "synced ");
		if (strcmp(bed.story, "+a:1 synced !retry synced ") != 0)
			fail_msg("%s: %s", words[i], bed.story);
		teardown(&bed);
	}
}

static void callbacks_may_free_it(void **state)
{
	static const char *const when[] = { "+a:1 ", "synced ", "+b:2 ", "-a ", "!retry " };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(when); i++) {
		const struct serve_reply replies[] = {
			{ .body = LIST("10", POD("a", "1", "3")) },
			{ .body = WORD("ADDED", POD("b", "2", "11"))
				  WORD("DELETED", POD("a", "1", "12")) },
		};
		struct bed bed;

		setup(&bed, replies, ARRAY_SIZE(replies));
		bed.free_at = when[i];
		run(&bed, &usual, NULL);
		const size_t length = strlen(bed.story);
		assert_null(bed.reflector);
		assert_string_equal(bed.story + length - strlen(when[i]), when[i]);
		teardown(&bed);
	}
}

static void count(void *user, void *data)
{
	assert_non_null(user);
	++*(int *)data;
}

static void its_status_says_where_it_stands(void **state)
{
	const struct serve_reply replies[] = {
		{ .body = LIST("10", POD("a", "1", "3") "," POD("b", "2", "4")) },
		{ .body = WORD("ADDED", POD("c", "3", "11")), HANGING },
	};
	struct kube_reflector_status status;
	struct bed bed;
	int n = 0;
	(void)state;

	setup(&bed, replies, ARRAY_SIZE(replies));
	run(&bed, &usual, "+c:3 ");
	kube_reflector_status(bed.reflector, &status);
	kube_reflector_each(bed.reflector, count, &n);

	assert_string_equal(status.state, "watching");
	assert_true(status.is_synced);
	assert_int_equal(status.objects, 3);
	assert_int_equal(n, 3);
	assert_int_equal(status.lists, 1);
	assert_int_equal(status.watches, 1);
	assert_string_equal(status.version, "11");
	assert_string_equal(status.last_failure, "");
	teardown(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			pages_a_watch_and_its_resumption_are_asked_for_as_the_server_wants_it),
		cmocka_unit_test(a_second_list_tells_differences_only),
		cmocka_unit_test(nothing_is_gone_before_a_list_is_complete),
		cmocka_unit_test(a_first_list_that_is_cut_removes_nothing_and_is_not_synced),
		cmocka_unit_test(
			an_object_that_cannot_be_read_is_told_and_does_not_stop_the_others),
		cmocka_unit_test(an_object_above_the_ceiling_fails_the_list),
		cmocka_unit_test(deletions_of_another_life_are_not_ours),
		cmocka_unit_test(a_store_that_was_set_back_is_listed_twice_and_told_whole),
		cmocka_unit_test(a_watch_that_says_nothing_is_given_up),
		cmocka_unit_test(words_that_are_no_words_list_anew),
		cmocka_unit_test(callbacks_may_free_it),
		cmocka_unit_test(its_status_says_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
