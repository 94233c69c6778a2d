// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ip.h>
#include <net/if.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "netlink/encode.h"
#include "netlink/rtnl.h"
#include "netlink/socket.h"

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

#define DEVICES "net/ipv4/conf/"

/* By what number netlink knows a parameter of each device; NULL-ended. */
static const struct devconf {
	const char *name;
	uint16_t number;
} devconf[] = {
	{ "rp_filter", IPV4_DEVCONF_RP_FILTER },
	{ "send_redirects", IPV4_DEVCONF_SEND_REDIRECTS },
	{ NULL, 0 },
};

/* What `key` says of which device; NULL: nothing that netlink could set. */
static const struct devconf *devconf_find(const char *key, int *ret_ifindex)
{
	const char *device = key + strlen(DEVICES), *name;
	char buf[IF_NAMESIZE];
	const struct devconf *row = devconf;
	size_t length;

	if (strncmp(key, DEVICES, strlen(DEVICES)) != 0)
		return NULL;
	length = strcspn(device, "/");
	if (length >= sizeof(buf) || device[length] != '/')
		return NULL;
	memcpy(buf, device, length);
	buf[length] = '\0';
	name = device + length + 1;
	while (row->name && strcmp(row->name, name) != 0)
		row++;
	*ret_ifindex = (int)if_nametoindex(buf); /* 0 for "all" and "default" */
	return row->name && *ret_ifindex ? row : NULL;
}

static int write_by_netlink(const char *key, const char *value)
{
	alignas(uint64_t) char buf[ENCODE_MAX];
	int ifindex, rc;
	const struct devconf *row = devconf_find(key, &ifindex);
	char *end;
	unsigned long number = strtoul(value, &end, 10);
	struct rtnl *rtnl;

	if (!row || *end || end == value)
		return -EROFS;
	rtnl = rtnl_open(NULL);
	if (!rtnl)
		return -EIO;
	rc = rtnl_request(rtnl, encode_inet_conf(buf, 0, ifindex, row->number, (uint32_t)number),
			  NULL);
	rtnl_close(rtnl);
	return rc;
}

int sysctl_write_checked(const char *key, const char *value, struct err *err)
{
	char present[SYSCTL_VALUE_MAX] = "";
	int rc = sysctl_read(key, present, sizeof(present));

	if (rc == 0 && strcmp(present, value) == 0)
		return 0;
	rc = write_value(key, value);
	if (rc == -EROFS)
		rc = write_by_netlink(key, value);
	if (rc < 0)
		return err_set(err, rc, "can't set %s to %s: %s", key, value, strerror(-rc));
	rc = sysctl_read(key, present, sizeof(present));
	if (rc < 0)
		return err_set(err, rc, "can't read %s back: %s", key, strerror(-rc));
	if (strcmp(present, value) != 0)
		return err_set(err, -EIO, "%s was set to %s and shows %s", key, value, present);
	return 0;
}
