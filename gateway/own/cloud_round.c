// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A round: my interface; each egress IP that isn't held, with the call that it needs; the route tables and what
 * has to be changed for native sources; the metadata's opinion. At any time either one call, one reading of
 * metadata, or the timer is under way.
 */
#include "gateway/own/cloud_internal.h"

#include <errno.h>
#include <string.h>

#include "awsapi/credentials.h"
#include "awsapi/failure.h"
#include "awsapi/imds_read.h"
#include "awsapi/requests.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"

static void ask_next(struct cloud *cloud);
static void change_next(struct cloud *cloud);

/* Not each round asks for what failed in an earlier one. */
static bool is_failing(const struct cloud *cloud)
{
	bool is_open = cloud->native.backoff.attempt > 0;

	for (size_t i = 0; i < cloud->native.n; i++) {
		const struct native_point *p = &cloud->native.v[i];

		is_open = is_open || (p->state == OWN_CLAIMING && p->backoff.attempt > 0);
	}
	return cloud->failed || (cloud->failing && is_open);
}

static void end_round(struct cloud *cloud)
{
	const struct mono now = mono_now();
	const bool failing = is_failing(cloud);

	if (cloud->failing && !failing)
		log_info("own", "AWS answers again");
	cloud->failing = failing;
	cloud->failed = false;
	cloud->in_round = false;
	if (cloud->verify)
		own_verify(&cloud->own, now);
	cloud->verify = false;
	cloud_arm(cloud);
}

void cloud_arm(struct cloud *cloud)
{
	const struct mono now = mono_now();
	int64_t ms = own_next_ms(&cloud->own, now);

	/* While the interface can't be asked about, nothing else is. */
	if (cloud->own.backoff.attempt == 0) {
		int64_t native_ms = native_next_ms(&cloud->native, cloud->is_carried, now);

		ms = native_ms < ms ? native_ms : ms;
	}
	(void)loop_timer_arm_ms(cloud->timer, ms);
}

static void on_egress_changed(const struct aws_failure *failure, void *value, void *data)
{
	struct cloud *cloud = data;
	const struct aws_assigned *assigned = value;
	struct ip4 address = { 0 };

	cloud->call = NULL;
	if (failure->class != HTTP_CLASS_OK) {
		cloud_take_failure(cloud, cloud->action, failure);
	} else if (cloud->action == &ec2_action_assign_private_address) {
		if (assigned->addresses.n == 1)
			address = assigned->addresses.v[0].address;
		own_see_assigned(&cloud->own, cloud->index, address, mono_now());
	} else {
		own_see_associated(&cloud->own, cloud->index, mono_now());
	}
	cloud_tell(cloud);
	cloud->index++;
	ask_next(cloud);
}

/* 0: a call is under way. */
static int take_step(struct cloud *cloud, struct own_step step)
{
	struct aws_request request;
	int rc;

	/* What isn't allowed any more since a moment ago isn't done either. */
	if (!own_may_step(&cloud->own, cloud->index, step))
		return -EAGAIN;
	rc = own_request_step(&cloud->own, cloud->index, step, &request);
	return cloud_call(cloud, &request, rc, on_egress_changed);
}

static void on_addresses(const struct aws_failure *failure, void *value, void *data)
{
	struct cloud *cloud = data;
	struct own_step step = { OWN_STEP_NONE };

	cloud->call = NULL;
	if (failure->class == HTTP_CLASS_OK)
		step = own_see_addresses(&cloud->own, cloud->index, value, mono_now());
	else
		cloud_take_failure(cloud, cloud->action, failure);
	cloud_tell(cloud);
	if (take_step(cloud, step) == 0)
		return;
	cloud->index++;
	ask_next(cloud);
}

/* 0: a call is under way. */
static int ask_address(struct cloud *cloud, size_t i)
{
	struct aws_request request;
	int rc = own_request_look(&cloud->own, i, &request);

	cloud->about = ABOUT_EGRESS;
	cloud->index = i;
	return cloud_call(cloud, &request, rc, on_addresses);
}

