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
	struct curl_slist *headers, *connect_to;
	char *body; /* of the answer, or what of it wasn't handed over yet; NULL: empty */
	size_t length, capacity;
	size_t body_max;
	size_t header_bytes;
	bool too_long;      /* the answer passed a ceiling */
	bool out_of_memory; /* while taking the answer */
	uint32_t mark;
	int mark_rc; /* why the socket has no mark */
	char error[CURL_ERROR_SIZE];
	http_data_fn on_data; /* NULL: the body is kept */
	http_done_fn done;
	void *data;
};

/* Ready to be added to a multi handle; in no list. -EINVAL, -ENOMEM, -ENOTSUP with the reason in `err`. */
int transfer_new(const struct http_request *request, struct http_transfer **ret, struct err *err);
/* It must be in no list and in no multi handle. What was secret is wiped. */
void transfer_free(struct http_transfer *transfer);
/* Something has come that is to be handed over, and wasn't yet. */
bool transfer_has_data(const struct http_transfer *transfer);
/*
 * Moves it out: *ret_n bytes, which are given back by transfer_return_data, or wiped and freed by transfer_free_data
 * if the transfer is gone by then.
 */
char *transfer_take_data(struct http_transfer *transfer, size_t *ret_n);
void transfer_return_data(struct http_transfer *transfer, char *bytes, size_t n);
void transfer_free_data(char *bytes, size_t n);
/* Fills what `code` and the answer so far amount to; pointers into the transfer. */
void transfer_report(struct http_transfer *transfer, CURLcode code, struct http_response *ret);

/* http_start with the reason as a number; `done` and `data` are set by the caller, at once. */
int http_start_checked(struct http *http, const struct http_request *request,
		       struct http_transfer **ret, struct err *err);
