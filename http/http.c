// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * libcurl says which sockets and which deadline it waits for, the loop reports them, and after each report
 * the finished transfers are taken out one by one. Only there, outside of libcurl, are callbacks called: so
 * they may start, cancel and free whatever they like. So it is with the parts of streamed answers, which are
 * collected during the pass and handed over after it, before their transfer's end.
 *
 * When the loop can't take a socket or a deadline (no memory), libcurl isn't told: its multi handle would be
 * dead for good. Instead all transfers end with that error after the pass, and the next ones may succeed.
 */
#include "http/http.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/memory.h"
#include "http/transfer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TRANSFERS_MAX 256
#define KEPT_CONNECTIONS_MAX 16L

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	struct http_transfer *first;
	size_t n;
	struct http_transfer
		*speaking; /* its on_data is being called; NULL too when it was cancelled there */
	int broken;        /* 0, or why the loop can't serve libcurl */
	bool in_pass;
	bool dying; /* http_free was called in a callback */
	bool library;
	struct mono woken;
};

static void link_transfer(struct http *http, struct http_transfer *transfer)
{
	transfer->http = http;
	transfer->next = http->first;
	transfer->link = &http->first;
	if (transfer->next)
		transfer->next->link = &transfer->next;
	http->first = transfer;
	http->n++;
}

/* After this libcurl has no message about it either. */
static void unlink_transfer(struct http_transfer *transfer)
{
	curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	*transfer->link = transfer->next;
	if (transfer->next)
		transfer->next->link = transfer->link;
	transfer->http->n--;
}

static void end_transfer(struct http_transfer *transfer, const struct http_response *response)
{
	transfer->done(response, transfer->data);
	transfer_free(transfer);
}

static void refuse(struct http_transfer *transfer, int rc)
{
	struct http_response response = {
		.rc = rc, .body = "", .content_type = "", .retry_after_ms = -1, .date_sec = -1
	};

	snprintf(response.error, sizeof(response.error), "the answer wasn't taken: %s",
		 strerror(rc < 0 ? -rc : EPROTO));
	unlink_transfer(transfer);
	end_transfer(transfer, &response);
}

static void hand_over(struct http *http, struct http_transfer *transfer)
{
	size_t n;
	char *const bytes = transfer_take_data(transfer, &n);

	http->speaking = transfer;
	const int rc = transfer->on_data(bytes, n, transfer->data);
	const bool is_alive = http->speaking == transfer;
	http->speaking = NULL;
	if (!is_alive) {
		transfer_free_data(bytes, n);
		return;
	}
	transfer_return_data(transfer, bytes, n);
	if (rc != 0 && !http->dying)
		refuse(transfer, rc);
}

/* From the start each time: the callbacks change the list. */
static void hand_over_all(struct http *http)
{
	struct http_transfer *transfer = http->first;

	while (transfer && !http->dying) {
		if (!transfer_has_data(transfer)) {
			transfer = transfer->next;
			continue;
		}
		hand_over(http, transfer);
		transfer = http->first;
	}
}

static void take_finished(struct http *http)
{
	struct http_response response;
	CURLMsg *message;
	int left;

	while (!http->dying && (message = curl_multi_info_read(http->multi, &left))) {
		const CURLcode code = message->data.result;
		struct http_transfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) !=
			    CURLE_OK)
			continue;
		unlink_transfer(transfer);
		transfer_report(transfer, code, &response);
		end_transfer(transfer, &response);
	}
}

/* Those that the callbacks start meanwhile stay: they come to stand before `first`. */
static void fail_all(struct http *http, int rc)
{
	struct http_response response = {
		.rc = rc, .body = "", .content_type = "", .retry_after_ms = -1, .date_sec = -1
	};
	size_t n = http->n;

	snprintf(response.error, sizeof(response.error), "the loop doesn't take the connection: %s",
		 strerror(-rc));
	while (!http->dying && n-- > 0 && http->first) {
		struct http_transfer *transfer = http->first;

		while (transfer->next)
			transfer = transfer->next; /* the oldest */
		unlink_transfer(transfer);
		end_transfer(transfer, &response);
	}
}

static void free_now(struct http *http)
{
	while (http->first) {
		struct http_transfer *const transfer = http->first;

		unlink_transfer(transfer);
		transfer_free(transfer);
	}
	if (http->multi)
		curl_multi_cleanup(http->multi);
	loop_timer_free(http->timer);
	if (http->library)
		memory_library_done();
	free(http);
}

