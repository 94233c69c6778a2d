// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/eks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "awsapi/call.h"
#include "awsapi/credentials.h"
#include "awsapi/eks.h"
#include "awsapi/imds.h"
#include "awsapi/imds_read.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "conf/gateway.h"
#include "http/http.h"

/*
 * A refusal may mean that the credentials were revoked, or that nobody made an access entry, which may take days. For
 * the first, new ones are fetched; for the second, not each time.
 */
#define REFETCH_MS 60000
#define IMDS_BASE_MS 1000
#define IMDS_CAP_MS 30000

struct eks {
	struct loop *loop;
	struct loop_timer
		*timer; /* for the next reading of the metadata, while the region isn't known */
	struct http *http;
	struct imds *imds;
	struct imds_read *read;
	struct backoff backoff;
	struct credentials *credentials; /* NULL until the region is known */
	struct aws_endpoint sts;
	char cluster[EKS_CLUSTER_MAX], ca_file[GATEWAY_TEXT_MAX];
	char error[512]; /* why there is no region yet */
	struct mono refetch_at;
	bool is_known;
	void (*on_known)(void *data);
	void *data;
};

static void tell(struct eks *eks)
{
	if (eks->is_known)
		return;
	eks->is_known = true;
	eks->on_known(eks->data);
}

static void credentials_changed(void *data)
{
	struct eks *eks = data;
	struct credentials_status status;

	credentials_status(eks->credentials, &status);
	if (!eks->is_known && !status.error[0])
		log_info("kubernetes",
			 "logging in to the EKS cluster %s with %s from the %s, by %s",
			 eks->cluster, status.access_key, credentials_kind_names[status.kind],
			 eks->sts.url);
	tell(eks);
}

static int open_credentials(struct eks *eks, const char *region, const char *domain,
			    struct err *err)
{
	if (aws_endpoint_init(&eks->sts, AWS_STS, region, domain, NULL))
		return err_set(err, -EINVAL, "no region or API domain: '%.40s', '%.40s'", region,
			       domain);
	const struct credentials_options options = { .loop = eks->loop,
						     .http = eks->http,
						     .imds = eks->imds,
						     .sts = &eks->sts,
						     .ca_file = eks->ca_file[0] ? eks->ca_file :
										  NULL,
						     .on_change = credentials_changed,
						     .data = eks };

	eks->credentials = credentials_new(&options, err);
	return eks->credentials ? 0 : -EINVAL;
}

static void fail(struct eks *eks, enum http_class class, const char *text)
{
	snprintf(eks->error, sizeof(eks->error), "the region isn't known: %s", text);
	(void)loop_timer_arm_ms(eks->timer, backoff_next_ms(&eks->backoff, class, -1));
	tell(eks);
}

static void on_identity(const struct imds_read_result *result, void *data)
{
	struct eks *eks = data;
	struct err err = ERR_NULL;

	eks->read = NULL;
	if (result->class != HTTP_CLASS_OK)
		fail(eks, result->class, result->error);
	else if (open_credentials(eks, result->identity->region, result->identity->domain, &err))
		fail(eks, HTTP_CLASS_RETRY, err.text);
}

static void read_identity(void *data)
{
	struct eks *eks = data;
	struct err err = ERR_NULL;

	eks->read = imds_read_identity(eks->imds, on_identity, eks, &err);
	if (!eks->read)
		fail(eks, HTTP_CLASS_RETRY, err.text);
}

static int open_parts(struct eks *eks, const struct gateway_config *config, struct err *err)
{
	const struct gateway_aws *aws = &config->aws;
	const char *region = config->kubernetes.eks.region[0] ? config->kubernetes.eks.region :
								aws->region;
	struct imds_options imds = { .loop = eks->loop,
				     .base_url = aws->imds_url[0] ? aws->imds_url : NULL };

	memcpy(eks->cluster, config->kubernetes.eks.cluster, sizeof(eks->cluster));
	memcpy(eks->ca_file, aws->ca_file, sizeof(eks->ca_file));
	eks->timer = loop_timer_new(eks->loop, read_identity, eks);
	eks->http = eks->timer ? http_new(eks->loop, err) : NULL;
	if (!eks->http)
		return err_set(err, -ENOMEM, "out of memory");
	imds.http = eks->http;
	eks->imds = imds_new(&imds, err);
	if (!eks->imds)
		return err_prefix(err, -EINVAL, "aws.imds_url");
	if (region[0])
		return open_credentials(eks, region, aws_region_domain(region), err);
	return loop_timer_arm_ms(eks->timer, 0) ? err_set(err, -ENOMEM, "out of memory") : 0;
}

struct eks *eks_new(struct loop *loop, const struct gateway_config *config,
		    void (*on_known)(void *data), void *data, struct err *err)
{
	struct eks *eks = calloc(1, sizeof(*eks));

	if (!eks) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	eks->loop = loop;
	eks->on_known = on_known;
	eks->data = data;
	eks->backoff = (struct backoff){ .base_ms = IMDS_BASE_MS,
					 .cap_ms = IMDS_CAP_MS,
					 .random = (uint64_t)mono_now().ns | 1 };
	if (open_parts(eks, config, err)) {
		eks_free(eks);
		return NULL;
	}
	return eks;
}

void eks_free(struct eks *eks)
{
	if (!eks)
		return;
	imds_read_cancel(eks->read);
	credentials_free(eks->credentials);
	imds_free(eks->imds);
	http_free(eks->http);
	loop_timer_free(eks->timer);
	free(eks);
}

static void refetch(struct eks *eks)
{
	struct mono now = mono_now();

	if (!eks->credentials || mono_diff_ms(now, eks->refetch_at) < 0)
		return;
	eks->refetch_at = mono_add_ms(now, REFETCH_MS);
	credentials_refuse(eks->credentials);
}

int eks_token(bool is_refused, struct kube_token *ret, void *data, struct err *err)
{
	struct eks *eks = data;

	if (is_refused)
		refetch(eks);
	if (!eks->credentials)
		return err_set(err, -EAGAIN, "EKS cluster %s: %s", eks->cluster,
			       eks->error[0] ? eks->error : "the region isn't known yet");
	const struct aws_eks login = { &eks->sts, eks->cluster, eks->credentials };
	int rc = aws_eks_login(&login, time(NULL), &ret->text, &ret->good_sec, err);

	return rc ? err_prefix(err, rc, "EKS cluster %s", eks->cluster) : 0;
}
