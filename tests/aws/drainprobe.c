// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * drainprobe --config FILE --control SOCKET: a daemon that carries what it is told and knows nothing but draining
 * (gateway/group/drain.h), for tests against real metadata and an Auto Scaling group. Beside `status` and `drain`, as eipgwd's,
 * its control socket has
 *   carry what=a,b     carries these from now on; "": nothing
 * It hands nothing over by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "awsapi/call.h"
#include "awsapi/imds.h"
#include "base/cleanup.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "control/control.h"
#include "daemon/frame.h"
#include "gateway/group/drain.h"
#include "gateway/own/cloud.h"
#include "http/http.h"

enum { TEXT_MAX = 256, INTERVAL_MS = 100 };

struct conf {
	char imds_url[TEXT_MAX], autoscaling_url[TEXT_MAX];
	char hook[TEXT_MAX], group[TEXT_MAX], tag[TEXT_MAX];
};

#define TEXT(key)                                                                        \
	{                                                                                \
		.name = #key, .type = CONFIG_TEXT, .offset = offsetof(struct conf, key), \
		.max = TEXT_MAX - 1, .help = #key                                        \
	}

static const struct config_key keys[] = { TEXT(imds_url), TEXT(autoscaling_url), TEXT(hook),
					  TEXT(group), TEXT(tag) };
static const struct config_table table = { sizeof(struct conf), keys, ARRAY_SIZE(keys) };

struct probe {
	struct frame *frame;
	struct conf *conf;
	struct http *http;
	struct imds *imds;
	struct aws_caller caller;
	struct aws_endpoint autoscaling;
	struct drain *drain;
	char carried[TEXT_MAX];
};

static int check(const void *config, struct err *err)
{
	(void)config;
	(void)err;
	return 0;
}

static int check_platform(struct err *err)
{
	(void)err;
	return 0;
}

static int get_keys(struct aws_credentials *ret, void *data)
{
	(void)data;
	*ret = (struct aws_credentials){ .access_key = "AKIDEXAMPLE", .secret_key = "secret" };
	return 0;
}

static bool get_access(struct cloud_access *ret, void *data)
{
	const struct probe *probe = data;

	*ret = (struct cloud_access){ .caller = &probe->caller,
				      .autoscaling = &probe->autoscaling,
				      .instance_id = "i-1",
				      .group = probe->conf->tag };
	return true;
}

static void on_drain(bool on, const char *reason, void *data)
{
	(void)data;
	log_info("probe", "on_drain %d %s", on, reason);
}

static void on_gone(void *data)
{
	const struct probe *probe = data;

	log_info("probe", "on_gone");
	frame_stop(probe->frame);
}

static void stop(void *state)
{
	struct probe *probe = state;

	drain_free(probe->drain);
	imds_free(probe->imds);
	http_free(probe->http);
	config_done(&table, probe->conf);
	free(probe->conf);
	free(probe);
}

static void *start(struct frame *frame, void *config, struct err *err)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	if (!probe)
		return NULL;
	probe->frame = frame;
	probe->conf = config;
	probe->http = http_new(frame_loop(frame), err);
	const struct imds_options imds = { .loop = frame_loop(frame),
					   .http = probe->http,
					   .base_url = probe->conf->imds_url };

	probe->imds = imds_new(&imds, err);
	probe->caller = (struct aws_caller){ .loop = frame_loop(frame),
					     .http = probe->http,
					     .credentials = get_keys };
	(void)aws_endpoint_init(&probe->autoscaling, AWS_AUTOSCALING, "us-east-1", "amazonaws.com",
				probe->conf->autoscaling_url);
	const struct drain_options options = { .loop = frame_loop(frame),
					       .imds = probe->imds,
					       .interval_ms = INTERVAL_MS,
					       .hook = probe->conf->hook,
					       .group = probe->conf->group,
					       .access = get_access,
					       .on_drain = on_drain,
					       .on_gone = on_gone,
					       .data = probe };

	probe->drain = drain_new(&options, err);
	if (!probe->drain) {
		probe->conf = NULL;
		stop(probe);
		return NULL;
	}
	frame_ready(frame, "probe");
	return probe;
}

static int reload(void *state, void *config, struct err *err)
{
	(void)state;
	(void)config;
	return err_set(err, -1, "not in this probe");
}

static int64_t begin_stop(void *state)
{
	const struct probe *probe = state;

	return drain_begin_stop(probe->drain);
}

static void put_carried(const struct probe *probe, struct control_out *out)
{
	char names[TEXT_MAX], *rest = names, *name;

	memcpy(names, probe->carried, sizeof(names));
	control_array(out, "carried");
	while ((name = strsep(&rest, ",")))
		if (*name)
			control_string(out, NULL, name);
	control_end(out);
}

static int run_status(const struct control_args *args, struct control_out *out, void *data,
		      struct err *err)
{
	const struct probe *probe = frame_state(data);

	(void)args;
	(void)err;
	control_string(out, "program", "drainprobe");
	drain_status(probe->drain, out);
	return 0;
}

static int run_drain(const struct control_args *args, struct control_out *out, void *data,
		     struct err *err)
{
	const struct probe *probe = frame_state(data);
	int rc = drain_run_command(probe->drain, args, out, err);

	put_carried(probe, out);
	return rc;
}

static int run_carry(const struct control_args *args, struct control_out *out, void *data,
		     struct err *err)
{
	struct probe *probe = frame_state(data);
	const char *what = control_arg(args, "what");

	(void)out;
	(void)err;
	snprintf(probe->carried, sizeof(probe->carried), "%s", what ? what : "");
	drain_set_done(probe->drain, !probe->carried[0]);
	return 0;
}

static const struct control_command commands[] = { { "status", 0, run_status },
						   { "drain", 0, run_drain },
						   { "carry", 0, run_carry },
						   { NULL, 0, NULL } };

int main(int argc, char *argv[])
{
	static const struct frame_spec spec = {
		.program = "drainprobe",
		.summary = "Drains.",
		.config_path = "",
		.socket_path = "",
		.table = &table,
		.commands = commands,
		.check = check,
		.check_platform = check_platform,
		.start = start,
		.reload = reload,
		.begin_stop = begin_stop,
		.stop = stop,
	};

	return frame_main(&spec, argc, argv);
}
