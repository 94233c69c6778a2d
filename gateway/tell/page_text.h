// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The status page as one document, which cmake/page.cmake makes of gateway/tell/page/. */
#pragma once

#include <stddef.h>

extern const char page_policy[]; /* Content-Security-Policy with the hashes of its script and style */
extern const unsigned char page_text[];
extern const size_t page_text_length;
