// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is kept of one pod. There may be a hundred thousand, so it is one object of the size that it needs. */
#include "policy/inventory_internal.h"
#include "policy/uid.h"

#include <stdio.h>
#include <string.h>

static const char *tail(const struct entry *pod)
{
	return (const char *)&pod->next[pod->n_addresses];
}

const struct ip4 *entry_addresses(const struct entry *pod)
{
	return (const struct ip4 *)(const void *)tail(pod);
}

struct entry **entry_next(struct entry *pod, struct ip4 address)
{
	size_t i = 0;

	while (entry_addresses(pod)[i].v != address.v)
		i++;
	return &pod->next[i];
}

const struct ip6 *entry_addresses6(const struct entry *pod)
{
	return (const struct ip6 *)(entry_addresses(pod) + pod->n_addresses);
}

/* Packed, or text with its end. */
static const char *uid_bytes(const struct entry *pod)
{
	return (const char *)(entry_addresses6(pod) + pod->n_addresses6);
}

const char *entry_name(const struct entry *pod)
{
	const char *uid = uid_bytes(pod);

	return uid + (pod->uid_is_packed ? UID_BYTES : strlen(uid) + 1);
}

static const char *uid_text(const struct entry *pod, char buf[static UID_TEXT])
{
	return pod->uid_is_packed ? uid_format((const uint8_t *)uid_bytes(pod), buf) :
				    uid_bytes(pod);
}

void entry_uid(const struct entry *pod, char *ret, size_t size)
{
	char buf[UID_TEXT];

	snprintf(ret, size, "%s", uid_text(pod, buf));
}

bool entry_has_uid(const struct entry *pod, const char *uid)
{
	char buf[UID_TEXT];

	return !strcmp(uid_text(pod, buf), uid);
}

int entry_uid_compare(const struct entry *a, const struct entry *b)
{
	char buf_a[UID_TEXT], buf_b[UID_TEXT];

	return strcmp(uid_text(a, buf_a), uid_text(b, buf_b));
}

static enum inventory_state state_of(const struct inventory_pod *pod)
{
	if (pod->host_network)
		return INVENTORY_IS_HOST_NETWORK;
	if (pod->phase == INVENTORY_SUCCEEDED || pod->phase == INVENTORY_FAILED)
		return INVENTORY_IS_FINISHED;
	return pod->n_addresses || pod->n_addresses6 ? INVENTORY_COUNTS : INVENTORY_HAS_NO_ADDRESS;
}

static char *put_bytes(char *at, const void *bytes, size_t size)
{
	if (size)
		memcpy(at, bytes, size);
	return at + size;
}

static size_t size_of(size_t n_addresses, size_t tail_size)
{
	return sizeof(struct entry) + n_addresses * sizeof(struct entry *) + tail_size;
}

struct entry *entry_new(struct inventory *inventory, const struct inventory_pod *text)
{
	size_t size4 = text->n_addresses * sizeof(*text->addresses);
	size_t size6 = text->n_addresses6 * sizeof(*text->addresses6);
	uint8_t packed[UID_BYTES];
	bool is_packed = uid_pack(text->uid, packed);
	size_t name = strlen(text->name) + 1;
	size_t uid = is_packed ? sizeof(packed) : strlen(text->uid) + 1;
	size_t tail_size = size4 + size6 + uid + name;
	struct entry *pod = pool_get(&inventory->objects, size_of(text->n_addresses, tail_size));

	if (!pod)
		return NULL;
	pod->item.hash = entry_hash(text->namespace, text->name);
	pod->tail_size = (uint32_t)tail_size;
	pod->n_addresses = (uint8_t)text->n_addresses;
	pod->n_addresses6 = (uint8_t)text->n_addresses6;
	pod->state = (uint8_t)state_of(text);
	pod->terminating = text->terminating;
	pod->uid_is_packed = is_packed;
	pod->created_s = text->created_s;
	char *at = (char *)(uintptr_t)tail(pod);
	at = put_bytes(at, text->addresses, size4);
	at = put_bytes(at, text->addresses6, size6);
	at = put_bytes(at, is_packed ? (const char *)packed : text->uid, uid);
	put_bytes(at, text->name, name);
	pod->labels = labels_set(&inventory->pool, text->labels, text->n_labels);
	pod->node = labels_string(&inventory->pool, text->node ? text->node : "");
	return pod;
}

void entry_free(struct inventory *inventory, struct entry *pod)
{
	if (!pod)
		return;
	labels_set_put(&inventory->pool, pod->labels);
	labels_string_put(&inventory->pool, pod->node);
	pool_put(&inventory->objects, pod, size_of(pod->n_addresses, pod->tail_size));
}

bool entry_equal(const struct entry *a, const struct entry *b)
{
	return a->labels == b->labels && a->node == b->node && a->created_s == b->created_s &&
	       a->state == b->state && a->terminating == b->terminating &&
	       a->uid_is_packed == b->uid_is_packed && a->n_addresses == b->n_addresses &&
	       a->n_addresses6 == b->n_addresses6 && a->tail_size == b->tail_size &&
	       !memcmp(tail(a), tail(b), a->tail_size);
}
