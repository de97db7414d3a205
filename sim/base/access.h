/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only door to shared memory.  One source of the ends, two speeds:
 *
 *   direct     plain loads and stores with C11 orderings (librps)
 *   simulated  each access is a step of the world, which decides what is
 *              seen when (librps-sim)
 *
 * Both give the same names: load16/32/64, store16/32/64 (relaxed),
 * acquire16 (ordered before every later access), publish16 (ordered after
 * every earlier one), fence_full, copy_in and copy_out.
 */
#ifndef RPS_ACCESS_H
#define RPS_ACCESS_H

#include <rps/mem.h>

#include "seam.h"

#ifdef RPS_SIM
#include "access_sim.h"
#else
#include "access_direct.h"
#endif

static inline uint16_t load16(const struct rps_mem *mem, enum seam seam,
			      const struct virtio16 *field)
{
	return rps_swap16(mem->order, raw_load16(mem, seam, &field->raw));
}

static inline uint32_t load32(const struct rps_mem *mem, enum seam seam,
			      const struct virtio32 *field)
{
	return rps_swap32(mem->order, raw_load32(mem, seam, &field->raw));
}

static inline uint64_t load64(const struct rps_mem *mem, enum seam seam,
			      const struct virtio64 *field)
{
	return rps_swap64(mem->order, raw_load64(mem, seam, &field->raw));
}

static inline uint16_t acquire16(const struct rps_mem *mem, enum seam seam,
				 const struct virtio16 *field)
{
	return rps_swap16(mem->order, raw_acquire16(mem, seam, &field->raw));
}

static inline void store16(const struct rps_mem *mem, enum seam seam,
			   struct virtio16 *field, uint16_t value)
{
	raw_store16(mem, seam, &field->raw, rps_swap16(mem->order, value));
}

static inline void store32(const struct rps_mem *mem, enum seam seam,
			   struct virtio32 *field, uint32_t value)
{
	raw_store32(mem, seam, &field->raw, rps_swap32(mem->order, value));
}

static inline void store64(const struct rps_mem *mem, enum seam seam,
			   struct virtio64 *field, uint64_t value)
{
	raw_store64(mem, seam, &field->raw, rps_swap64(mem->order, value));
}

static inline void publish16(const struct rps_mem *mem, enum seam seam,
			     struct virtio16 *field, uint16_t value)
{
	raw_publish16(mem, seam, &field->raw, rps_swap16(mem->order, value));
}

#endif
