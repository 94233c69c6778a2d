// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "daemon/cluster_internal.h"
#include "daemon/login.h"
#include "daemon/objects.h"
#include "http/http.h"
#include "kube/client.h"
#include "kube/reflector.h"
#include "policy/facts.h"

bool cluster_is_synced(const struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->n_follows; i++) {
		if (!cluster->follows[i].is_synced)
			return false;
	}
	return true;
}

/* Egress IPs and excluded ranges follow from the groups. */
static int use_groups(struct cluster *cluster, struct err *err)
{
	CLEANUP(cleanup_free) struct inventory_egress *egress = NULL;
	CLEANUP(cleanup_free) struct group_egress *list = NULL;
	struct ip4_prefixes excluded = { 0 };
	size_t n = 0;
	int rc = groups_list(&cluster->groups, cluster->options.group, &list, &n);

	egress = calloc(n + 1, sizeof(*egress));
	if (rc || !egress || groups_exclude(&cluster->groups, &cluster->excluded, &excluded))
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		egress[i] = (struct inventory_egress){ list[i].group, list[i].name };
	rc = inventory_egress_set(cluster->inventory, egress, n, err);
	if (!rc && inventory_excluded_set(cluster->inventory, excluded.v, excluded.n))
		rc = err_set(err, -ENOMEM, "out of memory");
	free(excluded.v);
	if (rc)
		return rc;
	free(cluster->egress);
	cluster->egress = TAKE_PTR(list);
	cluster->n_egress = n;
	return 0;
}

static int set_group(struct cluster *cluster, const void *object, void **user, struct err *err)
{
	const struct kube_gateway *group = object;
	int rc = cluster_keep_name(user, group->meta.name, err);

	if (!rc)
		rc = groups_set(&cluster->groups, group, err);
	if (rc == GROUPS_SAME)
		return KIND_SAME;
	return rc ? rc : use_groups(cluster, err);
}

static void remove_group(struct cluster *cluster, const void *name)
{
	struct err err = ERR_NULL;

	groups_remove(&cluster->groups, name);
	if (use_groups(cluster, &err))
		log_warning(MSG_GROUP_GONE, "kubernetes", "EgressGateway %s is gone: %s",
			    (const char *)name, err.text);
}

/* Unless the inventory refused it (`rc`), the copy takes the place of what was kept before. */
static int keep(void **user, void *copy, int rc)
{
	if (rc) {
		free(copy);
		return rc;
	}
	free(*user);
	*user = copy;
	return 0;
}

/* A status of ours that comes back is no news. */
static bool is_known_policy(const struct inventory_policy *known, const struct kube_policy *policy)
{
	return known && known->generation && known->generation == policy->meta.generation &&
	       strcmp(known->uid, policy->meta.uid) == 0;
}

static int set_policy(struct cluster *cluster, const void *object, void **user, struct err *err)
{
	if (is_known_policy(*user, object))
		return KIND_SAME;
	struct inventory_policy *copy = object_policy(object);
	int rc = copy ? inventory_policy_set(cluster->inventory, copy, err) :
			err_set(err, -ENOMEM, "out of memory");

	return keep(user, copy, rc);
}

static void remove_policy(struct cluster *cluster, const void *user)
{
	const struct inventory_policy *was = user;

	inventory_policy_remove(cluster->inventory, was->name, was->uid);
}

static int set_namespace(struct cluster *cluster, const void *object, void **user, struct err *err)
{
	struct inventory_namespace *copy = object_namespace(object);
	int rc = copy ? inventory_namespace_set(cluster->inventory, copy, err) :
			err_set(err, -ENOMEM, "out of memory");

	return keep(user, copy, rc);
}

static void remove_namespace(struct cluster *cluster, const void *user)
{
	const struct inventory_namespace *was = user;

	inventory_namespace_remove(cluster->inventory, was->name, was->uid);
}

/* Whoever knows addresses better than the pod's status is asked; `v` is where they are put. */
static void readdress(const struct cluster *cluster, struct inventory_pod *pod,
		      struct ip4 v[static INVENTORY_ADDRESSES_MAX])
{
	size_t n = 0;

