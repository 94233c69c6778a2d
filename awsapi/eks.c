// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/eks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "awsapi/call.h"
#include "awsapi/credentials.h"
#include "awsapi/presign.h"
#include "base/err.h"

int64_t aws_eks_good_sec(int64_t end_sec, int64_t now_sec)
{
	const int64_t left = end_sec - now_sec;

	return end_sec && left > 0 && left < AWS_EKS_TOKEN_SEC ? left : AWS_EKS_TOKEN_SEC;
}

/* "https://sts.eu-central-1.amazonaws.com/" -> what stands between the slashes. */
static int find_host(const struct aws_endpoint *sts, char ret[static 256])
{
	const char *const scheme = strstr(sts->url, "://");
	const char *const host = scheme ? scheme + 3 : "";
	const int length = snprintf(ret, 256, "%.*s", (int)strcspn(host, "/"), host);

	return length > 0 && length < 256 ? 0 : -EINVAL;
}

int aws_eks_login(const struct aws_eks *eks, int64_t now_sec, char **ret, int64_t *ret_good_sec,
		  struct err *err)
{
	struct credentials_status status;
	struct aws_credentials keys;
	char host[256];

	credentials_status(eks->credentials, &status);
	if (credentials_get(&keys, eks->credentials) != 0)
		return err_set(err, -EAGAIN, "credentials: %s",
			       status.error[0] ? status.error : "none have come yet");
	if (find_host(eks->sts, host) != 0)
		return err_set(err, -EINVAL, "'%s' has no host", eks->sts->url);
	const struct aws_presign presign = {
		.host = host,
		.region = eks->sts->region,
		.cluster = eks->cluster,
		.access_key = keys.access_key,
		.secret_key = keys.secret_key,
		.session_token = keys.session_token,
		.now_sec = now_sec,
	};

	*ret_good_sec = aws_eks_good_sec(status.expires_sec, now_sec);
	return aws_eks_token(&presign, ret, err);
}
