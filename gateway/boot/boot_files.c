// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/boot/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/sd.h"
#include "conf/user_data.h"

enum { MODE_ALL = 0644, MODE_GROUP = 0640 };

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		const ssize_t n = write(fd, text, length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

static int write_new(const char *path, unsigned mode, const char *text, size_t length)
{
	CLEANUP(cleanup_fd)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return -errno;
	/* Before there's anything in it that not all may read. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	int rc = write_all(fd, text, length);

	return !rc && fsync(fd) < 0 ? -errno : rc;
}

int boot_write(const char *directory, const char *name, const char *text, size_t length,
	       struct err *err)
{
	const unsigned mode = strcmp(name, BOOT_SECRET) == 0 ? MODE_GROUP : MODE_ALL;
	char path[BOOT_PATH_MAX + 32], fresh[BOOT_PATH_MAX + 40];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	int rc = write_new(fresh, mode, text, length);

	if (!rc && rename(fresh, path) < 0)
		rc = -errno;
	if (rc)
		unlink(fresh);
	return rc ? err_set(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}

int boot_write_configuration(const char *directory, const struct gateway_config *config,
			     struct err *err)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int rc = out ? config_dump(&gateway_config_table, config, out) : -ENOMEM;

	if (out && fclose(out) && !rc)
		rc = -ENOMEM;
	if (rc)
		return err_set(err, rc, "the configuration can't be written: out of memory");
	return boot_write(directory, BOOT_CONFIG, text, length, err);
}

void boot_tell_state(const char *directory, const char *text)
{
	static const char status[] = "STATUS=";
	const size_t skip = strlen(status);
	char line[ERR_TEXT_MAX + 16];
	const int n = snprintf(line, sizeof(line), "%s%.500s\n", status, text);

	(void)sd_notify_send(line);
	(void)boot_write(directory, BOOT_STATE, line + skip, (size_t)n - skip, NULL);
}

/* At most one byte more than is allowed, so that too much is seen. */
static ssize_t read_file(const char *path, char text[static USER_DATA_MAX + 1])
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n > 0 && length <= USER_DATA_MAX) {
		n = read(fd, text + length, USER_DATA_MAX + 1 - length);
		if (n < 0)
			return -errno;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

int boot_check(const char *path, struct err *err)
{
	static const struct user_data_instance some = {
		"i-0123456789abcdef0", "eth0", { 0x0a00000a }, "/run/eipgw/" BOOT_SECRET
	};
	char text[USER_DATA_MAX + 1];
	const ssize_t length = read_file(path, text);
	struct user_data data;

	if (length < 0)
		return err_set(err, (int)length, "%s: %s", path, strerror((int)-length));
	int rc = user_data_parse(text, (size_t)length, &data, err);
	if (rc)
		return err_prefix(err, rc, "%s", path);
	rc = user_data_complete(&data, &some, err);
	user_data_done(&data);
	return rc ? err_prefix(err, rc, "%s", path) : 0;
}
