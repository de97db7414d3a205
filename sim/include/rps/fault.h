/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults as data: what can go wrong between two ends, and how to let it go
 * wrong in a simulated world.  sim/fault/faults.def has the table and says
 * what its words mean.
 */
#ifndef RPS_FAULT_H
#define RPS_FAULT_H

#include <rps/api.h>

struct rps_world;

/* One row; words are as the table has them. */
struct rps_fault_info {
	const char *name;
	const char *kind;
	const char *judged;
	const char *side;
	const char *field; /* "used.id", "hdr.len", ...; "" where there is none */
	const char *how;
	const char *content;
	const char *after;
	const char *requirements; /* separated by blanks */
	const char *what;
	uint64_t value;
	uint32_t nth;
	uint32_t field_at;    /* in its record, bytes */
	uint32_t field_bytes; /* 0 where there is none */
};

/* Return: the number of the fault of that name, 0 where there is none. */
RPS_API uint32_t rps_fault_find(const char *name);

/* Return: false past the last one; numbers start at 1. */
RPS_API bool rps_fault_get(uint32_t number, struct rps_fault_info *out);

/**
 * rps_world_arm() - let a fault strike once.
 * @fault:  its number.
 * @judged: the end that has to bear it; the other one is its peer.
 * @nth:    which occurrence from now on, counted from 0.
 *
 * Return: 0; -EINVAL for no such fault, or one that is not aimed at that end;
 * -ENOTSUP for one that is made of ordinary calls (STORM, CHURN, FULL);
 * -ENOSPC where too many are armed.
 */
RPS_API int rps_world_arm(struct rps_world *world, uint32_t fault,
			  uint32_t judged, uint32_t nth);

/**
 * rps_world_swarm() - let many faults strike by chance.
 * @profile: name of a row of sim/fault/swarm.def.
 * @judged:  the end that has to bear them.
 * @seed:    decides which faults of the profile take part, and when each
 *           strikes; every fault has a stream of its own.
 *
 * Return: number of faults that take part; -EINVAL for no such profile or end;
 * -ENOSPC where too many are armed.
 */
RPS_API int rps_world_swarm(struct rps_world *world, const char *profile,
			    uint32_t judged, uint64_t seed);

/* No fault strikes any more, late notifications arrive and who paused goes
 * on; what was counted stays until the next one is armed. */
RPS_API void rps_world_disarm(struct rps_world *world);

/* Whether it is, or was when faults ended. */
RPS_API bool rps_world_is_armed(const struct rps_world *world, uint32_t fault);

/* Return: how often it struck. */
RPS_API uint32_t rps_world_fired(const struct rps_world *world, uint32_t fault);

/* One strike, as it can be armed again. */
struct rps_shot {
	uint32_t fault;
	uint32_t judged;
	uint32_t nth;
};

/* Return: strikes since the first was armed; fills the first @max. */
RPS_API uint32_t rps_world_shots(const struct rps_world *world,
				 struct rps_shot *out, uint32_t max);

/* Whether that end is there, and has not died. */
RPS_API bool rps_world_is_alive(const struct rps_world *world, uint32_t end);

/* A new end takes the place of one that died, or of one that is well: it knows
 * nothing.  Return: 0, -EINVAL for an end that never was, or -ENOMEM. */
RPS_API int rps_world_revive(struct rps_world *world, uint32_t end);

/* Return: name of swarm profile @index, counted from 0; NULL past the last. */
RPS_API const char *rps_swarm_name(uint32_t index);

#endif
