// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/own_internal.h"

#include <stdio.h>
#include <string.h>

const struct own_slot *own_find_slot(const struct own *own, struct ip4 address)
{
	for (size_t i = 0; address.v && i < own->n_slots; i++) {
		if (own->slots[i].address.v == address.v)
			return &own->slots[i];
	}
	return NULL;
}

/* What the configuration names goes before what was chosen. */
const struct own_egress *own_find_taker(const struct own *own, const struct own_egress *self,
					struct ip4 address)
{
	for (size_t i = 0; i < own->n; i++) {
		const struct own_egress *e = &own->v[i];

		if (e == self || address.v == 0)
			continue;
		if (e->wanted.private_ip.v == address.v || e->private_ip.v == address.v)
			return e;
	}
	return NULL;
}

static bool carries_other(const struct own_slot *slot, const struct own_egress *self)
{
	return slot->public_ip.v && strcmp(slot->allocation_id, self->allocation_id) != 0;
}

void own_check_place(const struct own *own, const struct own_egress *self, struct ip4 address,
		     char reason[static OWN_REASON_MAX])
{
	const struct own_slot *slot = own_find_slot(own, address);
	const struct own_egress *taker = own_find_taker(own, self, address);
	char text[IP4_TEXT_MAX], public[IP4_TEXT_MAX];

	reason[0] = '\0';
	ip4_format(address, text);
	if (taker)
		snprintf(reason, OWN_REASON_MAX, "the private address %s is that of egress IP %s",
			 text, taker->wanted.name);
	else if (slot && slot->primary)
		snprintf(reason, OWN_REASON_MAX,
			 "%s is the primary address of %s, where this host would answer; "
			 "a secondary one is needed",
			 text, own->interface_id);
	else if (slot && carries_other(slot, self))
		snprintf(reason, OWN_REASON_MAX,
			 "the private address %s carries another Elastic IP, %s", text,
			 ip4_format(slot->public_ip, public));
}

bool own_is_placed(const struct own *own, const struct own_egress *self)
{
	const struct own_slot *slot = own_find_slot(own, self->private_ip);

	return slot && !slot->primary && !carries_other(slot, self) &&
	       !own_find_taker(own, self, self->private_ip);
}

struct ip4 own_private(const struct own *own, size_t i)
{
	const struct own_egress *e = &own->v[i];
	bool is_sound = e->state == OWN_STANDBY || e->state == OWN_CLAIMING ||
			(e->state == OWN_BLOCKED && e->refused);

	if (e->state == OWN_HELD || (own->shared && is_sound && own_is_placed(own, e)))
		return e->private_ip;
	return (struct ip4){ 0 };
}

struct ip4 own_choose(const struct own *own, const struct own_egress *self)
{
	char reason[OWN_REASON_MAX];

	for (size_t i = 0; i < own->n_slots; i++) {
		own_check_place(own, self, own->slots[i].address, reason);
		if (!reason[0])
			return own->slots[i].address;
	}
	return (struct ip4){ 0 };
}
