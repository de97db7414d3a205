/* SPDX-License-Identifier: BSD-3-Clause */
#include "map.h"

#include <errno.h>

static bool overlap(const struct rps_region *a, const struct rps_region *b)
{
	/* Differences instead of ends: a region may touch the last address. */
	if (a->base.v < b->base.v)
		return b->base.v - a->base.v < a->len_bytes;
	return a->base.v - b->base.v < b->len_bytes;
}

int rps_mem_add(struct rps_mem *mem, struct gpa base, uint64_t len_bytes,
		void *host)
{
	struct rps_region new = { base, len_bytes, host };

	if (len_bytes == 0 || base.v + (len_bytes - 1) < base.v)
		return -EINVAL;
	for (unsigned int i = 0; i < mem->num_regions; i++) {
		if (overlap(&mem->region[i], &new))
			return -EEXIST;
	}
	/* No process maps that much. */
	if (len_bytes > UINT64_MAX - UINT32_MAX)
		return -EINVAL;
	if (mem->num_regions == RPS_MEM_REGIONS_MAX)
		return -ENOSPC;

	mem->region[mem->num_regions++] = new;
	return 0;
}

void *map_and_note(const struct rps_mem *mem, struct rps_region *near,
		   struct gpa addr, uint64_t len_bytes)
{
	for (unsigned int i = 0; i < mem->num_regions; i++) {
		const struct rps_region *at = &mem->region[i];
		/* Wraps to a large number below the region: refused too. */
		uint64_t offset = addr.v - at->base.v;

		if (offset < at->len_bytes &&
		    len_bytes <= at->len_bytes - offset) {
			*near = *at;
			return at->host + offset;
		}
	}
	return NULL;
}

void *rps_mem_map(const struct rps_mem *mem, struct gpa addr,
		  uint64_t len_bytes)
{
	struct rps_region region;

	return map_and_note(mem, &region, addr, len_bytes);
}
