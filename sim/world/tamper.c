/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The moment between check and use: a peer that rewrites what was just read.
 */
#include <errno.h>
#include <string.h>

#include "../base/probe.h"
#include "world_priv.h"

static unsigned int seam_of(const char *name)
{
	unsigned int i = 0;

	while (i < NUM_SEAMS && strcmp(rps_seam_name(i), name) != 0)
		i++;
	return i;
}

int rps_world_tamper(struct rps_world *world, uint32_t end, const char *seam,
		     uint32_t nth, uint64_t addr, const void *bytes,
		     uint32_t len)
{
	unsigned int where = seam_of(seam);
	uint8_t *at =
		rps_mem_map(&world->driver_mem, (struct gpa){ addr }, len);

	if (end >= NUM_ENDS || where == NUM_SEAMS || len > TAMPER_BYTES_MAX)
		return -EINVAL;
	if (!at)
		return -EFAULT;
	world->tamper = (struct tamper){
		.armed = true,
		.end = end,
		.seam = (enum seam)where,
		.left = nth,
		.at = at,
		.len = len,
	};
	memcpy(world->tamper.bytes, bytes, len);
	return 0;
}

bool rps_world_tampered(const struct rps_world *world)
{
	return world->tamper.fired;
}

void tamper_after_read(struct rps_world *world, unsigned int end,
		       enum seam seam)
{
	struct tamper *tamper = &world->tamper;

	if (!tamper->armed || tamper->end != end || tamper->seam != seam)
		return;
	if (tamper->left > 0) {
		tamper->left--;
		return;
	}
	memcpy(tamper->at, tamper->bytes, tamper->len);
	probe(&world->driver_mem, RPS_EVENT_memory_change,
	      world->arena_base + (uint64_t)(tamper->at - world->arena),
	      tamper->len, 0);
	tamper->armed = false;
	tamper->fired = true;
}
