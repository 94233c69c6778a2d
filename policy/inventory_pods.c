// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pods, their namespaces and their addresses. */
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/inventory_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_place(const struct table_item *item, const void *key)
{
	(void)item, (void)key;
	return true; /* what has the hash has the address */
}

struct place *place_find(const struct inventory *inventory, struct ip4 address)
{
	return (struct place *)table_find(&inventory->places, address.v, is_place, &address);
}

/* The address of a pod that counts has one. */
struct place *entry_place(const struct inventory *inventory, const struct entry *pod, size_t i)
{
	return place_find(inventory, entry_addresses(pod)[i]);
}

void place_touch(struct inventory *inventory, struct place *place)
{
	if (place->touched)
		return;
	place->touched = true;
	place->next_touched = inventory->touched;
	inventory->touched = place;
	inventory->n_touched++;
}

static struct place *place_get(struct inventory *inventory, struct ip4 address)
{
	struct place *place = place_find(inventory, address);

	if (place || table_reserve(&inventory->places, 1) < 0)
		return place;
	place = pool_get(&inventory->objects, sizeof(*place));
	if (!place)
		return NULL;
	place->item.hash = address.v;
	/* What was told of an address without a pod. */
	if (inventory->judge)
		place->class = judge_bare(inventory->judge, address);
	table_put(&inventory->places, &place->item);
	place_touch(inventory, place); /* so that it goes again if no pod has it */
	return place;
}

static bool wins(const struct entry *a, const struct entry *b)
{
	if (a->terminating != b->terminating)
		return b->terminating;
	if (a->created_s != b->created_s)
		return a->created_s > b->created_s;
	return entry_uid_compare(a, b) > 0;
}

const struct entry *place_owner(const struct place *place)
{
	const struct entry *owner = NULL;

	for (struct entry *p = place->pods; p; p = *entry_next(p, place_address(place)))
		if (!owner || wins(p, owner))
			owner = p;
	return owner;
}

static bool is_space(const struct table_item *item, const void *key)
{
	return !strcmp(((const struct space *)item)->name, key);
}

static struct space *space_find(const struct inventory *inventory, const char *name)
{
	return (struct space *)table_find(&inventory->spaces, table_hash(0, name, strlen(name)),
					  is_space, name);
}

static struct space *space_get(struct inventory *inventory, const char *name)
{
	struct space *space = space_find(inventory, name);

	if (space || table_reserve(&inventory->spaces, 1) < 0)
		return space;
	CLEANUP(cleanup_free) struct space *made = calloc(1, sizeof(*made));
	if (!made || !(made->name = labels_string(&inventory->pool, name)))
		return NULL;
	made->item.hash = table_hash(0, name, strlen(name));
	table_put(&inventory->spaces, &made->item);
	return TAKE_PTR(made);
}

/* Goes if it is neither known nor named by a pod. */
static void space_drop(struct inventory *inventory, struct space *space)
{
	if (space->labels || space->pods)
		return;
	table_remove(&inventory->spaces, &space->item);
	labels_string_put(&inventory->pool, space->name);
	free(space);
}

/* It is otherwise now, or its namespace is. */
static void note_ignored(struct inventory *inventory, const struct entry *pod)
{
	if (pod->state == INVENTORY_IS_HOST_NETWORK)
		inventory->other_ignored = true;
}

static void space_touch(struct inventory *inventory, struct space *space)
{
	for (struct entry *pod = space->pods; pod; pod = pod->after) {
		note_ignored(inventory, pod);
		inventory->touched6 |= pod->n_addresses6 > 0;
		for (size_t i = 0; pod->state == INVENTORY_COUNTS && i < pod->n_addresses; i++)
			place_touch(inventory, entry_place(inventory, pod, i));
	}
}

static void space_forget(struct inventory *inventory, struct space *space)
{
	labels_set_put(&inventory->pool, space->labels);
	labels_string_put(&inventory->pool, space->uid);
	space->labels = NULL;
	space->uid = NULL;
	inventory->n_known_spaces--;
	space_touch(inventory, space);
	space_drop(inventory, space);
}

