// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The file with what is remembered, without its sum: what was read is written, read again, and then written as before. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "natlog/book.h"

#include "fuzz.h"

enum { MOST = 1000 };

static const char boot[] = "01234567-89ab-cdef-0123-456789abcdef";

static size_t save(const struct book *book, uint8_t **ret)
{
	CLEANUP(cleanup_fd) int fd = memfd_create("book", MFD_CLOEXEC);
	off_t size;

	if (fd < 0 || book_save(book, boot, fd))
		abort();
	size = lseek(fd, 0, SEEK_END);
	*ret = malloc((size_t)size);
	if (!*ret || pread(fd, *ret, (size_t)size, 0) != size)
		abort();
	return (size_t)size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = NULL;
	struct book_file file = { data, size, boot, MOST };
	struct book *book, *again;
	struct err err;

	if (book_parse(&file, &book, &err))
		return 0;
	file.n = save(book, &bytes);
	file.bytes = bytes;
	if (book_load(&file, &again, &err) || book_count(again) != book_count(book) ||
	    book_who_count(again) > book_who_count(book))
		abort();
	book_look_begin(book);
	if (book_look_end(book) != 0 || book_count(book) != book_count_blocks(book) ||
	    book_count_blocks(book) != book_count_blocks(again))
		abort();
	book_forget_blocks(book);
	if (book_count(book) != 0 || book_count_blocks(book) != 0)
		abort();
	book_free(book);
	book_free(again);
	free(bytes);
	return 0;
}
