// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/user_data.h"
#include "gateway/boot/boot.h"

static const char head[] =
	"# Written by eipgw-user-data at boot, of the instance's user data; replaces what /etc/eipgw/host-firewall.conf says.\n";

/* The union of the ranges: nft takes those that overlap, but who reads the rules wants them once. */
static int print_monitors(const struct ip4_prefixes *from, FILE *out)
{
	struct ip4_set set = { 0 };
	const char *comma = "";
	int rc = ip4_set_from_prefixes(&set, from->v, from->n);

	for (size_t i = 0; i < set.n && !rc; i++) {
		struct ip4_prefix parts[62];
		const size_t n = ip4_range_to_prefixes(set.v[i], parts);

		for (size_t k = 0; k < n; k++) {
			char text[IP4_PREFIX_TEXT_MAX];

			fprintf(out, "%s%s", comma, ip4_prefix_format(parts[k], text));
			comma = ", ";
		}
	}
	ip4_set_done(&set);
	return rc;
}

static int print(const struct user_data *data, FILE *out)
{
	const struct gateway_config *config = &data->configuration;
	struct listen_place place = { 0 };
	int rc = metrics_config_read(&config->metrics, config->gateway.address, &place, NULL);

	fprintf(out, "%sredefine monitors = { ", head);
	if (!rc)
		rc = print_monitors(&data->host_firewall.metrics_from, out);
	fprintf(out, " }\nredefine monitored = %" PRIu16 "\n", place.port);
	return rc;
}

static int remove_firewall(const char *directory, struct err *err)
{
	char path[BOOT_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/" BOOT_FIREWALL, directory);
	if (unlink(path) == 0)
		return 0;
	const int rc = -errno;

	return rc == -ENOENT ? 0 : err_set(err, rc, "%s: %s", path, strerror(-rc));
}

int boot_write_firewall(const char *directory, const struct user_data *data, struct err *err)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t length = 0;

	if (data->host_firewall.metrics_from.n == 0)
		return remove_firewall(directory, err);
	FILE *out = open_memstream(&text, &length);
	int rc = out ? print(data, out) : -ENOMEM;

	if (out && fclose(out) && !rc)
		rc = -ENOMEM;
	if (rc)
		return err_set(err, rc, "the host firewall's file can't be written: out of memory");
	return boot_write(directory, BOOT_FIREWALL, text, length, err);
}
