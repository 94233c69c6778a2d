// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/way.h"

#include "natlog/file_way.h"
#include "natlog/remote.h"

const struct way_ops *const way_kinds[OUTPUT_COUNT] = {
	[OUTPUT_FILE] = &file_way,
	[OUTPUT_JOURNALD] = &remote_way,
	[OUTPUT_SYSLOG] = &remote_way,
	[OUTPUT_IPFIX] = &remote_way,
};
