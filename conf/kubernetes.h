// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What both configurations say about Kubernetes. */
#pragma once

#include "base/config.h"

struct err;

#define KUBERNETES_TEXT_MAX 256 /* paths, URLs, names; with NUL */

/* Where policies, pods and egress IPs come from. */
enum conf_source { SOURCE_STATIC, SOURCE_KUBERNETES };
extern const char *const conf_source_names[];

#define EKS_CLUSTER_MAX 101 /* EKS allows 100 characters */
#define EKS_CA_MAX 16384    /* bytes of base64 with NUL; EKS's own has about 1500 */

/* An EKS cluster from outside of it; cluster "": not used. */
struct kubernetes_eks {
	char cluster[EKS_CLUSTER_MAX];
	char endpoint[KUBERNETES_TEXT_MAX];
	char certificate_authority[KUBERNETES_TEXT_MAX]; /* path */
	char certificate_authority_data[EKS_CA_MAX];     /* or PEM in base64 */
	char region[32]; /* of STS; "": aws.region, or the instance's own */
};

struct kubernetes_conf {
	char kubeconfig[KUBERNETES_TEXT_MAX]; /* path; "": as a pod, by the service account's files */
	char context[KUBERNETES_TEXT_MAX];    /* "": the kubeconfig's current one */
	char group[CONFIG_NAME_MAX]; /* gateways: the EgressGateway that it is a member of */
	struct kubernetes_eks eks;   /* gateways */
};

/* Of a node: without group and eks. */
extern const struct config_table node_kubernetes_table, gateway_kubernetes_table;

/* What the tables can't see. -EINVAL with the key's path below "kubernetes". */
int kubernetes_config_check(const struct kubernetes_conf *conf, struct err *err);
