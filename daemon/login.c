// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/login.h"

#include <stddef.h>

#include "conf/kubernetes.h"

static const char *given(const char *text)
{
	return text[0] ? text : NULL;
}

int login_config(const struct kubernetes_conf *conf, kube_token_fn token, void *token_data,
		 struct kube_config *ret, struct err *err)
{
	const struct kube_config_values eks = {
		.server = conf->eks.endpoint,
		.ca_path = given(conf->eks.certificate_authority),
		.ca_base64 = given(conf->eks.certificate_authority_data),
		.token_fn = token,
		.token_data = token_data,
	};

	if (conf->eks.cluster[0])
		return kube_config_set(&eks, ret, err);
	if (!conf->kubeconfig[0])
		return kube_config_in_cluster(NULL, ret, err);
	return kube_config_load(conf->kubeconfig, given(conf->context), ret, err);
}
