/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The small world of the explorer: both reference ends, as they are in a large
 * one, in little memory, brought up once and begun again in a microsecond.
 */
#ifndef RPS_WORLD_SCOPE_H
#define RPS_WORLD_SCOPE_H

#include <rps/explore.h>

#include "world_priv.h"

/* One end and its application. */
struct scope_end {
	struct rps_node node;
	struct rps_ept ept;
	struct rps_ept *ept_slot[1];
	struct rps_send send;
	uint8_t payload[RPS_SCOPE_BUF_MAX];
	bool sending;
	uint32_t sent;
	uint32_t received;
	uint32_t expected;
	int send_error;
	bool wrong_message;
};

struct scope {
	struct rps_scope config;
	struct rps_world world;
	struct ordering ordering;
	struct scope_end end[NUM_ENDS];
	struct rps_monitor *monitor; /* NULL where it is unwatched */
	bool up_broke; /* a rule: @up_finding, before anything was sent */
	struct rps_finding up_finding;
	bool link_is_up;     /* bring-up is over: applications may send */
	struct scope *fresh; /* as all of the above was after bring-up */
	uint8_t *fresh_arena;
};

/* Return: a scope to be given to scope_destroy(), or NULL with *@error:
 * -ENOMEM, or what the bring-up said. */
struct scope *scope_create(const struct rps_scope *config, int *error);
void scope_destroy(struct scope *scope);

/* @sink gets every record from now on; NULL for nobody. */
void scope_observe(struct scope *scope, const struct rps_sink *sink);

/* Everything as it was after bring-up. */
void scope_begin(struct scope *scope);

/* Return: hash of all that decides what can happen from here on. */
uint64_t scope_hash(const struct scope *scope);

/* Return: hash of what the ends and the memory are like at rest, however
 * much of it has been seen by whom. */
uint64_t scope_outcome(const struct scope *scope);

/* Both ends are at rest, or the run was stopped. */
struct scope_finding {
	enum rps_explore_kind kind;
	struct blame blame;
	uint64_t step;
	struct rps_finding broken; /* of RPS_FOUND_RULE */
};

/* Return: what a finding is about, "LAY-021", or "". */
const char *scope_requirement(const struct scope_finding *finding);

/* What is wrong with a run that ended with @status (rps_world_run(), or -ELOOP
 * where it would have gone round for ever). */
struct scope_finding scope_judge(struct scope *scope, int64_t status);

#endif
