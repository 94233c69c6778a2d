// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * awsprobe URL COMMAND [KEY=VALUE...]: one call by aws_call_sync, for tests against real peers. Credentials
 * come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Prints one JSON object; exit
 * status 0 if the call went well, 1 if it failed, 2 for a wrong command line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "awsapi/call.h"
#include "awsapi/ec2.h"
#include "awsapi/presign.h"
#include "awsapi/requests.h"
#include "awsapi/xml.h"
#include "base/cleanup.h"
#include "base/err.h"

#define REGION "us-east-1"

static char **arguments;

/* The value of KEY=VALUE, "" if it isn't there. */
static const char *get(const char *key)
{
	const size_t length = strlen(key);

	for (char **p = arguments; *p; p++)
		if (strncmp(*p, key, length) == 0 && (*p)[length] == '=')
			return *p + length + 1;
	return "";
}

static bool is_set(const char *key)
{
	return strcmp(get(key), "true") == 0;
}

static struct ip4 get_ip4(const char *key)
{
	struct ip4 address = { 0 };

	if (*get(key) && ip4_parse(get(key), &address, NULL) != 0) {
		fprintf(stderr, "awsprobe: %s is no address\n", key);
		exit(2);
	}
	return address;
}

static struct ip4_prefix get_prefix(const char *key)
{
	struct ip4_prefix prefix = { 0 };

	if (ip4_prefix_parse(get(key), &prefix, NULL) != 0) {
		fprintf(stderr, "awsprobe: %s is no prefix\n", key);
		exit(2);
	}
	return prefix;
}

static json_t *json_ip4(struct ip4 address)
{
	char text[IP4_TEXT_MAX];

	return address.v ? json_string(ip4_format(address, text)) : json_string("");
}

static json_t *json_tags(const struct aws_tags *tags)
{
	json_t *const object = json_object();

	for (size_t i = 0; i < tags->n; i++)
		json_object_set_new(object, tags->v[i].key, json_string(tags->v[i].value));
	return object;
}

static json_t *json_ids(const struct aws_ids *ids)
{
	json_t *const list = json_array();

	for (size_t i = 0; i < ids->n; i++)
		json_array_append_new(list, json_string(ids->v[i].text));
	return list;
}

static json_t *json_private(const struct aws_private_addresses *addresses)
{
	json_t *const list = json_array();

	for (size_t i = 0; i < addresses->n; i++) {
		const struct aws_private_address *const a = &addresses->v[i];
		json_array_append_new(list, json_pack("{s:o, s:b, s:s, s:s, s:o}", "address",
						      json_ip4(a->address), "primary", a->primary,
						      "allocation_id", a->allocation_id,
						      "association_id", a->association_id,
						      "public_ip", json_ip4(a->public_ip)));
	}
	return list;
}

static json_t *show_addresses(const void *value)
{
	const struct aws_addresses *const addresses = value;
	json_t *const list = json_array();

	for (size_t i = 0; i < addresses->n; i++) {
		const struct aws_address *const a = &addresses->v[i];
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "allocation_id",
				  a->allocation_id, "association_id", a->association_id,
				  "network_interface_id", a->network_interface_id, "instance_id",
				  a->instance_id, "public_ip", json_ip4(a->public_ip), "private_ip",
				  json_ip4(a->private_ip), "tags", json_tags(&a->tags)));
	}
	return list;
}

static json_t *show_association(const void *value)
{
	const struct aws_association *const association = value;

	return json_pack("{s:s}", "association_id", association->association_id);
}

static json_t *show_allocation(const void *value)
{
	const struct aws_allocation *const allocation = value;

	return json_pack("{s:s, s:o}", "allocation_id", allocation->allocation_id, "public_ip",
			 json_ip4(allocation->public_ip));
}

