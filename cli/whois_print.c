// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/whois.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/print.h"
#include "control/control.h"
#include "natlog/stamp.h"

#define NS_PER_S INT64_C(1000000000)

/* What the word in `attribution` is worth. */
static const struct {
	const char *word, *meaning;
} attributions[] = {
	{ "start", "asked when it began: proof" },
	{ "replicated", "asked when another gateway told of it" },
	{ "found", "asked after it began: who had the address before isn't known" },
	{ "end", "asked when it ended: who had the address before isn't known" },
	{ "none", "nobody can say who had the address" },
};

static void part(FILE *out, const char *before, const struct control_node *node, const char *key,
		 const char *behind)
{
	if (!control_get(node, key))
		return;
	fputs(before, out);
	if (control_text(node, key)[0])
		print_text(out, control_text(node, key));
	else
		fprintf(out, "%lld", control_number(node, key));
	fputs(behind, out);
}

static void print_pod(FILE *out, const struct control_node *record)
{
	const struct control_node *pod = control_get(record, "pod");

	if (control_get(pod, "name")) {
		part(out, "pod ", pod, "namespace", "/");
		part(out, "", pod, "name", "");
		part(out, " (", pod, "uid", ")");
		part(out, ", ", pod, "address", "");
	} else {
		part(out, "no pod is known; address ", pod, "address", "");
	}
	part(out, ":", pod, "port", "");
	part(out, " id ", pod, "id", "");
	part(out, ", node ", pod, "node", "");
	fputc('\n', out);
}

static void print_egress(FILE *out, const struct control_node *record)
{
	const struct control_node *egress = control_get(record, "egress");

	part(out, ", egress IP ", egress, "name", "");
	part(out, " ", egress, "public", "");
	part(out, " (", egress, "private", ")");
	part(out, ", by ", record, "gateway", "");
	fputc('\n', out);
}

static void print_way(FILE *out, const struct control_node *record)
{
	const struct control_node *destination = control_get(record, "destination");

	part(out, "         ", record, "protocol", "");
	part(out, " to ", destination, "address", "");
	part(out, ":", destination, "port", "");
	part(out, " type ", destination, "icmp_type", "");
	part(out, ", policy ", record, "policy", "");
	print_egress(out, record);
}

static void print_traffic(FILE *out, const struct control_node *record, const char *key)
{
	const struct control_node *traffic = control_get(record, key);

	if (!traffic)
		return;
	fprintf(out, ", %s ", key);
	print_bytes(out, control_number(traffic, "bytes"));
}

static void print_life(FILE *out, const struct control_node *record)
{
	const char *start = control_text(record, "start"), *end = control_text(record, "end");
	int64_t from_ns, to_ns;

	part(out, "         ", record, "start", "");
	if (end[0])
		part(out, " to ", record, "end", "");
	else
		fputs(start[0] ? control_get(record, "state") ? " and still open" : " until now" :
				 "         open now",
		      out);
	if (stamp_parse(start, strlen(start), &from_ns) == 0 &&
	    stamp_parse(end, strlen(end), &to_ns) == 0) {
		fputs(" (", out);
		print_duration(out, (to_ns - from_ns) / NS_PER_S);
		fputc(')', out);
	}
	print_traffic(out, record, "sent");
	print_traffic(out, record, "received");
	part(out, ", ", record, "tcp_state", "");
	part(out, ", ", record, "state", "");
	fputc('\n', out);
}

static void print_attribution(FILE *out, const struct control_node *record)
{
	const char *word = control_text(record, "attribution");

	for (size_t i = 0; i < ARRAY_SIZE(attributions); i++) {
		if (strcmp(word, attributions[i].word) == 0)
			fprintf(out, "         attribution %s: %s\n", word,
				attributions[i].meaning);
	}
}

static void print_records(FILE *out, const char *label, const struct control_node *records)
{
	for (size_t i = 0; i < control_size(records); i++) {
		const struct control_node *record = control_at(records, i);

		fprintf(out, "%-9s", label);
		print_pod(out, record);
		print_way(out, record);
		print_life(out, record);
		print_attribution(out, record);
	}
}

/* pod shop/pay-0 (0c4f...), 10.0.1.50, node node1 */
static void print_blocks(FILE *out, const char *label, const struct control_node *blocks)
{
	for (size_t i = 0; i < control_size(blocks); i++) {
		const struct control_node *block = control_at(blocks, i);
		const struct control_node *egress = control_get(block, "egress");

		fprintf(out, "%-9s", label);
		print_pod(out, block);
		part(out, "         by its block of ports, ", egress, "first_port", "");
		part(out, "-", egress, "last_port", ", and not by a connection");
		print_egress(out, block);
		if (strcmp(control_text(block, "event"), "begin") == 0)
			part(out, "         ", block, "start", "; its end isn't in the log\n");
		else if (control_get(block, "start"))
			print_life(out, block);
		print_attribution(out, block);
	}
}

/* Whose it would have been isn't to be known. */
static void print_port(FILE *out, const struct control_node *port)
{
	const struct control_node *egress = control_get(port, "egress");
	const bool is_shared = strcmp(control_text(port, "is"), "shared") == 0;

	if (!port)
		return;
	fputs(is_shared ? "shared   it's in nobody's block: " :
			  "free     it's in nobody's block now",
	      out);
	if (is_shared) {
		part(out, "ports ", egress, "first_port", "");
		part(out, "-", egress, "last_port", " are for all who have none");
	}
	part(out, "; egress IP ", egress, "name", "\n");
}

static void print_question(FILE *out, const struct control_node *result)
{
	const struct control_node *question = control_get(result, "question");

	part(out, "", question, "egress_ip", "");
	part(out, ":", question, "port", "");
	part(out, " to ", question, "destination", "");
	if (control_flag(question, "now"))
		fputs(" now", out);
	else
		part(out, " at ", question, "from", "");
	fputc('\n', out);
}

static void print_word(FILE *out, const struct control_node *result)
{
	const char *word = control_text(result, "answer");
	const bool is_certain = control_flag(result, "certain");

	if (strcmp(word, "nobody") == 0)
		fprintf(out, "nobody   %s it%s\n",
			control_flag(control_get(result, "question"), "now") ? "has" : "had",
			is_certain ? "" : ", by what is known");
	else if (strcmp(word, "unknown") == 0)
		fputs("unknown  it can't be known who had it\n", out);
}

void whois_print(FILE *out, const struct control_node *result)
{
	const struct control_node *reasons = control_get(result, "reasons");
	const struct control_node *log = control_get(result, "log");

	print_question(out, result);
	print_word(out, result);
	print_records(out, "held by", control_get(result, "held"));
	print_blocks(out, "block of", control_get(result, "blocks"));
	if (control_size(control_get(result, "blocks")) == 0)
		print_port(out, control_get(result, "port"));
	if (control_flag(result, "more"))
		fputs("and      there are more: --destination and --protocol choose\n", out);
	for (size_t i = 0; i < control_size(reasons); i++) {
		fprintf(out, "%-9s", i ? "" : "but");
		print_text(out, control_text(control_at(reasons, i), NULL));
		fputc('\n', out);
	}
	print_records(out, "before", control_get(result, "before"));
	print_blocks(out, "before", control_get(result, "blocks_before"));
	if (control_text(log, "error")[0])
		part(out, "no log   ", log, "error", "\n");
}
