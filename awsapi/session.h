// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * AWS for a program that asks a few questions and ends: who this instance is, credentials by the usual chain, the
 * region, and calls, all blocking and bounded in time.
 *
 *   aws_session_new -> aws_session_identify (optional) -> aws_session_login -> aws_session_call ...
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "awsapi/action.h"
#include "awsapi/call.h"
#include "awsapi/credentials.h"
#include "awsapi/failure.h"

struct aws_session;
struct err;
struct imds_identity;

struct aws_session_options {
	/* "" or NULL: the usual one. All are copied. */
	const char *imds_url, *ec2_url;
	const char *region; /* else AWS_REGION, AWS_DEFAULT_REGION, the instance's own */
	const char *ca_file;
	uint32_t wait_ms;       /* for the metadata service, and again for the credentials */
	credentials_env_fn env; /* NULL: the process's environment */
	void *env_data;
};

/* NULL with the reason in `err`. Nothing is asked yet. */
struct aws_session *aws_session_new(const struct aws_session_options *options, struct err *err);
/* Wipes the credentials. NULL is fine. */
void aws_session_free(struct aws_session *session);

/* Asks the metadata service. 0; -EIO with the reason: it gave no answer, or none in time. */
int aws_session_identify(struct aws_session *session, struct err *err);
/* NULL before aws_session_identify succeeded. Belongs to the session. */
const struct imds_identity *aws_session_identity(const struct aws_session *session);

/*
 * Finds region and credentials. It asks the metadata service only for what nobody else says. 0; -EIO with the
 * reason: there is no region, or the source of the credentials gave none in time.
 */
int aws_session_login(struct aws_session *session, struct err *err);
/* After aws_session_login got as far as that; false: before. */
bool aws_session_credentials(const struct aws_session *session, struct credentials_status *ret);
/* A token for an EKS cluster (eks.h), freed by aws_secret_free, after aws_session_login. `region` NULL: the session's. */
int aws_session_eks_token(struct aws_session *session, const char *region, const char *cluster,
			  char **ret, struct err *err);
/* EC2's; NULL as long as the region isn't known. */
const struct aws_endpoint *aws_session_endpoint(const struct aws_session *session);

/*
 * One call of EC2, with what a function of requests.h returned and filled. 0 and the struct at `value`, which
 * aws_action_done frees; else *ret_failure tells why, and the struct is zeroed. *ret_failure is filled in
 * either case: its date_sec is AWS's clock.
 */
int aws_session_call(struct aws_session *session, int rc, struct aws_request *request, void *value,
		     struct aws_failure *ret_failure);
