// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Metadata and credentials live on a loop of the session, which runs only while one of them is waited for; a
 * call has a loop of its own (call_sync.c) and takes the credentials that are there.
 */
#include "awsapi/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "awsapi/eks.h"
#include "awsapi/imds_read.h"
#include "awsapi/xml.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/http.h"

#define TEXT_MAX 256

struct aws_session {
	struct loop *loop;
	struct loop_timer *timer;
	struct http *http;
	struct imds *imds;
	struct imds_identity identity;
	bool is_identified, late;
	struct credentials *credentials;
	struct aws_endpoint ec2, sts;
	bool has_endpoint;
	bool has_answered; /* EC2, whatever it said */
	char ec2_url[TEXT_MAX], region[AWS_ID_MAX], ca_file[TEXT_MAX];
	struct aws_session_options options;
	struct err *err; /* of the question that is under way */
	int rc;
};

static const char *given(const char *text)
{
	return text && *text ? text : NULL;
}

static int copy(const char *text, char *ret, size_t size, struct err *err)
{
	if (snprintf(ret, size, "%s", text ? text : "") >= (int)size)
		return err_set(err, -EINVAL, "too long: '%.40s...'", text);
	return 0;
}

/* An empty variable counts as not set. */
static const char *read_env(const struct aws_session *session, const char *name)
{
	const struct aws_session_options *const options = &session->options;

	return given(options->env ? options->env(name, options->env_data) : getenv(name));
}

static void timer_expired(void *data)
{
	struct aws_session *const session = data;

	session->late = true;
	loop_stop(session->loop);
}

static int open_parts(struct aws_session *session, struct err *err)
{
	struct imds_options imds = { .base_url = given(session->options.imds_url) };

	session->loop = loop_new();
	session->timer = session->loop ? loop_timer_new(session->loop, timer_expired, session) :
					 NULL;
	if (!session->timer)
		return err_set(err, -ENOMEM, "out of memory");
	session->http = http_new(session->loop, err);
	if (!session->http)
		return -ENOMEM;
	imds.loop = session->loop;
	imds.http = session->http;
	session->imds = imds_new(&imds, err);
	return session->imds ? 0 : -EINVAL;
}

struct aws_session *aws_session_new(const struct aws_session_options *options, struct err *err)
{
	struct aws_session *const session = calloc(1, sizeof(*session));

	if (!session) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	session->options = *options;
	session->identity = IMDS_IDENTITY_NULL;
	if (copy(options->ec2_url, session->ec2_url, sizeof(session->ec2_url), err) ||
	    copy(options->region, session->region, sizeof(session->region), err) ||
	    copy(options->ca_file, session->ca_file, sizeof(session->ca_file), err) ||
	    open_parts(session, err)) {
		aws_session_free(session);
		return NULL;
	}
	return session;
}

void aws_session_free(struct aws_session *session)
{
	if (!session)
		return;
	credentials_free(session->credentials);
	imds_free(session->imds);
	http_free(session->http);
	loop_timer_free(session->timer);
	loop_free(session->loop);
	imds_identity_done(&session->identity);
	free(session);
}

/* Until somebody calls loop_stop, or -EIO: nobody did in time. */
static int wait_for_answer(struct aws_session *session, const char *whom, struct err *err)
{
	session->late = false;
	if (loop_timer_arm_ms(session->timer, session->options.wait_ms) != 0 ||
	    loop_run(session->loop) != 0)
		return err_set(err, -EIO, "%s: the event loop failed", whom);
	loop_timer_disarm(session->timer);
	if (session->late)
		return err_set(err, -EIO, "%s: no answer within %u ms", whom,
			       session->options.wait_ms);
	return 0;
}

static void on_identity(const struct imds_read_result *result, void *data)
{
	struct aws_session *const session = data;

	loop_stop(session->loop);
	if (result->class != HTTP_CLASS_OK) {
		session->rc = err_set(session->err, -EIO, "%s", result->error);
		return;
	}
	session->identity = *result->identity;
	*result->identity = IMDS_IDENTITY_NULL;
	session->is_identified = true;
	session->rc = 0;
}

int aws_session_identify(struct aws_session *session, struct err *err)
{
	if (session->is_identified)
		return 0;
	session->err = err;
	struct imds_read *const read = imds_read_identity(session->imds, on_identity, session, err);
	if (!read)
		return -EIO;
	const int rc = wait_for_answer(session, "instance metadata", err);
	if (rc != 0)
		imds_read_cancel(read);
	return rc ? rc : session->rc;
}

const struct imds_identity *aws_session_identity(const struct aws_session *session)
{
	return session->is_identified ? &session->identity : NULL;
}

