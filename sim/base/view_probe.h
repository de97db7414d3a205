/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_VIEW_PROBE_H
#define RPS_VIEW_PROBE_H

#include "access.h"
#include "probe.h"

/* probe(), and nothing at all where it is known that nobody observes. */
static RPS_HOT void view_probe(struct view view, enum rps_event event,
			       uint64_t a, uint64_t b, uint64_t c)
{
	if (!view.plain)
		probe(view.mem, event, a, b, c);
}

#endif
