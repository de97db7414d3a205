/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_MAP_H
#define RPS_MAP_H

#include <rps/mem.h>

/* rps_mem_map() that also says in which region it was. */
void *map_and_note(const struct rps_mem *mem, unsigned int *region,
		   struct gpa addr, uint64_t len_bytes);

/* rps_mem_map() for addresses that lie near each other as a rule: the region
 * of the last one is tried first. */
static inline void *map_near(const struct rps_mem *mem, unsigned int *region,
			     struct gpa addr, uint64_t len_bytes)
{
	if (*region < mem->num_regions) {
		const struct rps_region *last = &mem->region[*region];
		uint64_t offset = addr.v - last->base.v;

		if (offset < last->len_bytes &&
		    len_bytes <= last->len_bytes - offset)
			return last->host + offset;
	}
	return map_and_note(mem, region, addr, len_bytes);
}

#endif
