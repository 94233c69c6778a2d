// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * JSON objects of the Kubernetes API into plain structs and back, by tables. A table says which fields are wanted,
 * by their path, and where they go. What it doesn't know is passed over: the API grows. A field of the wrong type
 * is an error that names its place ("spec.selectors[2].podSelector").
 *
 * Texts are borrowed from the JSON: the struct is good for as long as that is kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct err;
struct json_t;

#define KUBE_JSON_DEPTH_MAX 128

enum kube_type {
	KUBE_TEXT,     /* const char *; NULL: absent */
	KUBE_BOOL,     /* bool */
	KUBE_I64,      /* int64_t */
	KUBE_IS_THERE, /* bool: it is there, and not null, whatever it is. Written as {}. */
	KUBE_ENUM,     /* int: index into `names`, whose first stands for absent */
	KUBE_ADDRESS,  /* struct kube_address */
	KUBE_IP4,      /* struct ip4; 0: absent */
	KUBE_TEXTS,    /* struct kube_texts */
	KUBE_PREFIXES, /* struct ip4_prefixes */
	KUBE_LABELS,   /* struct kube_labels: an object of texts */
	KUBE_LIST,     /* struct kube_list of structs that `sub` describes */
	KUBE_OBJECT,   /* the struct that `sub` describes, embedded */
};

/* An address as somebody wrote it; family is 0 where it's neither (then only the text is there). */
struct kube_address {
	const char *text;
	int family; /* 4, 6, 0 */
	struct ip4 v4;
	uint8_t v6[16];
};

struct kube_texts {
	const char **v;
	size_t n;
};

struct kube_label {
	const char *key, *value;
};

struct kube_labels { /* sorted by key, in bytes */
	struct kube_label *v;
	size_t n;
};

struct kube_list { /* the layout of every KUBE_LIST: struct { T *v; size_t n; } */
	void *v;
	size_t n;
};

enum kube_field_flags {
	KUBE_REQUIRED =
		1,     /* absent or "" is an error; an embedded object without it isn't written */
	KUBE_OPEN = 2, /* KUBE_ENUM: a word that isn't known is read as absent */
};

struct kube_table;

struct kube_field {
	const char *path; /* "spec/nodeName" */
	enum kube_type type;
	unsigned flags;
	size_t offset; /* in the struct of the table */
	size_t max;    /* texts: bytes; lists, texts, labels: items. 0: 1024 bytes, 65536 items */
	const char *const *names; /* KUBE_ENUM: NULL-terminated */
	const struct kube_table *sub;
};

struct kube_table {
	size_t size; /* of the struct */
	const struct kube_field *fields;
	size_t n;
};

/*
 * -EPROTO: no JSON object, a key twice, nested deeper than KUBE_JSON_DEPTH_MAX; -ENOMEM. The value is freed by
 * kube_json_free.
 */
int kube_json_parse(const char *text, size_t length, struct json_t **ret, struct err *err);
void kube_json_free(struct json_t *json);
/* The text at "metadata/name", or NULL. */
const char *kube_json_text(const struct json_t *json, const char *path);
const struct json_t *kube_json_get(const struct json_t *json, const char *path);

/* 0; -EPROTO (wrong type or value), -EMSGSIZE (a ceiling), -ENOMEM; then nothing is owned by `ret`. */
int kube_json_read(const struct kube_table *table, const struct json_t *json, void *ret,
		   struct err *err);
/* Frees the lists, and zeroes the struct. */
void kube_json_done(const struct kube_table *table, void *value);
/* The struct as JSON, nested where paths have slashes; NULL: no memory. */
struct json_t *kube_json_make(const struct kube_table *table, const void *value);
/* Its text, without blanks and with sorted keys, freed by free(); NULL: no memory. */
char *kube_json_print(const struct json_t *json);

/* Some field of the table begins with SECTION/KEY, or with SECTION alone. */
bool kube_table_wants(const struct kube_table *table, const char *section, const char *key);
