// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/cleanup.h"
#include "base/message.h"
#include "control/control.h"
#include "gateway/log/flowlog.h"
#include "gateway/log/flowlog_outputs.h"
#include "natlog/natlog.h"
#include "natlog/stamp.h"

#define NS_PER_MS 1000000

struct count {
	const char *key;
	uint64_t value;
};

static void put_counts(struct control_out *out, const struct count *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		control_int(out, v[i].key, (long long)v[i].value);
}

static void put_until(struct control_out *out, int64_t until_ns)
{
	char until[STAMP_MAX];

	if (!until_ns)
		return;
	control_string(out, "complete_until", stamp_format(until_ns, until));
	control_int(out, "behind_ms", (stamp_now_ns() - until_ns) / NS_PER_MS);
}

/* `id`: of an error, if there is one. */
static void put_error(struct control_out *out, const char *text, int id)
{
	char buf[MESSAGE_TEXT_MAX];

	control_string(out, "error", text);
	control_string(out, "error_id", message_format(text[0] ? id : MESSAGE_NONE, buf));
}

static void put_output(struct control_out *out, const struct gateway_log *config,
		       const struct output_status *output)
{
	const struct sink_status *sink = &output->sink;
	const struct count counts[] = {
		{ "records", output->records },
		{ "lost", output->lost },
		{ "gaps", output->gaps },
		{ "waiting_bytes", sink->waiting },
		{ "max_waiting_bytes", config->max_waiting_bytes },
		{ "written_bytes", sink->writer.bytes },
		{ "writer_starts", sink->starts },
	};

	control_object(out, NULL);
	control_string(out, "name", output_names[output->kind]);
	control_string(out, "target", flowlog_target(config, output->kind));
	put_error(out, sink->writer.error, sink->writer.error_id);
	control_bool(out, "open", sink->writer.is_open);
	put_counts(out, counts, ARRAY_SIZE(counts));
	put_until(out, sink->writer.until_ns);
	control_end(out);
}

/* The first that there is. */
static void put_first_error(struct control_out *out, const struct natlog_status *status)
{
	size_t i = 0;

	while (i < status->n_outputs && !status->outputs[i].sink.writer.error[0])
		i++;
	if (i < status->n_outputs)
		put_error(out, status->outputs[i].sink.writer.error,
			  status->outputs[i].sink.writer.error_id);
	else
		put_error(out, "", MESSAGE_NONE);
}

static uint64_t written_of(const struct natlog_status *status)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < status->n_outputs; i++)
		bytes += status->outputs[i].sink.writer.bytes;
	return bytes;
}

static void put_status(struct control_out *out, const struct gateway_log *config,
		       const struct natlog_status *status)
{
	const struct count counts[] = {
		{ "records", status->records },
		{ "blocks", status->blocks },
		{ "open_blocks", status->open_blocks },
		{ "unattributed", status->unattributed },
		{ "gaps", status->gaps },
		{ "lost", status->lost },
		{ "overruns", status->overruns },
		{ "vanished", status->vanished },
		{ "open", status->open },
		{ "max_open", status->open_most },
		{ "unremembered", status->unremembered },
		{ "lives_taken", status->taken },
		{ "lives_stray", status->strays },
		{ "book_loaded", status->keep.loaded },
		{ "book_saves", status->keep.saves },
		{ "book_save_ms", (uint64_t)status->keep.last_ms },
		{ "waiting_bytes", status->waiting },
		{ "written_bytes", written_of(status) },
	};

	put_first_error(out, status);
	put_counts(out, counts, ARRAY_SIZE(counts));
	control_bool(out, "reliable", status->is_reliable);
	put_until(out, status->until_ns);
	control_array(out, "outputs");
	for (size_t i = 0; i < status->n_outputs; i++)
		put_output(out, config, &status->outputs[i]);
	control_end(out);
}

void flowlog_report(const struct flowlog *flowlog, struct control_out *out)
{
	const struct gateway_log *config = flowlog_config(flowlog);
	struct natlog_status status;

	if (!log_is_wanted(config))
		return;
	control_object(out, "log");
	if (config->file.path[0])
		control_string(out, "path", config->file.path);
	if (flowlog_status(flowlog, &status))
		put_status(out, config, &status);
	else
		put_error(out, flowlog_error(flowlog), MSG_NATLOG_NONE);
	control_end(out);
}