	if (cluster->options.addresses)
		n = cluster->options.addresses(pod, v, INVENTORY_ADDRESSES_MAX,
					       cluster->options.data);
	if (n) {
		pod->addresses = v;
		pod->n_addresses = n == CLUSTER_NO_ADDRESS ? 0 : n;
	}
}

/* Where the pod's status has its addresses, what the inventory has of it is enough. */
static int set_pod(struct cluster *cluster, const void *object, void **user, struct err *err)
{
	CLEANUP(cleanup_free) struct inventory_pod *pod = object_pod(object);

	if (!pod)
		return err_set(err, -ENOMEM, "out of memory");
	const int rc = inventory_pod_set(cluster->inventory, pod, err);
	*user = inventory_pod_entry(cluster->inventory, pod->namespace, pod->name);
	return rc;
}

static void remove_pod(struct cluster *cluster, const void *user)
{
	inventory_pod_drop(cluster->inventory, (struct entry *)(uintptr_t)user);
}

/* Else it's kept as it is in the API, to be set again when somebody knows its addresses better. */
static int set_addressed_pod(struct cluster *cluster, const void *object, void **user,
			     struct err *err)
{
	struct inventory_pod *copy = object_pod(object);
	struct ip4 addresses[INVENTORY_ADDRESSES_MAX];
	struct inventory_pod pod;

	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	pod = *copy;
	readdress(cluster, &pod, addresses);
	return keep(user, copy, inventory_pod_set(cluster->inventory, &pod, err));
}

static void remove_addressed_pod(struct cluster *cluster, const void *user)
{
	const struct inventory_pod *was = user;

	inventory_pod_remove(cluster->inventory, was->namespace, was->name, NULL);
}

static const struct kind kinds[] = {
	{ &kube_namespaces, CLUSTER_PODS, set_namespace, remove_namespace, free },
	{ &kube_gateways, CLUSTER_EGRESS, set_group, remove_group, free },
	{ &kube_policies, CLUSTER_POLICIES, set_policy, remove_policy, free },
	{ &kube_pods, CLUSTER_PODS, set_pod, remove_pod, NULL },
	{ &kube_nodes, CLUSTER_NODES, cluster_node_set, cluster_node_remove, free },
};
static const struct kind addressed_pods = { &kube_pods, CLUSTER_PODS, set_addressed_pod,
					    remove_addressed_pod, free };
static_assert(ARRAY_SIZE(kinds) == CLUSTER_KINDS, "each kind is followed");

/* Something was heard of this kind: then the server is there. */
static void heard(struct follow *follow)
{
	struct cluster *cluster = follow->cluster;
	bool any = false;

	if (!follow->is_failing)
		return;
	follow->is_failing = false;
	for (size_t i = 0; i < cluster->n_follows; i++)
		any = any || cluster->follows[i].is_failing;
	if (any)
		return;
	cluster->error[0] = '\0';
	cluster->error_id = MESSAGE_NONE;
	log_info("kubernetes", "the API server answers again");
}

static void on_object(enum kube_change change, const void *object, void **user, void *data)
{
	struct follow *follow = data;
	const struct kube_meta *meta = object; /* each kind's struct begins with it */
	struct err err = ERR_NULL;

	(void)change;
	heard(follow);
	int rc = follow->kind->set(follow->cluster, object, user, &err);

	if (rc < 0)
		log_warning(MSG_OBJECT_REFUSED, "kubernetes",
			    "%s %s%s%s: %s; what was known of it stays", follow->kind->kube->name,
			    meta->namespace ? meta->namespace : "", meta->namespace ? "/" : "",
			    meta->name, err.text);
	else if (rc != KIND_SAME)
		cluster_tell_of(follow);
}

static void on_removed(void *user, void *data)
{
	struct follow *follow = data;

	heard(follow);
	if (user)
		follow->kind->remove(follow->cluster, user);
	if (follow->kind->release)
		follow->kind->release(user);
	cluster_tell_of(follow);
}