static int check_object(const char *name, const char *uid, size_t n_labels, struct err *err)
{
	if (!name || !*name)
		return err_set(err, -EINVAL, "metadata.name: is empty");
	if (!uid || !*uid)
		return err_set(err, -EINVAL, "metadata.uid: is empty");
	if (n_labels > LABELS_MAX)
		return err_set(err, -EINVAL,
			       "metadata.labels: has %zu entries; at most %d are possible",
			       n_labels, LABELS_MAX);
	return 0;
}

int inventory_namespace_set(struct inventory *inventory, const struct inventory_namespace *text,
			    struct err *err)
{
	struct labels *pool = &inventory->pool;
	struct space *space;

	int r = check_object(text->name, text->uid, text->n_labels, err);
	if (r < 0)
		return r;
	space = space_find(inventory, text->name);
	if (space && space->uid && strcmp(space->uid, text->uid) != 0 &&
	    text->created_s < space->created_s)
		return 0;
	if ((!space || !space->labels) && inventory->n_known_spaces >= INVENTORY_NAMESPACES_MAX)
		return err_set(err, -ENOSPC, "more than %u namespaces", INVENTORY_NAMESPACES_MAX);

	const struct label_set *labels = labels_set(pool, text->labels, text->n_labels);
	const char *uid = labels_string(pool, text->uid);
	space = space_get(inventory, text->name);
	if (!labels || !uid || !space) {
		labels_set_put(pool, labels);
		labels_string_put(pool, uid);
		if (space)
			space_drop(inventory, space);
		return -ENOMEM;
	}
	inventory->n_known_spaces += !space->labels;
	if (labels != space->labels)
		space_touch(inventory, space);
	labels_set_put(pool, space->labels);
	labels_string_put(pool, space->uid);
	space->labels = labels;
	space->uid = uid;
	space->created_s = text->created_s;
	return 0;
}

void inventory_namespace_remove(struct inventory *inventory, const char *name, const char *uid)
{
	struct space *space = space_find(inventory, name);

	if (space && space->uid && !strcmp(space->uid, uid))
		space_forget(inventory, space);
}

struct pod_key {
	const char *space, *name;
};

static bool is_entry(const struct table_item *item, const void *data)
{
	const struct entry *pod = (const struct entry *)item;
	const struct pod_key *key = data;

	return !strcmp(entry_name(pod), key->name) && !strcmp(pod->space->name, key->space);
}

uint32_t entry_hash(const char *space, const char *name)
{
	return table_hash(table_hash(0, space, strlen(space) + 1), name, strlen(name));
}

struct entry *entry_find(const struct inventory *inventory, const char *space, const char *name)
{
	const struct pod_key key = { space, name };

	return (struct entry *)table_find(&inventory->pods, entry_hash(space, name), is_entry,
					  &key);
}

static void place_leave(struct inventory *inventory, struct entry *pod, size_t i)
{
	struct place *place = entry_place(inventory, pod, i);
	struct entry **at = &place->pods;

	while (*at != pod)
		at = entry_next(*at, place_address(place));
	*at = pod->next[i];
	place_touch(inventory, place);
}

/* The pod is gone; its namespace may be, too. */
static void entry_remove(struct inventory *inventory, struct entry *pod)
{
	struct space *space = pod->space;

	note_ignored(inventory, pod);
	table_remove(&inventory->pods, &pod->item);
	inventory->touched6 |= pod->n_addresses6 > 0;
	for (size_t i = 0; pod->state == INVENTORY_COUNTS && i < pod->n_addresses; i++)
		place_leave(inventory, pod, i);
	if (pod->before)
		pod->before->after = pod->after;
	else
		space->pods = pod->after;
	if (pod->after)
		pod->after->before = pod->before;
	entry_free(inventory, pod);
	space_drop(inventory, space);
}

/* Its places are there, and room in the table. */
static void entry_add(struct inventory *inventory, struct entry *pod, struct space *space)
{
	note_ignored(inventory, pod);
	pod->space = space;
	inventory->touched6 |= pod->n_addresses6 > 0;
	pod->after = space->pods;
	if (pod->after)
		pod->after->before = pod;
	space->pods = pod;
	for (size_t i = 0; pod->state == INVENTORY_COUNTS && i < pod->n_addresses; i++) {
		struct place *place = entry_place(inventory, pod, i);

		pod->next[i] = place->pods;
		place->pods = pod;
		place_touch(inventory, place);
	}
	table_put(&inventory->pods, &pod->item);
}

