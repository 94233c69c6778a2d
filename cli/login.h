// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside cli/: the API server that kubectl would ask here. */
#pragma once

struct cli_options;
struct err;
struct kube_config;

/*
 * --server (kubectl proxy); else the kubeconfig, which is --kubeconfig, or $KUBECONFIG, or ~/.kube/config; without
 * one, as a pod. The environment's EIPGW_TOKEN takes the place of how the kubeconfig's user logs in. An exit code,
 * with a sentence that says what to do when it isn't EXIT_OK.
 */
int login_choose(const struct cli_options *options, struct kube_config *ret, struct err *err);
