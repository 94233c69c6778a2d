// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* VPC route tables. */
#include "awsapi/ec2.h"

#include <errno.h>

#include "awsapi/requests.h"
#include "awsapi/tables.h"

#define ROUTE_TABLES_MAX 2000
#define ROUTES_MAX 2000 /* of one table; the quota goes up to 1000 */

static const struct xml_field route_fields[] = {
	ROW_TEXT("destinationCidrBlock", struct aws_route, destination),
	ROW_TEXT("networkInterfaceId", struct aws_route, network_interface_id),
	ROW_TEXT("instanceId", struct aws_route, instance_id),
	ROW_TEXT("gatewayId", struct aws_route, gateway_id),
	ROW_TEXT("natGatewayId", struct aws_route, nat_gateway_id),
	ROW_TEXT("state", struct aws_route, state),
};
static const struct xml_table route_table = TABLE(struct aws_route, route_fields);

static const struct xml_field subnet_fields[] = {
	ROW_TEXT("subnetId", struct aws_id, text),
};
static const struct xml_table subnet_table = TABLE(struct aws_id, subnet_fields);

static const struct xml_field table_fields[] = {
	ROW_ID("routeTableId", struct aws_route_table, id),
	ROW_TEXT("vpcId", struct aws_route_table, vpc_id),
	ROW_LIST("routeSet/item", struct aws_route_table, routes, ROUTES_MAX, &route_table),
	ROW_LIST("associationSet/item", struct aws_route_table, subnets, ROUTES_MAX, &subnet_table),
	ROW_LIST("tagSet/item", struct aws_route_table, tags, AWS_TAGS_MAX, &aws_tag_table),
};
static const struct xml_table table_table = TABLE(struct aws_route_table, table_fields);

static const struct xml_field tables_fields[] = {
	{ .path = "routeTableSet/item",
	  .type = XML_AS_LIST,
	  .max = ROUTE_TABLES_MAX,
	  .sub = &table_table },
	ROW_TEXT("nextToken", struct aws_route_tables, next_token),
};
static const struct xml_table tables_table = TABLE(struct aws_route_tables, tables_fields);

const struct aws_action ec2_action_describe_route_tables = {
	.name = "DescribeRouteTables",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN,
	.answer = &tables_table,
	.next_token = offsetof(struct aws_route_tables, next_token),
};
const struct aws_action ec2_action_replace_route = {
	.name = "ReplaceRoute",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN,
	.answer = &aws_nothing_table,
};

int ec2_describe_route_tables(const char *route_table_id, const char *vpc_id,
			      struct aws_request *ret)
{
	aws_request_begin(ret, &ec2_action_describe_route_tables);
	aws_params_add_given(&ret->params, "RouteTableId.1", route_table_id);
	aws_request_filter(ret, "vpc-id", vpc_id);
	return aws_request_finish(ret);
}

int ec2_list_route_tables(const char *const *route_table_ids, size_t n, struct aws_request *ret)
{
	aws_request_begin(ret, &ec2_action_describe_route_tables);
	if (n == 0)
		ret->params.rc = -EINVAL;
	aws_params_add(&ret->params, "Filter.1.Name", "route-table-id");
	for (size_t i = 0; i < n; i++)
		aws_params_addf(&ret->params, route_table_ids[i], "Filter.1.Value.%zu", i + 1);
	ret->filters = 1;
	return aws_request_finish(ret);
}

int ec2_replace_route(const char *route_table_id, struct ip4_prefix destination,
		      const char *network_interface_id, struct aws_request *ret)
{
	char text[IP4_PREFIX_TEXT_MAX];

	aws_request_begin(ret, &ec2_action_replace_route);
	aws_params_add(&ret->params, "RouteTableId", route_table_id);
	aws_params_add(&ret->params, "DestinationCidrBlock", ip4_prefix_format(destination, text));
	aws_params_add(&ret->params, "NetworkInterfaceId", network_interface_id);
	return aws_request_finish(ret);
}

void aws_route_tables_done(struct aws_route_tables *tables)
{
	xml_done(&tables_table, tables);
}
