/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layer 0: the memory that both ends share, as one end sees it.
 */
#ifndef RPS_MEM_H
#define RPS_MEM_H

#include <rps/byteorder.h>

/* An address as the peer knows it; only rps_mem_map() makes a pointer of it. */
struct gpa {
	uint64_t v;
};

#define RPS_MEM_REGIONS_MAX 32

struct rps_region {
	struct gpa base;    /* peer address of the first byte */
	uint64_t len_bytes; /* base.v + len_bytes does not wrap */
	uint8_t *host;      /* where this process sees it */
};

struct rps_world;
struct rps_probe;

/**
 * struct rps_mem - one end's view of the shared memory.
 * @region:      disjoint, in no order.
 * @num_regions: entries of @region that are in use.
 * @order:       byte order of rings and RPMsg headers; fixed at FEATURES_OK.
 * @mutant:      deliberate error of this end (enum rps_mutant); 0 is none.
 *               The direct build does not look at it.
 * @world:       simulated world that owns time and order; NULL in the direct
 *               build.
 * @probe:       observer of this end, or NULL.
 */
struct rps_mem {
	struct rps_region region[RPS_MEM_REGIONS_MAX];
	unsigned int num_regions;
	enum rps_order order;
	unsigned int mutant;
	struct rps_world *world;
	const struct rps_probe *probe;
};

/**
 * rps_mem_add() - make a region known.
 * @mem:       view to extend.
 * @base:      peer address of the first byte.
 * @len_bytes: its length; not 0.
 * @host:      where it is mapped; stays the caller's.
 *
 * Return: 0; -EINVAL where it is empty, wraps around the address space, or is
 * longer than UINT64_MAX - UINT32_MAX;
 * -EEXIST where it overlaps a known region; -ENOSPC where there is no room.
 */
RPS_API RPS_CHECKED int rps_mem_add(struct rps_mem *mem, struct gpa base,
				    uint64_t len_bytes, void *host);

/**
 * rps_mem_map() - turn a peer address into a pointer.
 * @mem:       view of the memory.
 * @addr:      peer address, trusted by nobody.
 * @len_bytes: bytes that will be touched; 0 asks for the address alone.
 *
 * Return: pointer to @len_bytes bytes, or NULL where any of them lies outside
 * one single region.
 */
RPS_API void *rps_mem_map(const struct rps_mem *mem, struct gpa addr,
			  uint64_t len_bytes);

#endif
