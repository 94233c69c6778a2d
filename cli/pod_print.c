// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/pod.h"

#include "base/message.h"
#include "cli/print.h"
#include "control/control.h"

#include <string.h>

static void put_findings(struct control_out *out, const struct judgement *judgement)
{
	control_array(out, "findings");
	for (size_t i = 0; i < judgement->n; i++) {
		const struct finding *const f = &judgement->v[i];
		char id[MESSAGE_TEXT_MAX];

		control_object(out, NULL);
		control_string(out, "level", finding_level_names[f->level]);
		control_string(out, "about", f->about);
		control_string(out, "name", f->name);
		control_string(out, "id", message_format(message_named(f->name), id));
		control_string(out, "text", f->text);
		control_string(out, "fix", f->fix);
		control_end(out);
	}
	control_end(out);
}

void judgement_put(struct control_out *out, const struct pod_facts *facts,
		   const struct judgement *judgement)
{
	const struct finding *const wrong = judgement_wrong(judgement);
	char text[IP4_TEXT_MAX];

	control_string(out, "namespace", facts->namespace);
	control_string(out, "pod", facts->name);
	control_string(out, "address", judgement->address);
	control_string(out, "destination", ip4_format(facts->destination, text));
	control_string(out, "verdict", judgement->verdict);
	control_string(out, "summary", judgement->headline);
	control_string(out, "wrong", wrong ? wrong->name : "");
	control_string(out, "fix", wrong ? wrong->fix : "");
	control_string(out, "policy", judgement->policy);
	control_string(out, "egress_gateway", judgement->gateway);
	control_string(out, "egress_ip", judgement->egress_ip);
	control_string(out, "public_ip", judgement->public_ip);
	control_string(out, "member", judgement->member);
	control_string(out, "member_address", judgement->member_address);
	control_string(out, "node", judgement->node);
	control_string(out, "node_address", judgement->node_address);
	put_findings(out, judgement);
}

static void print_finding(FILE *out, const struct control_node *finding)
{
	const char *const level = control_text(finding, "level");
	const char *const fix = control_text(finding, "fix");

	fprintf(out, "  %-7s  %-11s  ", strcmp(level, "wrong") == 0 ? "WRONG" : level,
		control_text(finding, "about"));
	print_text(out, control_text(finding, "text"));
	if (control_text(finding, "id")[0])
		fprintf(out, " [%s]", control_text(finding, "id"));
	fputc('\n', out);
	if (!fix[0])
		return;
	fprintf(out, "  %-7s  %-11s  -> ", "", "");
	print_text(out, fix);
	fputc('\n', out);
}

static void print_pair(FILE *out, const struct control_node *answer, const char *a,
		       const char *between, const char *b)
{
	print_text(out, control_text(answer, a));
	fputs(between, out);
	print_text(out, control_text(answer, b));
}

void pod_print(FILE *out, const struct control_node *answer)
{
	const struct control_node *const findings = control_get(answer, "findings");

	print_pair(out, answer, "namespace", "/", "pod");
	fputs(" -> ", out);
	print_pair(out, answer, "destination", ": ", "summary");
	fputs("\nverdict: ", out);
	print_text(out, control_text(answer, "verdict"));
	if (control_text(answer, "egress_ip")[0]) {
		fputs(", egress IP ", out);
		print_pair(out, answer, "egress_gateway", "/", "egress_ip");
	}
	if (control_text(answer, "fix")[0]) {
		fputs("\nwhat to do: ", out);
		print_text(out, control_text(answer, "fix"));
	}
	fputs("\n\n", out);
	for (size_t i = 0; i < control_size(findings); i++)
		print_finding(out, control_at(findings, i));
}
