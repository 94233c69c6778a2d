// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The way to the API server that a configuration says; for the daemons, and for the tool that tries it. */
#pragma once

#include "kube/config.h"

struct err;
struct kubernetes_conf;

/* By kubernetes.eks with tokens of `token`, by the kubeconfig, or as a pod. As of kube_config_load and the like. */
int login_config(const struct kubernetes_conf *conf, kube_token_fn token, void *token_data,
		 struct kube_config *ret, struct err *err);
