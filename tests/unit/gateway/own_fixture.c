// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "own_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "awsapi/action.h"

struct ip4 ip(const char *text)
{
	struct ip4 address = { 0 };

	if (text)
		assert_int_equal(ip4_parse(text, &address, NULL), 0);
	return address;
}

struct mono at(double seconds)
{
	return (struct mono){ .ns = (int64_t)((seconds + 1000) * 1e9) };
}

struct own_wanted want(const char *name, int eip)
{
	struct own_wanted wanted = { .name = "" };

	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	snprintf(wanted.allocation_id, sizeof(wanted.allocation_id), "eipalloc-%d", eip);
	return wanted;
}

/* "10.0.1.201=100": the address carries that Elastic IP; the first one is the primary. */
void see_mine(struct own *own, double seconds, const char *text)
{
	struct aws_private_address addresses[8] = { 0 };
	struct aws_interface interface = { .id = MINE, .addresses = { addresses, 0 } };
	char copy[256], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));) {
		struct aws_private_address *a = &addresses[interface.addresses.n++];
		char *eip = strchr(word, '=');

		if (eip) {
			*eip++ = '\0';
			a->public_ip.v = ip("203.0.113.0").v + (uint32_t)strtoul(eip, NULL, 10);
			snprintf(a->allocation_id, sizeof(a->allocation_id), "eipalloc-%s", eip);
		}
		a->address = ip(word);
		a->primary = interface.addresses.n == 1;
	}
	own_see_interface(own, &interface, at(seconds));
}

struct own_step see_address(struct own *own, double seconds, size_t i, struct where where)
{
	struct aws_address address = { .public_ip = { ip("203.0.113.0").v + (uint32_t)where.eip },
				       .private_ip = ip(where.private) };
	const struct aws_addresses answer = { &address, 1 };

	snprintf(address.allocation_id, sizeof(address.allocation_id), "eipalloc-%d", where.eip);
	snprintf(address.network_interface_id, sizeof(address.network_interface_id), "%s",
		 where.interface ? where.interface : "");
	return own_see_addresses(own, i, &answer, at(seconds));
}

void fail_call(struct own *own, double seconds, size_t i, const struct aws_action *action,
	       struct why why)
{
	struct aws_failure failure = { .class = why.class, .retry_after_ms = -1, .date_sec = -1 };

	snprintf(failure.code, sizeof(failure.code), "%s", why.code);
	snprintf(failure.text, sizeof(failure.text), "%s: %s: message", action->name, why.code);
	own_see_failure(own, i, action, &failure, at(seconds));
}

void expect(const struct own *own, size_t i, enum own_state state, const char *reason)
{
	if (own->v[i].state != state || !strstr(own->v[i].reason, reason))
		fail_msg("%s is %s (%s), expected %s (%s)", own->v[i].wanted.name,
			 own_state_names[own->v[i].state], own->v[i].reason, own_state_names[state],
			 reason);
	if (!own->shared)
		assert_int_equal(own_private(own, i).v != 0, state == OWN_HELD);
}

void expect_step(struct own_step step, enum own_step_kind kind, const char *private)
{
	assert_int_equal(step.kind, kind);
	assert_int_equal(step.private_ip.v, ip(private).v);
}

void begin(struct own *own, size_t n, struct own_wanted a, struct own_wanted b)
{
	const struct own_wanted wanted[] = { a, b };

	assert_int_equal(own_init(own, wanted, n, 1), 0);
}

void begin_bank(struct own *own)
{
	begin(own, 1, want("bank", BANK), (struct own_wanted){ .name = "" });
}

/* Claimed by us at second 0, from eni-other, and confirmed at second 2. */
void begin_claimed(struct own *own)
{
	begin_bank(own);
	see_mine(own, 0, "10.0.1.200 10.0.1.201");
	expect_step(see_address(own, 0, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
	own_see_associated(own, 0, at(0));
	see_mine(own, 2, "10.0.1.200 10.0.1.201=100");
	expect_step(see_address(own, 2, 0, AT(BANK, MINE, "10.0.1.201")), OWN_STEP_NONE, NULL);
	expect(own, 0, OWN_HELD, "203.0.113.100 is associated with 10.0.1.201 on eni-mine");
}

void begin_found(struct own *own)
{
	begin_bank(own);
	see_mine(own, 0, "10.0.1.200 10.0.1.201=100");
	expect_step(see_address(own, 0, 0, AT(BANK, MINE, "10.0.1.201")), OWN_STEP_NONE, NULL);
	expect(own, 0, OWN_HELD, "is associated");
}
