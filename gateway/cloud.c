// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A round: my interface; each egress IP that isn't held, with the call that it needs; the metadata's opinion.
 * At any time either one call, one reading of metadata, or the timer is under way.
 */
#include "gateway/cloud.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "awsapi/call.h"
#include "awsapi/credentials.h"
#include "awsapi/imds_read.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "gateway/config.h"
#include "gateway/own.h"
#include "http/http.h"

struct cloud {
	struct loop *loop;
	struct loop_timer *timer;
	struct http *http;
	struct imds *imds;
	struct credentials *credentials; /* NULL until the identity is known */
	struct aws_caller caller;
	struct aws_endpoint ec2, sts;
	char ec2_url[GATEWAY_TEXT_MAX], region[AWS_ID_MAX], ca_file[GATEWAY_TEXT_MAX];
	char interface_id[AWS_ID_MAX], mac[IMDS_MAC_MAX];
	struct ip4 address;
	void (*on_change)(void *data);
	void *data;

	struct own own;
	enum own_state *told; /* what the log was told of each egress IP */
	bool was_decided;
	bool failing; /* a call failed in the last round, and that was said */
	bool failed;  /* in this round */
	uint64_t seed;

	struct aws_call *call;
	struct imds_read *read;
	const struct aws_action *action; /* of `call` */
	size_t index;                    /* of the egress IP that `call` is about, or OWN_ALL */
	struct mono metadata_at;         /* not read before */
};

static void ask_next(struct cloud *cloud);
static void begin_round(struct cloud *cloud);

const struct own *cloud_own(const struct cloud *cloud)
{
	return &cloud->own;
}

bool cloud_is_decided(const struct cloud *cloud)
{
	return own_is_decided(&cloud->own);
}

bool cloud_is_complete(const struct cloud *cloud)
{
	return own_all_held(&cloud->own);
}

struct ip4 cloud_address(const struct cloud *cloud)
{
	return cloud->address;
}

static void log_state(const struct own_egress *e, enum own_state from)
{
	static const enum log_level levels[OWN_STATE_COUNT] = {
		[OWN_UNKNOWN] = LOG_LEVEL_INFO,  [OWN_CLAIMING] = LOG_LEVEL_INFO,
		[OWN_HELD] = LOG_LEVEL_INFO,     [OWN_LOST] = LOG_LEVEL_ERROR,
		[OWN_BLOCKED] = LOG_LEVEL_ERROR,
	};

	log_write(levels[e->state], "own", "egress IP %s: %s, was %s: %s", e->wanted.name,
		  own_state_names[e->state], own_state_names[from], e->reason);
}

/* After each answer: what is new is logged, and the owner hears of what it must do. */
static void tell(struct cloud *cloud)
{
	bool is_decided = own_is_decided(&cloud->own);
	bool changed = is_decided && !cloud->was_decided;

	for (size_t i = 0; i < cloud->own.n; i++) {
		const struct own_egress *e = &cloud->own.v[i];

		if (e->state == cloud->told[i])
			continue;
		changed = changed || (e->state == OWN_HELD) != (cloud->told[i] == OWN_HELD);
		log_state(e, cloud->told[i]);
		cloud->told[i] = e->state;
	}
	cloud->was_decided = is_decided;
	if (changed)
		cloud->on_change(cloud->data);
}

static void end_round(struct cloud *cloud)
{
	if (cloud->failing && !cloud->failed)
		log_info("own", "AWS answers again");
	cloud->failing = cloud->failed;
	cloud->failed = false;
	(void)loop_timer_arm_ms(cloud->timer, own_next_ms(&cloud->own, mono_now()));
}

/* What AWS or a transport said, or why there are no credentials. */
static void take_failure(struct cloud *cloud, const struct aws_action *action,
			 const struct aws_failure *why)
{
	struct aws_failure failure = *why;

	if (failure.class == HTTP_CLASS_CREDENTIALS && cloud->credentials) {
		struct credentials_status status;

		credentials_status(cloud->credentials, &status);
		if (failure.status)
			credentials_refuse(cloud->credentials);
		else if (status.error[0])
			aws_failure_set(&failure, "credentials", HTTP_CLASS_CREDENTIALS,
					status.error);
	}
	if (!cloud->failing && !cloud->failed)
		log_warning("own", "%s; what is held stays, trying again", failure.text);
	cloud->failed = true;
	own_see_failure(&cloud->own, cloud->index, action, &failure, mono_now());
	tell(cloud);
}

static void fail_locally(struct cloud *cloud, const struct aws_action *action, const char *what,
			 enum http_class class, const char *text)
{
	struct aws_failure failure;

