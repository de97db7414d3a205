/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scripts of rps-device: parsed, and what was parsed is run on a node that has
 * no link.
 *
 * Input: the script.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../prog/services_script.h"
#include "fuzz.h"

#define EPTS  32u
#define CHANS 4u

static int parse(struct rps_script *script, const uint8_t *data,
		 size_t len_bytes)
{
	FILE *file = fmemopen((void *)(uintptr_t)data, len_bytes, "r");
	int err;

	fuzz_require(file != NULL);
	err = rps_script_parse(script, file);
	fclose(file);
	return err;
}

static void check_steps(const struct rps_script *script)
{
	unsigned int line = 0;

	fuzz_require(script->num_steps <= RPS_SCRIPT_STEPS);
	for (unsigned int i = 0; i < script->num_steps; i++) {
		const struct rps_script_step *step = &script->step[i];

		fuzz_require(step->line > line);
		line = step->line;
		fuzz_require(memchr(step->name, 0, sizeof(step->name)));
		fuzz_require(step->len_bytes < RPS_SCRIPT_LINE_BYTES);
		fuzz_require(step->verb != RPS_SCRIPT_ANNOUNCE ||
			     step->addr != RPMSG_ADDR_ANY);
	}
}

/* Each call does a step, waits or ends. */
static void run(struct rps_script *script)
{
	static struct rps_services services;
	static struct rps_ept *ept_slot[EPTS];
	static struct rps_chan chan_slot[CHANS];
	static struct rps_node node;
	struct rps_node_params params = {
		.role = RPS_ROLE_DEVICE,
		.ept_slots = ept_slot,
		.num_ept_slots = EPTS,
		.chan_slots = chan_slot,
		.num_chan_slots = CHANS,
	};
	uint64_t now_ms = 1;
	unsigned int calls = 0;

	memset(chan_slot, 0, sizeof(chan_slot));
	rps_node_init(&node, &params);
	rps_services_init(&services, &node, NULL, NULL);
	for (;;) {
		unsigned int before = script->next;
		enum rps_script_result result =
			rps_script_run(script, &services, now_ms);

		if (result == RPS_SCRIPT_DONE || result == RPS_SCRIPT_QUITS)
			break;
		fuzz_require(result != RPS_SCRIPT_FAILED || script->error[0]);
		fuzz_require(script->next > before ||
			     script->wait_until_ms > now_ms);
		if (result == RPS_SCRIPT_WAITING)
			now_ms = script->wait_until_ms;
		fuzz_require(++calls <= 2 * RPS_SCRIPT_STEPS + 2);
	}
	fuzz_require(services.num_slots <= RPS_SERVICE_SLOTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	static struct rps_script script;
	int err = 0;

	memset(&script, 0, sizeof(script));
	/* There is no stream of no bytes. */
	if (len_bytes > 0)
		err = parse(&script, data, len_bytes);
	fuzz_require(err == 0 || (err == -EINVAL && script.error[0]));
	check_steps(&script);
	if (err == 0)
		run(&script);
	return 0;
}
