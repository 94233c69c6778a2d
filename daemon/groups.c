// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kube/kinds.h"
#include "policy/inventory.h"

static int copy_text(char *dst, size_t size, const char *src, struct err *err)
{
	size_t n = src ? strlen(src) : 0;

	if (n >= size)
		return err_set(err, -EINVAL, "longer than %zu bytes: %.80s", size - 1, src);
	memcpy(dst, src ? src : "", n + 1);
	return 0;
}

static const struct kube_member *find_member(const struct kube_gateway *object, const char *name)
{
	for (size_t i = 0; name && i < object->status.members.n; i++) {
		if (strcmp(object->status.members.v[i].name, name) == 0)
			return &object->status.members.v[i];
	}
	return NULL;
}

static struct ip4 find_address(const struct kube_gateway *object, const char *name)
{
	const struct kube_member *member = find_member(object, name);

	return member ? member->address : (struct ip4){ 0 };
}

/* The first one of that name that has a gateway. */
static void read_carriers(struct group_egress *egress, const struct kube_gateway *object)
{
	egress->gateway = egress->second = (struct ip4){ 0 };
	for (size_t i = 0; i < object->status.egress_ips.n && !egress->gateway.v; i++) {
		const struct kube_carried *carried = &object->status.egress_ips.v[i];

		if (strcmp(carried->name, egress->name) != 0)
			continue;
		egress->gateway = find_address(object, carried->member);
		egress->second = find_address(object, carried->second_member);
	}
	/* Two wrote it, and each knew the other one. */
	if (!egress->gateway.v || egress->second.v == egress->gateway.v)
		egress->second = (struct ip4){ 0 };
}

static int read_egress(struct group_egress *egress, const struct kube_gateway *object, size_t i,
		       struct err *err)
{
	const struct kube_egress_ip *spec = &object->egress_ips.v[i];
	char tag[GROUP_TAG_MAX * 2] = "";
	int rc = copy_text(egress->group, sizeof(egress->group), object->meta.name, err);

	if (!rc)
		rc = copy_text(egress->name, sizeof(egress->name), spec->name, err);
	if (!rc)
		rc = copy_text(egress->allocation_id, sizeof(egress->allocation_id),
			       spec->allocation_id, err);
	if (spec->tag_key)
		snprintf(tag, sizeof(tag), "%s=%s", spec->tag_key,
			 spec->tag_value ? spec->tag_value : "");
	if (!rc)
		rc = copy_text(egress->tag, sizeof(egress->tag), tag, err);
	if (rc)
		return err_prefix(err, rc, "spec.egressIPs[%zu]", i);
	egress->public_ip = spec->public_ip;
	read_carriers(egress, object);
	inventory_name(egress->full_name, egress->group, egress->name);
	return 0;
}

static int read_member(struct group_member *member, const struct kube_member *from, size_t i,
		       struct err *err)
{
	int rc = copy_text(member->name, sizeof(member->name), from->name, err);

	if (!rc)
		rc = copy_text(member->zone, sizeof(member->zone), from->zone, err);
	member->address = from->address;
	return rc ? err_prefix(err, rc, "status.members[%zu]", i) : 0;
}

static void group_done(struct group *group)
{
	free(group->egress);
	free(group->members);
	*group = (struct group){ .name = "" };
}

static int read_group(struct group *group, const struct kube_gateway *object, struct err *err)
{
	int rc = copy_text(group->name, sizeof(group->name), object->meta.name, err);

	if (!rc)
		rc = copy_text(group->uid, sizeof(group->uid), object->meta.uid, err);
	if (rc)
		return err_prefix(err, rc, "metadata");
	if (object->egress_ips.n > POLICY_EGRESS_MAX)
		return err_set(err, -EINVAL, "spec.egressIPs: more than %d", POLICY_EGRESS_MAX);
	group->generation = object->meta.generation;
	group->egress = calloc(object->egress_ips.n + 1, sizeof(*group->egress));
	group->members = calloc(object->status.members.n + 1, sizeof(*group->members));
	if (!group->egress || !group->members)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < object->egress_ips.n && !rc; i++)
		rc = read_egress(&group->egress[group->n_egress++], object, i, err);
	for (size_t i = 0; i < object->status.members.n && !rc; i++)
		rc = read_member(&group->members[group->n_members++], &object->status.members.v[i],
				 i, err);
	return rc;
}

