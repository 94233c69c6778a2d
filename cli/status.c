// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/status.h"

#include "base/cleanup.h"
#include "cli/drain.h"
#include "cli/print.h"
#include "control/control.h"

#include <stdbool.h>

static const struct print_column egress_columns[] = {
	{ "NAME", "name", PRINT_TEXT },
	{ "PUBLIC", "public", PRINT_TEXT },
	{ "PRIVATE", "private", PRINT_TEXT },
	{ "GATEWAY", "gateway", PRINT_TEXT },
	{ "LANE", "lane", PRINT_NUMBER },
	{ "STATE", "state", PRINT_TEXT },
	{ "SELF-TEST", "self_test", PRINT_TEXT },
	{ "SEEN AS", "seen_as", PRINT_TEXT },
	{ "AGO", "tested_seconds_ago", PRINT_SECONDS },
	{ "WHY", "self_test_reason", PRINT_TEXT },
	{ "PORTS", "ports_short", PRINT_TEXT },
	{ "REASON", "reason", PRINT_TEXT },
};

static const struct print_column block_columns[] = {
	{ "EGRESS IP", "egress_ip", PRINT_TEXT }, { "EACH", "size", PRINT_NUMBER },
	{ "GIVEN", "given", PRINT_NUMBER },       { "RESTING", "resting", PRINT_NUMBER },
	{ "FREE", "free", PRINT_NUMBER },         { "WAITING", "waiting", PRINT_NUMBER },
};

/* Of a group of gateways. */
static const struct print_column member_columns[] = {
	{ "NAME", "name", PRINT_TEXT },
	{ "ZONE", "zone", PRINT_TEXT },
	{ "ADDRESS", "address", PRINT_TEXT },
	{ "HEARD MS AGO", "heard_ms_ago", PRINT_NUMBER },
};

static const struct print_column carried_columns[] = {
	{ "NAME", "name", PRINT_TEXT },       { "STATE", "state", PRINT_TEXT },
	{ "CARRIER", "carrier", PRINT_TEXT }, { "LEASE", "lease_holder", PRINT_TEXT },
	{ "WHY", "reason", PRINT_TEXT },
};

static const struct print_column native_columns[] = { { "SOURCES", "cidr", PRINT_TEXT } };

static const struct print_column routing_columns[] = {
	{ "WHAT", "name", PRINT_TEXT },
	{ "STATE", "state", PRINT_TEXT },
	{ "WHY", "reason", PRINT_TEXT },
};

static const struct print_column policy_columns[] = {
	{ "NAME", "name", PRINT_TEXT },
	{ "ADDRESSES", "sources", PRINT_NUMBER },
	{ "EGRESS IPS", "egress_ips", PRINT_LIST },
};

static const struct print_column pod_columns[] = {
	{ "ADDRESS", "address", PRINT_TEXT },
	{ "INTERFACE", "interface", PRINT_TEXT },
	{ "POLICY=EGRESS IP", "class", PRINT_TEXT },
};

static const struct print_column counter_columns[] = {
	{ "NAME", "name", PRINT_TEXT },     { "PACKETS", "packets", PRINT_NUMBER },
	{ "BYTES", "bytes", PRINT_NUMBER }, { "WHAT", "help", PRINT_TEXT },
	{ "ID", "id", PRINT_TEXT },
};

/* Numbers of the kernel object, each with what stands in front of it and behind it. */
struct number {
	const char *key;
	const char *word;
};

static const struct number held[] = {
	{ "rules", "rules" },
	{ "elements", "elements" },
	{ "routes", "routes" },
	{ "ip_rules", "ip rules" },
};

static const struct number done[] = {
	{ "reconciles", "reconciles" },     { "failures", "failures" },
	{ "repairs", "repairs" },           { "changes", "quick changes" },
	{ "transactions", "transactions" }, { "connections_ended", "connections ended" },
};

static const struct number latency[] = {
	{ "p50", "us (half of them)" },
	{ "p99", "us (99 %)" },
	{ "max", "us (at most)" },
};

static bool is_filled(const struct control_node *node, const char *key)
{
	return control_text(node, key)[0];
}

static void print_label(FILE *out, const char *label)
{
	fprintf(out, "%-9s", label);
}

static void print_part(FILE *out, const char *before, const struct control_node *node,
		       const char *key)
{
	if (!is_filled(node, key))
		return;
	fputs(before, out);
	print_text(out, control_text(node, key));
}

/* " [EIPGW-2001]" */
static void print_id(FILE *out, const struct control_node *node, const char *key)
{
	print_part(out, " [", node, key);
	if (is_filled(node, key))
		fputc(']', out);
}

static void print_head(FILE *out, const struct control_node *status)
{
	print_part(out, "", status, "program");
	print_part(out, " ", status, "version");
	print_part(out, ", ", status, "name");
	print_part(out, ", zone ", status, "zone");
	fputc('\n', out);
	if (!is_filled(status, "state"))
		return;
	print_label(out, "state");
	print_part(out, "", status, "state");
	if (control_get(status, "since_seconds")) {
		fputs(" for ", out);
		print_duration(out, control_number(status, "since_seconds"));
	}
	print_part(out, ": ", status, "state_text");
	print_id(out, status, "state_id");
	fputc('\n', out);
}

static void print_config(FILE *out, const struct control_node *config)
{
	if (!config)
		return;
	print_label(out, "config");
	print_part(out, "", config, "path");
	if (control_get(config, "loaded_seconds_ago")) {
		fputs(", loaded ", out);
		print_duration(out, control_number(config, "loaded_seconds_ago"));
		fputs(" ago", out);
	}
	fputc('\n', out);
	if (!is_filled(config, "last_error"))
		return;
	print_label(out, "");
	print_part(out, "the last reload failed: ", config, "last_error");
	print_id(out, config, "last_error_id");
	fputc('\n', out);
}

