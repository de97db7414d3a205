/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which faults are to strike, when, and what lands then.  Knows no world: it
 * is told of each occasion.
 */
#ifndef RPS_FAULT_PLAN_H
#define RPS_FAULT_PLAN_H

#include <rps/mem.h>

#include "../base/rng.h"
#include "fault_table.h"

#define FAULT_ARMED_MAX   128u
#define FAULT_SHOTS_MAX   1024u
#define SWARM_STRIKES_MAX 8u /* of each fault of a swarm */
#define FAULT_ENDS        2u

/* One armed fault. */
struct fault {
	const struct fault_row *row;
	uint32_t number;
	uint32_t judged;   /* the end that has to bear it */
	uint32_t nth;      /* strikes at this occasion, once; or, ... */
	uint32_t one_in;   /* ... where not 0, at one of so many */
	struct rng stream; /* of chance */
	uint32_t seen;     /* occasions so far */
	uint32_t fired;    /* strikes so far */
	uint64_t previous; /* what landed the last time */
	bool begun;        /* its NEXT is set, and desc.next is still to come */
};

struct fault_plan {
	bool on; /* the one thing that is asked where no fault is armed */
	uint32_t kinds; /* a bit for each enum fault_kind that is armed */
	uint32_t num_armed;
	struct fault armed[FAULT_ARMED_MAX];
	uint32_t num_shots;
	struct rps_shot shot[FAULT_SHOTS_MAX];
};

/* An occasion for faults. */
struct fault_spot {
	enum fault_kind kind;
	uint32_t end;   /* the one that has to bear them */
	uint32_t queue; /* of the ring */
	enum seam seam; /* of a store or a read */
	bool ns;        /* what is at the seam is an announcement */
	uint32_t len_bytes;
};

/* What hows refer to. */
struct fault_ground {
	enum rps_order order;
	uint32_t num;
	uint32_t buf_bytes;
	uint64_t memory_end;
	uint32_t self; /* number of the descriptor */
};

/* Return: as rps_world_arm(). */
int fault_arm(struct fault_plan *plan, uint32_t number, uint32_t judged,
	      uint32_t nth);

/* Return: as rps_world_swarm(). */
int fault_arm_swarm(struct fault_plan *plan, const char *profile,
		    uint32_t judged, uint64_t seed);

/* Nothing strikes any more; what was counted stays. */
void fault_disarm(struct fault_plan *plan);

/* An occasion without a record.  Return: the fault that strikes, or NULL. */
const struct fault *fault_strike(struct fault_plan *plan,
				 const struct fault_spot *spot);

/* An occasion at @record: changes in it what the faults that strike are about.
 * Return: whether one did. */
bool fault_change(struct fault_plan *plan, const struct fault_spot *spot,
		  const struct fault_ground *ground, uint8_t *record);

/* Return: the queue of messages to @end (IN), or the other one. */
uint32_t fault_queue(uint32_t end, enum fault_side side);

uint32_t fault_fired(const struct fault_plan *plan, uint32_t number);

#endif
