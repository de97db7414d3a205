/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Observers.  The core tells what it does through this interface and knows
 * nothing of who listens: the simulator's log, a tracer, nobody.
 */
#ifndef RPS_PROBE_H
#define RPS_PROBE_H

#include <rps/api.h>

/* EVENT(name, a, b, c): the text names of the three operands, "" for unused. */
enum rps_event {
#define EVENT(name, a, b, c) RPS_EVENT_##name,
#include <rps/events.def>
#undef EVENT
	RPS_NUM_EVENTS
};

struct rps_probe {
	void (*event)(void *priv, enum rps_event event, uint64_t a, uint64_t b,
		      uint64_t c);
	void *priv;
};

#endif
