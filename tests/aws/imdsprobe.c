// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * imdsprobe COMMAND [BASE-URL]: asks the metadata service, for tests against a real one. Prints one JSON object
 * a line; exit status 0, or 1 if it failed, 2 for a wrong command line.
 *   identity                          everything about the instance
 *   interface BASE-URL MAC            one interface
 *   notices                           reports, asked for each 200 ms, until all three notices are there
 *   credentials                       where from, which key, until when
 *   addresses BASE-URL EC2-URL        DescribeAddresses, signed with the instance's credentials
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "awsapi/call.h"
#include "awsapi/credentials.h"
#include "awsapi/imds_notices.h"
#include "awsapi/imds_read.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/http.h"

struct probe {
	struct loop *loop;
	struct http *http;
	struct imds *imds;
	struct imds_watch *watch;
	struct credentials *credentials;
	const char *argument;
	int status;
};

static void print(json_t *json)
{
	json_dumpf(json, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	fflush(stdout);
	json_decref(json);
}

static void end(struct probe *probe, int status)
{
	probe->status = status;
	loop_stop(probe->loop);
}

static void fail(struct probe *probe, enum http_class class, const char *error)
{
	print(json_pack("{s:s, s:s}", "class", http_class_names[class], "error", error));
	end(probe, 1);
}

static json_t *addresses_json(const struct imds_addresses *addresses)
{
	json_t *const list = json_array();
	char text[IP4_TEXT_MAX];

	for (size_t i = 0; i < addresses->n; i++)
		json_array_append_new(list, json_string(ip4_format(addresses->v[i], text)));
	return list;
}

static json_t *prefixes_json(const struct ip4_prefixes *prefixes)
{
	json_t *const list = json_array();
	char text[IP4_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < prefixes->n; i++)
		json_array_append_new(list, json_string(ip4_prefix_format(prefixes->v[i], text)));
	return list;
}

static json_t *interface_json(const struct imds_interface *interface)
{
	json_t *const associations = json_object();
	char text[IP4_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < interface->n_associations; i++)
		json_object_set_new(associations,
				    ip4_format(interface->associations[i].public_ip, text),
				    addresses_json(&interface->associations[i].private_ips));
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "mac",
			 interface->mac, "id", interface->id, "device_number",
			 (int)interface->device_number, "subnet_id", interface->subnet_id, "vpc_id",
			 interface->vpc_id, "subnet_cidr",
			 ip4_prefix_format(interface->subnet_cidr, text), "vpc_cidrs",
			 prefixes_json(&interface->vpc_cidrs), "private_ips",
			 addresses_json(&interface->private_ips), "public_ips",
			 addresses_json(&interface->public_ips), "associations", associations);
}

static void on_identity(const struct imds_read_result *result, void *data)
{
	const struct imds_identity *const identity = result->identity;

	if (!identity) {
		fail(data, result->class, result->error);
		return;
	}
	json_t *const interfaces = json_array();
	json_t *const tags = json_object();
	for (size_t i = 0; i < identity->n_interfaces; i++)
		json_array_append_new(interfaces, interface_json(&identity->interfaces[i]));
	for (size_t i = 0; i < identity->tags.n; i++)
		json_object_set_new(tags, identity->tags.v[i].key,
				    json_string(identity->tags.v[i].value));
	print(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:o}",
			"instance_id", identity->instance_id, "instance_type",
			identity->instance_type, "life_cycle", identity->life_cycle, "region",
			identity->region, "zone", identity->zone, "zone_id", identity->zone_id,
			"domain", identity->domain, "partition", identity->partition, "mac",
			identity->mac, "interfaces", interfaces, "tags_enabled",
			identity->tags_enabled, "tags", tags));
	end(data, 0);
}

static void on_notices(const struct imds_notices *notices, unsigned changed, void *data)
{
	print(json_pack("{s:i, s:i, s:I, s:I, s:s}", "changed", (int)changed, "spot",
			(int)notices->spot, "spot_sec", (json_int_t)notices->spot_sec,
			"rebalance_sec", (json_int_t)notices->rebalance_sec, "lifecycle",
			notices->lifecycle));
	if (notices->spot != IMDS_SPOT_NONE && notices->rebalance_sec > 0 &&
	    strcmp(notices->lifecycle, "Terminated") == 0)
		end(data, 0);
}

