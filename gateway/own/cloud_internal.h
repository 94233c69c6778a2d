// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside cloud: cloud_round.c knows the order of the questions, cloud_call.c asks them and tells what came of it,
 * cloud_takeover.c calls what can't wait for a round, cloud.c is the outside.
 */
#pragma once

#include <stdbool.h>

#include "awsapi/call.h"
#include "awsapi/imds_identity.h"
#include "base/ip4.h"
#include "base/mono.h"
#include "conf/gateway.h"
#include "gateway/own/cloud.h"
#include "gateway/own/native.h"
#include "gateway/own/own.h"
#include "gateway/own/own_standby.h"

struct aws_failure;
struct credentials;
struct http;
struct imds_read;
struct loop;
struct loop_timer;

/* What a call is about; with ABOUT_EGRESS and ABOUT_NATIVE, cloud->index says which one. */
enum cloud_about { ABOUT_INTERFACE, ABOUT_EGRESS, ABOUT_TABLES, ABOUT_NATIVE };
struct cloud_subject {
	enum cloud_about about;
	size_t index;
};

#define CLOUD_TAKEOVERS_MAX 8 /* at once; the others follow */
struct cloud_takeover {
	struct cloud *cloud;
	size_t index;          /* the egress IP */
	struct aws_call *call; /* NULL: free */
};

/* What the log and the owner were told. */
struct cloud_told {
	enum own_state state;
	struct ip4 private; /* of an egress IP */
};

struct cloud {
	struct loop *loop;
	struct loop_timer *timer;
	struct http *http;
	struct imds *imds;
	struct credentials *credentials; /* NULL until the identity is known */
	struct aws_caller caller;
	struct aws_endpoint ec2, sts, autoscaling;
	char autoscaling_url[GATEWAY_TEXT_MAX];
	char instance_id[AWS_ID_MAX], group[AWS_TAG_VALUE_MAX]; /* the Auto Scaling one, by tag */
	char ec2_url[GATEWAY_TEXT_MAX], region[AWS_ID_MAX], ca_file[GATEWAY_TEXT_MAX];
	char interface_id[AWS_ID_MAX], mac[IMDS_MAC_MAX], zone[AWS_ID_MAX];
	struct ip4 address;
	void (*on_change)(void *data);
	void (*on_where)(void *data); /* NULL: no group */
	void *data;

	struct own own;
	struct native native;
	struct cloud_told *told; /* of each egress IP, then of each point of native */
	uint64_t told_news;      /* of own.news */
	bool was_decided;
	bool was_complete;
	bool in_round;   /* else the timer is armed, or there are no credentials */
	bool is_carried; /* the kernel has all egress IPs, which are held: routes may be changed */
	bool failing;    /* AWS failed in the last round, and that was said */
	bool failed;     /* in this round */
	bool verify;     /* asked for in this round: another one after it */
	uint64_t seed;

	struct aws_call *call;
	struct imds_read *read;
	const struct aws_action *action; /* of `call` */
	enum cloud_about about;          /* likewise */
	size_t index;
	struct mono metadata_at; /* not read before */
	struct cloud_takeover takeovers[CLOUD_TAKEOVERS_MAX];
	struct cloud_counts counts;
};

/* After each answer: what is new is logged, and the owner hears of what it must do. */
void cloud_tell(struct cloud *cloud);
/* The log only. True: an egress IP became available, or no longer is. */
bool cloud_tell_log(struct cloud *cloud);

/* 0: cloud->call is under way, about cloud->about and index; else it has been told as a failure. */
int cloud_call(struct cloud *cloud, struct aws_request *request, int rc, aws_call_done_fn done);
/* What AWS or a transport said, or why there are no credentials. */
void cloud_take_failure(struct cloud *cloud, const struct aws_action *action,
			const struct aws_failure *why);
void cloud_take_failure_of(struct cloud *cloud, struct cloud_subject subject,
			   const struct aws_action *action, const struct aws_failure *why);
/* The same without an answer. */
void cloud_fail(struct cloud *cloud, const struct aws_action *action, const char *what,
		enum http_class class, const char *text);
/* Passes a failure to what the call is about. */
void cloud_see_failure(struct cloud *cloud, struct cloud_subject subject,
		       const struct aws_action *action, const struct aws_failure *failure);

void cloud_begin_round(struct cloud *cloud);
/* Between rounds: when the next one is due. */
void cloud_arm(struct cloud *cloud);

/* Calls what is due in own_next_takeover. */
void cloud_take_over(struct cloud *cloud);
/* Gives up the association of one egress IP, whoever called it, or of all (OWN_ALL). */
void cloud_give_up(struct cloud *cloud, size_t i);
