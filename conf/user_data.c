// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/user_data.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

static const struct config_key secret_keys[] = {
	{ .name = "parameter",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct user_data_secret, parameter),
	  .max = USER_DATA_PARAMETER_MAX - 1,
	  .help = "the Systems Manager parameter that has the group's secret" },
	{ .name = "url",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct user_data_secret, url),
	  .max = GATEWAY_TEXT_MAX - 1,
	  .help = "Systems Manager API, instead of the region's public endpoint" },
};
static const struct config_table secret_table = { sizeof(struct user_data_secret), secret_keys,
						  ARRAY_SIZE(secret_keys) };

static const struct config_key firewall_keys[] = {
	{ .name = "metrics_from",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct user_data_firewall, metrics_from),
	  .max = USER_DATA_RANGES_MAX,
	  .help = "who may read the metrics at configuration.metrics.listen" },
};
static const struct config_table firewall_table = { sizeof(struct user_data_firewall),
						    firewall_keys, ARRAY_SIZE(firewall_keys) };

static const struct config_key keys[] = {
	{ .name = "eipgw",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct user_data, eipgw),
	  .flags = CONFIG_REQUIRED,
	  .min = 1,
	  .max = 1,
	  .help = "version of this format: 1" },
	{ .name = "secret",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct user_data, secret),
	  .def = "{}",
	  .sub = &secret_table,
	  .help = "where the group's secret is; instead of failover.secret_file" },
	{ .name = "host_firewall",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct user_data, host_firewall),
	  .def = "{}",
	  .sub = &firewall_table,
	  .help = "what the firewall of the gateways' image lets in besides" },
	{ .name = "configuration",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct user_data, configuration),
	  .flags = CONFIG_REQUIRED,
	  .sub = &gateway_config_table,
	  .help = "what gateway.json says otherwise" },
};
const struct config_table user_data_table = { sizeof(struct user_data), keys, ARRAY_SIZE(keys) };

/* What people hand to instances otherwise, by how it begins. */
static const struct {
	const char *begin, *what;
} strangers[] = {
	{ "\x1f\x8b", "compressed by gzip; eipgw takes it as plain text" },
	{ "#cloud-config", "for cloud-init" },
	{ "#include", "for cloud-init" },
	{ "#!", "a script; nothing runs it here" },
	{ "## template: jinja", "for cloud-init" },
	{ "Content-Type:", "for cloud-init (MIME)" },
	{ "MIME-Version:", "for cloud-init (MIME)" },
	{ "ewog", "encoded in base64 twice" }, /* "{\n " */
	{ "eyJ", "encoded in base64 twice" },  /* "{\"" */
};

static int check_kind(const char *text, size_t length, struct err *err)
{
	if (length == 0)
		return err_set(err, -EINVAL, "there is none: it's empty");
	if (length > USER_DATA_MAX)
		return err_set(err, -EINVAL, "more than %d bytes", USER_DATA_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
		const size_t n = strlen(strangers[i].begin);

		if (length >= n && memcmp(text, strangers[i].begin, n) == 0)
			return err_set(err, -EINVAL, "isn't eipgw's JSON object: it seems to be %s",
				       strangers[i].what);
	}
	return 0;
}

static int check_secret(const struct user_data *data, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-/:";
	const char *parameter = data->secret.parameter;

	if (!parameter[0] && data->secret.url[0])
		return err_set(err, -EINVAL, "secret.url: is for secret.parameter");
	if (parameter[0] && data->configuration.failover.secret_file[0])
		return err_set(err, -EINVAL,
			       "secret.parameter: configuration.failover.secret_file is there too");
	if (parameter[strspn(parameter, letters)])
		return err_set(err, -EINVAL, "secret.parameter: is no name of a parameter");
	return 0;
}

int user_data_parse(const char *text, size_t length, struct user_data *ret, struct err *err)
{
	struct user_data data;
	int rc = check_kind(text, length, err);

	if (!rc)
		rc = config_parse(&user_data_table, text, length, &data, err);
	if (rc)
		return rc;
	rc = check_secret(&data, err);
	if (rc)
		user_data_done(&data);
	else
		*ret = data;
	return rc;
}

void user_data_done(struct user_data *data)
{
	config_done(&user_data_table, data);
}

static int fill_in(char *to, size_t size, const char *key, const char *value, struct err *err)
{
	if (to[0])
		return 0;
	if (strlen(value) >= size)
		return err_set(err, -EINVAL, "configuration.%s: the instance's is too long", key);
	memcpy(to, value, strlen(value) + 1);
	return 0;
}

/* The configuration's own check knows nothing of the object around it. */
static int check_configuration(const struct gateway_config *config, struct err *err)
{
	struct err inner = ERR_NULL;
	int rc = gateway_config_check(config, &inner);

	return rc ? err_set(err, rc, "configuration.%s", inner.text) : 0;
}

/* Whoever may read what nobody can reach has made a mistake, and would wait for metrics. */
static int check_firewall(const struct user_data *data, struct err *err)
{
	const struct gateway_config *config = &data->configuration;
	struct listen_place place = { 0 };

	if (data->host_firewall.metrics_from.n == 0)
		return 0;
	int rc = metrics_config_read(&config->metrics, config->gateway.address, &place, err);
	if (rc)
		return rc;
	if (!place.port)
		return err_set(err, -EINVAL,
			       "host_firewall.metrics_from: needs configuration.metrics.listen");
	if (place.address.v >> 24 == 127)
		return err_set(
			err, -EINVAL,
			"host_firewall.metrics_from: configuration.metrics.listen is at loopback, where only the host itself reads");
	return 0;
}

int user_data_complete(struct user_data *data, const struct user_data_instance *instance,
		       struct err *err)
{
	struct gateway_config *config = &data->configuration;
	struct gateway_failover *failover = &config->failover;
	int rc = fill_in(config->gateway.name, sizeof(config->gateway.name), "gateway.name",
			 instance->name, err);

	if (!rc)
		rc = fill_in(config->gateway.uplink, sizeof(config->gateway.uplink),
			     "gateway.uplink", instance->uplink, err);
	if (!rc && user_data_wants_secret(data))
		rc = fill_in(failover->secret_file, sizeof(failover->secret_file),
			     "failover.secret_file", instance->secret_file, err);
	if (!config->gateway.address.v)
		config->gateway.address = instance->address;
	if (!rc)
		rc = check_configuration(config, err);
	return rc ? rc : check_firewall(data, err);
}
