// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Metrics as OpenMetrics text (version 1.0.0 of the specification). Pure. What there is stands in tables of
 * families; who has the numbers writes the samples of one family after another. A family of which there is no sample
 * isn't mentioned. What doesn't fit below the ceiling is left out line by line, and the text says how many lines.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Of an info, samples have the value 1 and the suffix _info; of a counter, the suffix _total. */
enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_INFO, METRIC_TYPE_COUNT };
extern const char *const metric_type_names[METRIC_TYPE_COUNT];

struct metric_family {
	const char *name; /* without the suffixes of its samples */
	enum metric_type type;
	const char
		*unit; /* the last word of the name: "seconds", "bytes"; NULL: a number of things */
	const char *help; /* one sentence */
};

struct metric_label {
	const char *name, *value; /* the value may be anything; NULL is "" */
};
struct metric_labels {
	const struct metric_label *v;
	size_t n;
};
#define METRIC_LABELS(...)                                                        \
	((struct metric_labels){ (struct metric_label[]){ __VA_ARGS__ },          \
				 sizeof((struct metric_label[]){ __VA_ARGS__ }) / \
					 sizeof(struct metric_label) })
#define METRIC_NO_LABELS ((struct metric_labels){ NULL, 0 })

/* What was counted until now, by the upper bounds of a table: counts[n] is beyond the last one. */
struct metric_histogram {
	const uint32_t *bounds_us; /* n of them, ascending, each at least 100 */
	const uint64_t *counts;    /* n + 1 */
	size_t n;
	uint64_t sum_us;
};

struct metrics_out;
struct metrics_out *metrics_out_new(size_t max); /* bytes; NULL: out of memory */
void metrics_out_free(struct metrics_out *out);  /* NULL is fine */

/* The samples that follow are of this family, each with other labels. Not the same family twice. */
void metrics_begin(struct metrics_out *out, const struct metric_family *family);
void metrics_put(struct metrics_out *out, struct metric_labels labels, uint64_t value);
/* value / 10^decimals; decimals: at most 9 */
void metrics_put_fraction(struct metrics_out *out, struct metric_labels labels, int64_t value,
			  unsigned decimals);
void metrics_put_histogram(struct metrics_out *out, struct metric_labels labels,
			   const struct metric_histogram *histogram);
/* The end. NULL: out of memory. Else the text, with NUL, as long as `out`. */
const char *metrics_end(struct metrics_out *out, size_t *ret_length);

/* The last family of each text: how many lines were left out. */
extern const struct metric_family metrics_omitted;

/* A row of a table of families, and where its samples come from: either `write`, or a uint64_t in the facts. */
struct metric_row {
	struct metric_family family;
	unsigned needs; /* bits that the facts must all have */
	unsigned decimals;
	size_t offset;
	void (*write)(struct metrics_out *out, const void *facts);
};
struct metric_table {
	const struct metric_row *v;
	size_t n;
};
/* Of a member of 8 bytes. */
#define METRIC_AT(type, member) \
	(offsetof(type, member) + 0 * sizeof(char[sizeof(((type *)0)->member) == 8 ? 1 : -1]))
void metrics_write(struct metrics_out *out, const struct metric_table *table, const void *facts,
		   unsigned has);
/* "NAME: TYPE: HELP" of each family, with the suffix of its samples: for --help-metrics. */
void metrics_list(const struct metric_table *table, FILE *to);
void metrics_list_family(const struct metric_family *family, FILE *to);
