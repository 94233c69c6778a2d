// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "control/peer.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEER_GROUPS_MAX 65536 /* NGROUPS_MAX of the kernel */

/* SO_PEERCRED has the primary group only; SO_PEERGROUPS (Linux 4.13) the others. */
static bool has_group(int fd, gid_t group)
{
	CLEANUP(cleanup_free) gid_t *groups = calloc(PEER_GROUPS_MAX, sizeof(*groups));
	socklen_t size = PEER_GROUPS_MAX * sizeof(*groups);

	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == group)
			return true;
	return false;
}

enum control_rights control_peer_rights(int fd, const char *path)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	struct stat file;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof(peer))
		return CONTROL_RIGHTS_NONE;
	if (peer.uid == 0 || peer.uid == geteuid())
		return CONTROL_RIGHTS_ALL;
	if (lstat(path, &file) < 0)
		return CONTROL_RIGHTS_NONE;
	if (peer.gid == file.st_gid || has_group(fd, file.st_gid))
		return CONTROL_RIGHTS_OPEN;
	return CONTROL_RIGHTS_NONE;
}