	aws_failure_set(&failure, what, class, text);
	take_failure(cloud, action, &failure);
}

/* 0; else it has been told as a failure. */
static int start_call(struct cloud *cloud, size_t index, struct aws_request *request, int rc,
		      aws_call_done_fn done)
{
	const struct aws_action *action = request->action;
	struct err err = ERR_NULL;
	const struct aws_call_options options = { .caller = &cloud->caller,
						  .endpoint = &cloud->ec2,
						  .request = request,
						  .budget = AWS_BUDGET_ONE,
						  .done = done,
						  .data = cloud };

	cloud->index = index;
	cloud->action = action;
	if (rc == 0)
		cloud->call = aws_call_start(&options, &err);
	else
		err_set(&err, rc, "the request can't be put together: %s", strerror(-rc));
	if (cloud->call)
		return 0;
	fail_locally(cloud, action, action->name, HTTP_CLASS_RETRY, err.text);
	return -EAGAIN;
}

static void on_changed(const struct aws_failure *failure, void *value, void *data)
{
	struct cloud *cloud = data;
	const struct aws_assigned *assigned = value;
	struct ip4 address = { 0 };

	cloud->call = NULL;
	if (failure->class != HTTP_CLASS_OK) {
		take_failure(cloud, cloud->action, failure);
	} else if (cloud->action == &ec2_action_assign_private_address) {
		if (assigned->addresses.n == 1)
			address = assigned->addresses.v[0].address;
		own_see_assigned(&cloud->own, cloud->index, address, mono_now());
	} else {
		own_see_associated(&cloud->own, cloud->index, mono_now());
	}
	tell(cloud);
	cloud->index++;
	ask_next(cloud);
}

/* 0: a call is under way. */
static int take_step(struct cloud *cloud, struct own_step step)
{
	struct aws_request request;
	int rc;

	if (step.kind == OWN_STEP_NONE)
		return -EAGAIN;
	rc = own_request_step(&cloud->own, cloud->index, step, &request);
	return start_call(cloud, cloud->index, &request, rc, on_changed);
}

