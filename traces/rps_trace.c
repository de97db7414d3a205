/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sink that writes records as LTTng events; what rps_trace_open() loads.
 */
#include <rps/trace.h>

#include "rps_clock.h"
#include "rps_tp.h"

static void event(const struct rps_record *record)
{
	switch ((enum rps_event)record->what) {
#define EVENT(name, a, b, c)                                                   \
	case RPS_EVENT_##name:                                                 \
		lttng_ust_tracepoint(rps, name, record);                       \
		break;
#include <rps/events.def>
#undef EVENT
	case RPS_NUM_EVENTS:
		break;
	}
}

static uint64_t num_written;

static void record(void *priv, const struct rps_record *record)
{
	(void)priv;
	num_written++;
	rps_clock_set(record->ns);
	switch ((enum rps_record_kind)record->kind) {
	case RPS_RECORD_LOAD:
		lttng_ust_tracepoint(rps, load, record);
		break;
	case RPS_RECORD_ACQUIRE:
		lttng_ust_tracepoint(rps, acquire, record);
		break;
	case RPS_RECORD_STORE:
		lttng_ust_tracepoint(rps, store, record);
		break;
	case RPS_RECORD_PUBLISH:
		lttng_ust_tracepoint(rps, publish, record);
		break;
	case RPS_RECORD_FENCE:
		lttng_ust_tracepoint(rps, fence, record);
		break;
	case RPS_RECORD_COPY_IN:
		lttng_ust_tracepoint(rps, copy_in, record);
		break;
	case RPS_RECORD_COPY_OUT:
		lttng_ust_tracepoint(rps, copy_out, record);
		break;
	case RPS_RECORD_EVENT:
		event(record);
		break;
	}
}

/* Whether any event at all is switched on. */
static bool active(void)
{
	bool any = lttng_ust_tracepoint_enabled(rps, mark);

#define EVENT(name, a, b, c) any |= lttng_ust_tracepoint_enabled(rps, name);
#include <rps/events.def>
	/* clang-format off */
	EVENT(load,,,) EVENT(acquire,,,) EVENT(store,,,) EVENT(publish,,,)
	EVENT(fence,,,) EVENT(copy_in,,,) EVENT(copy_out,,,)
/* clang-format on */
#undef EVENT
	return any;
}

static uint64_t written(void)
{
	return num_written;
}

static void mark(uint64_t step, const char *text)
{
	lttng_ust_tracepoint(rps, mark, step, text);
}

RPS_API extern const struct rps_trace_provider rps_trace_provider;

const struct rps_trace_provider rps_trace_provider = {
	.version = RPS_TRACE_PROVIDER_VERSION,
	.sink = { .record = record },
	.active = active,
	.mark = mark,
	.written = written,
};
