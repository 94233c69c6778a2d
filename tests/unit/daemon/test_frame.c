// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* How a daemon ends: a tiny one in a child process, with a supervisor's socket before it. */
#include "daemon/frame.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "base/mono.h"
#include "base/options.h"
#include "control/control.h"

#include "cmocka_all.h"

enum { DEADLINE_MS = 20000, LONG_MS = 60000, SHORT_MS = 300 };

struct conf {
	uint32_t wait_ms; /* for stopping */
};
static const struct config_key keys[] = { { .name = "wait_ms",
					    .type = CONFIG_U32,
					    .offset = offsetof(struct conf, wait_ms),
					    .max = LONG_MS,
					    .help = "ms" } };
static const struct config_table table = { sizeof(struct conf), keys, ARRAY_SIZE(keys) };

struct tiny {
	struct frame *frame;
	struct conf *conf;
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

static void *start(struct frame *frame, void *config, struct err *err)
{
	static struct tiny tiny;

	(void)err;
	tiny = (struct tiny){ frame, config };
	frame_ready(frame, "tiny");
	return &tiny;
}

static int reload(void *state, void *config, struct err *err)
{
	struct tiny *tiny = state;

	(void)err;
	free(tiny->conf);
	tiny->conf = config;
	return 0;
}

static int64_t begin_stop(void *state)
{
	const struct tiny *tiny = state;

	return tiny->conf->wait_ms;
}

static void stop(void *state)
{
	struct tiny *tiny = state;

	free(tiny->conf);
}

/* "done": what the daemon wanted time for is done. */
static int run_done(const struct control_args *args, struct control_out *out, void *data,
		    struct err *err)
{
	(void)args;
	(void)out;
	(void)err;
	frame_stop(data);
	return 0;
}

static int run_ping(const struct control_args *args, struct control_out *out, void *data,
		    struct err *err)
{
	(void)args;
	(void)out;
	(void)data;
	(void)err;
	return 0;
}

static const struct control_command commands[] = { { "done", 0, run_done },
						   { "ping", 0, run_ping },
						   { NULL, 0, NULL } };

struct world {
	char dir[32], config[64], control[64], notify[64];
	int fd; /* the supervisor's */
	pid_t pid;
};

static void write_config(const struct world *world, unsigned wait_ms)
{
	FILE *file = fopen(world->config, "we");

	assert_non_null(file);
	fprintf(file, "{\"wait_ms\": %u}\n", wait_ms);
	fclose(file);
}

/* The next notice of the daemon; "" at the deadline. */
static const char *hear(const struct world *world, int deadline_ms)
{
	static char text[512];
	struct pollfd waiting = { .fd = world->fd, .events = POLLIN };
	ssize_t n = 0;

	if (poll(&waiting, 1, deadline_ms) == 1)
		n = recv(world->fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void run_child(const struct world *world, bool can_wait)
{
	struct frame_spec spec = { .program = "tiny",
				   .table = &table,
				   .commands = commands,
				   .check = check,
				   .check_platform = check_platform,
				   .start = start,
				   .reload = reload,
				   .begin_stop = can_wait ? begin_stop : NULL,
				   .stop = stop };
	char *argv[] = { (char *)"tiny",      (char *)"--config",     (char *)world->config,
			 (char *)"--control", (char *)world->control, NULL };

	setenv("NOTIFY_SOCKET", world->notify, 1);
	exit(frame_main(&spec, ARRAY_SIZE(argv) - 1, argv));
}

static struct world begin(unsigned wait_ms, bool can_wait)
{
	struct world world = { .dir = "/tmp/eipgw-frame-XXXXXX" };
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_non_null(mkdtemp(world.dir));
	snprintf(world.config, sizeof(world.config), "%s/config", world.dir);
	snprintf(world.control, sizeof(world.control), "%s/control", world.dir);
	snprintf(world.notify, sizeof(world.notify), "%s/notify", world.dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world.notify);
	write_config(&world, wait_ms);
	world.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(world.fd >= 0);
	assert_int_equal(bind(world.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	fflush(NULL);
	world.pid = fork();
	assert_true(world.pid >= 0);
	if (world.pid == 0)
		run_child(&world, can_wait);
	assert_non_null(strstr(hear(&world, DEADLINE_MS), "READY=1"));
	return world;
}

/* It ends well, by itself. How long that took. */
static int64_t end(struct world *world)
{
	const struct mono began = mono_now();
	int status = -1;

	while (waitpid(world->pid, &status, WNOHANG) == 0) {
		if (mono_diff_ms(mono_now(), began) > DEADLINE_MS) {
			kill(world->pid, SIGKILL);
			fail_msg("the daemon doesn't end");
		}
		(void)hear(world, 10);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_OK);
	close(world->fd);
	assert_int_equal(unlink(world->config), 0);
	assert_int_equal(unlink(world->notify), 0);
	assert_int_equal(rmdir(world->dir), 0); /* the control socket is gone, too */
	return mono_diff_ms(mono_now(), began);
}

static void ask(const struct world *world, const char *command)
{
	struct control_reply *reply = NULL;

	assert_int_equal(control_call_sync(world->control, command, NULL, &reply, NULL), 0);
	control_reply_free(reply);
}

#define TELLS_65_S "STOPPING=1\nEXTEND_TIMEOUT_USEC=65000000\nSTATUS=handing over"

static void who_wants_no_time_stops_at_once(void **state)
{
	static const bool can_wait[] = { false, true };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(can_wait); i++) {
		struct world world = begin(can_wait[i] ? 0 : LONG_MS, can_wait[i]);

		kill(world.pid, SIGTERM);
		assert_string_equal(hear(&world, DEADLINE_MS), "STOPPING=1");
		end(&world);
	}
}

static void who_wants_time_is_stopped_when_it_is_done(void **state)
{
	struct world world = begin(LONG_MS, true);

	(void)state;
	kill(world.pid, SIGTERM);
	assert_string_equal(hear(&world, DEADLINE_MS), TELLS_65_S);
	ask(&world, "ping"); /* everything else goes on */
	ask(&world, "done");
	end(&world);
}

static void the_time_is_limited(void **state)
{
	struct world world = begin(SHORT_MS, true);
	const struct mono began = mono_now();

	(void)state;
	kill(world.pid, SIGTERM);
	assert_string_equal(hear(&world, DEADLINE_MS),
			    "STOPPING=1\nEXTEND_TIMEOUT_USEC=5300000\nSTATUS=handing over");
	end(&world);
	assert_true(mono_diff_ms(mono_now(), began) >= SHORT_MS);
}

static void a_second_signal_ends_the_waiting(void **state)
{
	static const int seconds[] = { SIGTERM, SIGINT };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		struct world world = begin(LONG_MS, true);

		kill(world.pid, SIGTERM);
		assert_string_equal(hear(&world, DEADLINE_MS), TELLS_65_S);
		kill(world.pid, seconds[i]);
		end(&world);
	}
}

static void a_reload_while_stopping_does_not_make_it_ready_again(void **state)
{
	struct world world = begin(LONG_MS, true);

	(void)state;
	kill(world.pid, SIGTERM);
	assert_string_equal(hear(&world, DEADLINE_MS), TELLS_65_S);
	write_config(&world, 0);
	kill(world.pid, SIGHUP);
	ask(&world, "ping");
	ask(&world, "done");
	assert_string_equal(hear(&world, 0), "");
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_wants_no_time_stops_at_once),
		cmocka_unit_test(who_wants_time_is_stopped_when_it_is_done),
		cmocka_unit_test(the_time_is_limited),
		cmocka_unit_test(a_second_signal_ends_the_waiting),
		cmocka_unit_test(a_reload_while_stopping_does_not_make_it_ready_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
