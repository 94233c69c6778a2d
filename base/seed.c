// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/seed.h"

#include <sys/random.h>

#include "base/mono.h"

uint64_t seed_guessable(void)
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = (uint64_t)mono_now().ns;
	return number ? number : 1;
}
