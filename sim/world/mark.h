/* SPDX-License-Identifier: BSD-3-Clause */
/* Which places the ends of a world have come to; for world/ alone. */
#ifndef RPS_WORLD_MARK_H
#define RPS_WORLD_MARK_H

#include "world_priv.h"

/* Calls of the upper tester whose results are looked at. */
enum mark_call {
	MARK_CALL_probe,
	MARK_CALL_open,
	MARK_CALL_send,
	MARK_CALL_blocking,
};

void mark_event(struct rps_world *world, unsigned int end, enum rps_event event,
		uint64_t a, uint64_t b, uint64_t c);

/* Return: @result. */
int mark_result(struct rps_world *world, unsigned int end, enum mark_call call,
		int result);

#endif
