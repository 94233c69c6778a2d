// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kubeprobe_login.h"

#include <string.h>

#include "base/log.h"
#include "daemon/login.h"
#include "gateway/eks.h"

static int open_eks(struct login *login, const char *path, struct err *err)
{
	int r = config_load(&gateway_config_table, path, &login->gateway, err);

	if (r == 0)
		r = gateway_config_check(&login->gateway, err);
	if (r < 0)
		return r;
	login->eks = eks_new(login->loop, &login->gateway, login->start, login->data, err);
	return login->eks ? login_config(&login->gateway.kubernetes, eks_token, login->eks,
					 &login->config, err) :
			    -1;
}

/* What follows the prefix, or NULL. */
static const char *after(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : NULL;
}

int login_open(struct login *login, const char *where, struct err *err)
{
	const char *const dir = after(where, "in-cluster:");
	const char *const file = after(where, "eks:");

	log_level_set(LOG_LEVEL_WARNING); /* what else is on stderr is a sanitizer's report */
	if (file)
		return open_eks(login, file, err);
	return dir ? kube_config_in_cluster(dir, &login->config, err) :
		     kube_config_load(where, NULL, &login->config, err);
}

void login_done(struct login *login)
{
	eks_free(login->eks);
	config_done(&gateway_config_table, &login->gateway);
	kube_config_done(&login->config);
}
