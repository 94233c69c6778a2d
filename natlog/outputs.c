// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/outputs.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"

bool outputs_add(struct outputs *outputs, const struct output_how *how, struct err *err)
{
	outputs->v[how->kind] = output_new(&outputs->options, how, err);
	return outputs->v[how->kind];
}

void outputs_open(struct outputs *outputs, const struct output_hows *hows, int64_t since_ns)
{
	for (size_t i = 0; i < hows->n; i++)
		output_open(outputs->v[hows->v[i].kind], &hows->v[i], since_ns);
}

static const struct output_how *find_how(const struct output_hows *hows, enum output_kind kind)
{
	for (size_t i = 0; i < hows->n; i++) {
		if (hows->v[i].kind == kind)
			return &hows->v[i];
	}
	return NULL;
}

/* A file is opened anew in any case; a connection that is as it was stays. */
static void change(struct outputs *outputs, const struct output_how *how, int64_t since_ns)
{
	struct output *output = outputs->v[how->kind];
	struct err err = ERR_NULL;

	if (output) {
		if (!how_is_same(output_how(output), how))
			output_open(output, how, 0);
		return;
	}
	if (outputs_add(outputs, how, &err))
		output_open(outputs->v[how->kind], how, since_ns);
	else
		log_error(MSG_NATLOG_OUTPUT, "natlog", "there is no log to %s: %s",
			  output_names[how->kind], err.text);
}

void outputs_change(struct outputs *outputs, const struct output_hows *hows, int64_t since_ns,
		    int wait_ms)
{
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		if (find_how(hows, (enum output_kind)i))
			continue;
		output_free(TAKE_PTR(outputs->v[i]), wait_ms);
	}
	for (size_t i = 0; i < hows->n; i++)
		change(outputs, &hows->v[i], since_ns);
}

/* Those to other hosts come last, and have what is left of the time. */
void outputs_done(struct outputs *outputs, int wait_ms)
{
	const struct mono deadline = mono_add_ms(mono_now(), wait_ms);

	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		int64_t left = mono_diff_ms(deadline, mono_now());

		output_free(TAKE_PTR(outputs->v[i]), left > 0 ? (int)left : 0);
	}
}

/* ---- what is told */

bool outputs_flow(struct outputs *outputs, const struct natlog_flow *record)
{
	bool is_taken = false;

	for (size_t i = 0; i < OUTPUT_COUNT; i++)
		is_taken |= outputs->v[i] && output_flow(outputs->v[i], record);
	return is_taken;
}

bool outputs_block(struct outputs *outputs, const struct natlog_block *record)
{
	bool is_taken = false;

	for (size_t i = 0; i < OUTPUT_COUNT; i++)
		is_taken |= outputs->v[i] && output_block(outputs->v[i], record);
	return is_taken;
}

void outputs_begin(struct outputs *outputs, const struct natlog_flow *record)
{
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		if (outputs->v[i])
			output_begin(outputs->v[i], record);
	}
}

void outputs_gap(struct outputs *outputs, const struct natlog_gap *gap)
{
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		if (outputs->v[i])
			output_gap(outputs->v[i], gap);
	}
}

void outputs_mark(struct outputs *outputs, int64_t until_ns)
{
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		if (outputs->v[i])
			output_mark(outputs->v[i], until_ns);
	}
}
