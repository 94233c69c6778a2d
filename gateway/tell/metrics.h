// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the gateway serves as metrics (docs/METRICS.md). */
#pragma once

#include "daemon/frame.h"

extern const struct frame_metrics gateway_metrics;
