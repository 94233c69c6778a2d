// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "metrics/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* RESERVE: for the last family and the end, which are always there. */
enum { FIRST_BYTES = 16384, RESERVE = 512, NUMBER_MAX = 40 };

const char *const metric_type_names[METRIC_TYPE_COUNT] = {
	[METRIC_GAUGE] = "gauge",
	[METRIC_COUNTER] = "counter",
	[METRIC_HISTOGRAM] = "histogram",
	[METRIC_INFO] = "info",
};
static const char *const suffixes[METRIC_TYPE_COUNT] = {
	[METRIC_GAUGE] = "",
	[METRIC_COUNTER] = "_total",
	[METRIC_HISTOGRAM] = "",
	[METRIC_INFO] = "_info",
};

const struct metric_family metrics_omitted = {
	"eipgw_metrics_omitted_samples", METRIC_GAUGE, "samples",
	"Lines of this text that were left out, since it would have become too long"
};

struct metrics_out {
	char *v;
	size_t n, capacity, max;
	const struct metric_family *family;
	bool is_told; /* the family */
	bool is_over; /* the line that is being written doesn't fit */
	bool failed;  /* out of memory */
	uint64_t omitted;
};

struct metrics_out *metrics_out_new(size_t max)
{
	CLEANUP(cleanup_free) struct metrics_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->max = max > 2 * (size_t)RESERVE ? max - RESERVE : RESERVE;
	out->capacity = FIRST_BYTES;
	out->v = malloc(out->capacity);
	return out->v ? TAKE_PTR(out) : NULL;
}

void metrics_out_free(struct metrics_out *out)
{
	if (!out)
		return;
	free(out->v);
	free(out);
}

static bool make_room(struct metrics_out *out, size_t n)
{
	size_t capacity = out->capacity;
	char *v;

	if (out->failed || out->n + n > out->max)
		return false;
	while (capacity < out->n + n + 1)
		capacity *= 2;
	if (capacity == out->capacity)
		return true;
	v = realloc(out->v, capacity);
	out->failed = !v;
	if (!v)
		return false;
	out->v = v;
	out->capacity = capacity;
	return true;
}

static void add(struct metrics_out *out, const char *text, size_t n)
{
	if (!make_room(out, n)) {
		out->is_over = true;
		return;
	}
	memcpy(out->v + out->n, text, n);
	out->n += n;
}

static void add_text(struct metrics_out *out, const char *text)
{
	add(out, text, strlen(text));
}

/* By its first byte, how many bytes a UTF-8 character has; 0: it is none. */
static size_t utf8_claims(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Longer than it need be, a surrogate, or beyond the last. */
static bool is_forbidden(unsigned char first, unsigned char second)
{
	static const struct {
		unsigned char first, min, max;
	} rows[] = {
		{ 0xe0, 0xa0, 0xbf },
		{ 0xed, 0x80, 0x9f },
		{ 0xf0, 0x90, 0xbf },
		{ 0xf4, 0x80, 0x8f },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].first == first)
			return second < rows[i].min || second > rows[i].max;
	}
	return false;
}

static size_t utf8_length(const unsigned char *s)
{
	const size_t n = utf8_claims(s[0]);

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n > 1 && is_forbidden(s[0], s[1]) ? 0 : n;
}

/* As the specification's escaped-string; what isn't UTF-8 is shown as "?". */
static void add_escaped(struct metrics_out *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (s && *s && !out->is_over) {
		const size_t n = utf8_length(s);

		if (*s == '\n')
			add(out, "\\n", 2);
		else if (*s == '\\' || *s == '"')
			add(out, (const char[]){ '\\', (char)*s }, 2);
		else
			add(out, n ? (const char *)s : "?", n ? n : 1);
		s += n ? n : 1;
	}
}

static void add_family(struct metrics_out *out)
{
	const struct metric_family *f = out->family;

	add_text(out, "# TYPE ");
	add_text(out, f->name);
	add_text(out, " ");
	add_text(out, metric_type_names[f->type]);
	if (f->unit) {
		add_text(out, "\n# UNIT ");
		add_text(out, f->name);
		add_text(out, " ");
		add_text(out, f->unit);
	}
	add_text(out, "\n# HELP ");
	add_text(out, f->name);
	add_text(out, " ");
	add_escaped(out, f->help);
	add_text(out, "\n");
}

static void add_labels(struct metrics_out *out, struct metric_labels labels,
		       const struct metric_label *more)
{
	const char *before = "{";

	for (size_t i = 0; i < labels.n + (more ? 1 : 0); i++) {
		const struct metric_label *label = i < labels.n ? &labels.v[i] : more;

		add_text(out, before);
		add_text(out, label->name);
		add_text(out, "=\"");
		add_escaped(out, label->value);
		add_text(out, "\"");
		before = ",";
	}
	if (labels.n || more)
		add_text(out, "}");
}

