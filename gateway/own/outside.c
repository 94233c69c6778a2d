// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/outside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "conf/gateway.h"
#include "gateway/own/transition.h"

const char *const outside_state_names[OUTSIDE_STATE_COUNT] = {
	[OUTSIDE_UNTESTED] = "untested",
	[OUTSIDE_CONFIRMED] = "confirmed",
	[OUTSIDE_SILENT] = "silent",
	[OUTSIDE_WRONG] = "wrong",
};

/* Any state may become UNTESTED, at another place. */
#define ANY                                                                     \
	(TRANSITION_BIT(OUTSIDE_UNTESTED) | TRANSITION_BIT(OUTSIDE_CONFIRMED) | \
	 TRANSITION_BIT(OUTSIDE_SILENT) | TRANSITION_BIT(OUTSIDE_WRONG))
static const uint32_t legal[OUTSIDE_STATE_COUNT] = {
	[OUTSIDE_UNTESTED] = ANY,
	[OUTSIDE_CONFIRMED] = ANY,
	[OUTSIDE_SILENT] = ANY,
	[OUTSIDE_WRONG] = ANY & ~TRANSITION_BIT(OUTSIDE_SILENT),
};
static const struct transition_table transitions = { "test from outside", outside_state_names,
						     legal, OUTSIDE_STATE_COUNT, OUTSIDE_WRONG };

int outside_init(struct outside *outside, const struct gateway_config *config)
{
	const struct gateway_egress *egress = config->egress_ips.v;
	const size_t n = config->egress_ips.n;

	*outside = (struct outside){ .n = n,
				     .interval_ms = config->self_test.interval_s * INT64_C(1000) };
	outside->v = calloc(n ? n : 1, sizeof(*outside->v));
	if (!outside->v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		memcpy(outside->v[i].name, egress[i].name, sizeof(egress[i].name));
		transition_set(&transitions, &outside->v[i], OUTSIDE_UNTESTED,
			       "it isn't this gateway's");
	}
	return 0;
}

void outside_done(struct outside *outside)
{
	free(outside->v);
	*outside = (struct outside){ 0 };
}

void outside_adopt(struct outside *outside, const struct outside *old)
{
	for (size_t i = 0; i < outside->n; i++) {
		for (size_t j = 0; j < old->n; j++) {
			if (strcmp(outside->v[i].name, old->v[j].name) == 0)
				outside->v[i] = old->v[j];
		}
		outside->v[i].test_at = (struct mono){ 0 };
		outside->v[i].doubted = false;
	}
}

bool outside_place(struct outside *outside, size_t i, struct ip4 public_ip, struct ip4 private_ip,
		   struct mono now)
{
	struct outside_egress *e = &outside->v[i];

	if (e->private_ip.v == private_ip.v && e->public_ip.v == public_ip.v)
		return false;
	e->public_ip = public_ip;
	e->private_ip = private_ip;
	e->seen = (struct ip4){ 0 };
	e->judged_at = (struct mono){ 0 };
	e->test_at = now;
	e->doubted = false;
	if (!private_ip.v)
		transition_set(&transitions, e, OUTSIDE_UNTESTED, "it isn't this gateway's");
	else
		transition_set(&transitions, e, OUTSIDE_UNTESTED, "no test has ended yet");
	return true;
}

void outside_condemn(struct outside *outside, size_t i)
{
	transition_set(&transitions, &outside->v[i], OUTSIDE_WRONG,
		       "an earlier run of the daemon found it so");
}

/* ---- what a server says --------------------------------------------------------------------------------- */

