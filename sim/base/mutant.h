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
/* Implemented by world/: whether @in_force is @mutant, or else counts it. */
bool rps_mutant_asked(uint32_t in_force, enum rps_mutant mutant);
/* The mutant of what is given no memory to work on: layout, arithmetic. */
uint32_t rps_mutant_of_library(void);

static inline bool mutated(const struct rps_mem *mem, enum rps_mutant mutant)
{
	/* Nearly all worlds have none, and are in a hurry. */
	return __builtin_expect(mem->mutant != MUTANT_none, 0) &&
	       rps_mutant_asked(mem->mutant, mutant);
}

/* Whether an assertion may well fail: an error that somebody asked for. */
static inline bool any_mutant(const struct rps_mem *mem)
{
	return mem->mutant != MUTANT_none;
}

static inline bool library_mutated(enum rps_mutant mutant)
{
	return rps_mutant_asked(rps_mutant_of_library(), mutant);
}
#else
static inline bool mutated(const struct rps_mem *mem, enum rps_mutant mutant)
{
	(void)mem;
	(void)mutant;
	return false;
}

static inline bool any_mutant(const struct rps_mem *mem)
{
	(void)mem;
	return false;
}

static inline bool library_mutated(enum rps_mutant mutant)
{
	(void)mutant;
	return false;
}
#endif

#endif
