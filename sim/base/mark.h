/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Places that a run must have come to; marks.def has them.
 */
#ifndef RPS_MARK_H
#define RPS_MARK_H

#include <rps/mem.h>

enum rps_mark {
#define MARK_EVENT(name, end, event, condition, requirements, what) MARK_##name,
#define MARK_RESULT(name, end, call, result, requirements, what)    MARK_##name,
#define MARK_CODE(name, end, requirements, what)                    MARK_##name,
#include "marks.def"
#undef MARK_EVENT
#undef MARK_RESULT
#undef MARK_CODE
	NUM_MARKS
};

#ifdef RPS_SIM
/* Implemented by world/. */
void rps_mark_reached(const struct rps_mem *mem, enum rps_mark mark);

static inline void mark(const struct rps_mem *mem, enum rps_mark what)
{
	if (mem && mem->world)
		rps_mark_reached(mem, what);
}
#else
static inline void mark(const struct rps_mem *mem, enum rps_mark what)
{
	(void)mem;
	(void)what;
}
#endif

#endif