static void on_unreadable(const struct kube_meta *meta, const char *why, void **user, void *data)
{
	struct follow *follow = data;

	(void)user;
	heard(follow);
	log_warning(MSG_OBJECT_UNREADABLE, "kubernetes",
		    "%s %s%s%s can't be read: %s; what was known of it stays",
		    follow->kind->kube->name, meta->namespace ? meta->namespace : "",
		    meta->namespace ? "/" : "", meta->name, why);
}

static void on_synced(void *data)
{
	struct follow *follow = data;
	struct cluster *cluster = follow->cluster;
	bool was_synced = cluster_is_synced(cluster);

	heard(follow);
	follow->is_synced = true;
	if (!was_synced && cluster_is_synced(cluster))
		cluster_tell(cluster, CLUSTER_SYNCED);
}

static void on_failed(const struct kube_failure *failure, int64_t again_ms, void *data)
{
	struct follow *follow = data;
	struct cluster *cluster = follow->cluster;
	char cause[MESSAGE_TEXT_MAX];

	(void)again_ms;
	if (!cluster->error[0]) {
		cluster->error_since = mono_now();
		log_warning(MSG_KUBE_AWAY, "kubernetes", "%s%s; what is known stays, trying again",
			    failure->text, message_cite(kube_failure_id(failure), cause));
	}
	follow->is_failing = true;
	snprintf(cluster->error, sizeof(cluster->error), "%s", failure->text);
	cluster->error_id = kube_failure_id(failure);
}

static int follow_kinds(struct cluster *cluster, struct err *err)
{
	char selector[160] = "";

	if (cluster->options.node)
		snprintf(selector, sizeof(selector), "spec.nodeName=%s", cluster->options.node);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct follow *follow = &cluster->follows[cluster->n_follows];
		bool is_pods = kinds[i].kube == &kube_pods;
		struct kube_reflector_options options = {
			.client = cluster->client,
			.kind = kinds[i].kube,
			.field_selector = is_pods && selector[0] ? selector : NULL,
			.callbacks = { on_object, on_removed, on_unreadable, on_synced, on_failed },
			.data = follow,
			.is_held = cluster->options.is_held,
		};

		if (cluster->options.node && kinds[i].kube == &kube_nodes)
			continue;
		*follow = (struct follow){ .cluster = cluster, .kind = &kinds[i] };
		if (is_pods && cluster->options.addresses)
			follow->kind = &addressed_pods;
		cluster->n_follows++;
		follow->reflector = kube_reflector_new(&options, err);
		if (!follow->reflector)
			return -ENOMEM;
	}
	return 0;
}

static int open_client(struct cluster *cluster, struct err *err)
{
	struct kube_client_options options = { .loop = cluster->options.loop,
					       .config = &cluster->config };
	int rc = login_config(cluster->options.conf, cluster->options.token,
			      cluster->options.token_data, &cluster->config, err);

	if (rc)
		return err_prefix(err, rc, "kubernetes");
	cluster->http = http_new(cluster->options.loop, err);
	options.http = cluster->http;
	cluster->client = cluster->http ? kube_client_new(&options, err) : NULL;
	return cluster->client ? 0 : -ENOMEM;
}

struct cluster *cluster_new(const struct cluster_options *options, struct err *err)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));

	if (!cluster) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	cluster->options = *options;
	cluster->pace = cluster_usual_pace;
	cluster->inventory = inventory_new();
	cluster->timer = loop_timer_new(options->loop, cluster_tell_now, cluster);
	cluster->options.node = cluster->node = options->node ? strdup(options->node) : NULL;
	cluster->options.group = cluster->group = options->group ? strdup(options->group) : NULL;
	if (!cluster->inventory || !cluster->timer || !options->node != !cluster->node ||
	    !options->group != !cluster->group || cluster_exclude(cluster, options->excluded)) {
		err_set(err, -ENOMEM, "out of memory");
		cluster_free(cluster);
		return NULL;
	}
	if (open_client(cluster, err) || follow_kinds(cluster, err)) {
		cluster_free(cluster);
		return NULL;
	}
	log_info("kubernetes", "asking %s", cluster->config.server);
	return cluster;
}

