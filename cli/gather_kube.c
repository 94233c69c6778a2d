// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The questions to the API server, with the login that the daemon has. None changes anything. */
#include "cli/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "awsapi/presign.h"
#include "awsapi/session.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "cli/facts.h"
#include "conf/gateway.h"
#include "daemon/login.h"
#include "kube/client.h"

static const struct http_limits limits = { .connect_ms = 4000,
					   .total_ms = 8000,
					   .body_max = 1 << 20 };

struct asker {
	struct loop *loop;
	struct http *http;
	struct kube_config config;
	struct kube_client *client;
	char *token; /* of EKS; NULL: the login is another */
	struct kube_failure *failure;
	char *body; /* of the last answer */
	size_t length;
};

static void asker_done(struct asker *asker)
{
	kube_client_free(asker->client);
	http_free(asker->http);
	loop_free(asker->loop);
	kube_config_done(&asker->config);
	aws_secret_free(asker->token);
	free(asker->body);
}

/* One token is enough for all questions. */
static int give_token(bool is_refused, struct kube_token *ret, void *data, struct err *err)
{
	const struct asker *const asker = data;

	(void)is_refused;
	ret->text = strdup(asker->token);
	ret->good_sec = AWS_EKS_TOKEN_SEC;
	return ret->text ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int open_asker(struct asker *asker, struct aws_session *session,
		      const struct gateway_config *gateway, struct err *err)
{
	const struct kubernetes_eks *const eks = &gateway->kubernetes.eks;
	struct kube_client_options options = { .config = &asker->config };
	int rc = 0;

	if (eks->cluster[0])
		rc = session ? aws_session_eks_token(session, eks->region[0] ? eks->region : NULL,
						     eks->cluster, &asker->token, err) :
			       err_set(err, -EIO, "there are no AWS credentials to log in with");
	if (!rc)
		rc = login_config(&gateway->kubernetes, give_token, asker, &asker->config, err);
	if (rc)
		return rc;
	options.loop = asker->loop = loop_new();
	options.http = asker->http = asker->loop ? http_new(asker->loop, err) : NULL;
	asker->client = asker->http ? kube_client_new(&options, err) : NULL;
	return asker->client ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static void on_answer(const struct kube_failure *failure, const char *body, size_t length,
		      void *data)
{
	struct asker *const asker = data;

	loop_stop(asker->loop);
	*asker->failure = *failure;
	asker->body = body ? strndup(body, length) : NULL;
	asker->length = asker->body ? strlen(asker->body) : 0;
}

/* True: asker->body is the answer; else *failure says why there's none. Takes the body of the request. */
static bool ask(struct asker *asker, const char *path, char *question, struct kube_failure *failure)
{
	CLEANUP(cleanup_free) char *body = question;
	const struct kube_request request = { .method = body ? HTTP_POST : HTTP_GET,
					      .path = path,
					      .content_type = body ? "application/json" : NULL,
					      .body = body,
					      .limits = limits };

	free(TAKE_PTR(asker->body));
	asker->failure = failure;
	if (kube_call_start(asker->client, &request, on_answer, asker, failure))
		(void)loop_run(asker->loop); /* the limits end it */
	if (failure->class == HTTP_CLASS_OK && !asker->body)
		kube_failure_set(failure, path, HTTP_CLASS_RETRY, "no answer could be kept");
	return failure->class == HTTP_CLASS_OK;
}

/* What can't be read is no answer. */
static void check_read(int rc, const char *path, const struct err *err,
		       struct kube_failure *failure)
{
	if (rc)
		kube_failure_set(failure, path, HTTP_CLASS_PERMANENT, err->text);
}

static void ask_rights(struct asker *asker, struct kube_facts *kube)
{
	struct kube_failure *const failure = &kube->rights;
	struct err err = ERR_NULL;

	for (size_t i = 0; i < KUBE_RIGHTS; i++) {
		if (!ask(asker, KUBE_ACCESS_PATH, kube_access_question(&kube_rights[i]), failure))
			return;
		check_read(kube_access_read(asker->body, asker->length, &kube->allowed[i], &err),
			   KUBE_ACCESS_PATH, &err, failure);
	}
}

static void ask_kinds(struct asker *asker, struct kube_facts *kube)
{
	struct err err = ERR_NULL;

	if (!ask(asker, KUBE_KINDS_PATH, NULL, &kube->kinds))
		return;
	for (size_t i = 0; i < KUBE_KINDS; i++)
		check_read(kube_served_read(asker->body, asker->length, kube_needed_kinds[i],
					    &kube->is_served[i], &err),
			   KUBE_KINDS_PATH, &err, &kube->kinds);
}

void gather_kube(struct aws_session *session, struct facts *facts)
{
	struct kube_facts *const kube = &facts->kube;
	CLEANUP(asker_done) struct asker asker = { .config = KUBE_CONFIG_NULL };
	struct err err = ERR_NULL;

	if (!kube->is_wanted || !facts->gateway)
		return;
	if (open_asker(&asker, session, facts->gateway, &kube->error))
		return;
	snprintf(kube->server, sizeof(kube->server), "%s", asker.config.server);
	(void)ask(&asker, "/version", NULL, &kube->version);
	if (kube->version.class != HTTP_CLASS_OK && kube->version.status == 0)
		return;
	if (ask(&asker, KUBE_WHOAMI_PATH, kube_whoami_question(), &kube->whoami))
		check_read(kube_whoami_read(asker.body, asker.length, KUBE_GROUP, &kube->me, &err),
			   KUBE_WHOAMI_PATH, &err, &kube->whoami);
	if (kube->whoami.class == HTTP_CLASS_CREDENTIALS)
		return;
	ask_rights(&asker, kube);
	ask_kinds(&asker, kube);
}
