// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What eipgw-user-data does at boot: reads the instance's user data (conf/user_data.h), fills in what the instance knows, fetches
 * the group's secret, and leaves a configuration for eipgwd. What may pass is tried again for ever, once the metadata service has
 * answered; one that is silent ends it after a while, as what a person must put right does.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "netlink/rt.h"

struct err;
struct gateway_config;
struct user_data;

#define BOOT_CONFIG "gateway.json"
#define BOOT_SECRET "group.secret"
#define BOOT_FIREWALL \
	"host-firewall.conf" /* for the image's firewall; only if user data say something of it */
#define BOOT_STATE \
	"user-data.state" /* one line: how it stands; `eipgw status` shows it while there is no daemon */
#define BOOT_PATH_MAX 240
#define BOOT_WAIT_SEC 120

struct boot_options {
	const char *directory; /* where the files go; absolute */
	const char *imds_url;  /* NULL: the usual one */
	uint32_t wait_sec;     /* for the metadata's first answer */
};

/* Blocks. An exit code (base/options.h); what went wrong was logged. */
int boot_run(const struct boot_options *options);
/* Checks a file with user data as if it were an instance's, asking nobody. -EINVAL, -errno. */
int boot_check(const char *path, struct err *err);

/* The whole file at once: whoever reads it finds the old one or the new one. Its mode is that of its name. -errno. */
int boot_write(const char *directory, const char *name, const char *text, size_t length,
	       struct err *err);
int boot_write_configuration(const char *directory, const struct gateway_config *config,
			     struct err *err);
/*
 * What user data, completed, say of the image's firewall, in the words of nft: after its own file it reads this one. Nothing said:
 * there is no such file afterwards. -errno.
 */
int boot_write_firewall(const char *directory, const struct user_data *data, struct err *err);
/* How it stands, to `eipgw status` and to `systemctl status`. Nobody depends on it, so it doesn't fail. */
void boot_tell_state(const char *directory, const char *text);
/* The device that has the primary interface's MAC, as the metadata write it. -ENODEV: none (yet). */
int boot_find_uplink(const char *mac, char ret[static RT_IFNAME_MAX], struct err *err);
