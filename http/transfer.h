// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside http/: one request as a curl easy handle, and what has come of its answer. */
#pragma once

#include <curl/curl.h>

#include "http/http.h"

struct http_transfer {
	struct http *http;
	struct http_transfer *next, **link; /* in the list of its http; link: whoever points here */
	CURL *easy;
	struct curl_slist *headers;
	char *body; /* of the answer; NULL: empty */
	size_t length, capacity;
	size_t body_max;
	size_t header_bytes;
	bool too_long;      /* the answer passed a ceiling */
	bool out_of_memory; /* while taking the answer */
	char error[CURL_ERROR_SIZE];
	http_done_fn done;
	void *data;
};

/* Ready to be added to a multi handle; in no list. -EINVAL, -ENOMEM, -ENOTSUP with the reason in `err`. */
int transfer_new(const struct http_request *request, struct http_transfer **ret, struct err *err);
/* It must be in no list and in no multi handle. What was secret is wiped. */
void transfer_free(struct http_transfer *transfer);
/* Fills what `code` and the answer so far amount to; pointers into the transfer. */
void transfer_report(struct http_transfer *transfer, CURLcode code, struct http_response *ret);

/* http_start with the reason as a number; `done` and `data` are set by the caller, at once. */
int http_start_checked(struct http *http, const struct http_request *request,
		       struct http_transfer **ret, struct err *err);
