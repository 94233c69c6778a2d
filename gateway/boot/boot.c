// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One step after the other: user data, identity, secret, files. Each step that fails for the moment is done again. */
#include "gateway/boot/boot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "awsapi/call.h"
#include "awsapi/credentials.h"
#include "awsapi/imds_read.h"
#include "awsapi/parameter.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "base/options.h"
#include "base/seed.h"
#include "conf/user_data.h"
#include "http/http.h"
#include "peer/keys.h"

enum { AGAIN_BASE_MS = 500, AGAIN_CAP_MS = 15000 };

struct boot {
	const struct boot_options *options;
	struct loop *loop;
	struct loop_timer *timer;
	struct http *http;
	struct imds *imds;
	void (*step)(struct boot *boot);
	struct backoff backoff;
	struct user_data data;
	bool has_data;
	struct imds_identity identity;
	struct credentials *credentials;
	struct aws_endpoint ssm;
	struct aws_caller caller;
	struct mono began;
	bool is_asked;           /* for the parameter, at least once */
	char told[ERR_TEXT_MAX]; /* the last failure that was logged */
	int code;
};

static void tell_state(const struct boot *boot, const char *text)
{
	boot_tell_state(boot->options->directory, text);
}

static void end(struct boot *boot, int code, const char *text)
{
	boot->code = code;
	tell_state(boot, text);
	if (code)
		log_error(MSG_USER_DATA_REFUSED, "user-data",
			  "%s; this gateway has no configuration and forwards nothing", text);
	else
		log_info("user-data", "%s", text);
	loop_stop(boot->loop);
}

static void go_on(struct boot *boot, void (*step)(struct boot *boot))
{
	backoff_reset(&boot->backoff);
	boot->step = step;
	if (loop_timer_arm_ms(boot->timer, 0))
		end(boot, EXIT_RUNTIME, "out of memory");
}

/* Once, however often it fails so. */
static void tell_failure(struct boot *boot, const char *text)
{
	if (strcmp(boot->told, text) == 0)
		return;
	snprintf(boot->told, sizeof(boot->told), "%s", text);
	tell_state(boot, text);
	log_warning(MSG_USER_DATA_WAITS, "user-data", "%s; trying again", text);
}

static void again(struct boot *boot, enum http_class class, const char *text)
{
	tell_failure(boot, text);
	if (loop_timer_arm_ms(boot->timer, backoff_next_ms(&boot->backoff, class, -1)))
		end(boot, EXIT_RUNTIME, "out of memory");
}

/* Where there is no such service, eipgwd would never begin, and who waits for it to begin, such as the boot, would wait for ever. */
static void give_up(struct boot *boot, const char *text)
{
	struct err err = ERR_NULL;

	err_set(&err, 0, "no metadata service has answered for %u s (%.200s)",
		boot->options->wait_sec, text);
	boot->code = EXIT_RUNTIME;
	tell_state(boot, err.text);
	log_error(
		MSG_USER_DATA_SILENT, "user-data",
		"%s; this gateway has no configuration and forwards nothing; where there is none, "
		"write /etc/eipgw/gateway.json",
		err.text);
	loop_stop(boot->loop);
}

static void metadata_failed(struct boot *boot, enum http_class class, const char *text)
{
	const int64_t waited_ms = mono_diff_ms(mono_now(), boot->began);

	if (class == HTTP_CLASS_RETRY && waited_ms >= (int64_t)boot->options->wait_sec * 1000)
		give_up(boot, text);
	else
		again(boot, class, text);
}

static void write_configuration(struct boot *boot)
{
	struct err err = ERR_NULL;

	if (boot_write_firewall(boot->options->directory, &boot->data, &err) ||
	    boot_write_configuration(boot->options->directory, &boot->data.configuration, &err))
		end(boot, EXIT_RUNTIME, err.text);
	else
		end(boot, EXIT_OK, "this gateway's configuration is that of its user data");
}

static void on_parameter(const struct parameter_answer *answer, void *data)
{
	struct boot *boot = data;
	struct peer_keys keys;
	struct err err = ERR_NULL;

	if (answer->class == HTTP_CLASS_CREDENTIALS)
		credentials_refuse(boot->credentials);
	if (answer->class != HTTP_CLASS_OK) {
		again(boot, answer->class, answer->error);
		return;
	}
	if (peer_keys_parse(answer->value, answer->length, &keys, &err)) {
		err_prefix(&err, 0, "the parameter %.200s", boot->data.secret.parameter);
		again(boot, HTTP_CLASS_PERMANENT, err.text); /* a person may correct it */
		return;
	}
	peer_keys_done(&keys);
	if (boot_write(boot->options->directory, BOOT_SECRET, answer->value, answer->length, &err))
		end(boot, EXIT_RUNTIME, err.text);
	else
		go_on(boot, write_configuration);
}

static void ask_parameter(struct boot *boot)
{
	const struct parameter_options options = { .caller = &boot->caller,
						   .endpoint = &boot->ssm,
						   .name = boot->data.secret.parameter,
						   .done = on_parameter,
						   .data = boot };
	struct err err = ERR_NULL;

	if (!parameter_get(&options, &err))
		again(boot, HTTP_CLASS_RETRY, err.text);
}

/* They are fetched again by themselves; so is the parameter, once it was asked for. */
static void on_credentials(void *data)
{
	struct boot *boot = data;
	struct credentials_status status;

	if (boot->is_asked)
		return;
	credentials_status(boot->credentials, &status);
	if (status.error[0]) {
		tell_failure(boot, status.error);
		return;
	}
	boot->is_asked = true;
	go_on(boot, ask_parameter);
}