/* The place of the name, or where it would be. */
static size_t find_place(const struct groups *groups, const char *name, bool *ret_found)
{
	size_t i = 0;

	while (i < groups->n && strcmp(groups->v[i].name, name) < 0)
		i++;
	*ret_found = i < groups->n && strcmp(groups->v[i].name, name) == 0;
	return i;
}

static int insert(struct groups *groups, size_t place, struct err *err)
{
	struct group *v;

	if (groups->n >= GROUPS_MAX)
		return err_set(err, -ENOSPC, "more than %d EgressGateways", GROUPS_MAX);
	v = reallocarray(groups->v, groups->n + 1, sizeof(*v));
	if (!v)
		return err_set(err, -ENOMEM, "out of memory");
	memmove(&v[place + 1], &v[place], (groups->n - place) * sizeof(*v));
	v[place] = (struct group){ .name = "" };
	groups->v = v;
	groups->n++;
	return 0;
}

static bool is_same_array(const void *a, const void *b, size_t bytes)
{
	return bytes == 0 || memcmp(a, b, bytes) == 0;
}

static bool is_same(const struct group *a, const struct group *b)
{
	return strcmp(a->uid, b->uid) == 0 && a->generation == b->generation &&
	       a->n_egress == b->n_egress && a->n_members == b->n_members &&
	       is_same_array(a->egress, b->egress, a->n_egress * sizeof(*a->egress)) &&
	       is_same_array(a->members, b->members, a->n_members * sizeof(*a->members));
}

int groups_set(struct groups *groups, const struct kube_gateway *object, struct err *err)
{
	struct group group = { .name = "" };
	bool found = false;
	int rc = read_group(&group, object, err);
	size_t place = find_place(groups, group.name, &found);

	if (!rc && found && is_same(&groups->v[place], &group))
		rc = GROUPS_SAME;
	if (!rc && !found)
		rc = insert(groups, place, err);
	if (rc) {
		group_done(&group);
		return rc;
	}
	group_done(&groups->v[place]);
	groups->v[place] = group;
	return 0;
}

void groups_remove(struct groups *groups, const char *name)
{
	bool found;
	size_t place = find_place(groups, name, &found);

	if (!found)
		return;
	group_done(&groups->v[place]);
	groups->n--;
	memmove(&groups->v[place], &groups->v[place + 1], (groups->n - place) * sizeof(*groups->v));
}

void groups_done(struct groups *groups)
{
	for (size_t i = 0; i < groups->n; i++)
		group_done(&groups->v[i]);
	free(groups->v);
	*groups = GROUPS_NULL;
}

const struct group *groups_find(const struct groups *groups, const char *name)
{
	bool found;
	size_t place = find_place(groups, name, &found);

	return found ? &groups->v[place] : NULL;
}

static bool is_wanted(const struct group *group, const char *only)
{
	return !only || strcmp(group->name, only) == 0;
}

int groups_list(const struct groups *groups, const char *only, struct group_egress **ret,
		size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < groups->n; i++)
		n += is_wanted(&groups->v[i], only) ? groups->v[i].n_egress : 0;
	*ret = calloc(n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	*ret_n = n;
	n = 0;
	for (size_t i = 0; i < groups->n; i++) {
		for (size_t j = 0; is_wanted(&groups->v[i], only) && j < groups->v[i].n_egress; j++)
			(*ret)[n++] = groups->v[i].egress[j];
	}
	return 0;
}

int groups_exclude(const struct groups *groups, const struct ip4_prefixes *excluded,
		   struct ip4_prefixes *ret)
{
	size_t n = excluded->n;

	for (size_t i = 0; i < groups->n; i++)
		n += groups->v[i].n_members;
	*ret = (struct ip4_prefixes){ .v = calloc(n + 1, sizeof(*ret->v)) };
	if (!ret->v)
		return -ENOMEM;
	if (excluded->n)
		memcpy(ret->v, excluded->v, excluded->n * sizeof(*ret->v));
	ret->n = excluded->n;
	for (size_t i = 0; i < groups->n; i++) {
		for (size_t j = 0; j < groups->v[i].n_members; j++) {
			struct ip4 address = groups->v[i].members[j].address;

			if (address.v)
				ret->v[ret->n++] = (struct ip4_prefix){ address, 32 };
		}
	}
	return 0;
}
