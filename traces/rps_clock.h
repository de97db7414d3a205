/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time of a trace is that of its records, and the process that writes them
 * tells it; LTTng's daemons, which close packets, have to agree.  It stands in
 * a file that all of them map, named by the variable RPS_TRACE_CLOCK.  Without
 * that variable LTTng keeps its own clock.
 */
#ifndef RPS_CLOCK_H
#define RPS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define RPS_CLOCK_VARIABLE "RPS_TRACE_CLOCK"
#define RPS_CLOCK_BYTES    sizeof(uint64_t)

/*
 * From now on it is @ns.  A clock of LTTng never goes back, and each world
 * begins at 0: where @ns does, it goes on from where it was.
 */
void rps_clock_set(uint64_t ns);

/* Return: the shared time, NULL where there is none. */
uint64_t *rps_clock_map(bool writable);

#endif
