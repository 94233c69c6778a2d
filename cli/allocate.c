// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * eipgw allocate: the one command that changes something. AllocateAddress has no client token, so the address is
 * tagged at birth, and each run looks for the tags first.
 */
#include "cli/command.h"

#include "awsapi/ec2.h"
#include "awsapi/imds_identity.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/account.h"
#include "cli/iam.h"
#include "cli/print.h"
#include "control/control.h"
#include "control/out.h"

#include <errno.h>
#include <string.h>

#define WAIT_MS 8000
#define VALUE_MAX 255 /* bytes; a tag's value has up to 256 characters */

struct order {
	const char *name;
	char deployment[AWS_TAG_VALUE_MAX];
};

/* The one with both tags: 1 and *ret, 0: none, or negative with the reason. */
static int find_made(const struct account *account, const struct order *order,
		     struct aws_allocation *ret, struct err *err)
{
	const struct ec2_addresses_query query = { .tag_key = "eipgw",
						   .tag_value = order->deployment };
	CLEANUP(aws_addresses_done) struct aws_addresses addresses = { 0 };
	struct aws_request request;
	struct aws_failure failure;
	const int rc = ec2_describe_addresses(&query, &request);
	int found = 0;

	if (aws_session_call(account->session, rc, &request, &addresses, &failure) != 0)
		return err_mark(err, aws_failure_id(&failure),
				err_set(err, -EIO, "%s", failure.text));
	for (size_t i = 0; i < addresses.n; i++) {
		const struct aws_address *const a = &addresses.v[i];
		const char *const name = aws_tags_find(&a->tags, "Name");
		char first[IP4_TEXT_MAX], second[IP4_TEXT_MAX];

		if (!name || strcmp(name, order->name) != 0)
			continue;
		if (found++)
			return err_set(err, -EEXIST,
				       "there are two with Name=%.80s and eipgw=%.80s: %s (%s) and "
				       "%s (%s); release one or name it otherwise",
				       order->name, order->deployment, ret->allocation_id,
				       ip4_format(ret->public_ip, first), a->allocation_id,
				       ip4_format(a->public_ip, second));
		ret->public_ip = a->public_ip;
		memcpy(ret->allocation_id, a->allocation_id, sizeof(ret->allocation_id));
	}
	return found;
}

/* 0, or negative with the reason. */
static int make(const struct account *account, const struct order *order,
		struct aws_allocation *ret, struct aws_failure *failure)
{
	struct aws_tag tags[] = { { .key = "Name" }, { .key = "eipgw" } };
	const struct ec2_allocation allocation = { .tags = tags, .n_tags = ARRAY_SIZE(tags) };
	struct aws_request request;

	snprintf(tags[0].value, sizeof(tags[0].value), "%s", order->name);
	snprintf(tags[1].value, sizeof(tags[1].value), "%s", order->deployment);
	const int rc = ec2_allocate_address(&allocation, &request);
	return aws_session_call(account->session, rc, &request, ret, failure);
}

static void explain_failure(const struct cli *cli, const struct order *order,
			    const struct aws_failure *failure, struct err *err)
{
	err_mark(err, aws_failure_id(failure), err_set(err, -EIO, "%s", failure->text));
	if (strcmp(failure->code, "AddressLimitExceeded") == 0)
		err_set(err, -EIO,
			"%s; the account has as many Elastic IPs in this region as its quota allows "
			"(5 unless it was raised): have the quota \"EC2-VPC Elastic IPs\" raised in "
			"Service Quotas, or release an idle one (eipgw eips)",
			failure->text);
	if (!aws_failure_is_denied(failure))
		return;
	fputs("Add these statements to the policy of the credentials:\n", cli->err);
	iam_write_statement(cli->err, iam_find(IAM_ALLOCATE, "ec2:AllocateAddress"), NULL,
			    order->deployment, "");
	fputs(",\n", cli->err);
	iam_write_statement(cli->err, iam_find(IAM_ALLOCATE, "ec2:CreateTags"), NULL,
			    order->deployment, "");
	fputc('\n', cli->err);
}