static void on_metadata(const struct imds_read_result *result, void *data)
{
	struct cloud *cloud = data;

	cloud->read = NULL;
	for (size_t i = 0; i < cloud->own.n && result->class == HTTP_CLASS_OK; i++) {
		const struct own_egress *e = &cloud->own.v[i];

		own_see_metadata(&cloud->own, i,
				 imds_interface_is_associated(&result->identity->interfaces[0],
							      e->public_ip, e->private_ip),
				 mono_now());
	}
	end_round(cloud);
}

/* The last question of a round. */
static void ask_metadata(struct cloud *cloud)
{
	struct mono now = mono_now();
	struct err err = ERR_NULL;

	if (mono_diff_ms(now, cloud->metadata_at) >= 0) {
		cloud->metadata_at = mono_add_ms(now, OWN_VERIFY_MS);
		cloud->read =
			imds_read_interface(cloud->imds, cloud->mac, on_metadata, cloud, &err);
	}
	if (!cloud->read)
		end_round(cloud);
}

static void on_native_changed(const struct aws_failure *failure, void *value, void *data)
{
	struct cloud *cloud = data;

	(void)value;
	cloud->call = NULL;
	if (failure->class != HTTP_CLASS_OK)
		cloud_take_failure(cloud, cloud->action, failure);
	else
		native_see_changed(&cloud->native, cloud->index, mono_now());
	cloud_tell(cloud);
	change_next(cloud);
}

/* A point that was tried isn't due again in this round. */
static void change_next(struct cloud *cloud)
{
	while (cloud->is_carried) {
		size_t i = native_next_change(&cloud->native, mono_now());
		struct aws_request request;

		if (i == cloud->native.n)
			break;
		cloud->about = ABOUT_NATIVE;
		cloud->index = i;
		int rc = native_request_change(&cloud->native, i, &request);

		if (cloud_call(cloud, &request, rc, on_native_changed) == 0)
			return;
	}
	ask_metadata(cloud);
}

static void on_tables(const struct aws_failure *failure, void *value, void *data)
{
	struct cloud *cloud = data;

	cloud->call = NULL;
	if (failure->class != HTTP_CLASS_OK)
		cloud_take_failure(cloud, cloud->action, failure);
	else
		native_see_tables(&cloud->native, value, mono_now());
	cloud_tell(cloud);
	change_next(cloud);
}

static void ask_tables(struct cloud *cloud)
{
	struct aws_request request;

	if (native_wants_look(&cloud->native, mono_now())) {
		int rc = native_request_look(&cloud->native, &request);

		cloud->about = ABOUT_TABLES;
		if (cloud_call(cloud, &request, rc, on_tables) == 0)
			return;
	}
	change_next(cloud);
}

/* The rest of the round from cloud->index on. */
static void ask_next(struct cloud *cloud)
{
	struct mono now = mono_now();

	for (; cloud->index < cloud->own.n; cloud->index++) {
		if (own_wants_look(&cloud->own, cloud->index, now) &&
		    ask_address(cloud, cloud->index) == 0)
			return;
	}
	ask_tables(cloud);
}

static void on_interfaces(const struct aws_failure *failure, void *value, void *data)
{
	struct cloud *cloud = data;
	const struct aws_interfaces *interfaces = value;

	cloud->call = NULL;
	if (failure->class != HTTP_CLASS_OK) {
		cloud_take_failure(cloud, cloud->action, failure);
	} else if (interfaces->n != 1) {
		cloud_fail(cloud, cloud->action, cloud->action->name, HTTP_CLASS_RETRY,
			   "the answer is about another interface");
	} else {
		own_see_interface(&cloud->own, &interfaces->v[0], mono_now());
		native_see_interface(&cloud->native, &interfaces->v[0], mono_now());
		cloud_tell(cloud);
		cloud->index = 0;
		ask_next(cloud);
		return;
	}
	end_round(cloud);
}

static void credentials_changed(void *data)
{
	struct cloud *cloud = data;

	/* A failure is told by the call that it fails. */
	if (!cloud->in_round)
		(void)loop_timer_arm_ms(cloud->timer, 0);
}

