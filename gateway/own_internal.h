// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside own: own_place.c knows which private address an egress IP can have, own_explain.c finds words; pure like all of it. */
#pragma once

#include "gateway/own.h"

const struct own_slot *own_find_slot(const struct own *own, struct ip4 address);
/* The other egress IP that has or wants the address, or NULL. */
const struct own_egress *own_find_taker(const struct own *own, const struct own_egress *self,
					struct ip4 address);
/*
 * "" when the Elastic IP may be at the address, else the sentence why not. A slot that isn't there yet is no
 * reason.
 */
void own_check_place(const struct own *own, const struct own_egress *self, struct ip4 address,
		     char reason[static OWN_REASON_MAX]);
/* A free secondary address of the interface, or 0. */
struct ip4 own_choose(const struct own *own, const struct own_egress *self);

#define OWN_WANTED_TEXT_MAX (OWN_TAG_MAX + 32)
/* How the configuration names the Elastic IP: "Elastic IP with the tag Key=Value". Returns `text`. */
const char *own_explain_wanted(const struct own_wanted *wanted,
			       char text[static OWN_WANTED_TEXT_MAX]);
/* What is missing, and who can give it. */
void own_explain_failure(const struct own *own, const struct own_wanted *wanted,
			 const struct aws_action *action, const struct aws_failure *failure,
			 char reason[static OWN_REASON_MAX]);
