// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A folder for a test's log, and what is in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "natlog/file.h"

struct log_folder {
	char path[64];
	struct log_file_options options; /* with a file in it that isn't there yet */
};

/* cmocka's set-up and tear-down, which removes all that is in it. */
int log_folder_set_up(void **state);
int log_folder_tear_down(void **state);
#define in_a_folder(f) cmocka_unit_test_setup_teardown(f, log_folder_set_up, log_folder_tear_down)

/* The text of the log with that ending ("", ".1", ".state"), to be freed; NULL: there is none. */
char *log_folder_text(const struct log_folder *folder, const char *ending);
bool log_folder_has(const struct log_folder *folder, const char *ending);
void log_folder_put(const struct log_folder *folder, const char *ending, const char *text);
