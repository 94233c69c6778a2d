// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The families of the NAT log, and of each of its outputs. */
#include "base/cleanup.h"
#include "gateway/tell/metrics_internal.h"
#include "natlog/stamp.h"

#define NS_PER_MS 1000000

/* One number of each output. */
static void put_outputs(struct metrics_out *out, const void *facts,
			uint64_t (*get)(const struct output_status *output))
{
	const struct natlog_status *log = &((const struct gateway_scrape *)facts)->log;

	for (size_t i = 0; i < log->n_outputs; i++)
		metrics_put(out, METRIC_LABELS({ "output", output_names[log->outputs[i].kind] }),
			    get(&log->outputs[i]));
}

static uint64_t get_ok(const struct output_status *output)
{
	return output->sink.writer.is_open && !output->sink.writer.error[0];
}

static void write_ok(struct metrics_out *out, const void *facts)
{
	put_outputs(out, facts, get_ok);
}

static uint64_t get_lost(const struct output_status *output)
{
	return output->lost;
}

static void write_lost(struct metrics_out *out, const void *facts)
{
	put_outputs(out, facts, get_lost);
}

static uint64_t get_gaps(const struct output_status *output)
{
	return output->gaps;
}

static void write_gaps(struct metrics_out *out, const void *facts)
{
	put_outputs(out, facts, get_gaps);
}

static uint64_t get_waiting(const struct output_status *output)
{
	return output->sink.waiting;
}

static void write_waiting(struct metrics_out *out, const void *facts)
{
	put_outputs(out, facts, get_waiting);
}

static uint64_t get_written(const struct output_status *output)
{
	return output->sink.writer.bytes;
}

static void write_written(struct metrics_out *out, const void *facts)
{
	put_outputs(out, facts, get_written);
}

/* Of one that was never complete there is none. */
static void write_behind(struct metrics_out *out, const void *facts)
{
	const struct natlog_status *log = &((const struct gateway_scrape *)facts)->log;
	const int64_t now_ns = stamp_now_ns();

	for (size_t i = 0; i < log->n_outputs; i++) {
		const struct output_status *output = &log->outputs[i];
		const int64_t until_ns = output->sink.writer.until_ns;

		if (until_ns)
			metrics_put_fraction(
				out, METRIC_LABELS({ "output", output_names[output->kind] }),
				(now_ns - until_ns) / NS_PER_MS, 3);
	}
}

#define AT(member) .offset = METRIC_AT(struct gateway_scrape, member)

static const struct metric_row rows[] = {
	{ .family = { "eipgw_log_records", METRIC_COUNTER, NULL,
		      "Connections that ended and were recorded in the NAT log" },
	  .needs = HAS_LOG,
	  AT(log.records) },
	{ .family = { "eipgw_log_unattributed", METRIC_COUNTER, NULL,
		      "Of these, those of whose address nobody can say who had it" },
	  .needs = HAS_LOG,
	  AT(log.unattributed) },
	{ .family = { "eipgw_log_overruns", METRIC_COUNTER, NULL,
		      "Times that the kernel had more to tell the NAT log than fits" },
	  .needs = HAS_LOG,
	  AT(log.overruns) },
	{ .family = { "eipgw_log_output_ok", METRIC_GAUGE, NULL,
		      "Whether an output of the NAT log takes what it gets" },
	  .needs = HAS_LOG,
	  .write = write_ok },
	{ .family = { "eipgw_log_output_behind_seconds", METRIC_GAUGE, "seconds",
		      "How long ago it is that an output was complete" },
	  .needs = HAS_LOG,
	  .write = write_behind },
	{ .family = { "eipgw_log_output_waiting_bytes", METRIC_GAUGE, "bytes",
		      "What waits for an output" },
	  .needs = HAS_LOG,
	  .write = write_waiting },
	{ .family = { "eipgw_log_output_written_bytes", METRIC_COUNTER, "bytes",
		      "What an output took since its process began" },
	  .needs = HAS_LOG,
	  .write = write_written },
	{ .family = { "eipgw_log_output_lost", METRIC_COUNTER, NULL,
		      "Records that an output was too slow for" },
	  .needs = HAS_LOG,
	  .write = write_lost },
	{ .family = { "eipgw_log_output_gaps", METRIC_COUNTER, NULL,
		      "Gaps that an output was told of, but for those of a restart or of a broken connection" },
	  .needs = HAS_LOG,
	  .write = write_gaps },
};
const struct metric_table gateway_log_metric_table = { rows, ARRAY_SIZE(rows) };