void http_free(struct http *http)
{
	if (!http)
		return;
	if (!http->in_pass) {
		free_now(http);
		return;
	}
	http->dying = true;
}

static void cleanup_http(struct http **http)
{
	http_free(*http);
}

static void pass(struct http *http, curl_socket_t fd, int events)
{
	int running;

	http->woken = mono_now();
	http->in_pass = true;
	const CURLMcode code = curl_multi_socket_action(http->multi, fd, events, &running);
	hand_over_all(http);
	take_finished(http);
	if (code != CURLM_OK && http->broken == 0)
		http->broken = code == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO;
	if (http->broken != 0 && !http->dying) {
		const int rc = http->broken;

		http->broken = 0;
		fail_all(http, rc);
	}
	http->in_pass = false;
	if (http->dying)
		free_now(http);
}

static void socket_ready(int fd, unsigned events, void *data)
{
	pass(data, fd,
	     ((events & LOOP_READ) ? CURL_CSELECT_IN : 0) |
		     ((events & LOOP_WRITE) ? CURL_CSELECT_OUT : 0));
}

static void timer_expired(void *data)
{
	pass(data, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl's CURLMOPT_SOCKETFUNCTION; `per_socket` is our struct loop_io of this socket or NULL. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *per_socket)
{
	struct http *const http = data;
	struct loop_io *io = per_socket;
	unsigned events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		loop_io_free(io);
		curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= LOOP_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= LOOP_WRITE;
	if (io) {
		if (loop_io_set_events(io, events) < 0)
			http->broken = -EIO;
		return 0;
	}
	io = loop_io_new(http->loop, fd, events, socket_ready, http);
	if (!io)
		http->broken = -ENOMEM;
	else
		curl_multi_assign(http->multi, fd, io);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *data)
{
	struct http *const http = data;

	(void)multi;
	if (ms < 0)
		loop_timer_disarm(http->timer);
	else if (loop_timer_arm_ms(http->timer, ms) < 0)
		http->broken = -ENOMEM;
	return 0;
}

static bool set_multi(struct http *http)
{
	CURLM *const multi = http->multi;

	return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS_MAX) == CURLM_OK;
}

struct mono http_woken(const struct http *http)
{
	return http->woken;
}

struct http *http_new(struct loop *loop, struct err *err)
{
	CLEANUP(cleanup_http) struct http *http = calloc(1, sizeof(*http));

	if (!http) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	http->loop = loop;
	http->library = memory_library_init() == 0;
	http->timer = loop_timer_new(loop, timer_expired, http);
	if (http->library)
		http->multi = curl_multi_init();
	if (!http->timer || !http->multi || !set_multi(http)) {
		err_set(err, -ENOMEM, "libcurl can't be started");
		return NULL;
	}
	return TAKE_PTR(http);
}

static int add_transfer(struct http *http, struct http_transfer *transfer, struct err *err)
{
	const CURLMcode code = curl_multi_add_handle(http->multi, transfer->easy);

	if (code != CURLM_OK)
		return err_set(err, code == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO, "libcurl: %s",
			       curl_multi_strerror(code));
	link_transfer(http, transfer);
	if (http->broken == 0 || http->in_pass)
		return 0; /* of a pass its end takes care */
	unlink_transfer(transfer);
	http->broken = 0;
	return err_set(err, -ENOMEM, "out of memory");
}

int http_start_checked(struct http *http, const struct http_request *request,
		       struct http_transfer **ret, struct err *err)
{
	struct http_transfer *transfer = NULL;

	if (http->dying || http->n >= TRANSFERS_MAX)
		return err_set(err, -EBUSY, "more than %d requests at once", TRANSFERS_MAX);
	int r = transfer_new(request, &transfer, err);
	if (r < 0)
		return r;
	r = add_transfer(http, transfer, err);
	if (r < 0) {
		transfer_free(transfer);
		return r;
	}
	*ret = transfer;
	return 0;
}

struct http_transfer *http_start(struct http *http, const struct http_request *request,
				 http_done_fn done, void *data, struct err *err)
{
	struct http_transfer *transfer = NULL;

	if (http_start_checked(http, request, &transfer, err) < 0 || !transfer)
		return NULL;
	transfer->on_data = request->on_data;
	transfer->done = done;
	transfer->data = data;
	return transfer;
}

void http_cancel(struct http_transfer *transfer)
{
	if (!transfer)
		return;
	if (transfer->http->speaking == transfer)
		transfer->http->speaking = NULL;
	unlink_transfer(transfer);
	transfer_free(transfer);
}
