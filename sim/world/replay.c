/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who decides in a world: its scheduler, or a list of what was decided before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_priv.h"

#define PCT_LENGTH 1000u

int world_decider_init(struct rps_world *world)
{
	const struct rps_world_config *config = &world->config;
	struct decider *decider = &world->decider;
	uint32_t length = config->pct_length ? config->pct_length : PCT_LENGTH;

	decider->scheduler = (enum rps_scheduler)config->scheduler;
	decider->seed = config->seed;
	decider_begin(decider);
	/* The driver goes first where the ends take turns. */
	world->last_end = RPS_END_DEVICE;
	if (decider->scheduler == RPS_SCHEDULER_ROUND_ROBIN)
		return 0;
	if (decider->scheduler == RPS_SCHEDULER_PCT)
		decider_pct(decider, config->pct_depth, length);
	decider->made = calloc(RPS_DECISIONS_MAX, sizeof(*decider->made));
	if (!decider->made)
		return -ENOMEM;
	decider->max_made = RPS_DECISIONS_MAX;
	return 0;
}

void world_decider_finish(struct rps_world *world)
{
	free(world->decider.made);
	free(world->listed);
}

uint64_t rps_world_decisions(const struct rps_world *world,
			     struct rps_decision *out, uint32_t max)
{
	const struct decider *decider = &world->decider;
	uint32_t kept = decider->num_made < decider->max_made
				? decider->num_made
				: decider->max_made;

	for (uint32_t i = 0; i < kept && i < max; i++)
		out[i] = decider->made[i];
	return decider->num_made;
}

int rps_world_replay(struct rps_world *world, const struct rps_decision *list,
		     uint32_t count, bool lenient)
{
	/* Room for one: nothing is listed where there was no memory. */
	struct rps_decision *copy = calloc(count + 1u, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (count > 0)
		memcpy(copy, list, count * sizeof(*copy));
	free(world->listed);
	world->listed = copy;
	world->decider.scheduler = RPS_SCHEDULER_REPLAY;
	world->decider.listed = copy;
	world->decider.num_listed = count;
	world->decider.lenient = lenient;
	decider_begin(&world->decider);
	return 0;
}

size_t rps_world_mismatch(const struct rps_world *world, char *buf, size_t size)
{
	return decider_complaint(&world->decider, buf, size);
}