static json_t *show_interfaces(const void *value)
{
	const struct aws_interfaces *const interfaces = value;
	json_t *const list = json_array();

	for (size_t i = 0; i < interfaces->n; i++) {
		const struct aws_interface *const e = &interfaces->v[i];
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:i}", "id",
				  e->id, "subnet_id", e->subnet_id, "vpc_id", e->vpc_id, "mac",
				  e->mac, "instance_id", e->attachment_instance_id,
				  "source_dest_check", e->source_dest_check, "primary",
				  json_ip4(e->primary), "addresses", json_private(&e->addresses),
				  "groups", json_ids(&e->groups), "tags", json_tags(&e->tags),
				  "prefixes", (int)e->prefixes.n));
	}
	return list;
}

static json_t *show_assigned(const void *value)
{
	const struct aws_assigned *const assigned = value;

	return json_private(&assigned->addresses);
}

static json_t *show_instances(const void *value)
{
	const struct aws_instances *const instances = value;
	json_t *const list = json_array();

	for (size_t i = 0; i < instances->n; i++) {
		const struct aws_instance *const v = &instances->v[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", v->id,
						      "state", v->state, "type", v->type,
						      "private_ip", json_ip4(v->private_ip),
						      "interfaces", json_ids(&v->interfaces)));
	}
	return list;
}

static json_t *show_rules(const struct aws_group_rules *rules)
{
	json_t *const list = json_array();

	for (size_t i = 0; i < rules->n; i++) {
		const struct aws_group_rule *const r = &rules->v[i];
		json_t *const cidrs = json_array();
		char text[IP4_PREFIX_TEXT_MAX];

		for (size_t k = 0; k < r->cidrs.n; k++)
			json_array_append_new(cidrs,
					      json_string(ip4_prefix_format(r->cidrs.v[k], text)));
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:o, s:o}", "protocol",
						r->protocol, "from", r->from_port, "to", r->to_port,
						"cidrs", cidrs, "groups", json_ids(&r->groups)));
	}
	return list;
}

static json_t *show_groups(const void *value)
{
	const struct aws_groups *const groups = value;
	json_t *const list = json_array();

	for (size_t i = 0; i < groups->n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:o}", "id", groups->v[i].id, "inbound",
						show_rules(&groups->v[i].inbound), "outbound",
						show_rules(&groups->v[i].outbound)));
	return list;
}

static json_t *show_route_tables(const void *value)
{
	const struct aws_route_tables *const tables = value;
	json_t *const list = json_array();

	for (size_t i = 0; i < tables->n; i++) {
		json_t *const routes = json_object();
		for (size_t k = 0; k < tables->v[i].routes.n; k++) {
			const struct aws_route *const r = &tables->v[i].routes.v[k];
			json_object_set_new(routes, r->destination,
					    json_string(r->network_interface_id));
		}
		json_array_append_new(list, json_pack("{s:s, s:o}", "id", tables->v[i].id, "routes",
						      routes));
	}
	return list;
}

static json_t *show_nothing(const void *value)
{
	(void)value;
	return json_object();
}

static json_t *show_identity(const void *value)
{
	const struct aws_identity *const identity = value;

	return json_pack("{s:s, s:s}", "arn", identity->arn, "account", identity->account);
}

static int ask_addresses(struct aws_request *ret)
{
	const struct ec2_addresses_query query = {
		.allocation_id = get("allocation_id"),
		.public_ip = get_ip4("public_ip"),
		.network_interface_id = get("network_interface_id"),
		.private_ip = get_ip4("private_ip"),
		.tag_key = *get("tag_key") ? get("tag_key") : NULL,
		.tag_value = get("tag_value"),
	};
	return ec2_describe_addresses(&query, ret);
}

static int ask_associate(struct aws_request *ret)
{
	const struct ec2_association association = {
		.allocation_id = get("allocation_id"),
		.network_interface_id = get("network_interface_id"),
		.private_ip = get_ip4("private_ip"),
		.allow_reassociation = is_set("allow_reassociation"),
	};
	return ec2_associate_address(&association, ret);
}

