// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/metrics.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

enum { PORT_MAX = 65535, PORT_DIGITS = 5 };

static const struct config_key keys[] = {
	{ .name = "listen",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct metrics_conf, listen),
	  .max = METRICS_LISTEN_MAX - 1,
	  .help = "ADDRESS:PORT where they are served, or :PORT at the host's own address; none: nowhere" },
};
const struct config_table metrics_config_table = { sizeof(struct metrics_conf), keys,
						   ARRAY_SIZE(keys) };

/* 0: it is none. */
static uint16_t read_port(const char *text)
{
	const size_t n = strspn(text, "0123456789");
	uint32_t port = 0;

	if (n == 0 || n > PORT_DIGITS || text[n] || text[0] == '0')
		return 0;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (uint32_t)(text[i] - '0');
	return port <= PORT_MAX ? (uint16_t)port : 0;
}

/* One that a socket can be bound to and that isn't everybody's. */
static bool is_one_hosts(struct ip4 address)
{
	return address.v >> 24 != 0 && address.v >> 28 < 0xe;
}

int metrics_config_read(const struct metrics_conf *conf, struct ip4 own, struct metrics_place *ret,
			struct err *err)
{
	const char *colon = strrchr(conf->listen, ':');
	struct metrics_place place = { .address = own };
	char address[METRICS_LISTEN_MAX];

	if (!conf->listen[0]) {
		if (ret)
			*ret = (struct metrics_place){ 0 };
		return 0;
	}
	place.port = colon ? read_port(colon + 1) : 0;
	if (!place.port)
		return err_set(err, -EINVAL, "metrics.listen: \"%s\" doesn't end with :PORT",
			       conf->listen);
	snprintf(address, sizeof(address), "%.*s", (int)(colon - conf->listen), conf->listen);
	if (address[0] && ip4_parse(address, &place.address, err))
		return err_prefix(err, -EINVAL, "metrics.listen");
	if (!address[0] && !own.v)
		return err_set(
			err, -EINVAL,
			"metrics.listen: has no address, and the file has none of this host");
	if (!is_one_hosts(place.address))
		return err_set(
			err, -EINVAL,
			"metrics.listen: %s isn't one host's address; name the one to serve at",
			address);
	if (ret)
		*ret = place;
	return 0;
}
