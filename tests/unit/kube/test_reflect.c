// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Stories: what happens, when, and what is done about it. */
#include "kube/reflect.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

struct step {
	int64_t after_ms; /* the step before */
	struct kube_reflect_event event;
	enum kube_reflect_action action;
	int64_t wait_min_ms, wait_max_ms; /* of KUBE_REFLECT_WAIT */
	const char *version;              /* after it; NULL: as it was */
};

struct story {
	const char *name;
	const struct step *steps;
	size_t n;
};

#define STORY(name, ...)                                                   \
	{                                                                  \
		(name), (const struct step[]){ __VA_ARGS__ },              \
			ARRAY_SIZE(((const struct step[]){ __VA_ARGS__ })) \
	}

#define START                              \
	{                                  \
		.type = KUBE_REFLECT_START \
	}
#define PAGE(v, more)                                                         \
	{                                                                     \
		.type = KUBE_REFLECT_PAGE, .version = (v), .has_more = (more) \
	}
#define HEARD(v)                                           \
	{                                                  \
		.type = KUBE_REFLECT_HEARD, .version = (v) \
	}
#define ENDED                              \
	{                                  \
		.type = KUBE_REFLECT_ENDED \
	}
#define FAILED(c)                                                                    \
	{                                                                            \
		.type = KUBE_REFLECT_FAILED, .class = HTTP_CLASS_##c, .asked_ms = -1 \
	}
#define ASKED(ms)                                                                            \
	{                                                                                    \
		.type = KUBE_REFLECT_FAILED, .class = HTTP_CLASS_THROTTLED, .asked_ms = (ms) \
	}
#define SPECIAL(s)                                                          \
	{                                                                   \
		.type = KUBE_REFLECT_FAILED, .class = HTTP_CLASS_NOT_FOUND, \
		.special = KUBE_SPECIAL_##s, .asked_ms = -1                 \
	}
#define FORBIDDEN                                                           \
	{                                                                   \
		.type = KUBE_REFLECT_FAILED, .class = HTTP_CLASS_PERMANENT, \
		.special = KUBE_SPECIAL_FORBIDDEN, .asked_ms = -1           \
	}
#define BAD(c)                                                    \
	{                                                         \
		.type = KUBE_REFLECT_BAD, .class = HTTP_CLASS_##c \
	}
#define TIMER                              \
	{                                  \
		.type = KUBE_REFLECT_TIMER \
	}

#define TO_WATCH                                                        \
	{ 0, START, KUBE_REFLECT_LIST },                                \
	{                                                               \
		100, PAGE("100", false), KUBE_REFLECT_SYNC, 0, 0, "100" \
	}

