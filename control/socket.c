// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "control/socket.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 16
#define SOCKET_MODE 0660
#define PARENT_MODE 0755

int control_address(const char *path, struct sockaddr_un *ret, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG,
			       "the path of the control socket must have 1 to %zu bytes",
			       sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, length + 1);
	*ret = address;
	return 0;
}

/*
 * The mode is set again because the umask of a daemon may be strict; others need to reach the
 * socket.
 */
static int make_directory(const char *path, struct err *err)
{
	if (mkdir(path, PARENT_MODE) == 0) {
		if (chmod(path, PARENT_MODE) == 0)
			return 0;
	} else if (errno == EEXIST) {
		return 0;
	}
	int r = -errno;
	return err_set(err, r, "%s: can't make the directory: %s", path, strerror(-r));
}

static int make_parents(const char *path, struct err *err)
{
	char parent[sizeof(((struct sockaddr_un *)0)->sun_path)];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t length = (size_t)(slash - path);

		memcpy(parent, path, length);
		parent[length] = '\0';
		int r = make_directory(parent, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* EAGAIN: the backlog of the one who listens is full, so somebody does listen. */
static int is_refused(const struct sockaddr_un *address)
{
	CLEANUP(cleanup_fd)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return 0;
	int r = -errno;
	return r == -ECONNREFUSED ? 1 : r == -EAGAIN ? 0 : r;
}

/*
 * Two servers that start at the same moment over the same stale file can both pass here, and the
 * later one wins the path. The supervisor runs each daemon once; this protects a person who starts
 * a second.
 */
static int remove_stale(const struct sockaddr_un *address, struct err *err)
{
	const char *path = address->sun_path;
	struct stat file;

	if (lstat(path, &file) < 0)
		return errno == ENOENT ? 0 : err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(file.st_mode))
		return err_mark(err, MSG_SOCKET_TAKEN,
				err_set(err, -EEXIST, "%s: exists and is not a socket", path));

	int r = is_refused(address);
	if (r == 0)
		return err_mark(err, MSG_SOCKET_TAKEN,
				err_set(err, -EADDRINUSE, "%s: another process answers there",
					path));
	if (r > 0 && unlink(path) < 0)
		r = -errno;
	if (r < 0 && r != -ENOENT)
		return err_set(err, r, "%s: can't replace the socket: %s", path, strerror(-r));
	return 0;
}

/*
 * The mode of the unbound socket is what bind(2) gives the file, so that it is never open to all.
 */
static int bind_and_listen(int fd, const struct sockaddr_un *address, struct stat *ret)
{
	if (fchmod(fd, SOCKET_MODE) < 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	if (chmod(address->sun_path, SOCKET_MODE) < 0 || lstat(address->sun_path, ret) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		int r = -errno;
		unlink(address->sun_path);
		return r;
	}
	return 0;
}

int control_socket_listen(const char *path, struct control_socket *ret, struct err *err)
{
	struct control_socket made = CONTROL_SOCKET_NULL;
	struct stat file = { .st_ino = 0 };

	int r = control_address(path, &made.address, err);
	if (r == 0)
		r = make_parents(path, err);
	if (r == 0)
		r = remove_stale(&made.address, err);
	if (r < 0)
		return r;

	CLEANUP(cleanup_fd)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -errno : bind_and_listen(fd, &made.address, &file);
	if (r < 0)
		return err_set(err, r, "%s: can't listen: %s", path, strerror(-r));

	made.device = file.st_dev;
	made.inode = file.st_ino;
	made.fd = TAKE_FD(fd);
	*ret = made;
	return 0;
}

void control_socket_done(struct control_socket *socket)
{
	struct stat file;

	if (socket->fd < 0)
		return;
	if (lstat(socket->address.sun_path, &file) == 0 && file.st_dev == socket->device &&
	    file.st_ino == socket->inode)
		unlink(socket->address.sun_path);
	close(socket->fd);
	*socket = CONTROL_SOCKET_NULL;
}
