// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/frame.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "base/options.h"
#include "base/sd.h"
#include "control/control.h"
#include "daemon/serving.h"

enum { NOTICE_AGAIN_MS = 100, STOP_SPARE_MS = 5000 };

struct options {
	const char *config, *control, *log_level;
	bool check_config, dump_config, cleanup, stay, version, help, help_config, help_metrics;
	bool config_is_usual; /* nobody named a file */
};

static const struct option_row option_rows[] = {
	{ "config", "FILE", offsetof(struct options, config), "configuration file" },
	{ "control", "PATH", offsetof(struct options, control), "control socket" },
	{ "log-level", "LEVEL", offsetof(struct options, log_level),
	  "error, warning, info or debug" },
	{ "check-config", NULL, offsetof(struct options, check_config),
	  "check the configuration and exit (3: it has an error)" },
	{ "dump-config", NULL, offsetof(struct options, dump_config),
	  "print the configuration with all defaults and exit" },
	{ "cleanup", NULL, offsetof(struct options, cleanup),
	  "remove everything that this daemon made in the kernel and exit" },
	{ "stay", NULL, offsetof(struct options, stay),
	  "after --cleanup, don't exit before SIGTERM" },
	{ "version", NULL, offsetof(struct options, version), "print the version and exit" },
	{ "help", NULL, offsetof(struct options, help), "print this and exit" },
	{ "help-config", NULL, offsetof(struct options, help_config),
	  "print the keys of the configuration file and exit" },
	{ "help-metrics", NULL, offsetof(struct options, help_metrics),
	  "print the names of the metrics and exit" },
};
static const struct option_table option_table = { option_rows, ARRAY_SIZE(option_rows) };

struct frame {
	const struct frame_spec *spec;
	struct options options;
	struct loop *loop;
	struct control_server *server;
	struct serving serving;
	struct loop_signal *signals[3];
	struct loop_timer *watchdog;
	struct loop_timer *end; /* of the time that the daemon wants for stopping */
	bool stopping;
	struct {
		const char *first; /* "READY=1\n" and the like, "" for none */
		char status[ERR_TEXT_MAX];
		struct loop_timer *again;
	} notice; /* what the supervisor is to know */
	void *state;
	bool ready;
	struct mono loaded_at;
	struct err last_error;
};

struct loop *frame_loop(const struct frame *frame)
{
	return frame->loop;
}

const struct frame_spec *frame_spec(const struct frame *frame)
{
	return frame->spec;
}

void *frame_state(const struct frame *frame)
{
	return frame->state;
}

struct frame_config_info frame_config_info(const struct frame *frame)
{
	return (struct frame_config_info){
		.path = frame->options.config,
		.loaded_seconds_ago = mono_diff_ms(mono_now(), frame->loaded_at) / 1000,
		.last_error = frame->last_error.text,
		.last_error_id = frame->last_error.text[0] ?
					 err_id(&frame->last_error, MSG_RELOAD_REFUSED) :
					 MESSAGE_NONE,
	};
}

/* Nobody may be listening, and nothing depends on it; but who doesn't read now may do so later. */
static void send_notice(void *data)
{
	struct frame *frame = data;
	char text[sizeof(frame->notice.status) + 64];

	snprintf(text, sizeof(text), "%sSTATUS=%s", frame->notice.first, frame->notice.status);
	if (sd_notify_send(text) == -EAGAIN)
		loop_timer_arm_ms(frame->notice.again, NOTICE_AGAIN_MS);
	else
		frame->notice.first = "";
}

/* `first` stays due until it was told. */
static void notify(struct frame *frame, const char *first, const char *status)
{
	if (first[0] && !frame->stopping) /* READY=1 would take STOPPING=1 back */
		frame->notice.first = first;
	snprintf(frame->notice.status, sizeof(frame->notice.status), "%s", status);
	send_notice(frame);
}

void frame_ready(struct frame *frame, const char *status)
{
	notify(frame, frame->ready ? "" : "READY=1\n", status);
	if (!frame->ready)
		log_info("main", "ready: %s", status);
	frame->ready = true;
}

bool frame_is_ready(const struct frame *frame)
{
	return frame->ready;
}