static int find_endpoint(struct aws_session *session, struct err *err)
{
	const char *region = given(session->region);

	if (!region)
		region = read_env(session, "AWS_REGION");
	if (!region)
		region = read_env(session, "AWS_DEFAULT_REGION");
	if (!region && aws_session_identify(session, err) != 0)
		return err_prefix(err, -EIO, "the region isn't known (AWS_REGION is not set)");
	if (!region)
		region = session->identity.region;
	const char *const domain = session->is_identified ? session->identity.domain :
							    aws_region_domain(region);
	if (aws_endpoint_init(&session->ec2, AWS_EC2, region, domain, given(session->ec2_url)) ||
	    aws_endpoint_init(&session->sts, AWS_STS, region, domain, NULL))
		return err_set(err, -EIO, "no region, API domain or URL: '%.40s', '%.40s', '%.80s'",
			       region, domain, session->ec2_url);
	session->has_endpoint = true;
	return 0;
}

static void credentials_changed(void *data)
{
	const struct aws_session *const session = data;

	loop_stop(session->loop);
}

int aws_session_login(struct aws_session *session, struct err *err)
{
	struct credentials_status status;
	struct aws_credentials unused;

	if (!session->has_endpoint && find_endpoint(session, err) != 0)
		return -EIO;
	const struct credentials_options options = { .loop = session->loop,
						     .http = session->http,
						     .imds = session->imds,
						     .sts = &session->sts,
						     .ca_file = given(session->ca_file),
						     .env = session->options.env,
						     .env_data = session->options.env_data,
						     .on_change = credentials_changed,
						     .data = session };

	if (!session->credentials)
		session->credentials = credentials_new(&options, err);
	if (!session->credentials)
		return -EIO;
	if (credentials_get(&unused, session->credentials) == 0)
		return 0;
	const int rc = wait_for_answer(session, "credentials", err);
	if (rc != 0 || credentials_get(&unused, session->credentials) == 0)
		return rc;
	credentials_status(session->credentials, &status);
	return err_set(err, -EIO, "credentials: %s", status.error);
}

bool aws_session_credentials(const struct aws_session *session, struct credentials_status *ret)
{
	if (session->credentials)
		credentials_status(session->credentials, ret);
	return session->credentials != NULL;
}

int aws_session_eks_token(struct aws_session *session, const char *region, const char *cluster,
			  char **ret, struct err *err)
{
	struct aws_endpoint sts = session->sts;
	int64_t good_sec;

	if (!session->credentials)
		return err_set(err, -EIO, "not logged in to AWS");
	if (region &&
	    aws_endpoint_init(&sts, AWS_STS, region, aws_region_domain(region), NULL) != 0)
		return err_set(err, -EINVAL, "'%.40s' is no region", region);
	const struct aws_eks eks = { &sts, cluster, session->credentials };

	return aws_eks_login(&eks, time(NULL), ret, &good_sec, err);
}

const struct aws_endpoint *aws_session_endpoint(const struct aws_session *session)
{
	return session->has_endpoint ? &session->ec2 : NULL;
}

/* A second request of the same; its text NULL: out of memory. */
static struct aws_request copy_request(const struct aws_request *request)
{
	struct aws_request copy = *request;

	copy.params.text = calloc(copy.params.size, 1);
	if (copy.params.text)
		memcpy(copy.params.text, request->params.text, copy.params.length);
	return copy;
}

static int call(struct aws_session *session, struct aws_request *request, enum aws_budget budget,
		void *value, struct aws_failure *ret_failure)
{
	const struct aws_caller caller = { .credentials = credentials_get,
					   .credentials_data = session->credentials,
					   .ca_file = given(session->ca_file) };
	const struct aws_call_options options = {
		.caller = &caller, .endpoint = &session->ec2, .request = request, .budget = budget
	};
	const int rc = aws_call_sync(&options, value, ret_failure);

	session->has_answered = session->has_answered || ret_failure->status != 0;
	return rc;
}

/* Whoever doesn't answer the first request at all isn't waited for twelve times. */
static int call_first(struct aws_session *session, struct aws_request *request, void *value,
		      struct aws_failure *ret_failure)
{
	const bool is_repeatable = !(request->action->flags & AWS_ACTION_ONCE);
	struct aws_request again = copy_request(request);
	const int rc = call(session, request, AWS_BUDGET_ONE, value, ret_failure);
	const bool passes = ret_failure->class == HTTP_CLASS_RETRY ||
			    ret_failure->class == HTTP_CLASS_THROTTLED;

	if (rc != 0 && passes && session->has_answered && again.params.text && is_repeatable)
		return call(session, &again, AWS_BUDGET_FAILOVER, value, ret_failure);
	aws_request_done(&again);
	return rc;
}

int aws_session_call(struct aws_session *session, int rc, struct aws_request *request, void *value,
		     struct aws_failure *ret_failure)
{
	const struct aws_action *const action = request->action;

	memset(value, 0, action->answer->size);
	if (rc != 0 || !session->credentials) {
		aws_failure_set(ret_failure, action->name, HTTP_CLASS_PERMANENT,
				rc ? strerror(-rc) : "not logged in");
		if (rc == 0)
			aws_request_done(request);
		return -EIO;
	}
	if (!session->has_answered)
		return call_first(session, request, value, ret_failure);
	return call(session, request, AWS_BUDGET_FAILOVER, value, ret_failure);
}
