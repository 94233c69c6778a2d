// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The socket file: made, replaced when it is stale, removed when it is still ours. */
#pragma once

#include <sys/types.h>
#include <sys/un.h>

struct err;

struct control_socket {
	int fd;
	struct sockaddr_un address; /* sun_path is NUL-terminated */
	dev_t device;               /* of the file that we made */
	ino_t inode;
};

#define CONTROL_SOCKET_NULL ((struct control_socket){ .fd = -1 })

/* 0 or -ENAMETOOLONG. */
int control_address(const char *path, struct sockaddr_un *ret, struct err *err);
/* A non-blocking listening socket at `path`; see control_server_new. */
int control_socket_listen(const char *path, struct control_socket *ret, struct err *err);
/* Closes, and removes the file unless another one stands there by now. */
void control_socket_done(struct control_socket *socket);
