// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmocka_all.h"
#include "daemon/groups.h"
#include "kube/kinds.h"

static const struct ip4 gw_a = { 0x0a0001c8 }, gw_b = { 0x0a0002c8 }, public = { 0xcb007164 };

/* Two egress IPs, of which gw-a carries the first. */
struct sample {
	struct kube_egress_ip egress[2];
	struct kube_member members[2];
	struct kube_carried carried[1];
	struct kube_gateway object;
};

static void sample(struct sample *s, const char *name)
{
	*s = (struct sample){
		.egress = { { .name = "bank", .public_ip = public },
			    { .name = "mail", .tag_key = "Name", .tag_value = "mail" } },
		.members = { { .name = "gw-a", .address = gw_a, .zone = "eu-1a" },
			     { .name = "gw-b", .address = gw_b } },
		.carried = { { .name = "bank", .member = "gw-a" } },
		.object = { .meta = { .name = name, .uid = "u", .generation = 1 } },
	};
	s->object.egress_ips.v = s->egress;
	s->object.egress_ips.n = 2;
	s->object.status.members.v = s->members;
	s->object.status.members.n = 2;
	s->object.status.egress_ips.v = s->carried;
	s->object.status.egress_ips.n = 1;
}

static void an_egress_ip_is_where_the_status_says(void **state)
{
	struct groups groups = GROUPS_NULL;
	struct group_egress *list;
	struct sample s;
	size_t n;

	(void)state;
	sample(&s, "partners");
	assert_int_equal(groups_set(&groups, &s.object, NULL), 0);
	assert_int_equal(groups_list(&groups, NULL, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].full_name, "partners/bank");
	assert_int_equal(list[0].gateway.v, gw_a.v);
	assert_int_equal(list[0].public_ip.v, public.v);
	assert_string_equal(list[1].tag, "Name=mail");
	assert_int_equal(list[1].gateway.v, 0);
	free(list);
	assert_int_equal(groups.v[0].n_members, 2);
	assert_string_equal(groups.v[0].members[0].zone, "eu-1a");
	assert_string_equal(groups.v[0].members[1].name, "gw-b");
	assert_string_equal(groups.v[0].members[1].zone, "");
	assert_int_equal(groups.v[0].members[1].address.v, gw_b.v);

	/* On its way from one to the other, and as it is when both have written. */
	s.carried[0].second_member = "gw-b";
	assert_int_equal(groups_set(&groups, &s.object, NULL), 0);
	assert_int_equal(groups.v[0].egress[0].second.v, gw_b.v);
	s.carried[0].second_member = "gw-a";
	assert_int_equal(groups_set(&groups, &s.object, NULL), 0);
	assert_int_equal(groups.v[0].egress[0].second.v, 0);
	s.carried[0].second_member = NULL;

	/* By a member that the status doesn't list nobody can be reached. */
	s.carried[0].member = "gw-c";
	assert_int_equal(groups_set(&groups, &s.object, NULL), 0);
	assert_int_equal(groups_list(&groups, NULL, &list, &n), 0);
	assert_int_equal(list[0].gateway.v, 0);
	free(list);
	groups_done(&groups);
}

static void what_changes_nothing_that_is_kept_is_no_news(void **state)
{
	struct groups groups = GROUPS_NULL;
	struct sample s;

	(void)state;
	sample(&s, "partners");
	assert_int_equal(groups_set(&groups, &s.object, NULL), 0);
	s.carried[0].since = "2026-11-28T09:00:00Z";
	assert_int_equal(groups_set(&groups, &s.object, NULL), GROUPS_SAME);
	s.carried[0].member = "gw-b";
	assert_int_equal(groups_set(&groups, &s.object, NULL), 0);
	s.object.meta.uid = "another";
	assert_int_equal(groups_set(&groups, &s.object, NULL), 0);
	groups_done(&groups);
}

static void groups_come_by_name_and_go(void **state)
{
	struct groups groups = GROUPS_NULL;
	struct group_egress *list;
	struct sample s;
	size_t n;

	(void)state;
	for (const char *const *name = (const char *const[]){ "z", "a", "m", NULL }; *name;
	     name++) {
		sample(&s, *name);
		assert_int_equal(groups_set(&groups, &s.object, NULL), 0);
	}
	assert_int_equal(groups_list(&groups, NULL, &list, &n), 0);
	assert_int_equal(n, 6);
	assert_string_equal(list[0].full_name, "a/bank");
	assert_string_equal(list[5].full_name, "z/mail");
	free(list);
	assert_int_equal(groups_list(&groups, "m", &list, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].full_name, "m/bank");
	free(list);
	groups_remove(&groups, "m");
	groups_remove(&groups, "never");
	assert_null(groups_find(&groups, "m"));
	assert_non_null(groups_find(&groups, "z"));
	groups_done(&groups);
}

static void gateways_are_never_governed(void **state)
{
	struct ip4_prefix vpc = { { 0x0a000000 }, 16 };
	const struct ip4_prefixes given = { &vpc, 1 };
	struct groups groups = GROUPS_NULL;
	struct ip4_prefixes all;
	struct sample s;

	(void)state;
	sample(&s, "partners");
	assert_int_equal(groups_set(&groups, &s.object, NULL), 0);
	assert_int_equal(groups_exclude(&groups, &given, &all), 0);
	assert_int_equal(all.n, 3);
	assert_int_equal(all.v[0].addr.v, vpc.addr.v);
	assert_int_equal(all.v[1].addr.v, gw_a.v);
	assert_int_equal(all.v[2].len, 32);
	free(all.v);
	groups_done(&groups);
}

static void what_has_no_room_is_refused_and_the_old_stays(void **state)
{
	char tag[GROUP_TAG_MAX + 1];
	struct groups groups = GROUPS_NULL;
	struct err err = ERR_NULL;
	struct sample s;

	(void)state;
	sample(&s, "partners");
	assert_int_equal(groups_set(&groups, &s.object, &err), 0);
	memset(tag, 'x', sizeof(tag));
	tag[GROUP_TAG_MAX] = '\0';
	s.egress[1].tag_value = tag;
	assert_int_equal(groups_set(&groups, &s.object, &err), -EINVAL);
	assert_non_null(strstr(err.text, "spec.egressIPs[1]"));
	assert_string_equal(groups_find(&groups, "partners")->egress[1].tag, "Name=mail");
	groups_done(&groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_egress_ip_is_where_the_status_says),
		cmocka_unit_test(what_changes_nothing_that_is_kept_is_no_news),
		cmocka_unit_test(groups_come_by_name_and_go),
		cmocka_unit_test(gateways_are_never_governed),
		cmocka_unit_test(what_has_no_room_is_refused_and_the_old_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
