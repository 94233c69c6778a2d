// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The login to an EKS cluster's API server from outside of it: a bearer token, made here from the credentials without
 * asking anybody, see presign.h. The cluster shows it to STS, and looks up what that answers among its access entries.
 */
#pragma once

#include <stdint.h>

struct aws_endpoint;
struct credentials;
struct err;

struct aws_eks {
	const struct aws_endpoint *sts; /* of any region of the cluster's partition */
	const char *cluster;
	struct credentials *credentials;
};

/*
 * *ret is freed by aws_secret_free; it is good for *ret_good_sec from now on. -EAGAIN: no credentials have come yet, with
 * the reason if their source told one; -EINVAL, -ENOMEM, -EIO.
 */
int aws_eks_login(const struct aws_eks *eks, int64_t now_sec, char **ret, int64_t *ret_good_sec,
		  struct err *err);
/*
 * Pure: how long a token is good that is made now of credentials that end at `end_sec` (0: never). STS takes none of
 * ended ones; those that have ended already are AWS's to judge, as credentials_rule.h says.
 */
int64_t aws_eks_good_sec(int64_t end_sec, int64_t now_sec);
