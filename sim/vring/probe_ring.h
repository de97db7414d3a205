/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_VRING_PROBE_RING_H
#define RPS_VRING_PROBE_RING_H

#include <rps/vring.h>

#include "../base/probe.h"

/* Tell observers that an end has taken over a ring, and where it lies. */
static inline void probe_ring(const struct rps_mem *mem, unsigned int queue,
			      struct rps_vring_addrs addrs, uint64_t num_flags,
			      uint16_t start_idx)
{
	probe(mem, RPS_EVENT_ring_start, queue, num_flags, start_idx);
	probe(mem, RPS_EVENT_ring_place, queue, 0, addrs.desc.v);
	probe(mem, RPS_EVENT_ring_place, queue, 1, addrs.avail.v);
	probe(mem, RPS_EVENT_ring_place, queue, 2, addrs.used.v);
}

#endif