static int check_pod(const struct inventory_pod *pod, struct err *err)
{
	int r = check_object(pod->name, pod->uid, pod->n_labels, err);

	if (r == 0 && (!pod->namespace || !*pod->namespace))
		return err_set(err, -EINVAL, "metadata.namespace: is empty");
	if (r == 0 && (pod->n_addresses > INVENTORY_ADDRESSES_MAX ||
		       pod->n_addresses6 > INVENTORY_ADDRESSES_MAX))
		return err_set(err, -EINVAL, "status.podIPs: more than %d addresses of one family",
			       INVENTORY_ADDRESSES_MAX);
	for (size_t i = 0; r == 0 && i < pod->n_addresses; i++)
		for (size_t k = 0; k < i; k++)
			if (pod->addresses[i].v == pod->addresses[k].v)
				return err_set(err, -EINVAL, "status.podIPs: has an address twice");
	return r;
}

/* Everything that may fail. `made` takes the place of `old` (NULL: new). */
static int entry_replace(struct inventory *inventory, struct entry *made, struct entry *old,
			 const char *space_name)
{
	struct space *space;

	if (!made->labels || !made->node || table_reserve(&inventory->pods, 1) < 0)
		return -ENOMEM;
	for (size_t i = 0; made->state == INVENTORY_COUNTS && i < made->n_addresses; i++)
		if (!place_get(inventory, entry_addresses(made)[i]))
			return -ENOMEM;
	space = space_get(inventory, space_name);
	if (!space)
		return -ENOMEM;
	entry_add(inventory, made, space);
	if (old)
		entry_remove(inventory, old);
	return 0;
}

int inventory_pod_set(struct inventory *inventory, const struct inventory_pod *text,
		      struct err *err)
{
	struct entry *old, *made;

	int r = check_pod(text, err);
	if (r < 0)
		return r;
	old = entry_find(inventory, text->namespace, text->name);
	if (old && !entry_has_uid(old, text->uid) && text->created_s < old->created_s)
		return 0;
	if (!old && inventory->pods.n >= INVENTORY_PODS_MAX)
		return err_set(err, -ENOSPC, "more than %u pods", INVENTORY_PODS_MAX);
	made = entry_new(inventory, text);
	if (!made)
		return -ENOMEM;
	if (old && entry_equal(old, made)) {
		entry_free(inventory, made);
		return 0;
	}
	r = entry_replace(inventory, made, old, text->namespace);
	if (r < 0)
		entry_free(inventory, made);
	return r;
}

void inventory_pod_remove(struct inventory *inventory, const char *space, const char *name,
			  const char *uid)
{
	struct entry *pod = entry_find(inventory, space, name);

	if (pod && (!uid || entry_has_uid(pod, uid)))
		entry_remove(inventory, pod);
}

struct entry *inventory_pod_entry(const struct inventory *inventory, const char *space,
				  const char *name)
{
	return entry_find(inventory, space, name);
}

void inventory_pod_drop(struct inventory *inventory, struct entry *pod)
{
	entry_remove(inventory, pod);
}

void touched_done(struct inventory *inventory)
{
	struct place *next;

	for (struct place *place = inventory->touched; place; place = next) {
		next = place->next_touched;
		place->touched = false;
		place->next_touched = NULL;
		if (place->pods)
			continue;
		table_remove(&inventory->places, &place->item);
		labels_string_put(&inventory->pool, place->node);
		pool_put(&inventory->objects, place, sizeof(*place));
	}
	inventory->touched = NULL;
	inventory->n_touched = 0;
}

void pods_clear(struct inventory *inventory)
{
	/* What is removed leaves its slot to another one. */
	for (size_t i = 0; i < inventory->pods.n_slots;) {
		if (inventory->pods.v[i])
			entry_remove(inventory, (struct entry *)inventory->pods.v[i]);
		else
			i++;
	}
	for (size_t i = 0; i < inventory->spaces.n_slots;) {
		struct space *space = (struct space *)inventory->spaces.v[i];

		if (space && space->labels)
			space_forget(inventory, space);
		else
			i++;
	}
	touched_done(inventory);
	table_done(&inventory->pods);
	table_done(&inventory->spaces);
	table_done(&inventory->places);
	pool_done(&inventory->objects);
}
