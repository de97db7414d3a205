/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The provider "rps" for LTTng-UST: an event for each row of events.def, one
 * for each kind of access to shared memory, and a mark.  events.md has them in
 * words.  LTTng reads this header several times, each time with other macros.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER rps

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "rps_tp.h"

#if !defined(RPS_TP_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define RPS_TP_H

#include <lttng/tracepoint.h>

#include <rps/record.h>
#include <rps/world.h>

/* clang-format off */
LTTNG_UST_TRACEPOINT_ENUM(rps, end, LTTNG_UST_TP_ENUM_VALUES(
	lttng_ust_field_enum_value("driver", RPS_END_DRIVER)
	lttng_ust_field_enum_value("device", RPS_END_DEVICE)
))

LTTNG_UST_TRACEPOINT_EVENT(rps, mark,
	LTTNG_UST_TP_ARGS(uint64_t, step, const char *, text),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint64_t, step, step)
		lttng_ust_field_string(text, text)
	))

#include "rps_tp_generated.h"
/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>
