// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The statements of the policies in docs/iam, as one table: what eipgw tells to add when a permission is missing
 * is what stands there (a unit test compares the whole documents).
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

enum iam_document { IAM_TUNNEL, IAM_ROUTE_TABLE, IAM_CLI, IAM_ALLOCATE, IAM_DOCUMENT_COUNT };
extern const char *const iam_document_files[IAM_DOCUMENT_COUNT]; /* "docs/iam/tunnel.json" */

#define IAM_ACTIONS_MAX 5
#define IAM_EXAMPLE "example" /* the deployment's name in the documents */

struct iam_statement {
	unsigned documents; /* bits 1 << enum iam_document */
	const char *sid;
	const char *actions[IAM_ACTIONS_MAX + 1]; /* "ec2:DescribeAddresses"; ends with NULL */
	const char *resources[3];                 /* ends with NULL; none: "*" */
	const char *
		condition[2]; /* key and value of StringEquals; value NULL: the deployment's name */
};

/* The statement of the document that allows the action, or NULL. */
const struct iam_statement *iam_find(enum iam_document document, const char *action);

/*
 * The statement as JSON that can be pasted into a policy, for one action only (NULL: all of its). `deployment`
 * is the value of the tag eipgw. Each line begins with `indent`; no newline at the end.
 */
void iam_write_statement(FILE *out, const struct iam_statement *statement, const char *action,
			 const char *deployment, const char *indent);
/* The whole document, as it stands in its file. */
void iam_write_document(FILE *out, enum iam_document document);
