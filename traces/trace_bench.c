/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tracing costs a message of the direct build: the scenarios of rps-bench
 * with a provider loaded.  Without a session instructions are counted from
 * outside, by callgrind; with one, events and time are printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rps/trace.h>
#include <rps/world.h>

#include "../sim/bench/link.h"
#include "../sim/bench/measured.h"
#include "../sim/bench/spsc.h"

#define PAYLOAD_BYTES 64u
#define WARM_UP       (8u * LINK_NUM)
#define NS_PER_SEC    UINT64_C(1000000000)

static const char usage[] =
	"usage: trace-bench SCENARIO MESSAGES [PROVIDER]\n"
	"       trace-bench ask TIMES PROVIDER\n"
	"\n"
	"Prints name=value pairs.  `ask` asks the provider whether somebody "
	"listens.\n";

static _Alignas(4096) struct link the_link;
static struct rps_trace *the_trace; /* or NULL */
static struct spsc ring[2];
static const uint8_t payload[PAYLOAD_BYTES];

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

static void observe(const struct rps_probe *driver,
		    const struct rps_probe *device)
{
	the_link.mem.probe = driver;
	the_link.xport.mem.probe = device;
	rps_node_observed(&the_link.driver.node);
	rps_node_observed(&the_link.device.node);
}

static void ask(void)
{
	observe(rps_trace_probe(the_trace, RPS_END_DRIVER),
		rps_trace_probe(the_trace, RPS_END_DEVICE));
}

static uint64_t written(void)
{
	return the_trace ? rps_trace_written(the_trace) : 0;
}

static int run(const struct scenario *which, uint64_t messages)
{
	struct bench bench = {
		.link = &the_link,
		.spsc = { &ring[0], &ring[1] },
		.payload = payload,
		.len_bytes = sizeof(payload),
	};
	uint64_t events;
	uint64_t ns;

	which->prepare(&bench);
	which->run(&bench, WARM_UP);
	if (the_trace)
		ask();
	bench.received = 0;
	events = written();
	ns = clock_ns();
	measured(which, &bench, messages);
	ns = clock_ns() - ns;
	events = written() - events;
	printf("messages=%" PRIu64 " events=%" PRIu64 " ns=%" PRIu64 "\n",
	       bench.received, events, ns);
	return bench.received > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void run_ask(struct bench *bench, uint64_t times)
{
	(void)bench;
	for (uint64_t i = 0; i < times; i++)
		ask();
}

static const struct scenario ask_scenario = { .name = "ask", .run = run_ask };

static int refuse(const char *why)
{
	fputs(why, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	const struct scenario *which;
	int status = EXIT_SUCCESS;
	char why[512];

	if (argc < 3 || argc > 4 || count == 0)
		return refuse(usage);
	if (argc == 4) {
		the_trace = rps_trace_open(argv[3], why, sizeof(why));
		if (!the_trace)
			return refuse(why);
	}
	which = scenario_find(argv[1]);
	if (which)
		status = run(which, count);
	else if (the_trace && strcmp(argv[1], ask_scenario.name) == 0)
		measured(&ask_scenario, NULL, count);
	else
		status = refuse(usage);
	rps_trace_close(the_trace);
	return status;
}
