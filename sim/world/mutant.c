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

static uint32_t of_library;
static bool reached_by_census[NUM_MUTANTS];

bool rps_mutant_asked(uint32_t in_force, enum rps_mutant mutant)
{
	if (in_force == RPS_MUTANT_CENSUS)
		reached_by_census[mutant] = true;
	return in_force == (uint32_t)mutant;
}

uint32_t rps_mutant_of_library(void)
{
	return of_library;
}

void rps_mutant_set_library(uint32_t number)
{
	of_library = number;
}

uint32_t rps_mutant_census(bool *reached, uint32_t max)
{
	for (uint32_t i = 1; i < NUM_MUTANTS && i <= max; i++)
		reached[i - 1] = reached_by_census[i];
	memset(reached_by_census, 0, sizeof(reached_by_census));
	return NUM_MUTANTS - 1;
}

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
