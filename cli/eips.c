// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw eips. */
#include "cli/eips.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/account.h"
#include "cli/command.h"
#include "cli/print.h"
#include "control/control.h"
#include "control/out.h"

#include <string.h>

#define WAIT_MS 8000
#define KEY "elastic_ips"

static const struct print_column columns[] = {
	{ "PUBLIC", "public", PRINT_TEXT },
	{ "ALLOCATION", "allocation_id", PRINT_TEXT },
	{ "NAME", "name", PRINT_TEXT },
	{ "EIPGW", "eipgw", PRINT_TEXT },
	{ "EGRESS IP", "egress_ip", PRINT_TEXT },
	{ "PRIVATE", "private", PRINT_TEXT },
	{ "INTERFACE", "network_interface_id", PRINT_TEXT },
	{ "USE", "use", PRINT_TEXT },
	{ "WHY", "reason", PRINT_TEXT },
};

struct seen {
	struct aws_addresses addresses;
	struct aws_interfaces interfaces;
	struct aws_instances instances;
	bool has_interfaces, has_instances;
};

static void seen_done(struct seen *seen)
{
	aws_addresses_done(&seen->addresses);
	aws_interfaces_done(&seen->interfaces);
	aws_instances_done(&seen->instances);
}

static void put_address(struct control_out *out, const struct account *account,
			const struct seen *seen, const struct aws_address *address)
{
	const struct eip_surroundings surroundings = {
		.instances = seen->has_instances ? &seen->instances : NULL,
		.interfaces = seen->has_interfaces ? &seen->interfaces : NULL,
	};
	const char *const name = aws_tags_find(&address->tags, "Name");
	const char *const eipgw = aws_tags_find(&address->tags, "eipgw");
	char text[IP4_TEXT_MAX], reason[EIP_REASON_MAX];
	const enum eip_use use = eip_judge(address, &surroundings, reason);

	control_object(out, NULL);
	control_string(out, "allocation_id", address->allocation_id);
	control_string(out, "public", ip4_format(address->public_ip, text));
	control_string(out, "name", name ? name : "");
	control_string(out, "eipgw", eipgw ? eipgw : "");
	control_string(out, "egress_ip", account_egress_name(account, address));
	control_string(out, "association_id", address->association_id);
	control_string(out, "private",
		       address->private_ip.v ? ip4_format(address->private_ip, text) : "");
	control_string(out, "network_interface_id", address->network_interface_id);
	control_string(out, "instance_id", address->instance_id);
	control_string(out, "use", eip_use_names[use]);
	control_string(out, "reason", reason);
	control_array(out, "tags");
	for (size_t i = 0; i < address->tags.n; i++) {
		control_object(out, NULL);
		control_string(out, "key", address->tags.v[i].key);
		control_string(out, "value", address->tags.v[i].value);
		control_end(out);
	}
	control_end(out);
	control_end(out);
}

static void print_eips(FILE *out, const struct control_node *result)
{
	const struct control_node *const list = control_get(result, KEY);
	size_t idle = 0;

	for (size_t i = 0; i < control_size(list); i++)
		idle += strcmp(control_text(control_at(list, i), "use"), eip_use_names[EIP_IDLE]) ==
			0;
	fprintf(out, "%zu Elastic IPs in %s, %zu of them idle\n", control_size(list),
		control_text(result, "region"), idle);
	print_table(out, "Elastic IPs", list, columns, ARRAY_SIZE(columns));
	if (idle)
		fputs("\nIdle ones cost money for nothing: AWS bills every public IPv4 address, in "
		      "use or idle (since\nFebruary 2024). eipgw never releases one; whoever needs "
		      "it no more may.\n",
		      out);
}

/* What surrounds the addresses. A question that fails leaves their use unknown, and is told. */
static int look_around(const struct cli *cli, const struct account *account, struct seen *seen)
{
	CLEANUP(account_ids_done) struct aws_ids interfaces = { 0 };
	CLEANUP(account_ids_done) struct aws_ids instances = { 0 };
	struct aws_failure failure;
	int rc = 0;

	for (size_t i = 0; !rc && i < seen->addresses.n; i++)
		rc = account_add_id(&interfaces, seen->addresses.v[i].network_interface_id);
	if (rc)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	seen->has_interfaces =
		account_interfaces(account, &interfaces, &seen->interfaces, &failure) == 0;
	if (!seen->has_interfaces)
		complain(cli, EXIT_OK, failure.text);
	for (size_t i = 0; !rc && i < seen->addresses.n; i++)
		rc = account_add_id(&instances, seen->addresses.v[i].instance_id);
	for (size_t i = 0; !rc && i < seen->interfaces.n; i++)
		rc = account_add_id(&instances, seen->interfaces.v[i].attachment_instance_id);
	if (rc)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	seen->has_instances = account_instances(account, &instances, &seen->instances, &failure) ==
			      0;
	if (!seen->has_instances)
		complain(cli, EXIT_OK, failure.text);
	return EXIT_OK;
}

int run_eips(const struct cli *cli, const struct cli_options *options,
	     const struct words *arguments)
{
	CLEANUP(account_done) struct account account = { .session = NULL };
	CLEANUP(seen_done) struct seen seen = { 0 };
	struct aws_failure failure;
	struct err err = ERR_NULL;
	int code = account_open(cli, options, WAIT_MS, &account, &err);

	(void)arguments;
	if (code == EXIT_OK && aws_session_login(account.session, &err) != 0)
		code = EXIT_RUNTIME;
	if (code != EXIT_OK)
		return complain_of_error(cli, options, code, &err);
	if (account_addresses(&account, &seen.addresses, &failure) != 0)
		return complain_of_error(cli, options,
					 err_mark(&err, aws_failure_id(&failure),
						  err_set(&err, EXIT_RUNTIME, "%s", failure.text)),
					 &err);
	code = look_around(cli, &account, &seen);
	if (code != EXIT_OK)
		return code;

	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
	if (!out)
		return complain(cli, EXIT_RUNTIME, "out of memory");
	control_string(out, "region", aws_session_endpoint(account.session)->region);
	control_array(out, KEY);
	for (size_t i = 0; i < seen.addresses.n; i++)
		put_address(out, &account, &seen, &seen.addresses.v[i]);
	control_end(out);
	return print_own(cli, options, out, print_eips, KEY);
}
