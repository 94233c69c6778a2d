// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside http/: a request becomes the options of its easy handle. */
#pragma once

struct err;
struct http_request;
struct http_transfer;

/* -EINVAL, -ENOMEM, or -ENOTSUP (this libcurl can't), with the reason in `err`. */
int options_apply(struct http_transfer *transfer, const struct http_request *request,
		  struct err *err);
