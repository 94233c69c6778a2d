// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/explain.h"

#include "cli/print.h"
#include "control/control.h"

static void print_step(FILE *out, size_t number, const struct control_node *step)
{
	const char *effect = control_text(step, "effect");

	fprintf(out, "%c %3zu. ", control_flag(step, "match") ? '*' : ' ', number);
	print_text(out, control_text(step, "where"));
	if (effect[0]) {
		fputs(": ", out);
		print_text(out, effect);
	}
	fputc('\n', out);
}

void explain_print(FILE *out, const struct control_node *explanation)
{
	const struct control_node *steps = control_get(explanation, "steps");
	const char *egress = control_text(explanation, "egress_ip");

	print_text(out, control_text(explanation, "source"));
	fputs(" -> ", out);
	print_text(out, control_text(explanation, "destination"));
	fputs(": ", out);
	print_text(out, control_text(explanation, "summary"));
	fputs("\nverdict: ", out);
	print_text(out, control_text(explanation, "verdict"));
	if (egress[0]) {
		fputs(", egress IP ", out);
		print_text(out, egress);
	}
	fputc('\n', out);

	if (control_size(steps) == 0)
		return;
	fputs("\nThe way of a first packet (* = matches):\n", out);
	for (size_t i = 0; i < control_size(steps); i++)
		print_step(out, i + 1, control_at(steps, i));
}