static int open_secret(struct boot *boot, struct err *err)
{
	const struct gateway_aws *aws = &boot->data.configuration.aws;
	const char *url = boot->data.secret.url;
	const struct credentials_options options = { .loop = boot->loop,
						     .http = boot->http,
						     .imds = boot->imds,
						     .ca_file = aws->ca_file[0] ? aws->ca_file :
										  NULL,
						     .on_change = on_credentials,
						     .data = boot };

	if (aws_endpoint_init(&boot->ssm, AWS_SSM,
			      aws->region[0] ? aws->region : boot->identity.region,
			      boot->identity.domain, url[0] ? url : NULL))
		return err_set(err, -EINVAL, "secret.url: is no URL of an API");
	boot->credentials = credentials_new(&options, err);
	boot->caller = (struct aws_caller){ .loop = boot->loop,
					    .http = boot->http,
					    .credentials = credentials_get,
					    .credentials_data = boot->credentials,
					    .ca_file = options.ca_file };
	return boot->credentials ? 0 : -EINVAL;
}

static void begin_secret(struct boot *boot)
{
	struct err err = ERR_NULL;

	if (!user_data_wants_secret(&boot->data))
		go_on(boot, write_configuration);
	else if (open_secret(boot, &err))
		end(boot, EXIT_CONFIG, err.text);
}

static void complete(struct boot *boot)
{
	char uplink[RT_IFNAME_MAX] = "", secret[BOOT_PATH_MAX + 32];
	const struct imds_interface *primary = imds_identity_primary(&boot->identity);
	const struct user_data_instance instance = { boot->identity.instance_id, uplink,
						     primary && primary->private_ips.n ?
							     primary->private_ips.v[0] :
							     (struct ip4){ 0 },
						     secret };
	struct err err = ERR_NULL;

	snprintf(secret, sizeof(secret), "%s/" BOOT_SECRET, boot->options->directory);
	if (!boot->data.configuration.gateway.uplink[0] &&
	    boot_find_uplink(boot->identity.mac, uplink, &err))
		again(boot, HTTP_CLASS_RETRY, err.text);
	else if (user_data_complete(&boot->data, &instance, &err))
		end(boot, EXIT_CONFIG, err.text);
	else
		begin_secret(boot);
}

static void on_identity(const struct imds_read_result *result, void *data)
{
	struct boot *boot = data;

	if (result->class != HTTP_CLASS_OK) {
		again(boot, result->class, result->error);
		return;
	}
	imds_identity_done(&boot->identity);
	boot->identity = *result->identity;
	*result->identity = IMDS_IDENTITY_NULL;
	go_on(boot, complete);
}

static void ask_identity(struct boot *boot)
{
	struct err err = ERR_NULL;

	if (!imds_read_identity(boot->imds, on_identity, boot, &err))
		again(boot, HTTP_CLASS_RETRY, err.text);
}

static void on_user_data(const struct imds_answer *answer, void *data)
{
	struct boot *boot = data;
	struct err err = ERR_NULL;

	if (answer->class == HTTP_CLASS_NOT_FOUND) {
		end(boot, EXIT_CONFIG, "user data: the instance has none");
	} else if (answer->class == HTTP_CLASS_PERMANENT) {
		end(boot, EXIT_CONFIG, answer->error);
	} else if (answer->class != HTTP_CLASS_OK) {
		metadata_failed(boot, answer->class, answer->error);
	} else if (user_data_parse(answer->text, answer->length, &boot->data, &err)) {
		err_prefix(&err, 0, "user data");
		end(boot, EXIT_CONFIG, err.text);
	} else {
		boot->has_data = true;
		go_on(boot, ask_identity);
	}
}

static void ask_user_data(struct boot *boot)
{
	struct err err = ERR_NULL;

	if (!imds_get(boot->imds, "user-data", on_user_data, boot, &err))
		again(boot, HTTP_CLASS_RETRY, err.text);
}

static void timer_expired(void *data)
{
	struct boot *boot = data;

	boot->step(boot);
}

static int open_boot(struct boot *boot, struct err *err)
{
	struct imds_options options = { .base_url = boot->options->imds_url };

	boot->loop = loop_new();
	boot->timer = boot->loop ? loop_timer_new(boot->loop, timer_expired, boot) : NULL;
	if (!boot->timer)
		return err_set(err, -ENOMEM, "out of memory");
	boot->http = http_new(boot->loop, err);
	if (!boot->http)
		return -ENOMEM;
	options.loop = boot->loop;
	options.http = boot->http;
	boot->imds = imds_new(&options, err);
	return boot->imds ? 0 : -EINVAL;
}

static void close_boot(struct boot *boot)
{
	credentials_free(boot->credentials);
	imds_free(boot->imds);
	http_free(boot->http);
	loop_timer_free(boot->timer);
	loop_free(boot->loop);
	imds_identity_done(&boot->identity);
	if (boot->has_data)
		user_data_done(&boot->data);
}

int boot_run(const struct boot_options *options)
{
	struct boot boot = { .options = options,
			     .began = mono_now(),
			     .identity = IMDS_IDENTITY_NULL,
			     .backoff = { .base_ms = AGAIN_BASE_MS,
					  .cap_ms = AGAIN_CAP_MS,
					  .random = seed_guessable() } };
	struct err err = ERR_NULL;

	if (open_boot(&boot, &err)) {
		log_error(MSG_USER_DATA_REFUSED, "user-data", "%s", err.text);
		boot.code = EXIT_RUNTIME;
	} else {
		tell_state(&boot, "waits for the instance's metadata");
		go_on(&boot, ask_user_data);
		if (loop_run(boot.loop))
			boot.code = EXIT_RUNTIME;
	}
	close_boot(&boot);
	return boot.code;
}
