// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * An answer (or a request) as JSON text that grows at its end. It is written straight to text
 * instead of a tree: a status of 100,000 pods would be a tree of 50 MB. What the commands call is
 * in control.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/control.h"

struct err;

/* A line that holds one open object, with a ceiling in bytes. NULL: out of memory. */
struct control_out *control_out_new(size_t max);
void control_out_free(struct control_out *out);
void cleanup_control_out(struct control_out **out);

/* Opens {"v":1,"ok":true,"result":{ for a command; control_out_finish closes it. */
struct control_out *control_out_new_answer(void);

/*
 * Closes what is open, adds the newline and gives the text, which stays owned by `out`; a second
 * call gives the same. A negative errno with a sentence when something failed on the way: -ENOMEM,
 * -E2BIG, -EINVAL.
 */
int control_out_finish(struct control_out *out, const char **ret_text, size_t *ret_length,
		       struct err *err);
