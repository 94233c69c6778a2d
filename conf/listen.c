// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/listen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

enum { PORT_MAX = 65535, PORT_DIGITS = 5 };

static const struct config_key metrics_keys[] = {
	{ .name = "listen",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct listen_conf, listen),
	  .max = LISTEN_TEXT_MAX - 1,
	  .help = "ADDRESS:PORT where they are served, or :PORT at the host's own address; none: nowhere" },
};
const struct config_table metrics_config_table = { sizeof(struct listen_conf), metrics_keys,
						   ARRAY_SIZE(metrics_keys) };

static const struct config_key admin_keys[] = {
	{ .name = "listen",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct listen_conf, listen),
	  .max = LISTEN_TEXT_MAX - 1,
	  .help = "ADDRESS:PORT where it is served, or :PORT at 127.0.0.1; none: nowhere" },
};
const struct config_table admin_config_table = { sizeof(struct listen_conf), admin_keys,
						 ARRAY_SIZE(admin_keys) };

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

static int read_place(const struct listen_conf *conf, struct ip4 own, struct listen_place *ret,
		      struct err *err)
{
	const char *colon = strrchr(conf->listen, ':');
	struct listen_place place = { .address = own };
	char address[LISTEN_TEXT_MAX];

	if (!conf->listen[0]) {
		if (ret)
			*ret = (struct listen_place){ 0 };
		return 0;
	}
	place.port = colon ? read_port(colon + 1) : 0;
	if (!place.port)
		return err_set(err, -EINVAL, "\"%s\" doesn't end with :PORT", conf->listen);
	snprintf(address, sizeof(address), "%.*s", (int)(colon - conf->listen), conf->listen);
	if (address[0] && ip4_parse(address, &place.address, err))
		return -EINVAL;
	if (!address[0] && !own.v)
		return err_set(err, -EINVAL, "has no address, and the file has none of this host");
	if (!is_one_hosts(place.address))
		return err_set(err, -EINVAL,
			       "%s isn't one host's address; name the one to serve at", address);
	if (ret)
		*ret = place;
	return 0;
}

static int refuse(struct err *err, const char *key)
{
	return err_mark(err, MSG_CONFIG_LISTEN, err_prefix(err, -EINVAL, "%s", key));
}

int metrics_config_read(const struct listen_conf *conf, struct ip4 own, struct listen_place *ret,
			struct err *err)
{
	return read_place(conf, own, ret, err) ? refuse(err, "metrics.listen") : 0;
}

int admin_config_read(const struct listen_conf *conf, struct listen_place *ret, struct err *err)
{
	static const struct ip4 loopback = { 0x7f000001 };

	return read_place(conf, loopback, ret, err) ? refuse(err, "admin.listen") : 0;
}
