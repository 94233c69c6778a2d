// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/stream.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "kube/kinds.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each object on a line. */
struct seen {
	char text[8192];
	size_t length;
	size_t n;
	int rc; /* given back */
};

static int on_object(const char *text, size_t length, void *data)
{
	struct seen *const seen = data;

	assert_int_equal(strlen(text), length);
	assert_true(seen->length + length + 2 < sizeof(seen->text));
	memcpy(seen->text + seen->length, text, length);
	seen->text[seen->length + length] = '\n';
	seen->length += length + 1;
	seen->text[seen->length] = '\0';
	seen->n++;
	return seen->rc;
}

struct outcome {
	int rc; /* of feeding, else of the end */
	struct seen seen;
	struct kube_list_end end;
	struct err err;
};

/* In pieces of `step` bytes, the first of `first`. */
static void run(const struct kube_stream_options *template, const char *text, size_t first,
		size_t step, struct outcome *ret)
{
	struct kube_stream_options options = *template;
	const size_t length = strlen(text);

	memset(ret, 0, sizeof(*ret));
	options.on_object = on_object;
	options.data = &ret->seen;
	struct kube_stream *const stream = kube_stream_new(&options);
	assert_non_null(stream);
	for (size_t i = 0; i < length && ret->rc == 0;) {
		const size_t want = i == 0 && first ? first : step;
		const size_t n = want < length - i ? want : length - i;
		/* A copy of its own, so that reading beyond it is noticed. */
		char *const piece = malloc(n);
		memcpy(piece, text + i, n);
		ret->rc = kube_stream_feed(stream, piece, n, &ret->err);
		free(piece);
		i += n;
	}
	if (ret->rc == 0)
		ret->rc = options.mode == KUBE_STREAM_LIST ?
				  kube_stream_end_list(stream, &ret->end, &ret->err) :
				  kube_stream_end(stream, &ret->err);
	kube_stream_free(stream);
}

static const struct kube_stream_options list = { .mode = KUBE_STREAM_LIST };
static const struct kube_stream_options watch = { .mode = KUBE_STREAM_WATCH };

static const char pods[] =
	"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"17\",\"continue\":\"ab+/=\"},"
	"\"items\":[{\"metadata\":{\"name\":\"a\",\"annotations\":{\"x\":\"}]\\\"{[\"},\"labels\":{\"q\":\"\\\\\"}},"
	"\"spec\":{\"containers\":[{\"name\":\"c\",\"args\":[\"}\"]}],\"nodeName\":\"n1\"}} ,\n"
	"{\"metadata\":{\"name\":\"b\"},\"spec\":{},\"status\":{\"message\":\"m\",\"podIPs\":[{\"ip\":\"10.0.0.1\"}]}},"
	"{}]}\n";
static const char pods_seen[] =
	"{\"metadata\":{\"name\":\"a\",\"annotations\":null,\"labels\":{\"q\":\"\\\\\"}},"
	"\"spec\":{\"containers\":null,\"nodeName\":\"n1\"}}\n"
	"{\"metadata\":{\"name\":\"b\"},\"spec\":{},\"status\":{\"message\":null,\"podIPs\":[{\"ip\":\"10.0.0.1\"}]}}\n"
	"{}\n";

static void a_list_is_the_same_however_its_bytes_are_split(void **state)
{
	struct kube_stream_options options = list;
	struct outcome outcome;
	(void)state;

	options.table = kube_pods.table;
	for (size_t first = 1; first <= strlen(pods); first++) {
		run(&options, pods, first, strlen(pods), &outcome);
		assert_int_equal(outcome.rc, 0);
		assert_string_equal(outcome.seen.text, pods_seen);
	}
	for (size_t step = 1; step < 9; step++) {
		run(&options, pods, 0, step, &outcome);
		assert_int_equal(outcome.rc, 0);
		assert_string_equal(outcome.seen.text, pods_seen);
		assert_string_equal(outcome.end.version, "17");
		assert_string_equal(outcome.end.next, "ab+/=");
	}
}

static const char words[] =
	"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"managedFields\":[{}]}}}\n"
	"{\"object\":{\"spec\":{\"nodeName\":\"\\\"\",\"volumes\":\"x\"}},\"type\":\"DELETED\"}"
	"\r\n {\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"details\":{\"causes\":[{}]},\"code\":410}}\n";
static const char words_seen[] =
	"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"managedFields\":null}}}\n"
	"{\"object\":{\"spec\":{\"nodeName\":\"\\\"\",\"volumes\":null}},\"type\":\"DELETED\"}\n"
	"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"details\":{\"causes\":[{}]},\"code\":410}}\n";

