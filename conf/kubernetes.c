// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/kubernetes.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "kube/config.h"

const char *const conf_source_names[] = { "static", "kubernetes", NULL };

#define KUBECONFIG_KEY                                                          \
	{                                                                       \
		.name = "kubeconfig", .type = CONFIG_TEXT,                      \
		.offset = offsetof(struct kubernetes_conf, kubeconfig),         \
		.max = KUBERNETES_TEXT_MAX - 1,                                 \
		.help = "file that says where the API server is; else as a pod" \
	}
#define CONTEXT_KEY                                                             \
	{                                                                       \
		.name = "context", .type = CONFIG_TEXT,                         \
		.offset = offsetof(struct kubernetes_conf, context),            \
		.max = KUBERNETES_TEXT_MAX - 1,                                 \
		.help = "context of the kubeconfig, instead of its current one" \
	}

static const struct config_key node_keys[] = { KUBECONFIG_KEY, CONTEXT_KEY };
const struct config_table node_kubernetes_table = { sizeof(struct kubernetes_conf), node_keys,
						    ARRAY_SIZE(node_keys) };

#define EKS_TEXT(key, help_text)                                                                   \
	{                                                                                          \
		.name = #key, .type = CONFIG_TEXT, .offset = offsetof(struct kubernetes_eks, key), \
		.max = sizeof(((struct kubernetes_eks *)NULL)->key) - 1, .help = (help_text)       \
	}
static const struct config_key eks_keys[] = {
	EKS_TEXT(cluster, "name of the cluster"),
	EKS_TEXT(endpoint, "URL of its API server"),
	EKS_TEXT(certificate_authority, "PEM file with the API server's certificate authority"),
	EKS_TEXT(certificate_authority_data, "or the same in base64, as EKS tells it"),
	EKS_TEXT(region,
		 "region whose STS the token is for; default: aws.region, or the instance's"),
};
static const struct config_table eks_table = { sizeof(struct kubernetes_eks), eks_keys,
					       ARRAY_SIZE(eks_keys) };

static const struct config_key gateway_keys[] = {
	{ .name = "group",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct kubernetes_conf, group),
	  .help = "name of the EgressGateway that this gateway is a member of" },
	KUBECONFIG_KEY,
	CONTEXT_KEY,
	{ .name = "eks",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct kubernetes_conf, eks),
	  .def = "{}",
	  .sub = &eks_table,
	  .help = "an EKS cluster, logged in to with AWS credentials; instead of a kubeconfig" },
};
const struct config_table gateway_kubernetes_table = { sizeof(struct kubernetes_conf), gateway_keys,
						       ARRAY_SIZE(gateway_keys) };

static bool is_cluster_name(const char *name)
{
	static const char alnum[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	return name[strspn(name, alnum)] == '\0' && !strchr("-_", name[0]);
}

static bool is_region(const char *region)
{
	return region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static const char *find_ca_fault(const struct kubernetes_eks *eks, const char **ret_key)
{
	const bool has_path = eks->certificate_authority[0];
	const bool has_data = eks->certificate_authority_data[0];

	*ret_key = "certificate_authority";
	if (has_path && has_data)
		return "is given, and certificate_authority_data, too";
	if (!has_path && !has_data)
		return "the key is missing, and certificate_authority_data, too";
	*ret_key = "certificate_authority_data";
	return has_data ? kube_ca_fault(eks->certificate_authority_data) : NULL;
}

/* NULL, or what is wrong with the key *ret_key. */
static const char *find_eks_fault(const struct kubernetes_eks *eks, const char **ret_key)
{
	*ret_key = "cluster";
	if (!eks->cluster[0])
		return "the key is missing";
	if (!is_cluster_name(eks->cluster))
		return "isn't the name of an EKS cluster (an ARN isn't one)";
	*ret_key = "region";
	if (!is_region(eks->region))
		return "isn't a region";
	*ret_key = "endpoint";
	if (!eks->endpoint[0])
		return "the key is missing";
	/* A token in clear is never right, not even to this host. */
	if (strncmp(eks->endpoint, "https://", 8) != 0)
		return "must begin with https://";
	const char *const fault = kube_server_fault(eks->endpoint);
	return fault ? fault : find_ca_fault(eks, ret_key);
}

int kubernetes_config_check(const struct kubernetes_conf *conf, struct err *err)
{
	const struct kubernetes_eks *const eks = &conf->eks;
	const char *key = NULL;

	if (!eks->cluster[0] && !eks->endpoint[0] && !eks->certificate_authority[0] &&
	    !eks->certificate_authority_data[0] && !eks->region[0])
		return 0;
	if (conf->kubeconfig[0] || conf->context[0])
		return err_set(err, -EINVAL,
			       "kubernetes.%s: excludes kubernetes.eks: there is one way to log in",
			       conf->kubeconfig[0] ? "kubeconfig" : "context");
	const char *const fault = find_eks_fault(eks, &key);
	return fault ? err_set(err, -EINVAL, "kubernetes.eks.%s: %s", key, fault) : 0;
}