static struct aws_tag get_tag(void)
{
	struct aws_tag tag = { 0 };

	snprintf(tag.key, sizeof(tag.key), "%s", get("tag_key"));
	snprintf(tag.value, sizeof(tag.value), "%s", get("tag_value"));
	return tag;
}

static int ask_allocate(struct aws_request *ret)
{
	const struct aws_tag tag = get_tag();
	const struct ec2_allocation allocation = { .tags = &tag, .n_tags = *tag.key != '\0' };

	return ec2_allocate_address(&allocation, ret);
}

static int ask_tags(struct aws_request *ret)
{
	const struct aws_tag tag = get_tag();

	return ec2_create_tags(get("resource_id"), &tag, 1, ret);
}

static int ask_interfaces(struct aws_request *ret)
{
	const struct ec2_interfaces_query query = {
		.network_interface_id = get("network_interface_id"),
		.address = get_ip4("address"),
		.instance_id = get("instance_id"),
		.subnet_id = get("subnet_id"),
		.vpc_id = get("vpc_id"),
	};
	return ec2_describe_interfaces(&query, ret);
}

static int ask_assign(struct aws_request *ret)
{
	return ec2_assign_private_address(get("network_interface_id"), get_ip4("address"),
					  is_set("allow_reassignment"), ret);
}

static int ask_check(struct aws_request *ret)
{
	return ec2_set_source_dest_check(get("network_interface_id"), is_set("on"), ret);
}

static int ask_instance(struct aws_request *ret)
{
	return ec2_describe_instance(get("instance_id"), ret);
}

static int ask_groups(struct aws_request *ret)
{
	struct aws_id id = { 0 };
	const struct aws_ids ids = { .v = &id, .n = 1 };

	snprintf(id.text, sizeof(id.text), "%s", get("group_id"));
	return ec2_describe_groups(&ids, ret);
}

static int ask_route_tables(struct aws_request *ret)
{
	return ec2_describe_route_tables(get("route_table_id"), get("vpc_id"), ret);
}

static int ask_replace_route(struct aws_request *ret)
{
	return ec2_replace_route(get("route_table_id"), get_prefix("destination"),
				 get("network_interface_id"), ret);
}

static int ask_lifecycle(struct aws_request *ret, bool complete)
{
	const struct asg_lifecycle lifecycle = { get("hook"), get("group"), get("instance_id") };

	return complete ? asg_complete_lifecycle(&lifecycle, is_set("abandon"), ret) :
			  asg_record_heartbeat(&lifecycle, ret);
}

static int ask_complete(struct aws_request *ret)
{
	return ask_lifecycle(ret, true);
}

static int ask_heartbeat(struct aws_request *ret)
{
	return ask_lifecycle(ret, false);
}

static const struct command {
	const char *name;
	int (*ask)(struct aws_request *ret);
	json_t *(*show)(const void *value);
} commands[] = {
	{ "addresses", ask_addresses, show_addresses },
	{ "associate", ask_associate, show_association },
	{ "allocate", ask_allocate, show_allocation },
	{ "tag", ask_tags, show_nothing },
	{ "interfaces", ask_interfaces, show_interfaces },
	{ "assign", ask_assign, show_assigned },
	{ "check", ask_check, show_nothing },
	{ "instance", ask_instance, show_instances },
	{ "groups", ask_groups, show_groups },
	{ "route-tables", ask_route_tables, show_route_tables },
	{ "replace-route", ask_replace_route, show_nothing },
	{ "complete", ask_complete, show_nothing },
	{ "heartbeat", ask_heartbeat, show_nothing },
	{ "identity", sts_get_caller_identity, show_identity },
};

static const char *env(const char *name)
{
	const char *const value = getenv(name);

	return value ? value : "";
}