void cluster_begin(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->n_follows; i++)
		(void)kube_reflector_begin(cluster->follows[i].reflector);
}

static void release_user(void *user, void *data)
{
	const struct kind *kind = data;

	kind->release(user);
}

void cluster_free(struct cluster *cluster)
{
	if (!cluster)
		return;
	for (size_t i = 0; i < cluster->n_follows; i++) {
		struct kube_reflector *reflector = cluster->follows[i].reflector;
		const struct kind *kind = cluster->follows[i].kind;

		if (reflector && kind->release)
			kube_reflector_each(reflector, release_user, (void *)(uintptr_t)kind);
		kube_reflector_free(reflector);
	}
	kube_client_free(cluster->client);
	http_free(cluster->http);
	kube_config_done(&cluster->config);
	loop_timer_free(cluster->timer);
	inventory_free(cluster->inventory);
	groups_done(&cluster->groups);
	cluster_nodes_done(cluster);
	free(cluster->egress);
	free(cluster->excluded.v);
	free(cluster->node);
	free(cluster->group);
	free(cluster);
}

struct readdressing {
	struct cluster *cluster;
	bool changed;
};

static void readdress_pod(void *user, void *data)
{
	struct readdressing *readdressing = data;
	struct cluster *cluster = readdressing->cluster;
	struct ip4 addresses[INVENTORY_ADDRESSES_MAX];
	struct inventory_found found;
	struct inventory_pod pod;
	struct err err = ERR_NULL;

	if (!user)
		return;
	pod = *(const struct inventory_pod *)user;
	readdress(cluster, &pod, addresses);
	if (inventory_find(cluster->inventory, pod.namespace, pod.name, &found) &&
	    found.n_addresses == pod.n_addresses &&
	    (pod.n_addresses == 0 ||
	     memcmp(found.addresses, pod.addresses, pod.n_addresses * sizeof(*pod.addresses)) == 0))
		return;
	if (inventory_pod_set(cluster->inventory, &pod, &err))
		log_warning(MSG_POD_REFUSED, "kubernetes", "Pod %s/%s: %s", pod.namespace, pod.name,
			    err.text);
	else
		readdressing->changed = true;
}

bool cluster_readdress(struct cluster *cluster)
{
	struct readdressing readdressing = { .cluster = cluster };

	for (size_t i = 0; i < cluster->n_follows; i++) {
		if (cluster->follows[i].kind->kube == &kube_pods)
			kube_reflector_each(cluster->follows[i].reflector, readdress_pod,
					    &readdressing);
	}
	cluster->stale = cluster->stale || readdressing.changed;
	return readdressing.changed;
}

struct visiting {
	void (*fn)(const struct inventory_policy *policy, void *data);
	void *data;
};

static void visit_policy(void *user, void *data)
{
	const struct visiting *visiting = data;

	if (user)
		visiting->fn(user, visiting->data);
}

void cluster_each_policy(const struct cluster *cluster,
			 void (*fn)(const struct inventory_policy *policy, void *data), void *data)
{
	struct visiting visiting = { fn, data };

	for (size_t i = 0; i < cluster->n_follows; i++) {
		if (cluster->follows[i].kind->kube == &kube_policies)
			kube_reflector_each(cluster->follows[i].reflector, visit_policy, &visiting);
	}
}

int cluster_exclude(struct cluster *cluster, const struct ip4_prefixes *excluded)
{
	struct ip4_prefixes copy;
	struct err err = ERR_NULL;

	if (ip4_prefixes_copy(&copy, excluded->v, excluded->n))
		return -ENOMEM;
	ip4_prefixes_done(&cluster->excluded);
	cluster->excluded = copy;
	cluster->stale = true;
	return use_groups(cluster, &err);
}
