// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "http/memory.h"

#include <curl/curl.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void wiping_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* A realloc that moves would leave the old bytes behind. */
static void *wiping_realloc(void *old, size_t size)
{
	if (!old)
		return malloc(size);
	if (size == 0) {
		wiping_free(old);
		return NULL;
	}
	const size_t room = malloc_usable_size(old);
	void *const p = malloc(size);
	if (!p)
		return NULL;
	memcpy(p, old, room < size ? room : size);
	wiping_free(old);
	return p;
}

int memory_library_init(void)
{
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc,
				    strdup, calloc) == CURLE_OK ?
		       0 :
		       -EIO;
}

void memory_library_done(void)
{
	curl_global_cleanup();
}
