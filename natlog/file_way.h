// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Records into a file (file.h). */
#pragma once

#include "natlog/way.h"

extern const struct way_ops file_way;
