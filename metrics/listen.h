// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside metrics/ only: a listening TCP socket. */
#pragma once

#include <stdint.h>

#include "base/ip4.h"

struct err;

/* 0; -errno with the reason. Port 0: any. */
int listen_open(struct ip4 address, uint16_t port, int *ret, struct err *err);
uint16_t listen_port(int fd); /* 0: it has none */
