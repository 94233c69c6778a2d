// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/action.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "awsapi/ec2.h"
#include "awsapi/xml.h"
#include "base/cleanup.h"

#define NAME_BYTES_MAX 64
#define VALUE_BYTES_MAX 2304 /* a tag's value, with each character escaped */

const char *const aws_service_names[] = {
	[AWS_EC2] = "ec2",
	[AWS_AUTOSCALING] = "autoscaling",
	[AWS_STS] = "sts",
	[AWS_SSM] = "ssm",
};
static_assert(ARRAY_SIZE(aws_service_names) == AWS_SERVICE_COUNT, "each service has a name");

static const char *const versions[] = {
	[AWS_EC2] = "2016-11-15",
	[AWS_AUTOSCALING] = "2011-01-01",
	[AWS_STS] = "2011-06-15",
	[AWS_SSM] = "2014-11-06", /* no parameter of it: parameter.h */
};
static_assert(ARRAY_SIZE(versions) == AWS_SERVICE_COUNT, "each service has a version");

const struct aws_action *const aws_actions[] = {
	&ec2_action_describe_addresses,
	&ec2_action_associate_address,
	&ec2_action_allocate_address,
	&ec2_action_create_tags,
	&ec2_action_describe_interfaces,
	&ec2_action_assign_private_address,
	&ec2_action_modify_interface,
	&ec2_action_describe_instances,
	&ec2_action_describe_route_tables,
	&ec2_action_replace_route,
	&asg_action_complete_lifecycle,
	&asg_action_record_heartbeat,
	&sts_action_get_caller_identity,
	&ec2_action_describe_groups,
	NULL,
};

/* EC2's writes answer <return>true</return>; Auto Scaling's an empty result. */
static const struct xml_field nothing_fields[] = {
	{ .path = "return", .type = XML_AS_TRUE },
};
const struct xml_table aws_nothing_table = { sizeof(struct aws_nothing), nothing_fields,
					     ARRAY_SIZE(nothing_fields) };

void aws_request_begin(struct aws_request *ret, const struct aws_action *action)
{
	*ret = (struct aws_request){ .action = action };
	aws_params_add(&ret->params, "Action", action->name);
	aws_params_add(&ret->params, "Version", versions[action->service]);
}

/* "*" and "?" are wildcards in a filter's value unless escaped (EC2 API Reference, Filtering). */
static int escape_wildcards(const char *value, char ret[static VALUE_BYTES_MAX])
{
	size_t n = 0;

	for (; *value; value++) {
		if (n + 3 > VALUE_BYTES_MAX)
			return -EINVAL;
		if (strchr("*?\\", *value))
			ret[n++] = '\\';
		ret[n++] = *value;
	}
	ret[n] = '\0';
	return 0;
}

void aws_request_filter(struct aws_request *request, const char *name, const char *value)
{
	char literal[VALUE_BYTES_MAX];

	if (!value || *value == '\0')
		return;
	if (escape_wildcards(value, literal) != 0) {
		request->params.rc = -EINVAL;
		return;
	}
	const unsigned n = ++request->filters;
	aws_params_addf(&request->params, name, "Filter.%u.Name", n);
	aws_params_addf(&request->params, literal, "Filter.%u.Value.1", n);
}

void aws_request_filter_ids(struct aws_request *request, const char *name,
			    const struct aws_ids *ids)
{
	if (ids->n == 0)
		return;
	if (ids->n > AWS_FILTER_VALUES_MAX) {
		request->params.rc = -EINVAL;
		return;
	}
	const unsigned n = ++request->filters;
	aws_params_addf(&request->params, name, "Filter.%u.Name", n);
	for (size_t i = 0; i < ids->n; i++)
		aws_params_addf(&request->params, ids->v[i].text, "Filter.%u.Value.%zu", n, i + 1);
}

int aws_request_set_dry_run(struct aws_request *request)
{
	if (!(request->action->flags & AWS_ACTION_DRY_RUN))
		return -ENOTSUP;
	aws_params_add(&request->params, "DryRun", "true");
	return request->params.rc;
}

void aws_request_done(struct aws_request *request)
{
	aws_params_done(&request->params);
}

int aws_action_read(const struct aws_action *action, const char *text, size_t length, void *value,
		    struct err *err)
{
	char root[NAME_BYTES_MAX];
	struct xml_table table = *action->answer;

	snprintf(root, sizeof(root), "%sResponse", action->name);
	table.root = root;
	return xml_read(&table, text, length, value, err);
}

void aws_action_done(const struct aws_action *action, void *value)
{
	xml_done(action->answer, value);
}
