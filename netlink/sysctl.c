// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

#define PATH_BYTES_MAX 256

static int key_path(const char *key, char path[static PATH_BYTES_MAX])
{
	int n = snprintf(path, PATH_BYTES_MAX, "%s%s", key[0] == '/' ? "" : "/proc/sys/", key);

	if (n < 0 || n >= PATH_BYTES_MAX || strstr(path, "/../"))
		return -EINVAL;
	return 0;
}

int sysctl_read(const char *path, char *buf, size_t size)
{
	char full[PATH_BYTES_MAX];
	CLEANUP(cleanup_fd) int fd = -1;
	ssize_t n;
	int rc = key_path(path, full);

	if (rc < 0)
		return rc;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -EOVERFLOW;
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		n--;
	buf[n] = '\0';
	for (char *at = buf; *at; at++) {
		if (*at == '\t')
			*at = ' ';
	}
	return 0;
}

static int write_value(const char *key, const char *value)
{
	char path[PATH_BYTES_MAX];
	CLEANUP(cleanup_fd) int fd = -1;
	size_t length = strlen(value);
	ssize_t n;
	int rc = key_path(key, path);

	if (rc < 0)
		return rc;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, value, length);
	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -EIO;
}

int sysctl_write_checked(const char *key, const char *value, struct err *err)
{
	char present[SYSCTL_VALUE_MAX] = "";
	int rc = sysctl_read(key, present, sizeof(present));

	if (rc == 0 && strcmp(present, value) == 0)
		return 0;
	rc = write_value(key, value);
	if (rc < 0)
		return err_set(err, rc, "can't set %s to %s: %s", key, value, strerror(-rc));
	rc = sysctl_read(key, present, sizeof(present));
	if (rc < 0)
		return err_set(err, rc, "can't read %s back: %s", key, strerror(-rc));
	if (strcmp(present, value) != 0)
		return err_set(err, -EIO, "%s was set to %s and shows %s", key, value, present);
	return 0;
}