void frame_status(struct frame *frame, const char *status)
{
	notify(frame, "", status);
}

/* A new configuration object, read and checked; NULL with the reason. */
static void *load(const struct frame_spec *spec, const char *path, struct err *err)
{
	void *config = malloc(spec->table->size);

	if (!config) {
		err_set(err, -ENOMEM, "configuration: out of memory");
		return NULL;
	}
	if (config_load(spec->table, path, config, err)) {
		free(config);
		return NULL;
	}
	if ((spec->complete && spec->complete(config, err)) || spec->check(config, err)) {
		config_done(spec->table, config);
		free(config);
		err_prefix(err, 0, "%s", path);
		return NULL;
	}
	return config;
}

/*
 * A package may be removed when its configuration is gone, or never was. What is ours in the kernel is known by names and
 * numbers that the configuration can change, but hardly ever does. NULL: there is a file, or no memory.
 */
static void *load_nothing(const struct frame_spec *spec, const struct options *options)
{
	void *config;

	if (!options->cleanup || !options->config_is_usual || access(options->config, F_OK) == 0)
		return NULL;
	config = malloc(spec->table->size);
	if (config && config_parse(spec->table, "{}", 2, config, NULL)) {
		free(config);
		return NULL;
	}
	log_info("cleanup", "there is no %s: what is ours is known by the defaults",
		 options->config);
	return config;
}

static void unload(const struct frame_spec *spec, void *config)
{
	if (!config)
		return;
	config_done(spec->table, config);
	free(config);
}

static void reload_requested(int signal_number, void *data)
{
	struct frame *frame = data;
	struct err err = ERR_NULL;
	char cause[MESSAGE_TEXT_MAX];
	void *config;

	(void)signal_number;
	if (frame->stopping)
		return;
	notify(frame, "RELOADING=1\n", "reloading the configuration");
	config = load(frame->spec, frame->options.config, &err);
	if (config && (serving_prepare(&frame->serving, frame, config, &err) ||
		       frame->spec->reload(frame->state, config, &err))) {
		unload(frame->spec, config);
		config = NULL;
	}
	serving_settle(&frame->serving, config);
	frame->last_error = err;
	if (config) {
		frame->last_error = ERR_NULL;
		frame->loaded_at = mono_now();
		log_info("config", "%s loaded", frame->options.config);
	} else {
		log_warning(MSG_RELOAD_REFUSED, "config", "%s%s; keeping the old configuration",
			    err.text, message_cite(err.id, cause));
	}
	notify(frame, "READY=1\n", config ? "running" : "running with the old configuration");
}

void frame_stop(struct frame *frame)
{
	loop_stop(frame->loop);
}

static void end_expired(void *data)
{
	log_warning(MSG_STOP_OVERDUE, "main",
		    "stopping without having handed over everything: the time is up");
	frame_stop(data);
}

/* systemd's own limit (TimeoutStopSec) begins anew, so that it ends after ours, whatever it is. */
static void tell_stopping(struct frame *frame, int64_t wait_ms)
{
	char text[96] = "STOPPING=1";

	frame->notice.first = "";
	if (wait_ms > 0)
		snprintf(text, sizeof(text),
			 "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld\nSTATUS=handing over",
			 ((long long)wait_ms + STOP_SPARE_MS) * 1000);
	(void)sd_notify_send(text);
}

static void stop_requested(int signal_number, void *data)
{
	struct frame *frame = data;
	const bool is_second = frame->stopping;
	int64_t wait_ms = 0;

	frame->stopping = true;
	if (!is_second && frame->spec->begin_stop)
		wait_ms = frame->spec->begin_stop(frame->state);
	if (!is_second)
		tell_stopping(frame, wait_ms);
	if (wait_ms > 0 && loop_timer_arm_ms(frame->end, wait_ms) == 0) {
		log_info("main",
			 "stopping: signal %d; handing over first, for %lld s at most or until a "
			 "second signal",
			 signal_number, (long long)wait_ms / 1000);
		return;
	}
	log_info("main", "stopping: signal %d; what is in the kernel stays", signal_number);
	frame_stop(frame);
}

