// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/aside.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* What ends the daemon isn't for us, and a kernel that waits until its sockets are read would wait for us. */
static void be_alone(const char *name)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)sigaction(signals[i], &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	(void)prctl(PR_SET_NAME, name);
	(void)close_range(STDERR_FILENO + 1, ~0u, 0);
}

pid_t aside_start(const char *name, int (*work)(const void *data), const void *data)
{
	sigset_t all, before;
	pid_t pid;

	/* Signals wait until the child has no handlers of ours any more. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		be_alone(name);
		_exit(-work(data) & 0xff);
	}
	pid = pid < 0 ? -errno : pid;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

bool aside_has_ended(pid_t pid, struct mono deadline, int *ret)
{
	const int64_t left = mono_diff_ms(deadline, mono_now());
	CLEANUP(cleanup_fd) int fd = left > 0 ? pidfd_open(pid, 0) : -1;
	struct pollfd end = { .fd = fd, .events = POLLIN };
	int status = 0;

	if (fd >= 0)
		(void)poll(&end, 1, (int)left);
	if (waitpid(pid, &status, WNOHANG) != pid)
		return false;
	*ret = WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	return true;
}