static int give_credentials(struct aws_credentials *ret, void *data)
{
	(void)data;
	*ret = (struct aws_credentials){
		.access_key = env("AWS_ACCESS_KEY_ID"),
		.secret_key = env("AWS_SECRET_ACCESS_KEY"),
		.session_token = *env("AWS_SESSION_TOKEN") ? env("AWS_SESSION_TOKEN") : NULL,
	};
	return *ret->access_key ? 0 : -ENOENT;
}

static void print(json_t *object)
{
	json_dumpf(object, stdout, JSON_SORT_KEYS);
	putchar('\n');
	json_decref(object);
}

static int call(const char *url, const struct command *command)
{
	static const struct aws_caller caller = { .credentials = give_credentials };
	struct aws_endpoint endpoint;
	struct aws_request request;
	struct aws_failure failure;

	if (command->ask(&request) != 0 ||
	    aws_endpoint_init(&endpoint, request.action->service, REGION, NULL, url) != 0)
		return 2;
	if (is_set("dry_run") && aws_request_set_dry_run(&request) != 0)
		return 2;
	const struct aws_action *const action = request.action;
	const struct aws_call_options options = {
		.caller = &caller,
		.endpoint = &endpoint,
		.request = &request,
		.budget = strcmp(get("budget"), "failover") == 0 ? AWS_BUDGET_FAILOVER :
			  strcmp(get("budget"), "one") == 0      ? AWS_BUDGET_ONE :
								   AWS_BUDGET_ROUTINE,
	};
	CLEANUP(cleanup_free) void *value = calloc(1, action->answer->size);
	if (!value)
		return 1;
	const int rc = aws_call_sync(&options, value, &failure);
	json_t *const result = rc == 0 ? command->show(value) : json_null();
	print(json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:o}", "class",
			http_class_names[failure.class], "code", failure.code, "text", failure.text,
			"status", (int)failure.status, "attempts", (int)failure.attempts,
			"date_sec", (json_int_t)failure.date_sec, "value", result));
	aws_action_done(action, value);
	return rc == 0 ? 0 : 1;
}

static int presign(const char *host)
{
	const struct aws_presign options = {
		.host = host,
		.region = REGION,
		.cluster = get("cluster"),
		.access_key = env("AWS_ACCESS_KEY_ID"),
		.secret_key = env("AWS_SECRET_ACCESS_KEY"),
		.session_token = env("AWS_SESSION_TOKEN"),
		.now_sec = *get("now") ? strtoll(get("now"), NULL, 10) : time(NULL),
	};
	struct err err = ERR_NULL;
	char *url = NULL;
	char *token = NULL;

	if (aws_presign_url(&options, &url, &err) != 0 ||
	    aws_eks_token(&options, &token, &err) != 0)
		fprintf(stderr, "awsprobe: %s\n", err.text);
	else
		print(json_pack("{s:s, s:s}", "url", url, "token", token));
	const int status = token ? 0 : 1;
	aws_secret_free(url);
	aws_secret_free(token);
	return status;
}

/* What the code can ever call. */
static int list_actions(void)
{
	json_t *const list = json_array();

	for (size_t i = 0; aws_actions[i]; i++) {
		const struct aws_action *const action = aws_actions[i];
		json_array_append_new(
			list, json_pack("{s:o, s:b}", "name",
					json_sprintf("%s:%s", aws_service_names[action->service],
						     action->name),
					"free", (action->flags & AWS_ACTION_FREE) != 0));
	}
	print(list);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: awsprobe URL COMMAND [KEY=VALUE...]\n");
		return 2;
	}
	arguments = argv + 3;
	if (strcmp(argv[2], "actions") == 0)
		return list_actions();
	if (strcmp(argv[2], "presign") == 0)
		return presign(argv[1]);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[2], commands[i].name) == 0)
			return call(argv[1], &commands[i]);
	fprintf(stderr, "awsprobe: no command \"%s\"\n", argv[2]);
	return 2;
}
