/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_BASE_PROBE_H
#define RPS_BASE_PROBE_H

#include <rps/mem.h>
#include <rps/probe.h>

/* Tell the observer of this end, if there is one. */
static inline void probe(const struct rps_mem *mem, enum rps_event event,
			 uint64_t a, uint64_t b, uint64_t c)
{
	const struct rps_probe *observer = mem->probe;

	if (__builtin_expect(observer != NULL, 0))
		observer->event(observer->priv, event, a, b, c);
}

/* Operand num_flags of ring_start; see events.def. */
static inline uint64_t probe_num_flags(const struct rps_mem *mem, uint32_t num,
				       bool event_idx, bool indirect)
{
	return num | (uint64_t)event_idx << 16 | (uint64_t)indirect << 17 |
	       (uint64_t)(mem->order == RPS_ORDER_BE) << 18;
}

/* Operand desc of desc_write and desc_read; see events.def. */
static inline uint64_t probe_desc(uint16_t index, uint16_t flags,
				  uint32_t len_bytes)
{
	return (uint64_t)index << 48 | (uint64_t)flags << 32 | len_bytes;
}

#endif