/* No server on the internet can have seen these; who names one stands behind a proxy, or speaks of itself. */
static bool is_public(struct ip4 address)
{
	static const struct ip4_prefix others[] = {
		{ { 0x00000000 }, 8 },  { { 0x0a000000 }, 8 },  { { 0x64400000 }, 10 },
		{ { 0x7f000000 }, 8 },  { { 0xa9fe0000 }, 16 }, { { 0xac100000 }, 12 },
		{ { 0xc0a80000 }, 16 }, { { 0xe0000000 }, 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (ip4_prefix_contains(others[i], address))
			return false;
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct echo_object {
	struct ip4 ip;
};

static bool read_object(const char *text, size_t length, struct ip4 *ret)
{
	static const struct config_key keys[] = {
		{ .name = "ip",
		  .type = CONFIG_IP4,
		  .offset = offsetof(struct echo_object, ip),
		  .flags = CONFIG_REQUIRED },
	};
	static const struct config_table table = { sizeof(struct echo_object), keys,
						   ARRAY_SIZE(keys) };
	struct echo_object object;

	if (config_parse(&table, text, length, &object, NULL))
		return false;
	*ret = object.ip;
	config_done(&table, &object);
	return true;
}

static bool read_plain(const char *text, size_t length, struct ip4 *ret)
{
	char copy[IP4_TEXT_MAX];

	if (length >= sizeof(copy) || memchr(text, '\0', length))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return ip4_parse(copy, ret, NULL) == 0;
}

void outside_read(const char *body, size_t length, struct outside_answer *ret)
{
	char text[IP4_TEXT_MAX];
	struct ip4 seen;
	bool found;

	*ret = (struct outside_answer){ 0 };
	while (length > 0 && is_space(body[0])) {
		body++;
		length--;
	}
	while (length > 0 && is_space(body[length - 1]))
		length--;
	if (length > 0 && body[0] == '{')
		found = read_object(body, length, &seen);
	else
		found = read_plain(body, length, &seen);
	if (length == 0)
		snprintf(ret->reason, sizeof(ret->reason), "the answer is empty");
	else if (!found)
		snprintf(ret->reason, sizeof(ret->reason),
			 "the answer is neither an IPv4 address nor {\"ip\": \"ADDRESS\"}");
	else if (!is_public(seen))
		snprintf(ret->reason, sizeof(ret->reason), "%s is no address of the internet",
			 ip4_format(seen, text));
	else
		ret->seen = seen;
}

/* ---- what it means -------------------------------------------------------------------------------------- */

/* The first answer that names `address`, or, with `other`, a different one; NULL. */
static const struct outside_answer *find(const struct outside_answer *answers, size_t n,
					 struct ip4 address, bool other)
{
	for (size_t i = 0; i < n; i++) {
		if (answers[i].seen.v && (answers[i].seen.v != address.v) == other)
			return &answers[i];
	}
	return NULL;
}

static void judge_right(struct outside_egress *e, const struct outside_answer *answers,
			const struct outside_answer *odd)
{
	char odd_text[IP4_TEXT_MAX], text[IP4_TEXT_MAX];

	ip4_format(e->public_ip, text);
	if (odd)
		transition_set(&transitions, e, OUTSIDE_CONFIRMED,
			       "seen as %s; only self_test.urls[%zu] named %s", text,
			       (size_t)(odd - answers), ip4_format(odd->seen, odd_text));
	else
		transition_set(&transitions, e, OUTSIDE_CONFIRMED, "seen as %s", text);
	e->seen = e->public_ip;
	e->doubted = false;
}

static void judge_other(struct outside_egress *e, const struct outside_answer *answers,
			const struct outside_answer *odd)
{
	char seen[IP4_TEXT_MAX], public[IP4_TEXT_MAX];

	e->seen = odd->seen;
	if (!e->doubted && e->state != OUTSIDE_WRONG) {
		e->doubted = true;
		return;
	}
	transition_set(&transitions, e, OUTSIDE_WRONG,
		       "self_test.urls[%zu] saw %s instead of %s, and none saw that",
		       (size_t)(odd - answers), ip4_format(odd->seen, seen),
		       ip4_format(e->public_ip, public));
}

/* The servers by number: a URL may hold a key. */
static void judge_silence(struct outside_egress *e, const struct outside_answer *answers, size_t n)
{
	char why[OUTSIDE_REASON_MAX / 2] = "";
	size_t length = 0;

	for (size_t i = 0; i < n && length < sizeof(why); i++)
		length += (size_t)snprintf(why + length, sizeof(why) - length,
					   "%sself_test.urls[%zu]: %s", i ? "; " : "", i,
					   answers[i].reason);
	transition_set(&transitions, e, OUTSIDE_SILENT, "no useful answer: %s", why);
}

void outside_judge(struct outside *outside, size_t i, const struct outside_answer *answers,
		   size_t n, struct mono now)
{
	struct outside_egress *e = &outside->v[i];
	const struct outside_answer *odd = find(answers, n, e->public_ip, true);
	int64_t wait_ms = outside->interval_ms;
	bool doubted = e->doubted;
	bool is_silent = false;

	if (find(answers, n, e->public_ip, false))
		judge_right(e, answers, odd);
	else if (odd)
		judge_other(e, answers, odd);
	else if (e->state != OUTSIDE_WRONG)
		judge_silence(e, answers, n);
	else
		is_silent = true; /* it stays as it was found */
	if (e->doubted && !doubted)
		wait_ms = 0;
	else if (!is_silent)
		e->judged_at = now;
	if (e->state == OUTSIDE_WRONG && wait_ms > OUTSIDE_WRONG_MS)
		wait_ms = OUTSIDE_WRONG_MS;
	e->test_at = mono_add_ms(now, wait_ms);
}

bool outside_worsens(const struct outside *outside, size_t i, const struct outside_answer *answers,
		     size_t n)
{
	const struct outside_egress *e = &outside->v[i];

	if (e->state == OUTSIDE_WRONG || find(answers, n, e->public_ip, false))
		return false;
	return e->state != OUTSIDE_SILENT || find(answers, n, e->public_ip, true);
}

void outside_put_off(struct outside *outside, size_t i, struct mono now)
{
	outside->v[i].test_at = mono_add_ms(now, OUTSIDE_VOID_MS);
}

bool outside_next(const struct outside *outside, struct mono now, size_t *ret_index,
		  int64_t *ret_ms)
{
	const struct outside_egress *next = NULL;

	for (size_t i = 0; i < outside->n; i++) {
		const struct outside_egress *e = &outside->v[i];

		if (e->private_ip.v && (!next || e->test_at.ns < next->test_at.ns))
			next = e;
	}
	if (!next)
		return false;
	*ret_index = (size_t)(next - outside->v);
	*ret_ms = mono_diff_ms(next->test_at, now);
	if (*ret_ms < 0)
		*ret_ms = 0;
	return true;
}

bool outside_is_wrong(const struct outside *outside, size_t i)
{
	return outside->v[i].state == OUTSIDE_WRONG;
}

bool outside_is_settled(const struct outside *outside)
{
	for (size_t i = 0; i < outside->n; i++) {
		const struct outside_egress *e = &outside->v[i];

		if (e->private_ip.v && (e->state == OUTSIDE_UNTESTED || e->state == OUTSIDE_WRONG))
			return false;
	}
	return true;
}
