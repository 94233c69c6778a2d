// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/sd.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

/* "/path" or "@abstract"; the name of an abstract socket has no NUL at its end. */
static int parse_address(const char *text, struct sockaddr_un *ret, socklen_t *ret_length)
{
	const size_t length = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || text[1] == '\0')
		return -EINVAL;
	if (length >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, text, length);
	if (text[0] == '@')
		ret->sun_path[0] = '\0';
	*ret_length =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (text[0] == '/'));
	return 0;
}

int sd_notify_send(const char *state)
{
	const char *const text = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t address_length;

	if (!text || !text[0])
		return 0;
	const int r = parse_address(text, &address, &address_length);
	if (r < 0)
		return r;
	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		   (const struct sockaddr *)&address, address_length) < 0)
		return -errno;
	return 0;
}

/* A decimal number without sign or blanks; 0 when it is none or doesn't fit. */
static uint64_t parse_number(const char *text)
{
	uint64_t v = 0;

	if (!text || !text[0])
		return 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return 0;
	}
	return v;
}

int sd_watchdog_interval_ms(void)
{
	const uint64_t usec = parse_number(getenv("WATCHDOG_USEC"));
	const char *const pid = getenv("WATCHDOG_PID");

	if (usec == 0)
		return 0;
	/* The variables may be inherited from a parent whom they were meant for. */
	if (pid && parse_number(pid) != (uint64_t)getpid())
		return 0;
	const uint64_t ms = usec / 2000;
	if (ms == 0)
		return 1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
