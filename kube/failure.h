// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What an answer of the Kubernetes API that isn't the wanted one means. Pure. */
#pragma once

#include <stdint.h>

#include "http/retry.h"

struct http_response;
struct json_t;

/* What the class doesn't tell, and a list or a watch needs to know. */
enum kube_special {
	KUBE_SPECIAL_NONE,
	KUBE_SPECIAL_EXPIRED, /* 410: the version, or the page's token, is too old: list anew */
	KUBE_SPECIAL_TOO_NEW, /* this server hasn't come to the version yet, or never will: list anew */
	/* 403: a person must act, or the server has just started and hasn't read yet who may what (RBAC). */
	KUBE_SPECIAL_FORBIDDEN,
	KUBE_SPECIAL_COUNT
};

struct kube_failure {
	enum http_class class; /* HTTP_CLASS_OK: none */
	enum kube_special special;
	int rc;                 /* of the transport; 0: there was an answer */
	long status;            /* of HTTP, or what a Status object says; 0: no answer */
	char reason[64];        /* "Forbidden"; "" if the answer wasn't Kubernetes' */
	char text[512];         /* a sentence: what was asked, and what the server said */
	int64_t retry_after_ms; /* -1: not asked */
};

/* `what` begins the sentence: "GET /api/v1/pods". */
void kube_failure_read(const char *what, const struct http_response *response,
		       struct kube_failure *ret);
/* From a Status object, as the ERROR event of a watch has one. */
void kube_failure_read_status(const char *what, const struct json_t *json,
			      struct kube_failure *ret);
/* What it is in the words of message.h. */
int kube_failure_id(const struct kube_failure *failure);
void kube_failure_set(struct kube_failure *ret, const char *what, enum http_class class,
		      const char *text);
