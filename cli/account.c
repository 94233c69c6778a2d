// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/account.h"

#include "awsapi/ec2.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/options.h"
#include "cli/command.h"

#include <errno.h>
#include <string.h>

#define PART 100 /* IDs in one question */

static int read_config(const char *path, bool is_required, struct account *ret, struct err *err)
{
	const int rc = path ? config_load(&gateway_config_table, path, &ret->config, err) : -ENOENT;

	if (rc == -ENOENT && !is_required)
		return EXIT_OK;
	if (rc == 0 && gateway_config_check(&ret->config, err) == 0) {
		ret->has_config = true;
		return EXIT_OK;
	}
	if (rc == 0)
		config_done(&gateway_config_table, &ret->config);
	return err_prefix(err, EXIT_CONFIG, "%s", path);
}

int account_open(const struct cli *cli, const struct cli_options *options, uint32_t wait_ms,
		 struct account *ret, struct err *err)
{
	const char *const path = options->config ? options->config : cli->gateway_config;

	*ret = (struct account){ .session = NULL };
	const int code = read_config(path, options->config != NULL, ret, err);
	if (code != EXIT_OK)
		return code;
	const struct aws_session_options session = {
		.imds_url = ret->config.aws.imds_url,
		.ec2_url = ret->config.aws.ec2_url,
		.region = ret->config.aws.region,
		.ca_file = ret->config.aws.ca_file,
		.wait_ms = wait_ms,
	};
	ret->session = aws_session_new(&session, err);
	if (ret->session)
		return EXIT_OK;
	account_done(ret);
	return EXIT_RUNTIME;
}

void account_done(struct account *account)
{
	aws_session_free(account->session);
	if (account->has_config)
		config_done(&gateway_config_table, &account->config);
	*account = (struct account){ .session = NULL };
}

int account_addresses(const struct account *account, struct aws_addresses *ret,
		      struct aws_failure *ret_failure)
{
	const struct ec2_addresses_query query = { 0 };
	struct aws_request request;
	const int rc = ec2_describe_addresses(&query, &request);

	return aws_session_call(account->session, rc, &request, ret, ret_failure);
}

/* Moves the items of `part` (structs of `size` bytes) to the end of the list. */
static int append(void **list, size_t *n, void *part, size_t n_part, size_t size)
{
	char *const grown = reallocarray(*list, *n + n_part + 1, size);

	if (!grown)
		return -ENOMEM;
	if (n_part > 0)
		memcpy(grown + *n * size, part, n_part * size);
	*list = grown;
	*n += n_part;
	free(part);
	return 0;
}

static struct aws_ids take_part(const struct aws_ids *ids, size_t from)
{
	return (struct aws_ids){ .v = ids->v + from,
				 .n = ids->n - from < PART ? ids->n - from : PART };
}

int account_instances(const struct account *account, const struct aws_ids *ids,
		      struct aws_instances *ret, struct aws_failure *ret_failure)
{
	*ret = (struct aws_instances){ 0 };
	for (size_t i = 0; i < ids->n; i += PART) {
		const struct aws_ids some = take_part(ids, i);
		struct aws_instances part;
		struct aws_request request;
		const int rc = ec2_describe_instances(&some, &request);

		if (aws_session_call(account->session, rc, &request, &part, ret_failure) == 0 &&
		    append((void **)&ret->v, &ret->n, part.v, part.n, sizeof(*part.v)) == 0)
			continue;
		aws_instances_done(&part);
		aws_instances_done(ret);
		return -EIO;
	}
	return 0;
}

int account_interfaces(const struct account *account, const struct aws_ids *ids,
		       struct aws_interfaces *ret, struct aws_failure *ret_failure)
{
	*ret = (struct aws_interfaces){ 0 };
	for (size_t i = 0; i < ids->n; i += PART) {
		const struct aws_ids some = take_part(ids, i);
		const struct ec2_interfaces_query query = { .ids = &some };
		struct aws_interfaces part;
		struct aws_request request;
		const int rc = ec2_describe_interfaces(&query, &request);

		if (aws_session_call(account->session, rc, &request, &part, ret_failure) == 0 &&
		    append((void **)&ret->v, &ret->n, part.v, part.n, sizeof(*part.v)) == 0)
			continue;
		aws_interfaces_done(&part);
		aws_interfaces_done(ret);
		return -EIO;
	}
	return 0;
}

int account_add_id(struct aws_ids *ids, const char *id)
{
	if (id[0] == '\0')
		return 0;
	for (size_t i = 0; i < ids->n; i++)
		if (strcmp(ids->v[i].text, id) == 0)
			return 0;
	struct aws_id *const grown = reallocarray(ids->v, ids->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	ids->v = grown;
	snprintf(ids->v[ids->n++].text, sizeof(grown->text), "%s", id);
	return 0;
}

void account_ids_done(struct aws_ids *ids)
{
	free(ids->v);
	*ids = (struct aws_ids){ 0 };
}

bool account_names(const struct gateway_egress *egress, const struct aws_address *address)
{
	const char *const equals = strchr(egress->tag, '=');
	char key[GATEWAY_TEXT_MAX];

	if (egress->allocation_id[0])
		return strcmp(egress->allocation_id, address->allocation_id) == 0;
	if (egress->public.v)
		return egress->public.v == address->public_ip.v;
	if (!equals)
		return false;
	snprintf(key, sizeof(key), "%.*s", (int)(equals - egress->tag), egress->tag);
	const char *const value = aws_tags_find(&address->tags, key);
	return value && strcmp(value, equals + 1) == 0;
}

const char *account_egress_name(const struct account *account, const struct aws_address *address)
{
	const struct gateway_egress *const egress = account->config.egress_ips.v;

	for (size_t i = 0; account->has_config && i < account->config.egress_ips.n; i++)
		if (account_names(&egress[i], address))
			return egress[i].name;
	return "";
}