static const struct story stories[] = {
	STORY("pages follow each other, then it watches and goes on from the last version",
	      { 0, START, KUBE_REFLECT_LIST }, { 10, PAGE("100", true), KUBE_REFLECT_NEXT_PAGE },
	      { 10, PAGE("100", true), KUBE_REFLECT_NEXT_PAGE },
	      { 10, PAGE("100", false), KUBE_REFLECT_SYNC, 0, 0, "100" },
	      { 10, HEARD("101"), KUBE_REFLECT_NOTHING, 0, 0, "101" },
	      { 60000, HEARD("150"), KUBE_REFLECT_NOTHING, 0, 0, "150" },
	      { 300000, ENDED, KUBE_REFLECT_WATCH, 0, 0, "150" }),
	STORY("a watch that ends at once waits", TO_WATCH,
	      { 4999, ENDED, KUBE_REFLECT_WAIT, 0, 800 }, { 800, TIMER, KUBE_REFLECT_WATCH }),
	STORY("a broken watch goes on from the last version", TO_WATCH,
	      { 10, HEARD("105"), KUBE_REFLECT_NOTHING, 0, 0, "105" },
	      { 10, FAILED(RETRY), KUBE_REFLECT_WAIT, 0, 800, "105" },
	      { 800, TIMER, KUBE_REFLECT_WATCH, 0, 0, "105" }),
	STORY("an expired version lists anew, after a while, for all do so now", TO_WATCH,
	      { 60000, SPECIAL(EXPIRED), KUBE_REFLECT_WAIT, 0, 800 },
	      { 800, TIMER, KUBE_REFLECT_LIST }),
	STORY("a version from the future lists anew", TO_WATCH,
	      { 3000, SPECIAL(TOO_NEW), KUBE_REFLECT_WAIT, 0, 800 },
	      { 800, TIMER, KUBE_REFLECT_LIST }),
	STORY("a server that throttles is obeyed, and its watch goes on", TO_WATCH,
	      { 10, ASKED(7000), KUBE_REFLECT_WAIT, 7000, 7000 },
	      { 7000, TIMER, KUBE_REFLECT_WATCH }),
	STORY("new credentials don't need a new list", TO_WATCH,
	      { 10, FAILED(CREDENTIALS), KUBE_REFLECT_WAIT, 0, 800 },
	      { 800, TIMER, KUBE_REFLECT_WATCH }),
	STORY("a watch that is forbidden or gone is rare, and begins with a list", TO_WATCH,
	      { 10, FAILED(PERMANENT), KUBE_REFLECT_WAIT, 0, 30000 },
	      { 30000, TIMER, KUBE_REFLECT_LIST },
	      { 10, FAILED(NOT_FOUND), KUBE_REFLECT_WAIT, 0, 30000 },
	      { 30000, TIMER, KUBE_REFLECT_LIST }),
	STORY("a server that has just started forbids everything for a moment", TO_WATCH,
	      { 10, FORBIDDEN, KUBE_REFLECT_WAIT, 0, 800 }, { 800, TIMER, KUBE_REFLECT_WATCH },
	      { 10, FORBIDDEN, KUBE_REFLECT_WAIT, 0, 1600 }, { 1600, TIMER, KUBE_REFLECT_WATCH }),
	STORY("a page that fails is asked for again, a first page is a new list",
	      { 0, START, KUBE_REFLECT_LIST }, { 10, FAILED(RETRY), KUBE_REFLECT_WAIT, 0, 800 },
	      { 800, TIMER, KUBE_REFLECT_LIST }, { 10, PAGE("100", true), KUBE_REFLECT_NEXT_PAGE },
	      { 10, ASKED(1000), KUBE_REFLECT_WAIT, 1000, 6400 },
	      { 6400, TIMER, KUBE_REFLECT_NEXT_PAGE },
	      { 10, PAGE("100", false), KUBE_REFLECT_SYNC, 0, 0, "100" }),
	STORY("a page whose token expired begins again", { 0, START, KUBE_REFLECT_LIST },
	      { 10, PAGE("100", true), KUBE_REFLECT_NEXT_PAGE },
	      { 10, SPECIAL(EXPIRED), KUBE_REFLECT_WAIT, 0, 800 },
	      { 800, TIMER, KUBE_REFLECT_LIST },
	      { 10, PAGE("200", false), KUBE_REFLECT_SYNC, 0, 0, "200" }),
	STORY("a word that can't be used lists anew, seldom if it will be so again", TO_WATCH,
	      { 10, BAD(RETRY), KUBE_REFLECT_WAIT, 0, 800 }, { 800, TIMER, KUBE_REFLECT_LIST },
	      { 10, PAGE("100", false), KUBE_REFLECT_SYNC },
	      { 10, BAD(PERMANENT), KUBE_REFLECT_WAIT, 0, 30000 },
	      { 30000, TIMER, KUBE_REFLECT_LIST }),
	STORY("a list with an older version is repeated", TO_WATCH,
	      { 10, SPECIAL(TOO_NEW), KUBE_REFLECT_WAIT, 0, 800 },
	      { 800, TIMER, KUBE_REFLECT_LIST },
	      { 10, PAGE("99", false), KUBE_REFLECT_LIST, 0, 0, "99" },
	      { 10, PAGE("98", false), KUBE_REFLECT_SYNC, 0, 0, "98" }),
	STORY("an event with an older version lists anew, and longer numbers are larger",
	      { 0, START, KUBE_REFLECT_LIST }, { 10, PAGE("99", false), KUBE_REFLECT_SYNC },
	      { 10, HEARD("100"), KUBE_REFLECT_NOTHING, 0, 0, "100" },
	      { 10, HEARD("100"), KUBE_REFLECT_NOTHING, 0, 0, "100" },
	      { 10, HEARD("99"), KUBE_REFLECT_WAIT, 0, 800, "100" },
	      { 800, TIMER, KUBE_REFLECT_LIST },
	      { 10, PAGE("50", false), KUBE_REFLECT_SYNC, 0, 0, "50" }),
	STORY("versions that are no numbers are only echoed", { 0, START, KUBE_REFLECT_LIST },
	      { 10, PAGE("zz", false), KUBE_REFLECT_SYNC, 0, 0, "zz" },
	      { 10, HEARD("aa"), KUBE_REFLECT_NOTHING, 0, 0, "aa" },
	      { 10, HEARD("7"), KUBE_REFLECT_NOTHING, 0, 0, "7" },
	      { 10, HEARD("x"), KUBE_REFLECT_NOTHING, 0, 0, "x" }),
	STORY("what comes late is passed over", { 0, TIMER, KUBE_REFLECT_NOTHING },
	      { 0, PAGE("1", false), KUBE_REFLECT_NOTHING }, { 0, START, KUBE_REFLECT_LIST },
	      { 0, START, KUBE_REFLECT_NOTHING }, { 0, HEARD("1"), KUBE_REFLECT_NOTHING },
	      { 0, ENDED, KUBE_REFLECT_NOTHING }, { 0, BAD(RETRY), KUBE_REFLECT_NOTHING },
	      { 0, FAILED(RETRY), KUBE_REFLECT_WAIT, 0, 800 },
	      { 0, FAILED(RETRY), KUBE_REFLECT_NOTHING },
	      { 0, PAGE("1", false), KUBE_REFLECT_NOTHING }),
};