static bool has_numbers(const struct control_node *kernel, const struct number *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (control_get(kernel, numbers[i].key))
			return true;
	return false;
}

static void print_numbers(FILE *out, const struct control_node *kernel,
			  const struct number *numbers, size_t n)
{
	bool first = true;

	for (size_t i = 0; i < n; i++) {
		if (!control_get(kernel, numbers[i].key))
			continue;
		fprintf(out, "%s%lld %s", first ? "" : ", ", control_number(kernel, numbers[i].key),
			numbers[i].word);
		first = false;
	}
}

static void print_latency(FILE *out, const struct control_node *kernel)
{
	const struct control_node *us = control_get(kernel, "event_to_kernel_us");

	if (!us || control_number(us, "count") == 0)
		return;
	print_label(out, "");
	fprintf(out, "%lld pod events; to the kernel in ", control_number(kernel, "events"));
	print_numbers(out, us, latency, ARRAY_SIZE(latency));
	fputc('\n', out);
}

static void print_kernel(FILE *out, const struct control_node *kernel)
{
	if (!kernel)
		return;
	print_label(out, "kernel");
	print_part(out, "table ", kernel, "table");
	if (has_numbers(kernel, held, ARRAY_SIZE(held))) {
		fputs(": ", out);
		print_numbers(out, kernel, held, ARRAY_SIZE(held));
	}
	fputc('\n', out);
	if (has_numbers(kernel, done, ARRAY_SIZE(done))) {
		print_label(out, "");
		print_numbers(out, kernel, done, ARRAY_SIZE(done));
		fputc('\n', out);
	}
	print_latency(out, kernel);
	if (!is_filled(kernel, "last_repair"))
		return;
	print_label(out, "");
	print_part(out, "last repair: ", kernel, "last_repair");
	fputc('\n', out);
}

/* A line each: where it goes, and what is wrong or late there. */
static void print_outputs(FILE *out, const struct control_node *log)
{
	const struct control_node *outputs = control_get(log, "outputs");

	for (size_t i = 0; i < control_size(outputs); i++) {
		const struct control_node *output = control_at(outputs, i);

		print_label(out, i ? "" : "NAT log");
		print_part(out, "", output, "name");
		print_part(out, " ", output, "target");
		print_part(out, ": ", output, "error");
		print_id(out, output, "error_id");
		if (control_number(output, "lost"))
			fprintf(out, ", %lld lost", control_number(output, "lost"));
		if (control_number(output, "waiting_bytes"))
			fprintf(out, ", %lld bytes waiting",
				control_number(output, "waiting_bytes"));
		fputc('\n', out);
	}
}

static void print_log(FILE *out, const struct control_node *log)
{
	static const struct number records[] = {
		{ "records", "records" },
		{ "unattributed", "without a pod or policy" },
		{ "gaps", "gaps" },
		{ "lost", "lost" },
		{ "open", "connections open" },
	};

	if (!log)
		return;
	print_outputs(out, log);
	if (!has_numbers(log, records, ARRAY_SIZE(records))) {
		print_label(out, "NAT log");
		print_part(out, "none: ", log, "error");
		print_id(out, log, "error_id");
		fputc('\n', out);
		return;
	}
	print_label(out, "");
	print_numbers(out, log, records, ARRAY_SIZE(records));
	fputc('\n', out);
}

static void print_kubernetes(FILE *out, const struct control_node *kubernetes)
{
	if (!is_filled(kubernetes, "server"))
		return;
	print_label(out, "cluster");
	print_part(out, "", kubernetes, "server");
	fputs(control_flag(kubernetes, "synced") ? ", all objects known" :
						   ", not all objects known yet",
	      out);
	print_part(out, ": ", kubernetes, "error");
	print_id(out, kubernetes, "error_id");
	fputc('\n', out);
}

void status_print(FILE *out, const struct control_node *status)
{
	const struct control_node *failover = control_get(status, "failover");

	print_head(out, status);
	print_config(out, control_get(status, "config"));
	print_kernel(out, control_get(status, "kernel"));
	print_kubernetes(out, control_get(status, "kubernetes"));
	drain_print(out, control_get(status, "drain"));
	print_log(out, control_get(status, "log"));
	print_table(out, "Egress IPs", control_get(status, "egress_ips"), egress_columns,
		    ARRAY_SIZE(egress_columns));
	print_table(out, "Blocks of ports", control_get(status, "port_blocks"), block_columns,
		    ARRAY_SIZE(block_columns));
	print_table(out, "Members of the group", control_get(failover, "members"), member_columns,
		    ARRAY_SIZE(member_columns));
	print_table(out, "Who carries them", control_get(failover, "egress_ips"), carried_columns,
		    ARRAY_SIZE(carried_columns));
	print_table(out, "Native sources", control_get(status, "native_sources"), native_columns,
		    ARRAY_SIZE(native_columns));
	print_table(out, "What brings them here", control_get(status, "native_routing"),
		    routing_columns, ARRAY_SIZE(routing_columns));
	print_table(out, "Policies", control_get(status, "policies"), policy_columns,
		    ARRAY_SIZE(policy_columns));
	print_table(out, "Pods of this node", control_get(status, "pods"), pod_columns,
		    ARRAY_SIZE(pod_columns));
	print_table(out, "Counters", control_get(status, "counters"), counter_columns,
		    ARRAY_SIZE(counter_columns));
}
