// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/imds_read.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>

struct imds_read {
	struct imds *imds;
	struct imds_get *get;
	struct imds_reading reading;
	imds_read_fn done;
	void *data;
};

static void free_read(struct imds_read *read)
{
	imds_reading_done(&read->reading);
	free(read);
}

static void end_read(struct imds_read *read, enum http_class class, const char *error)
{
	const struct imds_read_result result = {
		.class = class,
		.identity = class == HTTP_CLASS_OK ? &read->reading.identity : NULL,
		.error = error,
	};

	read->done(&result, read->data);
	free_read(read);
}

static void on_answer(const struct imds_answer *answer, void *data);

static int ask_next(struct imds_read *read, struct err *err)
{
	char path[IMDS_PATH_MAX];

	if (!imds_reading_next(&read->reading, path))
		return 1;
	read->get = imds_get(read->imds, path, on_answer, read, err);
	return read->get ? 0 : -ENOMEM;
}

/* Something required that isn't there is about to come or has just gone, with its interface. */
static enum http_class classify(const struct imds_read *read, int r)
{
	if (r == -ENOENT)
		return read->reading.one_interface ? HTTP_CLASS_NOT_FOUND : HTTP_CLASS_RETRY;
	return r == -ENOMEM ? HTTP_CLASS_RETRY : HTTP_CLASS_PERMANENT;
}

static void on_answer(const struct imds_answer *answer, void *data)
{
	struct imds_read *const read = data;
	struct err err = ERR_NULL;

	read->get = NULL;
	if (answer->class != HTTP_CLASS_OK && answer->class != HTTP_CLASS_NOT_FOUND) {
		end_read(read, answer->class, answer->error);
		return;
	}
	int r = imds_reading_take(&read->reading,
				  answer->class == HTTP_CLASS_OK ? answer->text : NULL, &err);
	if (r == 0)
		r = ask_next(read, &err);
	if (r > 0)
		end_read(read, HTTP_CLASS_OK, "");
	else if (r < 0)
		end_read(read, classify(read, r), err.text);
}

static struct imds_read *start(struct imds *imds, const char *mac, imds_read_fn done, void *data,
			       struct err *err)
{
	CLEANUP(cleanup_free) struct imds_read *read = calloc(1, sizeof(*read));

	if (!read) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	*read = (struct imds_read){ .imds = imds, .done = done, .data = data };
	const int r = imds_reading_init(&read->reading, mac);
	if (r < 0) {
		err_set(err, r, r == -ENOMEM ? "out of memory" : "not a MAC address");
		return NULL;
	}
	if (ask_next(read, err) < 0) {
		imds_reading_done(&read->reading);
		return NULL;
	}
	return TAKE_PTR(read);
}

struct imds_read *imds_read_identity(struct imds *imds, imds_read_fn done, void *data,
				     struct err *err)
{
	return start(imds, NULL, done, data, err);
}

struct imds_read *imds_read_interface(struct imds *imds, const char *mac, imds_read_fn done,
				      void *data, struct err *err)
{
	return start(imds, mac, done, data, err);
}

void imds_read_cancel(struct imds_read *read)
{
	if (!read)
		return;
	imds_cancel(read->get);
	free_read(read);
}