static void watchdog_expired(void *data)
{
	struct frame *frame = data;

	/* The loop has just completed a pass, and that is all that the watchdog asks. */
	(void)sd_notify_send("WATCHDOG=1");
	loop_timer_arm_ms(frame->watchdog, sd_watchdog_interval_ms());
}

static int frame_open(struct frame *frame, struct err *err)
{
	frame->loop = loop_new();
	if (!frame->loop)
		return err_set(err, -ENOMEM, "event loop: out of memory");
	frame->signals[0] = loop_signal_new(frame->loop, SIGTERM, stop_requested, frame);
	frame->signals[1] = loop_signal_new(frame->loop, SIGINT, stop_requested, frame);
	frame->signals[2] = loop_signal_new(frame->loop, SIGHUP, reload_requested, frame);
	frame->watchdog = loop_timer_new(frame->loop, watchdog_expired, frame);
	frame->notice.again = loop_timer_new(frame->loop, send_notice, frame);
	frame->end = loop_timer_new(frame->loop, end_expired, frame);
	if (!frame->signals[0] || !frame->signals[1] || !frame->signals[2] || !frame->watchdog ||
	    !frame->notice.again || !frame->end)
		return err_set(err, -ENOMEM, "event loop: out of memory");
	if (sd_watchdog_interval_ms())
		loop_timer_arm_ms(frame->watchdog, 0);
	return 0;
}

static void frame_close(struct frame *frame)
{
	control_server_free(frame->server);
	serving_done(&frame->serving);
	if (frame->state)
		frame->spec->stop(frame->state);
	for (size_t i = 0; i < ARRAY_SIZE(frame->signals); i++)
		loop_signal_free(frame->signals[i]);
	loop_timer_free(frame->watchdog);
	loop_timer_free(frame->notice.again);
	loop_timer_free(frame->end);
	loop_free(frame->loop);
}

static int fail(enum exit_code code, const char *subsystem, const struct err *err)
{
	static const int ids[] = { [EXIT_RUNTIME] = MSG_START_FAILED,
				   [EXIT_CONFIG] = MSG_CONFIG_CONTRADICTS,
				   [EXIT_PLATFORM] = MSG_PLATFORM };

	log_error(err_id(err, ids[code]), subsystem, "%s", err->text);
	return code;
}

/* The control socket comes before the work: two daemons of one kind on one host would fight. */
static int run(struct frame *frame, void *config)
{
	const struct frame_spec *spec = frame->spec;
	struct err err = ERR_NULL;
	bool failed;

	frame->loaded_at = mono_now();
	if (frame_open(frame, &err)) {
		unload(spec, config);
		return fail(EXIT_RUNTIME, "main", &err);
	}
	frame->server = control_server_new(frame->loop, frame->options.control, spec->commands,
					   frame, &err);
	if (frame->server && serving_begin(&frame->serving, frame, config, &err) == 0)
		frame->state = spec->start(frame, config, &err);
	if (!frame->state) {
		unload(spec, config);
		return fail(EXIT_RUNTIME, frame->server ? "main" : "control", &err);
	}
	failed = loop_run(frame->loop) != 0;
	loop_hold_signals();
	if (failed) {
		err_set(&err, 0, "event loop failed");
		return fail(EXIT_RUNTIME, "main", &err);
	}
	return EXIT_OK;
}

static void print_help(const struct frame_spec *spec)
{
	printf("usage: %s [OPTION...]\n%s\n\nOptions:\n", spec->program, spec->summary);
	options_help(&option_table, stdout);
	printf("\nDefaults: --config %s --control %s --log-level info\n"
	       "SIGHUP reloads the configuration; on any error the old one stays.\n"
	       "Exit codes: 0 done, 1 failed while running, 2 wrong options, 3 wrong configuration,\n"
	       "4 missing privilege or kernel feature.\n",
	       spec->config_path, spec->socket_path);
}

/* Options that answer and exit without a configuration. -1: none was given. */
static int answer_early(const struct frame_spec *spec, const struct options *options)
{
	if (options->help)
		print_help(spec);
	else if (options->version)
		printf("%s %s\n", spec->program, EIPGW_VERSION);
	else if (options->help_config)
		config_help(spec->table, stdout);
	else if (options->help_metrics)
		serving_list(spec, stdout);
	else
		return -1;
	return EXIT_OK;
}

