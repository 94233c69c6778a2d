// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * cloudprobe IMDS-URL EC2-URL ALLOCATION...: one gateway of a group, without a kernel: gateway/own/cloud.h, and who may claim
 * comes from standard input, a line each:
 *   allow N    the egress IP, counted from 0, is this gateway's to claim
 *   bar N      it isn't
 *   verify     ask EC2 now
 *   reload     the same configuration again
 *   answer bar from now on, as soon as EC2 shows an egress IP here, it isn't to be claimed any more: from inside on_where
 * Prints one JSON line after each order, and whenever cloud.h calls back. Ends with its input; status 2: wrong arguments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "conf/gateway.h"
#include "gateway/own/cloud.h"
#include "gateway/own/own.h"
#include "gateway/own/own_standby.h"

struct probe {
	struct loop *loop;
	struct cloud *cloud;
	struct gateway_config config;
	bool bars_mine;
	char input[256];
	size_t length;
};

static const char *const spots[] = { "unknown", "mine", "elsewhere", "nowhere" };

static json_t *egress_json(const struct own *own, size_t i)
{
	const struct own_where where = own_where(own, i);
	char private[IP4_TEXT_MAX], there[IP4_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:b}", "state",
			 own_state_names[own->v[i].state], "reason", own->v[i].reason, "private",
			 ip4_format(own_private(own, i), private), "where", spots[where.spot],
			 "interface", where.place.interface_id, "there",
			 ip4_format(where.place.private_ip, there), "at_ns",
			 (json_int_t)where.at.ns, "failed", where.failed_at.ns != 0, "refused",
			 where.is_refused);
}

static void print(const struct probe *probe, const char *event)
{
	const struct own *own = cloud_own(probe->cloud);
	json_t *const list = json_array();

	for (size_t i = 0; i < own->n; i++)
		json_array_append_new(list, egress_json(own, i));
	json_t *const line = json_pack("{s:s, s:b, s:o}", "event", event, "complete",
				       cloud_is_complete(probe->cloud), "egress", list);
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}

static void on_change(void *data)
{
	print(data, "change");
}

static void on_where(void *data)
{
	struct probe *const probe = data;
	const struct own *own = cloud_own(probe->cloud);

	for (size_t i = 0; probe->bars_mine && i < own->n; i++) {
		if (own_where(own, i).spot == OWN_MINE)
			cloud_allow(probe->cloud, i, false);
	}
	print(probe, "where");
}

static void obey(struct probe *probe, const char *order)
{
	const char *const number = strchr(order, ' ');
	const size_t i = number ? strtoul(number, NULL, 10) : 0;

	if (strncmp(order, "allow ", 6) == 0)
		cloud_allow(probe->cloud, i, true);
	else if (strncmp(order, "bar ", 4) == 0)
		cloud_allow(probe->cloud, i, false);
	else if (strcmp(order, "verify") == 0)
		cloud_verify_now(probe->cloud);
	else if (strcmp(order, "reload") == 0)
		(void)cloud_want(probe->cloud, &probe->config);
	else if (strcmp(order, "answer bar") == 0)
		probe->bars_mine = true;
	print(probe, "order");
}

static void input_ready(int fd, unsigned events, void *data)
{
	struct probe *const probe = data;
	char *const end = probe->input + probe->length;
	const ssize_t n = read(fd, end, sizeof(probe->input) - probe->length - 1);

	(void)events;
	if (n <= 0) {
		loop_stop(probe->loop);
		return;
	}
	probe->length += (size_t)n;
	probe->input[probe->length] = '\0';
	for (char *newline; (newline = strchr(probe->input, '\n'));) {
		*newline++ = '\0';
		obey(probe, probe->input);
		probe->length -= (size_t)(newline - probe->input);
		memmove(probe->input, newline, probe->length + 1);
	}
}

static void configure(struct gateway_config *config, char **argv, size_t n)
{
	struct gateway_egress *const egress = calloc(n, sizeof(*egress));

	snprintf(config->aws.imds_url, sizeof(config->aws.imds_url), "%s", argv[1]);
	snprintf(config->aws.ec2_url, sizeof(config->aws.ec2_url), "%s", argv[2]);
	for (size_t i = 0; egress && i < n; i++) {
		snprintf(egress[i].name, sizeof(egress[i].name), "egress%zu", i);
		snprintf(egress[i].allocation_id, sizeof(egress[i].allocation_id), "%s",
			 argv[3 + i]);
	}
	config->egress_ips.v = egress;
	config->egress_ips.n = egress ? n : 0;
}

int main(int argc, char **argv)
{
	struct probe probe = { .loop = loop_new() };
	struct err err = ERR_NULL;

	if (argc < 4) {
		fprintf(stderr, "cloudprobe IMDS-URL EC2-URL ALLOCATION...\n");
		return 2;
	}
	configure(&probe.config, argv, (size_t)argc - 3);
	probe.cloud = cloud_new(probe.loop, &probe.config, on_change, &probe, &err);
	if (!probe.cloud) {
		fprintf(stderr, "cloudprobe: %s\n", err.text);
		return 2;
	}
	cloud_share(probe.cloud, on_where);
	struct loop_io *const input =
		loop_io_new(probe.loop, STDIN_FILENO, LOOP_READ, input_ready, &probe);
	loop_run(probe.loop);
	loop_io_free(input);
	cloud_free(probe.cloud);
	free(probe.config.egress_ips.v);
	loop_free(probe.loop);
	return 0;
}
