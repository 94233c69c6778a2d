// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/publish_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/cluster.h"
#include "kube/events.h"
#include "kube/status.h"

static void on_failed(const char *name, const struct kube_failure *failure, void *data)
{
	struct publish *publish = data;
	char cause[MESSAGE_TEXT_MAX];

	/* Deleted while it was on its way; that is told us, too. */
	if (failure->class == HTTP_CLASS_NOT_FOUND)
		return;
	/* A field that the server doesn't know fails the whole; then nodes had better know one of the two. */
	if (!publish->is_old && strstr(failure->text, "secondMember")) {
		publish->is_old = true;
		log_warning(
			MSG_KIND_OLD, "kubernetes",
			"the cluster's kind EgressGateway is older than this gateway and has no secondMember: planned changes may "
			"lose packets; upgrade it, then restart this gateway");
		(void)loop_timer_arm_ms(publish->due, 0);
	}
	if (!publish->failing)
		log_warning(MSG_STATUS_FAILED, "kubernetes", "status of %s: %s%s; trying again",
			    name, failure->text, message_cite(kube_failure_id(failure), cause));
	publish->failing = true;
}

static void due(void *data)
{
	struct publish *publish = data;

	if (publish->on_due)
		publish->on_due(publish->due_data);
}

void publish_on_due(struct publish *publish, void (*on_due)(void *data), void *data)
{
	publish->on_due = on_due;
	publish->due_data = data;
}

struct publish *publish_new(struct loop *loop, struct cluster *cluster,
			    const struct gateway_config *config, struct err *err)
{
	struct publish *publish = calloc(1, sizeof(*publish));

	if (!publish) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	publish->cluster = cluster;
	snprintf(publish->name, sizeof(publish->name), "%s", config->gateway.name);
	snprintf(publish->group, sizeof(publish->group), "%s", config->kubernetes.group);
	const struct kube_status_options status = { .client = cluster_client(cluster),
						    .manager = publish->name,
						    .interval_ms = 1000,
						    .on_failed = on_failed,
						    .data = publish };
	const struct kube_events_options events = { .client = cluster_client(cluster),
						    .controller = "eipgw.io/gateway",
						    .instance = publish->name };

	publish->timer = loop_timer_new(loop, publish_policies_due, publish);
	publish->due = publish->timer ? loop_timer_new(loop, due, publish) : NULL;
	publish->writer = publish->due ? kube_status_writer_new(&status, err) : NULL;
	publish->events = publish->writer ? kube_events_new(&events, err) : NULL;
	if (!publish->events) {
		publish_free(publish);
		return NULL;
	}
	return publish;
}

void publish_free(struct publish *publish)
{
	if (!publish)
		return;
	kube_events_free(publish->events);
	kube_status_writer_free(publish->writer);
	loop_timer_free(publish->due);
	loop_timer_free(publish->timer);
	told_done(&publish->gateway);
	told_done(&publish->policies);
	free(publish);
}
