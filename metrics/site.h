// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Serves a table of pages over HTTP on the loop, by libevent's evhttp, to whoever may reach the address: GET and HEAD of a known
 * path without a query, nothing else. A request has at most 4 KiB and no body, at most eight connections are open, each for
 * ten seconds at most and for one request; more wait in the kernel. What was written for one request is given to others for a
 * while, so that nobody keeps the loop busy by asking. Browsers are told to believe the type, to let nobody else read or frame
 * it, and to load only what the page's policy says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct err;
struct loop;
struct site;
struct site_text;

#define SITE_PAGES_MAX 8

struct site_page {
	const char *path, *type;
	const char *policy; /* Content-Security-Policy; NULL: nothing may be loaded or run */
	int64_t fresh_ms;   /* 0: written for each request */
	/* 0; -errno with the reason: the answer is 503. */
	int (*write)(struct site_text *text, const struct site_page *page, void *data,
		     struct err *err);
	const char *argument; /* for `write` */
};

struct site_options {
	struct ip4 address;
	uint16_t port;                 /* 0: any */
	const struct site_page *pages; /* outlive the site */
	size_t n_pages;                /* at most SITE_PAGES_MAX */
	const char *other;             /* said of other paths */
	/*
	 * Only who asks for localhost or for `address` by number is answered, at whatever port: a name that somebody else lets point here
	 * (DNS rebinding) isn't ours, and a port forward may begin anywhere.
	 */
	bool is_guarded;
	void *data; /* the site mustn't be freed from inside `write` */
};

/* NULL with the reason: the address isn't this host's, the port is taken. */
struct site *site_new(struct loop *loop, const struct site_options *options, struct err *err);
void site_free(struct site *site); /* NULL is fine */
uint16_t site_port(const struct site *site);

/* Adds to what is answered. 0 or -ENOMEM. */
int site_put(struct site_text *text, const void *bytes, size_t n);