static void add_sample(struct metrics_out *out, const char *suffix, struct metric_labels labels,
		       const struct metric_label *more)
{
	add_text(out, out->family->name);
	add_text(out, suffix);
	add_labels(out, labels, more);
	add_text(out, " ");
}

static void add_number(struct metrics_out *out, uint64_t value)
{
	char text[NUMBER_MAX];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	add_text(out, text);
}

/* Without zeros that say nothing, as the bounds of a histogram are to be written: 0.005, 1.0 */
static const char *format_fraction(int64_t value, unsigned decimals, char buf[static NUMBER_MAX])
{
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value, scale = 1;
	size_t n;

	for (unsigned i = 0; i < decimals; i++)
		scale *= 10;
	snprintf(buf, NUMBER_MAX, "%s%" PRIu64 ".%0*" PRIu64, value < 0 ? "-" : "",
		 magnitude / scale, (int)(decimals ? decimals : 1), magnitude % scale);
	for (n = strlen(buf); buf[n - 1] == '0' && buf[n - 2] != '.'; n--)
		buf[n - 1] = '\0';
	return buf;
}

/* A sample, of one line or several, is there as a whole or not at all. */
struct line {
	size_t n;
	bool was_told;
};

static struct line begin_line(struct metrics_out *out)
{
	const struct line line = { out->n, out->is_told };

	out->is_over = false;
	if (!out->is_told)
		add_family(out);
	out->is_told = true;
	return line;
}

static void end_line(struct metrics_out *out, struct line line)
{
	add_text(out, "\n");
	if (!out->is_over)
		return;
	out->n = line.n;
	out->is_told = line.was_told;
	out->omitted++;
}

void metrics_begin(struct metrics_out *out, const struct metric_family *family)
{
	out->family = family;
	out->is_told = false;
}

void metrics_put(struct metrics_out *out, struct metric_labels labels, uint64_t value)
{
	const struct line line = begin_line(out);

	add_sample(out, suffixes[out->family->type], labels, NULL);
	add_number(out, value);
	end_line(out, line);
}

void metrics_put_fraction(struct metrics_out *out, struct metric_labels labels, int64_t value,
			  unsigned decimals)
{
	const struct line line = begin_line(out);
	char text[NUMBER_MAX];

	add_sample(out, suffixes[out->family->type], labels, NULL);
	add_text(out, format_fraction(value, decimals, text));
	end_line(out, line);
}

void metrics_put_histogram(struct metrics_out *out, struct metric_labels labels,
			   const struct metric_histogram *histogram)
{
	const struct line line = begin_line(out);
	char bound[NUMBER_MAX], sum[NUMBER_MAX];
	uint64_t count = 0;

	for (size_t i = 0; i <= histogram->n; i++) {
		const struct metric_label le = {
			"le", i < histogram->n ?
				      format_fraction(histogram->bounds_us[i], 6, bound) :
				      "+Inf"
		};

		count += histogram->counts[i];
		add_sample(out, "_bucket", labels, &le);
		add_number(out, count);
		add_text(out, "\n");
	}
	add_sample(out, "_count", labels, NULL);
	add_number(out, count);
	add_text(out, "\n");
	add_sample(out, "_sum", labels, NULL);
	add_text(out, format_fraction((int64_t)histogram->sum_us, 6, sum));
	end_line(out, line);
}

const char *metrics_end(struct metrics_out *out, size_t *ret_length)
{
	out->max += RESERVE;
	metrics_begin(out, &metrics_omitted);
	metrics_put(out, METRIC_NO_LABELS, out->omitted);
	add_text(out, "# EOF\n");
	if (out->failed)
		return NULL;
	out->v[out->n] = '\0';
	*ret_length = out->n;
	return out->v;
}

static void write_row(struct metrics_out *out, const struct metric_row *row, const void *facts)
{
	uint64_t value;

	metrics_begin(out, &row->family);
	if (row->write) {
		row->write(out, facts);
		return;
	}
	memcpy(&value, (const char *)facts + row->offset, sizeof(value));
	if (row->decimals)
		metrics_put_fraction(out, METRIC_NO_LABELS, (int64_t)value, row->decimals);
	else
		metrics_put(out, METRIC_NO_LABELS, value);
}

void metrics_write(struct metrics_out *out, const struct metric_table *table, const void *facts,
		   unsigned has)
{
	for (size_t i = 0; i < table->n; i++) {
		if ((table->v[i].needs & has) == table->v[i].needs)
			write_row(out, &table->v[i], facts);
	}
}

void metrics_list_family(const struct metric_family *family, FILE *to)
{
	fprintf(to, "%s%s: %s: %s\n", family->name, suffixes[family->type],
		metric_type_names[family->type], family->help);
}

void metrics_list(const struct metric_table *table, FILE *to)
{
	for (size_t i = 0; i < table->n; i++)
		metrics_list_family(&table->v[i].family, to);
}
