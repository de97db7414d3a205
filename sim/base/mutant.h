/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deliberate errors of our own ends: proof that the tests can fail.
 */
#ifndef RPS_MUTANT_H
#define RPS_MUTANT_H

#include <rps/mem.h>

enum rps_mutant {
	MUTANT_none,
#define MUTANT(name, requirement, also, what) MUTANT_##name,
#include "mutants.def"
#undef MUTANT
	NUM_MUTANTS
};

/* A constant 0 in the direct build, so that the error is not even there. */
#ifdef RPS_SIM
static inline bool mutated(const struct rps_mem *mem, enum rps_mutant mutant)
{
	return mem->mutant == (unsigned int)mutant;
}
#else
static inline bool mutated(const struct rps_mem *mem, enum rps_mutant mutant)
{
	(void)mem;
	(void)mutant;
	return false;
}
#endif

#endif