/* What the Auto Scaling group is spoken to with; in a group or not. */
static int take_group(struct cloud *cloud, const struct imds_identity *identity, const char *region)
{
	const char *url = cloud->autoscaling_url[0] ? cloud->autoscaling_url : NULL;
	const char *group = aws_tags_find(&identity->tags, "aws:autoscaling:groupName");

	snprintf(cloud->group, sizeof(cloud->group), "%s", group ? group : "");
	memcpy(cloud->instance_id, identity->instance_id, sizeof(cloud->instance_id));
	return aws_endpoint_init(&cloud->autoscaling, AWS_AUTOSCALING, region, identity->domain,
				 url);
}

/* 0, or a negative errno with the reason. */
static int take_identity(struct cloud *cloud, const struct imds_identity *identity, struct err *err)
{
	const struct imds_interface *primary = imds_identity_primary(identity);
	const char *region = cloud->region[0] ? cloud->region : identity->region;
	const char *url = cloud->ec2_url[0] ? cloud->ec2_url : NULL;

	if (!primary || primary->private_ips.n == 0)
		return err_set(err, -EPROTO, "the metadata tell no primary interface");
	if (aws_endpoint_init(&cloud->ec2, AWS_EC2, region, identity->domain, url) ||
	    aws_endpoint_init(&cloud->sts, AWS_STS, region, identity->domain, NULL) ||
	    take_group(cloud, identity, region))
		return err_set(err, -EPROTO, "no region or API domain: '%.40s', '%.40s'", region,
			       identity->domain);
	const struct credentials_options options = { .loop = cloud->loop,
						     .http = cloud->http,
						     .imds = cloud->imds,
						     .sts = &cloud->sts,
						     .ca_file = cloud->caller.ca_file,
						     .on_change = credentials_changed,
						     .data = cloud };

	cloud->credentials = credentials_new(&options, err);
	if (!cloud->credentials)
		return -EINVAL;
	cloud->caller.credentials_data = cloud->credentials;
	cloud->address = primary->private_ips.v[0];
	memcpy(cloud->interface_id, primary->id, sizeof(cloud->interface_id));
	memcpy(cloud->mac, primary->mac, sizeof(cloud->mac));
	memcpy(cloud->zone, identity->zone, sizeof(cloud->zone));
	char text[IP4_TEXT_MAX];

	log_info("own", "this is %s at %s on %s, zone %s, API %s", identity->instance_id,
		 ip4_format(cloud->address, text), cloud->interface_id, identity->zone,
		 cloud->ec2.url);
	return 0;
}

static void on_identity(const struct imds_read_result *result, void *data)
{
	struct cloud *cloud = data;
	struct err err = ERR_NULL;
	enum http_class class = result->class;

	cloud->read = NULL;
	cloud->in_round = false; /* credentials_changed may come at once */
	if (class == HTTP_CLASS_OK && take_identity(cloud, result->identity, &err))
		class = HTTP_CLASS_RETRY;
	else if (class != HTTP_CLASS_OK)
		err_set(&err, -EIO, "%s", result->error);
	if (class == HTTP_CLASS_OK)
		return; /* credentials_changed goes on */
	cloud_fail(cloud, &ec2_action_describe_interfaces, "instance metadata", class, err.text);
	end_round(cloud);
}

void cloud_begin_round(struct cloud *cloud)
{
	const struct ec2_interfaces_query query = { .network_interface_id = cloud->interface_id };
	struct aws_request request;
	struct err err = ERR_NULL;
	int rc;

	cloud->in_round = true;
	cloud->about = ABOUT_INTERFACE;
	if (!cloud->credentials) {
		cloud->read = imds_read_identity(cloud->imds, on_identity, cloud, &err);
		if (cloud->read)
			return;
		cloud_fail(cloud, &ec2_action_describe_interfaces, "instance metadata",
			   HTTP_CLASS_RETRY, err.text);
		end_round(cloud);
		return;
	}
	rc = ec2_describe_interfaces(&query, &request);
	if (cloud_call(cloud, &request, rc, on_interfaces))
		end_round(cloud);
}
