/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/trace.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NUM_ENDS   2u
#define NS_PER_SEC UINT64_C(1000000000)

struct traced_end {
	struct rps_trace *trace;
	struct rps_probe probe;
};

struct rps_trace {
	const struct rps_trace_provider *provider;
	struct traced_end end[NUM_ENDS];
	uint64_t num_events;
};

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

static void observe(void *priv, enum rps_event event, uint64_t a, uint64_t b,
		    uint64_t c)
{
	const struct traced_end *end = priv;
	struct rps_trace *trace = end->trace;
	const struct rps_sink *sink = &trace->provider->sink;
	struct rps_record record = {
		.step = ++trace->num_events,
		.ns = clock_ns(),
		.end = (uint8_t)(end - trace->end),
		.kind = RPS_RECORD_EVENT,
		.what = (uint8_t)event,
		.a = a,
		.b = b,
		.c = c,
	};

	sink->record(sink->priv, &record);
}

/* Return: what the object exports; NULL with *@why set. */
static const struct rps_trace_provider *load(const char *path, const char **why)
{
	/* A tracer's threads outlive its last user: it is never unloaded. */
	void *object = dlopen(path, RTLD_NOW | RTLD_NODELETE);
	const struct rps_trace_provider *provider;

	if (!object) {
		*why = dlerror();
		return NULL;
	}
	provider = dlsym(object, "rps_trace_provider");
	dlclose(object);
	if (!provider)
		*why = "this is no provider of traces";
	else if (provider->version != RPS_TRACE_PROVIDER_VERSION)
		*why = "it has another version; build it again: make";
	else
		return provider;
	return NULL;
}

struct rps_trace *rps_trace_open(const char *path, char *why, size_t size)
{
	const char *reason = "no memory";
	const struct rps_trace_provider *provider = load(path, &reason);
	struct rps_trace *trace = NULL;

	if (provider)
		trace = calloc(1, sizeof(*trace));
	if (!trace) {
		snprintf(why, size,
			 "%s cannot be loaded (%s); it is built by make with "
			 "the Debian package liblttng-ust-dev, and needs "
			 "liblttng-ust1",
			 path ? path : "the program itself", reason);
		return NULL;
	}
	trace->provider = provider;
	for (unsigned int i = 0; i < NUM_ENDS; i++) {
		trace->end[i].trace = trace;
		trace->end[i].probe.event = observe;
		trace->end[i].probe.priv = &trace->end[i];
	}
	return trace;
}

void rps_trace_close(struct rps_trace *trace)
{
	free(trace);
}

const struct rps_sink *rps_trace_sink(const struct rps_trace *trace)
{
	return &trace->provider->sink;
}

const struct rps_probe *rps_trace_probe(struct rps_trace *trace, uint32_t end)
{
	if (end >= NUM_ENDS || !trace->provider->active())
		return NULL;
	return &trace->end[end].probe;
}

uint64_t rps_trace_written(const struct rps_trace *trace)
{
	return trace->provider->written();
}

void rps_trace_mark(struct rps_trace *trace, const char *text)
{
	trace->provider->mark(trace->num_events, text);
}