static void on_credentials(void *data)
{
	struct probe *const probe = data;
	struct credentials_status status;
	struct aws_credentials keys = { .access_key = "" };

	credentials_status(probe->credentials, &status);
	const int r = credentials_get(&keys, probe->credentials);
	print(json_pack("{s:s, s:s, s:s, s:b, s:I, s:s, s:s}", "kind",
			credentials_kind_names[status.kind], "age",
			credentials_age_names[status.age], "access_key", status.access_key, "token",
			keys.session_token != NULL, "expires_sec", (json_int_t)status.expires_sec,
			"failure", http_class_names[status.failure], "error", status.error));
	end(probe, r < 0);
}

static void on_addresses(const struct aws_failure *failure, void *value, void *data)
{
	const struct aws_addresses *const addresses = value;

	print(json_pack("{s:s, s:s, s:i}", "class", http_class_names[failure->class], "error",
			failure->text, "n", addresses ? (int)addresses->n : -1));
	end(data, !addresses);
}

/* The first time there is something to sign with. */
static void call_addresses(void *data)
{
	struct probe *const probe = data;
	static struct aws_caller caller;
	struct aws_endpoint endpoint;
	struct aws_request request;
	struct err err = ERR_NULL;

	caller = (struct aws_caller){ .loop = probe->loop,
				      .http = probe->http,
				      .credentials = credentials_get,
				      .credentials_data = probe->credentials };
	aws_endpoint_init(&endpoint, AWS_EC2, "us-east-1", "amazonaws.com", probe->argument);
	aws_request_begin(&request, &ec2_action_describe_addresses);
	const struct aws_call_options options = { .caller = &caller,
						  .endpoint = &endpoint,
						  .request = &request,
						  .budget = AWS_BUDGET_ONE,
						  .done = on_addresses,
						  .data = probe };
	if (!aws_call_start(&options, &err))
		fail(probe, HTTP_CLASS_PERMANENT, err.text);
}

static int start(struct probe *probe, const char *command, struct err *err)
{
	struct credentials_options options = { .loop = probe->loop,
					       .http = probe->http,
					       .imds = probe->imds,
					       .on_change = on_credentials,
					       .data = probe };

	if (strcmp(command, "identity") == 0)
		return imds_read_identity(probe->imds, on_identity, probe, err) ? 0 : -1;
	if (strcmp(command, "interface") == 0)
		return imds_read_interface(probe->imds, probe->argument, on_identity, probe, err) ?
			       0 :
			       -1;
	if (strcmp(command, "notices") == 0) {
		probe->watch = imds_watch_new(probe->loop, probe->imds, 200, on_notices, probe);
		return probe->watch ? 0 : -1;
	}
	if (strcmp(command, "addresses") == 0)
		options.on_change = call_addresses;
	else if (strcmp(command, "credentials") != 0)
		return err_set(err, -1, "no such command");
	probe->credentials = credentials_new(&options, err);
	return probe->credentials ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct probe probe = { .loop = loop_new(), .argument = argc > 3 ? argv[3] : "" };
	struct err err = ERR_NULL;

	probe.http = http_new(probe.loop, &err);
	const struct imds_options options = { .loop = probe.loop,
					      .http = probe.http,
					      .base_url = argc > 2 && *argv[2] ? argv[2] : NULL };
	probe.imds = imds_new(&options, &err);
	if (argc < 2 || start(&probe, argv[1], &err) < 0) {
		fprintf(stderr, "imdsprobe: %s\n", err.text);
		return 2;
	}
	loop_run(probe.loop);
	credentials_free(probe.credentials);
	imds_watch_free(probe.watch);
	imds_free(probe.imds);
	http_free(probe.http);
	loop_free(probe.loop);
	return probe.status;
}
