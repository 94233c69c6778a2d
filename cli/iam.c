// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/iam.h"

#include "base/cleanup.h"

#include <assert.h>
#include <string.h>

const char *const iam_document_files[] = {
	[IAM_TUNNEL] = "docs/iam/tunnel.json",
	[IAM_ROUTE_TABLE] = "docs/iam/route-table.json",
	[IAM_CLI] = "docs/iam/cli.json",
	[IAM_ALLOCATE] = "docs/iam/allocate.json",
};
static_assert(ARRAY_SIZE(iam_document_files) == IAM_DOCUMENT_COUNT, "each document has a file");

enum {
	TUNNEL = 1 << IAM_TUNNEL,
	ROUTES = 1 << IAM_ROUTE_TABLE,
	CLI = 1 << IAM_CLI,
	ALLOCATE = 1 << IAM_ALLOCATE,
};

#define EIPS "arn:aws:ec2:*:*:elastic-ip/*"
#define INTERFACES "arn:aws:ec2:*:*:network-interface/*"
#define TABLES "arn:aws:ec2:*:*:route-table/*"
#define GROUPS "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*"
#define TAGGED                                \
	{                                     \
		"aws:ResourceTag/eipgw", NULL \
	}

/* In the order of the documents. */
static const struct iam_statement statements[] = {
	{ TUNNEL | ALLOCATE,
	  "Look",
	  { "ec2:DescribeAddresses", "ec2:DescribeNetworkInterfaces" },
	  { NULL },
	  { NULL } },
	{ ROUTES,
	  "Look",
	  { "ec2:DescribeAddresses", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables" },
	  { NULL },
	  { NULL } },
	{ CLI,
	  "Look",
	  { "ec2:DescribeAddresses", "ec2:DescribeNetworkInterfaces", "ec2:DescribeInstances",
	    "ec2:DescribeSecurityGroups", "ec2:DescribeRouteTables" },
	  { NULL },
	  { NULL } },
	{ TUNNEL | ROUTES,
	  "OwnTheElasticIp",
	  { "ec2:AssociateAddress" },
	  { EIPS, INTERFACES },
	  TAGGED },
	{ TUNNEL | ROUTES,
	  "CarryItsPrivateAddress",
	  { "ec2:AssignPrivateIpAddresses" },
	  { INTERFACES },
	  TAGGED },
	{ ROUTES,
	  "ForwardForOthers",
	  { "ec2:ModifyNetworkInterfaceAttribute" },
	  { INTERFACES },
	  TAGGED },
	{ ROUTES, "BeTheRoute", { "ec2:ReplaceRoute" }, { TABLES }, TAGGED },
	{ TUNNEL | ROUTES,
	  "LeaveInOrder",
	  { "autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat" },
	  { GROUPS },
	  TAGGED },
	{ ALLOCATE,
	  "AllocateTagged",
	  { "ec2:AllocateAddress" },
	  { EIPS },
	  { "aws:RequestTag/eipgw", NULL } },
	{ ALLOCATE,
	  "TagOnlyWhatIsAllocated",
	  { "ec2:CreateTags" },
	  { EIPS },
	  { "ec2:CreateAction", "AllocateAddress" } },
};

const struct iam_statement *iam_find(enum iam_document document, const char *action)
{
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		if (!(statements[i].documents & 1u << document))
			continue;
		for (const char *const *a = statements[i].actions; *a; a++)
			if (strcmp(*a, action) == 0)
				return &statements[i];
	}
	return NULL;
}

/* Tag values may have a quote or a backslash, and no control characters. */
static void write_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void write_list(FILE *out, const char *const *list, const char *indent)
{
	fputs("[\n", out);
	for (; *list; list++) {
		fprintf(out, "%s    ", indent);
		write_string(out, *list);
		fputs(list[1] ? ",\n" : "\n", out);
	}
	fprintf(out, "%s  ]", indent);
}

void iam_write_statement(FILE *out, const struct iam_statement *statement, const char *action,
			 const char *deployment, const char *indent)
{
	const char *const one[] = { action, NULL };

	fprintf(out,
		"%s{\n%s  \"Sid\": \"%s\",\n%s  \"Effect\": \"Allow\",\n%s  \"Action\": ", indent,
		indent, statement->sid, indent, indent);
	write_list(out, action ? one : statement->actions, indent);
	fprintf(out, ",\n%s  \"Resource\": ", indent);
	if (statement->resources[0])
		write_list(out, statement->resources, indent);
	else
		fputs("\"*\"", out);
	if (statement->condition[0]) {
		const char *const value = statement->condition[1];

		fprintf(out, ",\n%s  \"Condition\": {\n%s    \"StringEquals\": {\n%s      \"%s\": ",
			indent, indent, indent, statement->condition[0]);
		write_string(out, value ? value : deployment);
		fprintf(out, "\n%s    }\n%s  }", indent, indent);
	}
	fprintf(out, "\n%s}", indent);
}

void iam_write_document(FILE *out, enum iam_document document)
{
	const char *separator = "";

	fputs("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		if (!(statements[i].documents & 1u << document))
			continue;
		fputs(separator, out);
		iam_write_statement(out, &statements[i], NULL, IAM_EXAMPLE, "    ");
		separator = ",\n";
	}
	fputs("\n  ]\n}\n", out);
}
