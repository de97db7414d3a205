/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traces for other programs to read.  What writes them is a provider, loaded
 * only when it is asked for, so that nothing else depends on a tracer.
 */
#ifndef RPS_TRACE_H
#define RPS_TRACE_H

#include <rps/record.h>

#define RPS_TRACE_PROVIDER_VERSION 1

/**
 * struct rps_trace_provider - what a provider exports by that name.
 * @version: RPS_TRACE_PROVIDER_VERSION.
 * @sink:    writes records.
 * @active:  whether somebody listens at all.
 * @mark:    writes a text, as of the beginning of a test.
 * @written: records that came to @sink so far.
 */
struct rps_trace_provider {
	uint32_t version;
	struct rps_sink sink;
	bool (*active)(void);
	void (*mark)(uint64_t step, const char *text);
	uint64_t (*written)(void);
};

struct rps_trace;

/**
 * rps_trace_open() - load a provider.
 * @path: of its shared object; without a slash it is looked for as libraries
 *        are; NULL: the program is its own provider.
 * @why:  where NULL is returned: what is missing, @size bytes at most.
 *
 * A provider loads its tracer, which may start threads and read environment
 * variables of its own; it stays loaded until the process ends.
 *
 * Return: the provider, to be given back to rps_trace_close(); or NULL.
 */
RPS_API struct rps_trace *rps_trace_open(const char *path, char *why,
					 size_t size);
RPS_API void rps_trace_close(struct rps_trace *trace);

/* For rps_world_observe(); lives as long as @trace. */
RPS_API const struct rps_sink *rps_trace_sink(const struct rps_trace *trace);

/**
 * rps_trace_probe() - an observer for one end of the direct build.
 * @end: RPS_END_DRIVER or RPS_END_DEVICE.
 *
 * Its events carry the time of the monotonic clock, and a running number in
 * place of a step.
 *
 * Return: the observer, which lives as long as @trace; NULL while nobody
 * listens, so that an end that is not traced costs what it did without: ask
 * again now and then.
 */
RPS_API const struct rps_probe *rps_trace_probe(struct rps_trace *trace,
						uint32_t end);

/* Writes @text, as of the beginning of a test. */
RPS_API void rps_trace_mark(struct rps_trace *trace, const char *text);

/* Return: records that were written so far, to whomever. */
RPS_API uint64_t rps_trace_written(const struct rps_trace *trace);

#endif
