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

#endif
