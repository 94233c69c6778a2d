// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/access.h"

#include "base/cleanup.h"
#include "kube/json.h"

#include <stdio.h>
#include <string.h>

struct review {
	const char *api_version, *kind;
	const char *user; /* of the answers, from here on */
	struct kube_texts groups;
	bool allowed;
	struct kube_right right; /* of the question */
};

#define FIELD(path_text, field_type, member)               \
	{                                                  \
		.path = (path_text), .type = (field_type), \
		.offset = offsetof(struct review, member)  \
	}
static const struct kube_field question_fields[] = {
	FIELD("apiVersion", KUBE_TEXT, api_version),
	FIELD("kind", KUBE_TEXT, kind),
	FIELD("spec/resourceAttributes/verb", KUBE_TEXT, right.verb),
	FIELD("spec/resourceAttributes/group", KUBE_TEXT, right.group),
	FIELD("spec/resourceAttributes/resource", KUBE_TEXT, right.resource),
	FIELD("spec/resourceAttributes/subresource", KUBE_TEXT, right.subresource),
	FIELD("spec/resourceAttributes/namespace", KUBE_TEXT, right.namespace),
};
static const struct kube_table question_table = { sizeof(struct review), question_fields,
						  ARRAY_SIZE(question_fields) };

static const struct kube_field answer_fields[] = {
	FIELD("status/userInfo/username", KUBE_TEXT, user),
	FIELD("status/userInfo/groups", KUBE_TEXTS, groups),
	FIELD("status/allowed", KUBE_BOOL, allowed),
};
static const struct kube_table answer_table = { sizeof(struct review), answer_fields,
						ARRAY_SIZE(answer_fields) };

struct served {
	struct {
		struct served_kind {
			const char *name;
		} * v;
		size_t n;
	} resources;
};

static const struct kube_field kind_fields[] = {
	{ .path = "name",
	  .type = KUBE_TEXT,
	  .flags = KUBE_REQUIRED,
	  .offset = offsetof(struct served_kind, name) },
};
static const struct kube_table kind_table = { sizeof(struct served_kind), kind_fields,
					      ARRAY_SIZE(kind_fields) };
static const struct kube_field served_fields[] = {
	{ .path = "resources",
	  .type = KUBE_LIST,
	  .offset = offsetof(struct served, resources),
	  .sub = &kind_table },
};
static const struct kube_table served_table = { sizeof(struct served), served_fields,
						ARRAY_SIZE(served_fields) };

static void cleanup_json(struct json_t **json)
{
	kube_json_free(*json);
}

static char *print(const struct review *review)
{
	CLEANUP(cleanup_json) struct json_t *json = kube_json_make(&question_table, review);

	return json ? kube_json_print(json) : NULL;
}

char *kube_whoami_question(void)
{
	const struct review review = { .api_version = "authentication.k8s.io/v1",
				       .kind = "SelfSubjectReview" };

	return print(&review);
}

char *kube_access_question(const struct kube_right *right)
{
	const struct review review = { .api_version = "authorization.k8s.io/v1",
				       .kind = "SelfSubjectAccessReview",
				       .right = *right };

	return print(&review);
}

static void join_groups(const struct kube_texts *groups, const char *group, struct kube_whoami *ret)
{
	size_t length = 0;

	for (size_t i = 0; i < groups->n; i++) {
		ret->has_group = ret->has_group || strcmp(groups->v[i], group) == 0;
		if (length < sizeof(ret->groups))
			length += (size_t)snprintf(ret->groups + length,
						   sizeof(ret->groups) - length, "%s%s",
						   i ? ", " : "", groups->v[i]);
	}
}

/* `ret` borrows from *ret_json. */
static int read_answer(const char *body, size_t length, struct json_t **ret_json,
		       struct review *ret, struct err *err)
{
	int r = kube_json_parse(body, length, ret_json, err);

	return r ? r : kube_json_read(&answer_table, *ret_json, ret, err);
}

int kube_whoami_read(const char *body, size_t length, const char *group, struct kube_whoami *ret,
		     struct err *err)
{
	CLEANUP(cleanup_json) struct json_t *json = NULL;
	struct review review = { .user = NULL };
	int r = read_answer(body, length, &json, &review, err);

	if (r < 0)
		return r;
	*ret = (struct kube_whoami){ .user = "" };
	snprintf(ret->user, sizeof(ret->user), "%s", review.user ? review.user : "");
	join_groups(&review.groups, group, ret);
	kube_json_done(&answer_table, &review);
	return 0;
}

int kube_access_read(const char *body, size_t length, bool *ret_allowed, struct err *err)
{
	CLEANUP(cleanup_json) struct json_t *json = NULL;
	struct review review = { .user = NULL };
	int r = read_answer(body, length, &json, &review, err);

	if (r < 0)
		return r;
	*ret_allowed = review.allowed;
	kube_json_done(&answer_table, &review);
	return 0;
}

int kube_served_read(const char *body, size_t length, const char *resource, bool *ret_served,
		     struct err *err)
{
	CLEANUP(cleanup_json) struct json_t *json = NULL;
	struct served served = { .resources = { .n = 0 } };
	int r = kube_json_parse(body, length, &json, err);

	if (r == 0)
		r = kube_json_read(&served_table, json, &served, err);
	if (r < 0)
		return r;
	*ret_served = false;
	for (size_t i = 0; i < served.resources.n; i++)
		*ret_served = *ret_served || strcmp(served.resources.v[i].name, resource) == 0;
	kube_json_done(&served_table, &served);
	return 0;
}
