// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The uid of a Kubernetes object is, by its API, text without a meaning. The API server makes UUIDs of it
 * ("0c4f1e2d-...", 36 characters, lower case), which go into 16 bytes; what is anything else stays text.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define UID_BYTES 16
#define UID_TEXT 37 /* with its end */

/* False, if formatting wouldn't give exactly this text. */
bool uid_pack(const char *text, uint8_t ret[static UID_BYTES]);
/* `buf` is returned. */
const char *uid_format(const uint8_t packed[static UID_BYTES], char buf[static UID_TEXT]);
