// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Accepting. When there are as many clients as we want, or no descriptors are left, we stop to
 * listen for connections: epoll would report the same one again and again. The kernel's backlog
 * holds them until a client leaves; since it may not be us who ate the descriptors, a timer tries
 * again too.
 */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "control/client.h"
#include "control/control.h"
#include "control/peer.h"
#include "control/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ACCEPT_PAUSE_MS 1000

struct control_server {
	struct loop *loop;
	struct control_service service;
	struct control_socket socket;
	struct loop_io *io;
	struct loop_timer *pause;
	struct control_client *clients[CONTROL_CLIENTS_MAX];
	size_t n_clients;
};

static void resume(void *data)
{
	struct control_server *server = data;

	loop_timer_disarm(server->pause);
	/* Should this fail, the next client that leaves tries again. */
	loop_io_set_events(server->io, LOOP_READ);
}

static void remove_client(struct control_client *client, void *data)
{
	struct control_server *server = data;

	for (size_t i = 0; i < server->n_clients; i++) {
		if (server->clients[i] != client)
			continue;
		server->clients[i] = server->clients[--server->n_clients];
		break;
	}
	resume(server);
}

static void add_client(struct control_server *server, int fd)
{
	struct control_client_options options = {
		.loop = server->loop,
		.service = &server->service,
		.rights = control_peer_rights(fd, server->socket.address.sun_path),
		.on_gone = remove_client,
		.data = server,
	};
	struct control_client *client = control_client_new(&options, fd);

	if (client) {
		server->clients[server->n_clients++] = client;
		return;
	}
	log_debug("control", "client refused reason=\"out of memory\"");
	close(fd);
}

static void accept_ready(int fd, unsigned events, void *data)
{
	struct control_server *server = data;
	(void)events;

	while (server->n_clients < CONTROL_CLIENTS_MAX) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		int code = errno;

		if (client >= 0) {
			add_client(server, client);
			continue;
		}
		if (code == EAGAIN || code == EINTR || code == ECONNABORTED)
			return;
		log_debug("control", "accept pauses reason=\"%s\"", strerror(code));
		loop_timer_arm_ms(server->pause, ACCEPT_PAUSE_MS);
		break;
	}
	loop_io_set_events(server->io, 0);
}

static void cleanup_server(struct control_server **server)
{
	control_server_free(*server);
}

struct control_server *control_server_new(struct loop *loop, const char *path,
					  const struct control_command *commands, void *data,
					  struct err *err)
{
	CLEANUP(cleanup_server) struct control_server *server = calloc(1, sizeof(*server));

	if (!server) {
		err_set(err, -ENOMEM, "control: out of memory");
		return NULL;
	}
	server->loop = loop;
	server->service = (struct control_service){ .commands = commands, .data = data };
	server->socket = CONTROL_SOCKET_NULL;
	if (control_socket_listen(path, &server->socket, err) < 0)
		return NULL;

	server->io = loop_io_new(loop, server->socket.fd, LOOP_READ, accept_ready, server);
	server->pause = loop_timer_new(loop, resume, server);
	if (!server->io || !server->pause) {
		err_set(err, -ENOMEM, "control: out of memory");
		return NULL;
	}
	return TAKE_PTR(server);
}

void control_server_free(struct control_server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < server->n_clients; i++)
		control_client_free(server->clients[i]);
	loop_io_free(server->io);
	loop_timer_free(server->pause);
	control_socket_done(&server->socket);
	free(server);
}
