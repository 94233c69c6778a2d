// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "metrics/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#include "cmocka_all.h"

#define NONE                                                                                                      \
	"# TYPE eipgw_metrics_omitted_samples gauge\n"                                                            \
	"# UNIT eipgw_metrics_omitted_samples samples\n"                                                          \
	"# HELP eipgw_metrics_omitted_samples Lines of this text that were left out, since it would have become " \
	"too long\n"
#define END NONE "eipgw_metrics_omitted_samples 0\n# EOF\n"

enum { ENOUGH = 1 << 20 };

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
static bool no_memory;

void *__wrap_realloc(void *p, size_t size)
{
	return no_memory ? NULL : __real_realloc(p, size);
}

static const struct metric_family gauge = { "a_thing", METRIC_GAUGE, NULL, "Things" };
static const struct metric_family counter = { "b_sent_bytes", METRIC_COUNTER, "bytes", "Sent" };
static const struct metric_family info = { "c_build", METRIC_INFO, NULL, "Say \"what\"\n\\" };
static const struct metric_family seconds = { "d_lag_seconds", METRIC_GAUGE, "seconds", "Lag" };
static const struct metric_family histogram = { "e_took_seconds", METRIC_HISTOGRAM, "seconds",
						"Took" };

static struct metrics_out *begin(const struct metric_family *family)
{
	struct metrics_out *out = metrics_out_new(ENOUGH);

	assert_non_null(out);
	metrics_begin(out, family);
	return out;
}

static void expect(struct metrics_out *out, const char *expected)
{
	size_t length = 0;
	const char *text = metrics_end(out, &length);

	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(text));
	metrics_out_free(out);
}

static void a_family_without_samples_is_not_mentioned(void **state)
{
	(void)state;
	expect(begin(&gauge), END);
}

static void a_family_is_described_once_before_its_samples(void **state)
{
	struct metrics_out *out = begin(&gauge);

	(void)state;
	metrics_put(out, METRIC_LABELS({ "is", "x" }), 1);
	metrics_put(out, METRIC_LABELS({ "is", "y" }, { "of", "" }), UINT64_MAX);
	expect(out, "# TYPE a_thing gauge\n# HELP a_thing Things\n"
		    "a_thing{is=\"x\"} 1\na_thing{is=\"y\",of=\"\"} 18446744073709551615\n" END);
}

static void counters_and_infos_have_their_suffixes_and_units_a_line(void **state)
{
	struct metrics_out *out = begin(&counter);

	(void)state;
	metrics_put(out, METRIC_NO_LABELS, 0);
	metrics_begin(out, &info);
	metrics_put(out, METRIC_LABELS({ "v", NULL }), 1);
	expect(out,
	       "# TYPE b_sent_bytes counter\n# UNIT b_sent_bytes bytes\n"
	       "# HELP b_sent_bytes Sent\nb_sent_bytes_total 0\n"
	       "# TYPE c_build info\n# HELP c_build Say \\\"what\\\"\\n\\\\\nc_build_info{v=\"\"} "
	       "1\n" END);
}

