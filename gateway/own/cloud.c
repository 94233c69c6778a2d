// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/cloud.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "awsapi/credentials.h"
#include "awsapi/failure.h"
#include "awsapi/imds_read.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/seed.h"
#include "gateway/own/cloud_internal.h"
#include "http/http.h"

const struct own *cloud_own(const struct cloud *cloud)
{
	return &cloud->own;
}

const struct native *cloud_native(const struct cloud *cloud)
{
	return &cloud->native;
}

struct cloud_counts cloud_counts(const struct cloud *cloud)
{
	return cloud->counts;
}

bool cloud_is_decided(const struct cloud *cloud)
{
	return own_is_decided(&cloud->own);
}

bool cloud_is_complete(const struct cloud *cloud)
{
	return own_all_held(&cloud->own) && native_all_held(&cloud->native);
}

struct ip4 cloud_address(const struct cloud *cloud)
{
	return cloud->address;
}

const char *cloud_zone(const struct cloud *cloud)
{
	return cloud->zone;
}

struct imds *cloud_imds(const struct cloud *cloud)
{
	return cloud->imds;
}

bool cloud_access(const struct cloud *cloud, struct cloud_access *ret)
{
	if (!cloud->credentials)
		return false;
	*ret = (struct cloud_access){ .caller = &cloud->caller,
				      .autoscaling = &cloud->autoscaling,
				      .instance_id = cloud->instance_id,
				      .group = cloud->group };
	return true;
}

void cloud_set_carried(struct cloud *cloud)
{
	if (cloud->is_carried || !own_all_held(&cloud->own) || own_any_standby(&cloud->own))
		return;
	cloud->is_carried = true;
	if (cloud->credentials && !cloud->in_round && !native_all_held(&cloud->native))
		(void)loop_timer_arm_ms(cloud->timer, 0);
}

static void timer_expired(void *data)
{
	cloud_begin_round(data);
}

/* What is under way is given up; a change may have had its effect. */
static void interrupt(struct cloud *cloud)
{
	struct aws_failure failure;

	cloud_give_up(cloud, OWN_ALL);
	if (cloud->call && (cloud->about == ABOUT_EGRESS || cloud->about == ABOUT_NATIVE)) {
		aws_failure_set(&failure, cloud->action->name, HTTP_CLASS_RETRY,
				"interrupted by a new configuration");
		cloud_see_failure(cloud, (struct cloud_subject){ cloud->about, cloud->index },
				  cloud->action, &failure);
	}
	aws_call_cancel(TAKE_PTR(cloud->call));
	imds_read_cancel(TAKE_PTR(cloud->read));
	loop_timer_disarm(cloud->timer);
	cloud->in_round = false;
}

static void adopt(struct cloud *cloud, struct own *own, struct native *native,
		  struct cloud_told *told)
{
	own_adopt(own, &cloud->own);
	native_adopt(native, &cloud->native);
	for (size_t i = 0; i < own->n; i++)
		told[i] = (struct cloud_told){ own->v[i].state, own_private(own, i) };
	for (size_t i = 0; i < native->n; i++)
		told[own->n + i].state = native->v[i].state;
	own_done(&cloud->own);
	native_done(&cloud->native);
	free(cloud->told);
	cloud->own = *own;
	cloud->native = *native;
	cloud->told = told;
}

int cloud_want(struct cloud *cloud, const struct gateway_config *config)
{
	CLEANUP(cleanup_free) struct own_wanted *wanted = own_list_wanted(config);
	const size_t n = config->egress_ips.n;
	struct cloud_told *told = calloc(n + NATIVE_POINTS_MAX, sizeof(*told));
	struct own own = { .n = 0 };
	struct native native;

	if (!wanted || !told || own_init(&own, wanted, n, cloud->seed) ||
	    native_init(&native, &config->native, cloud->seed + n + 1)) {
		own_done(&own);
		free(told);
		return -ENOMEM;
	}
	if (cloud->on_where)
		own_share(&own);
	interrupt(cloud);
	adopt(cloud, &own, &native, told);
	cloud->was_decided = own_is_decided(&cloud->own);
	cloud->was_complete = cloud_is_complete(cloud);
	cloud->is_carried = false; /* not yet with this configuration */
	cloud->failed = false;
	cloud_take_over(cloud);
	(void)loop_timer_arm_ms(cloud->timer, 0);
	return 0;
}

void cloud_share(struct cloud *cloud, void (*on_where)(void *data))
{
	cloud->on_where = on_where;
	own_share(&cloud->own);
}

void cloud_allow(struct cloud *cloud, size_t i, bool allowed)
{
	own_allow(&cloud->own, i, allowed, mono_now());
	if (!allowed)
		cloud_give_up(cloud, i);
	cloud_take_over(cloud);
	(void)cloud_tell_log(cloud);
	if (cloud->credentials && !cloud->in_round)
		cloud_arm(cloud);
}

void cloud_verify_now(struct cloud *cloud)
{
	cloud->verify = cloud->in_round;
	if (!cloud->credentials || cloud->in_round)
		return;
	own_verify(&cloud->own, mono_now());
	cloud_arm(cloud);
}

void cloud_free(struct cloud *cloud)
{
	if (!cloud)
		return;
	for (size_t i = 0; i < CLOUD_TAKEOVERS_MAX; i++)
		aws_call_cancel(cloud->takeovers[i].call);
	aws_call_cancel(cloud->call);
	imds_read_cancel(cloud->read);
	credentials_free(cloud->credentials);
	imds_free(cloud->imds);
	http_free(cloud->http);
	loop_timer_free(cloud->timer);
	own_done(&cloud->own);
	native_done(&cloud->native);
	free(cloud->told);
	free(cloud);
}

static int open_parts(struct cloud *cloud, const struct gateway_aws *aws, struct err *err)
{
	struct imds_options imds = { .loop = cloud->loop,
				     .base_url = aws->imds_url[0] ? aws->imds_url : NULL };

	memcpy(cloud->ec2_url, aws->ec2_url, sizeof(cloud->ec2_url));
	memcpy(cloud->autoscaling_url, aws->autoscaling_url, sizeof(cloud->autoscaling_url));
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
	cloud->seed = seed_guessable();
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
