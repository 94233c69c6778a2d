// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/lease_record.h"

#include "base/cleanup.h"
#include "kube/kinds_table.h"
#include "kube/time.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

/* client-go's tools/leaderelection, release(): for those who count although nobody holds it. */
#define RELEASED_SEC 1

struct spec {
	const char *holder, *acquired, *renewed;
	int64_t duration_sec, transitions;
};

static const struct kube_field spec_fields[] = {
	ROW(spec, "spec/holderIdentity", KUBE_TEXT, holder, .max = 65536),
	ROW(spec, "spec/leaseDurationSeconds", KUBE_I64, duration_sec),
	ROW(spec, "spec/acquireTime", KUBE_TEXT, acquired, .max = KUBE_LEASE_TIME_MAX - 1),
	ROW(spec, "spec/renewTime", KUBE_TEXT, renewed, .max = KUBE_LEASE_TIME_MAX - 1),
	ROW(spec, "spec/leaseTransitions", KUBE_I64, transitions),
};
static const struct kube_table spec_table = TABLE(spec, spec_fields);

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

int kube_lease_read(const json_t *json, struct kube_lease_record *ret, struct err *err)
{
	struct spec spec;
	const int r = kube_json_read(&spec_table, json, &spec, err);

	if (r < 0)
		return r;
	*ret = (struct kube_lease_record){ .duration_sec = spec.duration_sec,
					   .transitions = spec.transitions };
	copy(ret->holder, sizeof(ret->holder), spec.holder);
	copy(ret->acquired, sizeof(ret->acquired), spec.acquired);
	copy(ret->renewed, sizeof(ret->renewed), spec.renewed);
	kube_json_done(&spec_table, &spec);
	return 0;
}

static bool is_same(const struct kube_lease_record *a, const struct kube_lease_record *b)
{
	return strcmp(a->holder, b->holder) == 0 && strcmp(a->acquired, b->acquired) == 0 &&
	       strcmp(a->renewed, b->renewed) == 0 && a->duration_sec == b->duration_sec &&
	       a->transitions == b->transitions;
}

static bool is_mine(const struct kube_lease_seen *seen)
{
	return strcmp(seen->record.holder, seen->identity) == 0;
}

void kube_lease_see(struct kube_lease_seen *seen, const struct kube_lease_record *record,
		    struct mono now)
{
	static const struct kube_lease_record none;
	const bool is_new = !seen->is_known || seen->is_absent != !record ||
			    !is_same(&seen->record, record ? record : &none);

	if (is_new) {
		seen->mark++;
		seen->changed_at = now;
	}
	seen->is_known = true;
	seen->is_absent = !record;
	seen->record = record ? *record : none;
	if (!is_mine(seen))
		seen->until = (struct mono){ 0 };
}

static int64_t holds_ms(const struct kube_lease_seen *seen)
{
	const int64_t sec = seen->record.duration_sec;

	/* Kubernetes has 32 bits for it. */
	if (sec <= 0 || sec > INT32_MAX)
		return (sec <= 0 ? seen->duration_sec : INT32_MAX) * INT64_C(1000);
	return sec * 1000;
}

void kube_lease_see_written(struct kube_lease_seen *seen, const struct kube_lease_record *record,
			    struct mono sent_at, struct mono now)
{
	kube_lease_see(seen, record, now);
	if (is_mine(seen))
		seen->until = mono_add_ms(sent_at, holds_ms(seen));
}

struct mono kube_lease_expires(const struct kube_lease_seen *seen)
{
	return mono_add_ms(seen->changed_at, holds_ms(seen));
}

enum kube_lease_state kube_lease_judge(const struct kube_lease_seen *seen, struct mono now)
{
	if (!seen->is_known)
		return KUBE_LEASE_UNKNOWN;
	if (seen->is_absent || !seen->record.holder[0])
		return KUBE_LEASE_FREE;
	if (is_mine(seen))
		return KUBE_LEASE_MINE;
	return mono_is_before(now, kube_lease_expires(seen)) ? KUBE_LEASE_OTHERS : KUBE_LEASE_FREE;
}

void kube_lease_make(const struct kube_lease_seen *seen, int64_t now_us, bool release,
		     struct kube_lease_record *ret)
{
	const struct kube_lease_record *const old = &seen->record;
	const bool keeps = !seen->is_absent && is_mine(seen);
	char now[KUBE_TIME_MAX];

	kube_micro_time_format(now_us, now);
	*ret = (struct kube_lease_record){
		.duration_sec = release ? RELEASED_SEC : seen->duration_sec,
		.transitions = old->transitions + (seen->is_absent || keeps ? 0 : 1),
	};
	copy(ret->holder, sizeof(ret->holder), release ? "" : seen->identity);
	copy(ret->acquired, sizeof(ret->acquired),
	     keeps && !release && old->acquired[0] ? old->acquired : now);
	copy(ret->renewed, sizeof(ret->renewed), now);
}

static json_t *make_object(const struct kube_lease_name *name)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "coordination.k8s.io/v1", "kind",
			 "Lease", "metadata", "name", name->name, "namespace", name->namespace);
}

static int set_spec(json_t *object, const struct kube_lease_record *record)
{
	json_t *spec = json_object_get(object, "spec");
	json_t *const ours = json_pack("{s:s, s:I, s:s, s:s, s:I}", "holderIdentity",
				       record->holder, "leaseDurationSeconds",
				       (json_int_t)record->duration_sec, "acquireTime",
				       record->acquired, "renewTime", record->renewed,
				       "leaseTransitions", (json_int_t)record->transitions);
	int r = ours ? 0 : -1;

	if (r == 0 && !json_is_object(spec)) {
		spec = json_object();
		r = json_object_set_new(object, "spec", spec);
	}
	if (r == 0)
		r = json_object_update(spec, ours);
	json_decref(ours);
	return r;
}

char *kube_lease_print(const json_t *base, const struct kube_lease_name *name,
		       const struct kube_lease_record *record)
{
	json_t *const object = base ? json_deep_copy(base) : make_object(name);
	char *text = NULL;

	if (object && set_spec(object, record) == 0)
		text = kube_json_print(object);
	json_decref(object);
	return text;
}