static int parse(const struct frame_spec *spec, int argc, char *argv[], struct options *options,
		 struct err *err)
{
	enum log_level level;
	int rest = options_parse(&option_table, argc, argv, options, err);

	if (rest < 0)
		return rest;
	if (rest < argc)
		return err_set(err, -EINVAL, "unexpected argument '%s'", argv[rest]);
	if (options->log_level && log_level_parse(options->log_level, &level))
		return err_set(err, -EINVAL,
			       "--log-level: '%s' is none of error, warning, info, debug",
			       options->log_level);
	if (options->log_level)
		log_level_set(level);
	if (options->stay && !options->cleanup)
		return err_set(err, -EINVAL, "--stay is for --cleanup");
	options->config_is_usual = !options->config;
	if (options->config_is_usual)
		options->config = config_choose(spec->config_path, spec->other_config_path);
	if (!options->control)
		options->control = spec->socket_path;
	return 0;
}

static void parting(int signal_number, void *data)
{
	(void)signal_number;
	loop_stop(data);
}

/* A DaemonSet restarts what exits, and tells by the ready ones on how many nodes it is done. */
static int stay(void)
{
	struct loop *loop = loop_new();
	struct loop_signal *signals[2] = { NULL };
	int rc = -ENOMEM;

	if (loop) {
		signals[0] = loop_signal_new(loop, SIGTERM, parting, loop);
		signals[1] = loop_signal_new(loop, SIGINT, parting, loop);
	}
	if (signals[0] && signals[1])
		rc = loop_run(loop);
	loop_signal_free(signals[0]);
	loop_signal_free(signals[1]);
	loop_free(loop);
	return rc;
}

/* --check-config, --dump-config and --cleanup: with a configuration, without a loop. -1: none given. */
static int answer_with_config(const struct frame_spec *spec, const struct options *options,
			      void *config)
{
	struct err err = ERR_NULL;

	if (options->dump_config)
		return config_dump(spec->table, config, stdout) ? EXIT_RUNTIME : EXIT_OK;
	if (options->check_config) {
		printf("%s: no error found\n", options->config);
		return EXIT_OK;
	}
	if (!options->cleanup)
		return -1;
	if (spec->check_platform(&err))
		return fail(EXIT_PLATFORM, "main", &err);
	if (spec->cleanup(config, &err) && err_mark(&err, MSG_CLEANUP_FAILED, 1))
		return fail(EXIT_RUNTIME, "cleanup", &err);
	log_info("cleanup", "nothing of %s is left in the kernel", spec->program);
	if (options->stay && stay()) {
		err_set(&err, 0, "event loop failed");
		return fail(EXIT_RUNTIME, "main", &err);
	}
	return EXIT_OK;
}

/*
 * Left to itself, glibc takes large arrays from the heap once one was freed; what stands behind them then keeps their
 * memory from going back. A hundred thousand pods and one whole run left 7 MB.
 */
static void keep_heap_small(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

int frame_main(const struct frame_spec *spec, int argc, char *argv[])
{
	struct frame frame = { .spec = spec, .notice.first = "" };
	struct err err = ERR_NULL;
	void *config;
	int code;

	if (parse(spec, argc, argv, &frame.options, &err)) {
		fprintf(stderr, "%s: %s\nTry '%s --help'.\n", spec->program, err.text,
			spec->program);
		return EXIT_USAGE;
	}
	code = answer_early(spec, &frame.options);
	if (code >= 0)
		return code;
	config = load_nothing(spec, &frame.options);
	if (!config)
		config = load(spec, frame.options.config, &err);
	if (!config)
		return fail(EXIT_CONFIG, "config", &err);
	code = answer_with_config(spec, &frame.options, config);
	if (code >= 0) {
		unload(spec, config);
		return code;
	}
	log_info("main", "%s %s starts, configuration %s", spec->program, EIPGW_VERSION,
		 frame.options.config);
	if (spec->check_platform(&err)) {
		unload(spec, config);
		return fail(EXIT_PLATFORM, "main", &err);
	}
	keep_heap_small();
	code = run(&frame, config);
	frame_close(&frame);
	return code;
}
