/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_MAP_H
#define RPS_MAP_H

#include <rps/mem.h>

/* rps_mem_map() that also copies the region it was in to @near. */
void *map_and_note(const struct rps_mem *mem, struct rps_region *near,
		   struct gpa addr, uint64_t len_bytes);

/*
 * rps_mem_map() for addresses that lie near each other as a rule: the region
 * of the last one is tried first.  @near is zeroed before its first use, and
 * again whenever @mem has changed.
 */
static inline void *map_near(const struct rps_mem *mem, struct rps_region *near,
			     struct gpa addr, uint64_t len_bytes)
{
	uint64_t offset = addr.v - near->base.v;

	if (__builtin_expect(offset < near->len_bytes &&
				     len_bytes <= near->len_bytes - offset,
			     1))
		return near->host + offset;
	return map_and_note(mem, near, addr, len_bytes);
}

#endif