static void tell(const struct story *story, uint64_t random)
{
	struct kube_reflect reflect;
	struct mono now = { 0 };
	char version[KUBE_VERSION_MAX] = "";

	kube_reflect_init(&reflect, random);
	for (size_t i = 0; i < story->n; i++) {
		const struct step *const step = &story->steps[i];
		now = mono_add_ms(now, step->after_ms);
		const struct kube_reflect_decision decision =
			kube_reflect_step(&reflect, &step->event, now);
		if (decision.action != step->action)
			fail_msg("%s: step %zu: action %d", story->name, i, decision.action);
		if (decision.action == KUBE_REFLECT_WAIT &&
		    (decision.wait_ms < step->wait_min_ms || decision.wait_ms > step->wait_max_ms))
			fail_msg("%s: step %zu: waits %lld ms", story->name, i,
				 (long long)decision.wait_ms);
		if (step->version)
			snprintf(version, sizeof(version), "%s", step->version);
		if (step->version && strcmp(reflect.version, version) != 0)
			fail_msg("%s: step %zu: version %s", story->name, i, reflect.version);
	}
}

static void each_story_ends_as_it_should_with_any_luck(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
		for (uint64_t random = 1; random < 40; random++)
			tell(&stories[i], random * 0x9e3779b97f4a7c15ULL);
}

static struct kube_reflect_decision feed(struct kube_reflect *reflect,
					 struct kube_reflect_event event, struct mono *now,
					 int64_t after_ms)
{
	*now = mono_add_ms(*now, after_ms);
	return kube_reflect_step(reflect, &event, *now);
}

static void an_outage_backs_off_to_half_a_minute_and_a_healthy_watch_forgets_it(void **state)
{
	struct kube_reflect reflect;
	struct mono now = { 0 };
	int64_t longest = 0;
	(void)state;

	kube_reflect_init(&reflect, 7);
	feed(&reflect, (struct kube_reflect_event)START, &now, 0);
	feed(&reflect, (struct kube_reflect_event)PAGE("1", false), &now, 1);
	for (int i = 0; i < 60; i++) {
		const struct kube_reflect_decision decision =
			feed(&reflect, (struct kube_reflect_event)FAILED(RETRY), &now, 10);
		assert_int_equal(decision.action, KUBE_REFLECT_WAIT);
		assert_true(decision.wait_ms <= 30000);
		if (decision.wait_ms > longest)
			longest = decision.wait_ms;
		assert_int_equal(feed(&reflect, (struct kube_reflect_event)TIMER, &now,
				      decision.wait_ms)
					 .action,
				 KUBE_REFLECT_WATCH);
	}
	assert_true(longest > 20000);
	assert_int_equal(reflect.counts.lists, 1);

	const struct kube_reflect_decision decision =
		feed(&reflect, (struct kube_reflect_event)FAILED(RETRY), &now, 30000);
	assert_true(decision.wait_ms <= 800);
}

static void all_pages_in_one_go_only_after_a_token_expired_and_once(void **state)
{
	struct kube_reflect reflect;
	struct mono now = { 0 };
	(void)state;

	kube_reflect_init(&reflect, 7);
	feed(&reflect, (struct kube_reflect_event)START, &now, 0);
	feed(&reflect, (struct kube_reflect_event)SPECIAL(EXPIRED), &now, 1);
	assert_false(reflect.is_unpaged);
	feed(&reflect, (struct kube_reflect_event)TIMER, &now, 800);
	feed(&reflect, (struct kube_reflect_event)PAGE("1", true), &now, 1);
	feed(&reflect, (struct kube_reflect_event)SPECIAL(EXPIRED), &now, 1);
	assert_true(reflect.is_unpaged);
	feed(&reflect, (struct kube_reflect_event)TIMER, &now, 1600);
	feed(&reflect, (struct kube_reflect_event)PAGE("2", false), &now, 1);
	assert_false(reflect.is_unpaged);
}

static void equal_versions_are_distrusted_while_a_store_was_set_back(void **state)
{
	struct kube_reflect reflect;
	struct mono now = { 0 };
	(void)state;

	kube_reflect_init(&reflect, 7);
	feed(&reflect, (struct kube_reflect_event)START, &now, 0);
	feed(&reflect, (struct kube_reflect_event)PAGE("100", false), &now, 0);
	assert_false(reflect.is_distrusting);
	feed(&reflect, (struct kube_reflect_event)HEARD("90"), &now, 1);
	assert_true(reflect.is_distrusting);
	feed(&reflect, (struct kube_reflect_event)TIMER, &now, 800);
	feed(&reflect, (struct kube_reflect_event)FAILED(RETRY), &now, 1);
	feed(&reflect, (struct kube_reflect_event)TIMER, &now, 1600);
	assert_true(reflect.is_distrusting);
	feed(&reflect, (struct kube_reflect_event)PAGE("90", false), &now, 1);
	assert_false(reflect.is_distrusting);
	assert_int_equal(reflect.counts.rewinds, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_story_ends_as_it_should_with_any_luck),
		cmocka_unit_test(
			an_outage_backs_off_to_half_a_minute_and_a_healthy_watch_forgets_it),
		cmocka_unit_test(all_pages_in_one_go_only_after_a_token_expired_and_once),
		cmocka_unit_test(equal_versions_are_distrusted_while_a_store_was_set_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