/* 1: was there; 0: was made; negative with the reason. */
static int find_or_make(const struct cli *cli, const struct account *account,
			const struct order *order, struct aws_allocation *ret, struct err *err)
{
	struct aws_failure failure;
	const int found = find_made(account, order, ret, err);

	if (found != 0)
		return found;
	if (make(account, order, ret, &failure) == 0)
		return 0;
	if (failure.class != HTTP_CLASS_RETRY) {
		explain_failure(cli, order, &failure, err);
		return -EIO;
	}
	/* The answer was lost; perhaps it was made all the same. */
	if (find_made(account, order, ret, err) == 1)
		return 0;
	return err_set(err, -EIO,
		       "%s; whether it was allocated isn't known: run the command again in a "
		       "minute, it looks first",
		       failure.text);
}

/* Without --deployment: what this gateway's own interface is tagged with. */
static int find_deployment(const struct account *account, struct order *order, struct err *err)
{
	static const char how[] = "say which deployment it is for: --deployment NAME, the value of "
				  "the tag eipgw that the gateways' policy asks for";
	CLEANUP(aws_interfaces_done) struct aws_interfaces interfaces = { 0 };
	struct aws_request request;
	struct aws_failure failure;

	if (aws_session_identify(account->session, err) != 0)
		return err_set(err, -EINVAL, "%s", how);
	const struct imds_interface *const mine =
		imds_identity_primary(aws_session_identity(account->session));
	const struct ec2_interfaces_query query = { .network_interface_id = mine ? mine->id : "" };
	if (!mine)
		return err_set(err, -EINVAL, "%s", how);
	const int rc = ec2_describe_interfaces(&query, &request);
	if (aws_session_call(account->session, rc, &request, &interfaces, &failure) != 0)
		return err_set(err, -EINVAL, "%s (%.200s)", how, failure.text);
	const char *const tag = interfaces.n ? aws_tags_find(&interfaces.v[0].tags, "eipgw") : NULL;
	if (!tag || !*tag)
		return err_set(err, -EINVAL, "%s; %s has none", how, mine->id);
	snprintf(order->deployment, sizeof(order->deployment), "%s", tag);
	return 0;
}

static int check_value(const char *what, const char *text, struct err *err)
{
	const size_t length = strlen(text);

	if (length == 0 || length > VALUE_MAX)
		return err_set(err, -EINVAL, "allocate: %s: 1 to %d bytes are allowed", what,
			       VALUE_MAX);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return err_set(err, -EINVAL, "allocate: %s: has a control character", what);
	return 0;
}

static void print_allocated(FILE *out, const struct control_node *result)
{
	print_text(out, control_text(result, "allocation_id"));
	fputc(' ', out);
	print_text(out, control_text(result, "public"));
	fputs(control_flag(result, "allocated") ? " allocated, with" : " was there already, with",
	      out);
	fputs(" the tags Name=", out);
	print_text(out, control_text(result, "name"));
	fputs(" and eipgw=", out);
	print_text(out, control_text(result, "deployment"));
	fputc('\n', out);
}

static int print_result(const struct cli *cli, const struct cli_options *options,
			const struct order *order, const struct aws_allocation *made, bool is_new)
{
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
	char text[IP4_TEXT_MAX];

	if (!out)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	control_string(out, "allocation_id", made->allocation_id);
	control_string(out, "public", ip4_format(made->public_ip, text));
	control_string(out, "name", order->name);
	control_string(out, "deployment", order->deployment);
	control_bool(out, "allocated", is_new);
	return print_own(cli, options, out, print_allocated, NULL);
}

int run_allocate(const struct cli *cli, const struct cli_options *options,
		 const struct words *arguments)
{
	CLEANUP(account_done) struct account account = { .session = NULL };
	struct order order = { .name = arguments->v[0] };
	struct aws_allocation made = { .public_ip = { 0 } };
	struct err err = ERR_NULL;

	if (check_value("NAME", order.name, &err) != 0 ||
	    (options->deployment && check_value("--deployment", options->deployment, &err) != 0))
		return complain_of_usage(cli, err.text);
	snprintf(order.deployment, sizeof(order.deployment), "%s",
		 options->deployment ? options->deployment : "");
	int code = account_open(cli, options, WAIT_MS, &account, &err);
	if (code == EXIT_OK && aws_session_login(account.session, &err) != 0)
		code = EXIT_RUNTIME;
	if (code == EXIT_OK && !options->deployment && find_deployment(&account, &order, &err) != 0)
		code = EXIT_USAGE;
	if (code != EXIT_OK)
		return complain_of_error(cli, options, code, &err);
	const int found = find_or_make(cli, &account, &order, &made, &err);
	if (found < 0)
		return complain_of_error(cli, options, EXIT_RUNTIME, &err);
	return print_result(cli, options, &order, &made, found == 0);
}