static void on_addresses(const struct aws_failure *failure, void *value, void *data)
{
	struct cloud *cloud = data;
	struct own_step step = { OWN_STEP_NONE };

	cloud->call = NULL;
	if (failure->class == HTTP_CLASS_OK)
		step = own_see_addresses(&cloud->own, cloud->index, value, mono_now());
	else
		take_failure(cloud, cloud->action, failure);
	tell(cloud);
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

	return start_call(cloud, i, &request, rc, on_addresses);
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

/* The rest of the round from cloud->index on. */
static void ask_next(struct cloud *cloud)
{
	struct mono now = mono_now();
	struct err err = ERR_NULL;

	for (; cloud->index < cloud->own.n; cloud->index++) {
		if (own_wants_look(&cloud->own, cloud->index, now) &&
		    ask_address(cloud, cloud->index) == 0)
			return;
	}
	if (mono_diff_ms(now, cloud->metadata_at) >= 0) {
		cloud->metadata_at = mono_add_ms(now, OWN_VERIFY_MS);
		cloud->read =
			imds_read_interface(cloud->imds, cloud->mac, on_metadata, cloud, &err);
	}
	if (!cloud->read)
		end_round(cloud);
}

static void on_interfaces(const struct aws_failure *failure, void *value, void *data)
{
	struct cloud *cloud = data;
	const struct aws_interfaces *interfaces = value;

	cloud->call = NULL;
	if (failure->class != HTTP_CLASS_OK) {
		take_failure(cloud, cloud->action, failure);
	} else if (interfaces->n != 1) {
		fail_locally(cloud, cloud->action, cloud->action->name, HTTP_CLASS_RETRY,
			     "the answer is about another interface");
	} else {
		own_see_interface(&cloud->own, &interfaces->v[0], mono_now());
		tell(cloud);
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
	if (!cloud->call && !cloud->read)
		(void)loop_timer_arm_ms(cloud->timer, 0);
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
	    aws_endpoint_init(&cloud->sts, AWS_STS, region, identity->domain, NULL))
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
	if (class == HTTP_CLASS_OK && take_identity(cloud, result->identity, &err))
		class = HTTP_CLASS_RETRY;
	else if (class != HTTP_CLASS_OK)
		err_set(&err, -EIO, "%s", result->error);
	if (class == HTTP_CLASS_OK)
		return; /* credentials_changed goes on */
	fail_locally(cloud, &ec2_action_describe_interfaces, "instance metadata", class, err.text);
	end_round(cloud);
}

static void begin_round(struct cloud *cloud)
{
	const struct ec2_interfaces_query query = { .network_interface_id = cloud->interface_id };
	struct aws_request request;
	struct err err = ERR_NULL;
	int rc;

	cloud->index = OWN_ALL;
	if (!cloud->credentials) {
		cloud->read = imds_read_identity(cloud->imds, on_identity, cloud, &err);
		if (cloud->read)
			return;
		fail_locally(cloud, &ec2_action_describe_interfaces, "instance metadata",
			     HTTP_CLASS_RETRY, err.text);
		end_round(cloud);
		return;
	}
	rc = ec2_describe_interfaces(&query, &request);
	if (start_call(cloud, OWN_ALL, &request, rc, on_interfaces))
		end_round(cloud);
}

static void timer_expired(void *data)
{
	begin_round(data);
}

/* What is under way is given up; a change may have had its effect. */
static void interrupt(struct cloud *cloud)
{
	struct aws_failure failure;

	if (cloud->call && cloud->index != OWN_ALL) {
		aws_failure_set(&failure, cloud->action->name, HTTP_CLASS_RETRY,
				"interrupted by a new configuration");
		own_see_failure(&cloud->own, cloud->index, cloud->action, &failure, mono_now());
	}
	aws_call_cancel(TAKE_PTR(cloud->call));
	imds_read_cancel(TAKE_PTR(cloud->read));
	loop_timer_disarm(cloud->timer);
}

int cloud_want(struct cloud *cloud, const struct gateway_config *config)
{
	CLEANUP(cleanup_free) struct own_wanted *wanted = own_list_wanted(config);
	const size_t n = config->egress_ips.n;
	enum own_state *told = calloc(n + 1, sizeof(*told));
	struct own own;

	if (!wanted || !told || own_init(&own, wanted, n, cloud->seed)) {
		free(told);
		return -ENOMEM;
	}
	interrupt(cloud);
	own_adopt(&own, &cloud->own);
	for (size_t i = 0; i < n; i++)
		told[i] = own.v[i].state;
	own_done(&cloud->own);
	free(cloud->told);
	cloud->own = own;
	cloud->told = told;
	cloud->was_decided = own_is_decided(&own);
	cloud->failed = false;
	(void)loop_timer_arm_ms(cloud->timer, 0);
	return 0;
}

void cloud_free(struct cloud *cloud)
{
	if (!cloud)
		return;
	aws_call_cancel(cloud->call);
	imds_read_cancel(cloud->read);
	credentials_free(cloud->credentials);
	imds_free(cloud->imds);
	http_free(cloud->http);
	loop_timer_free(cloud->timer);
	own_done(&cloud->own);
	free(cloud->told);
	free(cloud);
}

static int open_parts(struct cloud *cloud, const struct gateway_aws *aws, struct err *err)
{
	struct imds_options imds = { .loop = cloud->loop,
				     .base_url = aws->imds_url[0] ? aws->imds_url : NULL };

	memcpy(cloud->ec2_url, aws->ec2_url, sizeof(cloud->ec2_url));
	memcpy(cloud->region, aws->region, sizeof(cloud->region));
	memcpy(cloud->ca_file, aws->ca_file, sizeof(cloud->ca_file));
	cloud->timer = loop_timer_new(cloud->loop, timer_expired, cloud);
	if (!cloud->timer)
		return err_set(err, -ENOMEM, "out of memory");
	cloud->http = http_new(cloud->loop, err);
	if (!cloud->http)
		return -ENOMEM;
	imds.http = cloud->http;
	cloud->imds = imds_new(&imds, err);
	return cloud->imds ? 0 : err_prefix(err, -EINVAL, "aws.imds_url");
}

struct cloud *cloud_new(struct loop *loop, const struct gateway_config *config,
			void (*on_change)(void *data), void *data, struct err *err)
{
	struct cloud *cloud = calloc(1, sizeof(*cloud));

	if (!cloud) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	cloud->loop = loop;
	cloud->on_change = on_change;
	cloud->data = data;
	/* Guessable is good enough to spread retries. */
	if (getrandom(&cloud->seed, sizeof(cloud->seed), GRND_NONBLOCK) != sizeof(cloud->seed))
		cloud->seed = (uint64_t)mono_now().ns;
	int rc = open_parts(cloud, &config->aws, err);

	if (!rc && cloud_want(cloud, config))
		rc = err_set(err, -ENOMEM, "out of memory");
	if (rc) {
		cloud_free(cloud);
		return NULL;
	}
	cloud->caller = (struct aws_caller){ .loop = loop,
					     .http = cloud->http,
					     .credentials = credentials_get,
					     .ca_file = cloud->ca_file[0] ? cloud->ca_file : NULL };
	return cloud;
}
