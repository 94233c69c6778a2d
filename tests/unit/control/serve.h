// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A control server in a child process with a loop of its own, and the plain socket calls that talk
 * to it. Its commands: "echo" (answers its arguments; for everybody with the group), "secret" (the
 * same, for the owner), "big" (an answer with `bytes` bytes in one string).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct served {
	pid_t pid;
	char dir[64];   /* a new directory; removed by serve_stop, with the socket's parent */
	char path[128]; /* DIR/run/eipgw/test.sock */
};

struct serve_options {
	int divisor;           /* timers run so many times faster; 0: 1 */
	int spare_descriptors; /* the server may open so many more; 0: no limit */
	mode_t umask;
};

void serve_start(struct served *served, const struct serve_options *options);
/* SIGTERM; fails the test unless the server frees itself, leaks nothing and removes its socket. */
void serve_stop(struct served *served);
/* SIGKILL: the socket stays behind. Then serve_again takes the same path, serve_stop ends it. */
void serve_kill(struct served *served);
void serve_again(struct served *served, const struct serve_options *options);
/* CPU time of the server so far. */
double serve_cpu_ms(const struct served *served);

int talk_open(const struct served *served);
void talk_send(int fd, const char *text);
/*
 * Reads one line within 5 s and returns it without its newline; NULL at the end. Valid until the
 * next call.
 */
const char *talk_line(int fd);
bool talk_is_silent(int fd, int ms); /* nothing to read for so long */
