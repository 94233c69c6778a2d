// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside kubeprobe: the ways to log in that its first argument names. */
#pragma once

#include "conf/gateway.h"
#include "kube/config.h"

struct eks;
struct err;
struct loop;

struct login {
	struct loop *loop;
	void (*start)(void *data); /* "eks:": called from the loop when there may be a token */
	void *data;
	struct kube_config config;
	struct gateway_config gateway; /* "eks:" */
	struct eks *eks;               /* likewise, else NULL */
};

/* loop, start and data are set. */
int login_open(struct login *login, const char *where, struct err *err);
void login_done(struct login *login);