static void a_watch_is_the_same_however_its_bytes_are_split(void **state)
{
	struct kube_stream_options options = watch;
	struct outcome outcome;
	(void)state;

	options.table = kube_pods.table;
	for (size_t first = 1; first <= strlen(words); first++) {
		run(&options, words, first, strlen(words), &outcome);
		assert_int_equal(outcome.rc, 0);
		assert_string_equal(outcome.seen.text, words_seen);
	}
	for (size_t step = 1; step < 9; step++) {
		run(&options, words, 0, step, &outcome);
		assert_int_equal(outcome.rc, 0);
		assert_string_equal(outcome.seen.text, words_seen);
	}
}

static void an_answer_that_is_cut_anywhere_is_no_list(void **state)
{
	char text[sizeof(pods)];
	struct outcome outcome;
	(void)state;

	for (size_t n = 0; n < strlen(pods) - 1; n++) {
		memcpy(text, pods, n);
		text[n] = '\0';
		run(&list, text, 0, sizeof(text), &outcome);
		assert_int_equal(outcome.rc, -EPROTO);
		assert_string_not_equal(outcome.err.text, "");
	}
}

static void a_watch_may_end_between_objects_only(void **state)
{
	char text[sizeof(words)];
	struct outcome outcome;
	(void)state;

	for (size_t n = 0; n < strlen(words); n++) {
		memcpy(text, words, n);
		text[n] = '\0';
		run(&watch, text, 0, sizeof(text), &outcome);
		const char last = n ? text[n - 1] : '\n';
		const bool between = last == '\n' || last == '\r' ||
				     (n > 2 && last == ' ' && text[n - 2] == '\n') ||
				     (last == '}' && outcome.seen.length > 0 && outcome.rc == 0);
		assert_int_equal(outcome.rc, between ? 0 : -EPROTO);
	}
}

