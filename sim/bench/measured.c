/* SPDX-License-Identifier: BSD-3-Clause */
#include "measured.h"

#include <string.h>

#include "../base/assert.h"
#include "link.h"
#include "spsc.h"

/* Neither the first endpoint nor the last. */
#define EPT 37u

static enum rps_rx_result on_message(struct rps_node *node, struct rps_ept *ept,
				     const struct rps_msg *msg, void *priv)
{
	struct bench *bench = priv;

	bench->received++;
	if (bench->echo && rps_node_trysend(node, ept->addr, msg->hdr.src,
					    bench->payload, bench->len_bytes))
		rps_assert_failed("a buffer is free", __FILE__, __LINE__);
	return RPS_RX_DONE;
}

static void send(struct bench *bench, struct link_end *from,
		 const struct link_end *to)
{
	if (rps_node_trysend(&from->node, from->ept[EPT].addr,
			     to->ept[EPT].addr, bench->payload,
			     bench->len_bytes))
		rps_assert_failed("a buffer is free", __FILE__, __LINE__);
}

static void prepare_pingpong(struct bench *bench)
{
	bench->echo = true;
	link_up(bench->link, true, on_message, bench);
	send(bench, &bench->link->driver, &bench->link->device);
}

static void prepare_pingpong_flags(struct bench *bench)
{
	bench->echo = true;
	link_up(bench->link, false, on_message, bench);
	send(bench, &bench->link->driver, &bench->link->device);
}

/* Each answers within its callback: a message a poll. */
static void run_pingpong(struct bench *bench, uint64_t messages)
{
	struct rps_node *driver = &bench->link->driver.node;
	struct rps_node *device = &bench->link->device.node;

	for (uint64_t i = 0; i < messages; i += 2) {
		(void)!rps_node_poll(device);
		(void)!rps_node_poll(driver);
	}
}

static void prepare_burst(struct bench *bench)
{
	bench->echo = false;
	link_up(bench->link, true, on_message, bench);
}

static void burst(struct bench *bench, struct link_end *from,
		  struct link_end *to)
{
	for (unsigned int i = 0; i < BURST; i++)
		send(bench, from, to);
	while (rps_node_poll(&to->node))
		;
}

/* One after the other, so that both roles send. */
static void run_burst(struct bench *bench, uint64_t messages)
{
	struct link_end *driver = &bench->link->driver;
	struct link_end *device = &bench->link->device;

	for (uint64_t i = 0; i < messages; i += 2 * BURST) {
		burst(bench, driver, device);
		burst(bench, device, driver);
	}
}

static void prepare_spsc(struct bench *bench)
{
	memset(bench->spsc[0], 0, sizeof(*bench->spsc[0]));
	memset(bench->spsc[1], 0, sizeof(*bench->spsc[1]));
}

static void run_spsc_burst(struct bench *bench, uint64_t messages)
{
	struct spsc *ring = bench->spsc[0];

	for (uint64_t i = 0; i < messages; i += BURST) {
		for (unsigned int n = 0; n < BURST; n++)
			rps_assert(spsc_send(ring, bench->payload,
					     bench->len_bytes));
		while (spsc_receive(ring)) {
			bench->received++;
			spsc_done(ring);
		}
	}
}

static void run_spsc_pingpong(struct bench *bench, uint64_t messages)
{
	for (uint64_t i = 0; i < messages; i++) {
		struct spsc *ring = bench->spsc[i % 2];

		rps_assert(spsc_send(ring, bench->payload, bench->len_bytes));
		rps_assert(spsc_receive(ring));
		bench->received++;
		spsc_done(ring);
	}
}

/* clang-format off */
static const struct scenario scenario[] = {
	{ "pingpong",       prepare_pingpong,       run_pingpong },
	{ "pingpong-flags", prepare_pingpong_flags, run_pingpong },
	{ "burst",          prepare_burst,          run_burst },
	{ "spsc-pingpong",  prepare_spsc,           run_spsc_pingpong },
	{ "spsc-burst",     prepare_spsc,           run_spsc_burst },
};
/* clang-format on */

#define NUM_SCENARIOS (sizeof(scenario) / sizeof(scenario[0]))

const struct scenario *scenario_at(unsigned int index)
{
	return index < NUM_SCENARIOS ? &scenario[index] : NULL;
}

const struct scenario *scenario_find(const char *name)
{
	for (unsigned int i = 0; i < NUM_SCENARIOS; i++) {
		if (strcmp(scenario[i].name, name) == 0)
			return &scenario[i];
	}
	return NULL;
}

__attribute__((noinline)) void measured(const struct scenario *which,
					struct bench *bench, uint64_t messages)
{
	which->run(bench, messages);
}
