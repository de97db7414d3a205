/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happened, one fact at a time: what the log keeps, the monitor judges
 * and tracers write down.
 */
#ifndef RPS_RECORD_H
#define RPS_RECORD_H

#include <rps/probe.h>

enum rps_record_kind {
	RPS_RECORD_LOAD,
	RPS_RECORD_ACQUIRE,
	RPS_RECORD_STORE,
	RPS_RECORD_PUBLISH,
	RPS_RECORD_FENCE,
	RPS_RECORD_COPY_IN,
	RPS_RECORD_COPY_OUT,
	RPS_RECORD_EVENT,
};

/**
 * struct rps_record - one access to shared memory, or one event.
 * @step: when, counted in steps of the world; 0 where there is no world.
 * @ns:   when, in virtual time, or in the time of whoever recorded it.
 * @a:    peer address of an access; first operand of an event.
 * @b:    value of an access in host order, or digest of the bytes that were
 *        copied; second operand.
 * @c:    length of an access in bytes; third operand.
 * @end:  whose it is: RPS_END_DRIVER or RPS_END_DEVICE.
 * @kind: enum rps_record_kind.
 * @what: enum seam of an access, enum rps_event of an event.
 */
struct rps_record {
	uint64_t step;
	uint64_t ns;
	uint64_t a;
	uint64_t b;
	uint64_t c;
	uint8_t end;
	uint8_t kind;
	uint8_t what;
};

/* Who takes records as they happen: a tracer, a monitor. */
struct rps_sink {
	void (*record)(void *priv, const struct rps_record *record);
	void *priv;
};

/* What texts call a place and an event; NULL past the last one. */
RPS_API const char *rps_seam_name(unsigned int seam);
RPS_API const char *rps_event_name(unsigned int event);

/* Name of operand @i (0 to 2) of an event; "" where it has none. */
RPS_API const char *rps_event_operand(unsigned int event, unsigned int i);

#endif