static void lists_come_in_many_forms(void **state)
{
	static const struct {
		const char *text;
		int rc;
		size_t n;
		const char *next;
	} rows[] = {
		{ "{\"items\":[],\"metadata\":{\"resourceVersion\":\"1\"}}", 0, 0, "" },
		{ "{\"items\":null,\"metadata\":{\"resourceVersion\":\"1\"}}", 0, 0, "" },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"}}", 0, 0, "" },
		{ " { \"items\" : [ { } , { } ] , \"metadata\" : { \"resourceVersion\" : \"1\", \"continue\": \"x\" } } ",
		  0, 2, "x" },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"items\":[{}]}]}", 0, 1,
		  "" },
		{ "{\"metadata\":{\"resourceVersion\":\"\"},\"items\":[]}", -EPROTO, 0, "" },
		{ "{\"metadata\":{},\"items\":[]}", -EPROTO, 0, "" },
		{ "{\"metadata\":{\"resourceVersion\":17},\"items\":[]}", -EPROTO, 0, "" },
		{ "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Failure\"}", -EPROTO, 0, "" },
		{ "{\"items\":{},\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO, 0, "" },
		{ "{\"items\":\"\",\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO, 0, "" },
		{ "{\"items\":[],\"items\":[],\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO,
		  0, "" },
		{ "{\"items\":[1],\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO, 0, "" },
		{ "{\"items\":[{}{}],\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO, 1, "" },
		{ "{\"items\":[{},],\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO, 1, "" },
		{ "{\"items\":[,{}],\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO, 0, "" },
		{ "{\"items\":[{}},\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO, 1, "" },
		{ "{\"items\":[{]],\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO, 0, "" },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"}}{}", -EPROTO, 0, "" },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"}}]", -EPROTO, 0, "" },
		{ "[]", -EPROTO, 0, "" },
		{ "<html>", -EPROTO, 0, "" },
		{ "", -EPROTO, 0, "" },
		{ "}", -EPROTO, 0, "" },
		{ "{\"a\" \"b\"}", -EPROTO, 0, "" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome outcome;

		run(&list, rows[i].text, 0, 1, &outcome);
		if (outcome.rc != rows[i].rc || outcome.seen.n != rows[i].n)
			fail_msg("%s: %d, %zu objects: %s", rows[i].text, outcome.rc,
				 outcome.seen.n, outcome.err.text);
		assert_string_equal(outcome.end.next, rows[i].next);
	}
}

static char *repeat(const char *before, const char *part, size_t n, const char *after)
{
	char *const text = calloc(1, strlen(before) + n * strlen(part) + strlen(after) + 1);
	char *at = text + strlen(before);

	memcpy(text, before, strlen(before));
	for (size_t i = 0; i < n; i++, at += strlen(part))
		memcpy(at, part, strlen(part));
	memcpy(at, after, strlen(after));
	return text;
}

static void an_object_above_the_ceiling_is_named_and_ends_it(void **state)
{
	struct kube_stream_options options = { .table = kube_pods.table, .object_max = 200 };
	struct outcome outcome;
	(void)state;

	char *const item = repeat(
		"{\"items\":[{\"metadata\":{\"name\":\"big\",\"namespace\":\"space\",\"labels\":{\"a\":\"",
		"x", 300, "\"}}}],\"metadata\":{\"resourceVersion\":\"1\"}}");
	char *const word = repeat(
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"namespace\":\"\",\"name\":\"big\",\"labels\":{\"a\":\"",
		"x", 300, "\"}}}}");
	run(&options, item, 0, 7, &outcome);
	assert_int_equal(outcome.rc, -EMSGSIZE);
	assert_non_null(strstr(outcome.err.text, " space/big is larger than 200 bytes"));
	options.mode = KUBE_STREAM_WATCH;
	run(&options, word, 0, 7, &outcome);
	assert_int_equal(outcome.rc, -EMSGSIZE);
	assert_non_null(strstr(outcome.err.text, " big is larger than 200 bytes"));
	free(item);
	free(word);
}

static void what_is_not_wanted_may_be_as_large_as_it_likes(void **state)
{
	const struct kube_stream_options options = { .mode = KUBE_STREAM_LIST,
						     .table = kube_pods.table,
						     .object_max = 100 };
	struct outcome outcome;
	(void)state;

	char *const text = repeat("{\"items\":[{\"metadata\":{\"annotations\":{\"a\":\"",
				  "\\\"}{[]", 5000,
				  "\"},\"name\":\"n\"},\"spec\":{\"containers\":[{}]}}],"
				  "\"metadata\":{\"resourceVersion\":\"1\"}}");
	run(&options, text, 0, 1000, &outcome);
	assert_int_equal(outcome.rc, 0);
	assert_string_equal(
		outcome.seen.text,
		"{\"metadata\":{\"annotations\":null,\"name\":\"n\"},\"spec\":{\"containers\":null}}\n");
	free(text);
}

static void a_key_that_is_written_with_escapes_is_kept(void **state)
{
	const struct kube_stream_options options = { .mode = KUBE_STREAM_LIST,
						     .table = kube_pods.table };
	struct outcome outcome;
	(void)state;

	run(&options,
	    "{\"items\":[{\"spec\":{\"node\\u004eame\":\"n\",\"x\":\"dropped\"}}],\"metadata\":{\"resourceVersion\":\"1\"}}",
	    0, 1, &outcome);
	assert_int_equal(outcome.rc, 0);
	assert_string_equal(outcome.seen.text,
			    "{\"spec\":{\"node\\u004eame\":\"n\",\"x\":null}}\n");
}

static void nesting_and_heads_have_a_ceiling(void **state)
{
	struct outcome outcome;
	(void)state;

	char *const deep = repeat("{\"items\":[{\"a\":", "[", 200, "");
	char *const head = repeat("{\"metadata\":{\"continue\":\"", "x", 70000, "\"}}");
	char *const next = repeat("{\"metadata\":{\"resourceVersion\":\"1\",\"continue\":\"", "x",
				  9000, "\"}}");
	run(&list, deep, 0, 10, &outcome);
	assert_int_equal(outcome.rc, -EPROTO);
	run(&list, head, 0, 1000, &outcome);
	assert_int_equal(outcome.rc, -EMSGSIZE);
	run(&list, next, 0, 1000, &outcome);
	assert_int_equal(outcome.rc, -EMSGSIZE);
	free(deep);
	free(head);
	free(next);
}

static int refuse(const char *text, size_t length, void *data)
{
	(void)text;
	(void)length;
	return ++*(int *)data == 2 ? -ECANCELED : 0;
}

static void a_reader_that_has_enough_ends_it(void **state)
{
	int n = 0;
	struct kube_stream_options options = { .mode = KUBE_STREAM_WATCH,
					       .on_object = refuse,
					       .data = &n };
	struct kube_stream *const stream = kube_stream_new(&options);
	(void)state;

	assert_int_equal(kube_stream_feed(stream, "{}{}{}", 6, NULL), -ECANCELED);
	assert_int_equal(n, 2);
	kube_stream_free(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_the_same_however_its_bytes_are_split),
		cmocka_unit_test(a_watch_is_the_same_however_its_bytes_are_split),
		cmocka_unit_test(an_answer_that_is_cut_anywhere_is_no_list),
		cmocka_unit_test(a_watch_may_end_between_objects_only),
		cmocka_unit_test(lists_come_in_many_forms),
		cmocka_unit_test(an_object_above_the_ceiling_is_named_and_ends_it),
		cmocka_unit_test(what_is_not_wanted_may_be_as_large_as_it_likes),
		cmocka_unit_test(a_key_that_is_written_with_escapes_is_kept),
		cmocka_unit_test(nesting_and_heads_have_a_ceiling),
		cmocka_unit_test(a_reader_that_has_enough_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
