// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// labtool --listen-fd FD [--lifeline FD]: serves commands on an inherited listening socket (the lab
// opened it, so that it can connect at once) until SIGTERM, the command "quit", or the end of the
// lifeline, a pipe whose other end the lab holds: however the lab dies, its helpers go with it.
#include "labtool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void cmd_ping(struct ticket ticket, json_t *args)
{
	(void)args;
	answer(ticket, json_pack("{s:i}", "pid", (int)getpid()));
}

static void cmd_quit(struct ticket ticket, json_t *args)
{
	(void)args;
	answer(ticket, NULL);
	loop_stop();
}

static const struct command commands[] = {
	{ "ping", cmd_ping },
	{ "quit", cmd_quit },
	{ "serve", cmd_serve },
	{ "probe", cmd_probe },
	{ "flow_start", cmd_flow_start },
	{ "flow_stat", cmd_flow_stat },
	{ "flow_stop", cmd_flow_stop },
	{ "raw", cmd_raw },
	{ "igw_load", cmd_igw_load },
	{ "igw_map", cmd_igw_map },
	{ "igw_unmap", cmd_igw_unmap },
	{ "igw_counts", cmd_igw_counts },
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void lifeline_ready(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events;
	loop_stop(); /* nobody writes to it: readable means closed */
}

int main(int argc, char **argv)
{
	static struct watch lifeline = { .fd = -1, .on_ready = lifeline_ready };
	int listen_fd = -1;
	int error;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--listen-fd"))
			listen_fd = (int)strtol(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--lifeline"))
			lifeline.fd = (int)strtol(argv[i + 1], NULL, 10);
	}
	if (listen_fd < 0) {
		fprintf(stderr, "usage: labtool --listen-fd FD [--lifeline FD]\n");
		return 2;
	}
	error = control_serve(listen_fd);
	if (!error && lifeline.fd >= 0)
		error = watch_add(&lifeline, EPOLLIN);
	if (error) {
		fprintf(stderr, "labtool: %s\n", strerror(-error));
		return 1;
	}
	loop_run();
	return 0;
}