static void labels_are_escaped_and_always_utf8(void **state)
{
	static const struct {
		const char *value, *expected;
	} rows[] = {
		{ "a\"b\\c\nd", "a\\\"b\\\\c\\nd" },
		{ "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		  "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xff"
		  "a",
		  "?a" },
		{ "\xc3", "?" },      /* cut */
		{ "\xc0\xaf", "??" }, /* longer than it need be */
		{ "\xe0\x80\xaf", "???" },
		{ "\xed\xa0\x80", "???" },      /* a surrogate */
		{ "\xf4\x90\x80\x80", "????" }, /* beyond the last */
		{ "\xe2\x82"
		  "a",
		  "??a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct metrics_out *out = begin(&gauge);
		char expected[512];

		snprintf(expected, sizeof(expected),
			 "# TYPE a_thing gauge\n# HELP a_thing Things\na_thing{l=\"%s\"} 7\n" END,
			 rows[i].expected);
		metrics_put(out, METRIC_LABELS({ "l", rows[i].value }), 7);
		expect(out, expected);
	}
}

static void fractions_have_no_needless_zeros(void **state)
{
	static const struct {
		int64_t value;
		unsigned decimals;
		const char *expected;
	} rows[] = {
		{ 0, 6, "0.0" },       { 1, 6, "0.000001" },
		{ 1000000, 6, "1.0" }, { 1500, 3, "1.5" },
		{ -1500, 3, "-1.5" },  { 123456789, 6, "123.456789" },
		{ 10, 3, "0.01" },     { 7, 0, "7.0" },
		{ 1000, 1, "100.0" },  { INT64_MIN, 9, "-9223372036.854775808" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct metrics_out *out = begin(&seconds);
		char expected[512];

		snprintf(expected, sizeof(expected),
			 "# TYPE d_lag_seconds gauge\n# UNIT d_lag_seconds seconds\n# HELP "
			 "d_lag_seconds Lag\nd_lag_seconds %s\n" END,
			 rows[i].expected);
		metrics_put_fraction(out, METRIC_NO_LABELS, rows[i].value, rows[i].decimals);
		expect(out, expected);
	}
}

static void a_histogram_is_cumulative_and_ends_with_infinity(void **state)
{
	static const uint32_t bounds[] = { 1000, 2500000 };
	static const uint64_t counts[] = { 3, 0, 2 };
	struct metrics_out *out = begin(&histogram);

	(void)state;
	metrics_put_histogram(out, METRIC_LABELS({ "x", "y" }),
			      &(struct metric_histogram){ bounds, counts, 2, 7000042 });
	expect(out, "# TYPE e_took_seconds histogram\n# UNIT e_took_seconds seconds\n"
		    "# HELP e_took_seconds Took\n"
		    "e_took_seconds_bucket{x=\"y\",le=\"0.001\"} 3\n"
		    "e_took_seconds_bucket{x=\"y\",le=\"2.5\"} 3\n"
		    "e_took_seconds_bucket{x=\"y\",le=\"+Inf\"} 5\n"
		    "e_took_seconds_count{x=\"y\"} 5\ne_took_seconds_sum{x=\"y\"} 7.000042\n" END);
}

/* Whatever the ceiling is: whole lines, a count of those that are missing, and an end. */
static void what_does_not_fit_is_left_out_by_whole_samples_and_counted(void **state)
{
	(void)state;
	for (size_t max = 1024; max < 4096; max += 7) {
		struct metrics_out *out = metrics_out_new(max);
		size_t length = 0, shown = 0;
		char tail[512];

		metrics_begin(out, &gauge);
		for (uint64_t i = 0; i < 200; i++)
			metrics_put(out, METRIC_LABELS({ "l", "value" }), 1000 + i);
		const char *text = metrics_end(out, &length);

		assert_true(length <= max);
		for (const char *p = text; (p = strstr(p, "\na_thing{l=\"value\"} 1")); p++)
			shown++;
		assert_true(shown > 0 && shown < 200);
		snprintf(tail, sizeof(tail), NONE "eipgw_metrics_omitted_samples %zu\n# EOF\n",
			 200 - shown);
		assert_string_equal(text + length - strlen(tail), tail);
		metrics_out_free(out);
	}
}

static void a_family_whose_first_sample_does_not_fit_is_described_by_the_next(void **state)
{
	struct metrics_out *out = metrics_out_new(1200);
	char *long_one = calloc(1, 4096);
	size_t length;

	(void)state;
	memset(long_one, 'x', 4095);
	metrics_begin(out, &gauge);
	metrics_put(out, METRIC_LABELS({ "l", long_one }), 1);
	metrics_put(out, METRIC_LABELS({ "l", "short" }), 2);
	assert_string_equal(
		metrics_end(out, &length),
		"# TYPE a_thing gauge\n# HELP a_thing Things\na_thing{l=\"short\"} 2\n" NONE
		"eipgw_metrics_omitted_samples 1\n# EOF\n");
	metrics_out_free(out);
	free(long_one);
}

static void without_memory_there_is_no_text(void **state)
{
	struct metrics_out *out = begin(&gauge);
	size_t length;

	(void)state;
	no_memory = true;
	for (uint64_t i = 0; i < 2000; i++)
		metrics_put(out, METRIC_LABELS({ "l", "value" }), i);
	assert_null(metrics_end(out, &length));
	no_memory = false;
	metrics_out_free(out);
}

struct facts {
	uint64_t things;
	int64_t lag_ms;
	const char *version;
};

static void write_info(struct metrics_out *out, const void *data)
{
	const struct facts *facts = data;

	metrics_put(out, METRIC_LABELS({ "version", facts->version }), 1);
}

static const struct metric_row rows[] = {
	{ .family = { "a_thing", METRIC_GAUGE, NULL, "Things" },
	  .offset = METRIC_AT(struct facts, things) },
	{ .family = { "d_lag_seconds", METRIC_GAUGE, "seconds", "Lag" },
	  .needs = 2,
	  .decimals = 3,
	  .offset = METRIC_AT(struct facts, lag_ms) },
	{ .family = { "c_build", METRIC_INFO, NULL, "Which" }, .needs = 1, .write = write_info },
};
static const struct metric_table table = { rows, ARRAY_SIZE(rows) };
static const struct facts some_facts = { 5, 250, "1" };

static void a_table_writes_what_its_facts_have(void **state)
{
#define THING "# TYPE a_thing gauge\n# HELP a_thing Things\na_thing 5\n"
#define LAG                                                                                    \
	"# TYPE d_lag_seconds gauge\n# UNIT d_lag_seconds seconds\n# HELP d_lag_seconds Lag\n" \
	"d_lag_seconds 0.25\n"
#define BUILD "# TYPE c_build info\n# HELP c_build Which\nc_build_info{version=\"1\"} 1\n"
	static const char *const expected[] = { THING END, THING BUILD END, THING LAG END,
						THING LAG BUILD END };

	(void)state;
	for (unsigned has = 0; has < ARRAY_SIZE(expected); has++) {
		struct metrics_out *out = metrics_out_new(ENOUGH);

		metrics_write(out, &table, &some_facts, has);
		expect(out, expected[has]);
	}
}

static void a_table_lists_its_families_as_their_samples_are_called(void **state)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	(void)state;
	metrics_list(&table, to);
	metrics_list_family(&counter, to);
	assert_int_equal(fclose(to), 0);
	assert_string_equal(text, "a_thing: gauge: Things\nd_lag_seconds: gauge: Lag\n"
				  "c_build_info: info: Which\nb_sent_bytes_total: counter: Sent\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_without_samples_is_not_mentioned),
		cmocka_unit_test(a_family_is_described_once_before_its_samples),
		cmocka_unit_test(counters_and_infos_have_their_suffixes_and_units_a_line),
		cmocka_unit_test(labels_are_escaped_and_always_utf8),
		cmocka_unit_test(fractions_have_no_needless_zeros),
		cmocka_unit_test(a_histogram_is_cumulative_and_ends_with_infinity),
		cmocka_unit_test(what_does_not_fit_is_left_out_by_whole_samples_and_counted),
		cmocka_unit_test(a_family_whose_first_sample_does_not_fit_is_described_by_the_next),
		cmocka_unit_test(without_memory_there_is_no_text),
		cmocka_unit_test(a_table_writes_what_its_facts_have),
		cmocka_unit_test(a_table_lists_its_families_as_their_samples_are_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
