/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_MAP_H
#define RPS_MAP_H

#include <rps/mem.h>

/* rps_mem_map() that also copies the region it was in to @near. */
void *map_and_note(const struct rps_mem *mem, struct rps_region *near,
		   struct gpa addr, uint64_t len_bytes);

/* Pointer to bytes that lie in @near, else NULL.
 * @len_bytes: not 0. */
static inline void *map_in(const struct rps_region *near, struct gpa addr,
			   uint32_t len_bytes)
{
	uint64_t offset = addr.v - near->base.v;
	uint64_t last;
	uint8_t *host;

	/* Where the last one may begin, unless they are too many. */
	if (near->len_bytes < len_bytes)
		return NULL;
	last = near->len_bytes - len_bytes;
	if (offset > last)
		return NULL;
	host = near->host + offset;
	/* A region lies somewhere: the caller's test is the one above. */
	if (!host)
		__builtin_unreachable();
	return host;
}

/*
 * rps_mem_map() for addresses that lie near each other as a rule: the region
 * of the last one is tried first.  @near is zeroed before its first use, and
 * again whenever @mem has changed.
 */
static inline void *map_near(const struct rps_mem *mem, struct rps_region *near,
			     struct gpa addr, uint32_t len_bytes)
{
	void *host = len_bytes > 0 ? map_in(near, addr, len_bytes) : NULL;

	return host ? host : map_and_note(mem, near, addr, len_bytes);
}

#endif
