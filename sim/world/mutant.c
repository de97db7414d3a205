/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rps/world.h>

#include "../base/mutant.h"

static const struct rps_mutant_info info[] = {
	{ "none", "", "", "" },
#define MUTANT(name, requirement, also, what)                                  \
	{ #name, requirement, also, what },
#include "../base/mutants.def"
#undef MUTANT
};

_Static_assert(sizeof(info) / sizeof(info[0]) == NUM_MUTANTS, "mutants.def");

uint32_t rps_mutant_find(const char *name)
{
	for (uint32_t i = 1; i < NUM_MUTANTS; i++) {
		if (strcmp(info[i].name, name) == 0)
			return i;
	}
	return 0;
}

bool rps_mutant_get(uint32_t number, struct rps_mutant_info *out)
{
	if (number == 0 || number >= NUM_MUTANTS)
		return false;
	*out = info[number];
	return true;
}
