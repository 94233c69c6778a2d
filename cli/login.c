// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/login.h"

#include "base/err.h"
#include "base/options.h"
#include "cli/command.h"
#include "kube/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: not set, or empty, which is the same to kubectl. */
static const char *environment(const char *name)
{
	const char *const value = getenv(name);

	return value && value[0] ? value : NULL;
}

/*
 * Only what kubectl proxy offers: it has logged in already. A server elsewhere has a certificate authority of its own,
 * which stands in a kubeconfig.
 */
static int choose_server(const char *url, struct kube_config *ret, struct err *err)
{
	const struct kube_config_values values = { .server = url };

	if (strncmp(url, "http://", 7) != 0)
		return err_set(
			err, EXIT_USAGE,
			"--server: is for 'kubectl proxy', such as http://127.0.0.1:8001; for "
			"another server give a kubeconfig");
	if (kube_config_set(&values, ret, err) < 0)
		return err_set(err, EXIT_USAGE,
			       "--server: plain http is for this host only, such as "
			       "http://127.0.0.1:8001, where 'kubectl proxy' is");
	return EXIT_OK;
}

/* Most kubeconfigs for EKS name a program to log in with. */
static void add_remedy(struct err *err)
{
	if (!strstr(err->text, "exec: "))
		return;
	err_set(err, 0,
		"the kubeconfig names a program to log in with (exec), and eipgw runs no other program. "
		"Run 'kubectl proxy' beside it and add --server http://127.0.0.1:8001; or set EIPGW_TOKEN, "
		"for EKS to the output of: aws eks get-token --cluster-name NAME --query status.token "
		"--output text");
}

/* $HOME/.kube/config; "" without HOME. */
static const char *usual_path(char buf[static PATH_MAX])
{
	const char *const home = environment("HOME");

	if (!home || snprintf(buf, PATH_MAX, "%s/.kube/config", home) >= PATH_MAX)
		buf[0] = '\0';
	return buf;
}

int login_choose(const struct cli_options *options, struct kube_config *ret, struct err *err)
{
	const char *const from_environment = environment("KUBECONFIG");
	const char *const named = options->kubeconfig ? options->kubeconfig : from_environment;
	char usual[PATH_MAX];
	const struct kube_config_choice choice = {
		.paths = named ? named : usual_path(usual),
		.context = options->context,
		.token = environment("EIPGW_TOKEN"),
	};

	if (options->server)
		return choose_server(options->server, ret, err);
	int r = kube_config_choose(&choice, ret, err);
	if (r == -ENOENT && !named && kube_config_in_cluster(NULL, ret, NULL) == 0)
		return EXIT_OK;
	if (r == -ENOENT && !named)
		err_set(err, r,
			"there is no kubeconfig: neither --kubeconfig nor KUBECONFIG names one, %s isn't "
			"there, and this is no pod",
			usual[0] ? usual : "~/.kube/config");
	if (r < 0)
		add_remedy(err);
	return r < 0 ? EXIT_CONFIG : EXIT_OK;
}
