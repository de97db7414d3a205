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
	if (msg->hdr.len_bytes > 0)
		bench->last = msg->payload[msg->hdr.len_bytes - 1];
	if (bench->swing_bytes && bench->received % 3 == 0)
		bench->len_bytes ^= bench->swing_bytes;
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

static void begin_pingpong(struct bench *bench, bool event_idx)
{
	bench->echo = true;
	link_up(bench->link, event_idx, on_message, bench);
	send(bench, &bench->link->driver, &bench->link->device);
}

static void prepare_pingpong(struct bench *bench)
{
	begin_pingpong(bench, true);
}

static void prepare_pingpong_flags(struct bench *bench)
{
	begin_pingpong(bench, false);
}

/* Each message is shorter or longer than the one before. */
static void prepare_pingpong_lengths(struct bench *bench)
{
	begin_pingpong(bench, true);
	bench->swing_bytes = 64 ^ 32;
}

/* As of two threads that never sleep. */
static void prepare_pingpong_polled(struct bench *bench)
{
	prepare_pingpong(bench);
	rps_node_polled(&bench->link->driver.node, true);
	rps_node_polled(&bench->link->device.node, true);
}

/* Whoever reads a trace of all accesses sees by these whose turn it is. */
volatile uint8_t turn_of_driver;
volatile uint8_t turn_of_device;

/* Each answers within its callback: a message a poll. */
static void run_pingpong(struct bench *bench, uint64_t messages)
{
	struct rps_node *driver = &bench->link->driver.node;
	struct rps_node *device = &bench->link->device.node;

	for (uint64_t i = 0; i < messages; i += 2) {
		turn_of_device = 1;
		(void)!rps_node_poll(device);
		turn_of_driver = 1;
		(void)!rps_node_poll(driver);
	}
}

static void prepare_burst(struct bench *bench)
{
	bench->echo = false;
	link_up(bench->link, true, on_message, bench);
}

static void send_burst(struct bench *bench, struct link_end *from,
		       const struct link_end *to)
{
	for (unsigned int i = 0; i < BURST; i++)
		send(bench, from, to);
}

static void poll_all(struct link_end *end)
{
	while (rps_node_poll(&end->node))
		;
}

static void burst(struct bench *bench, struct link_end *from,
		  struct link_end *to)
{
	send_burst(bench, from, to);
	poll_all(to);
}

/* The same with one store, one fence and one notification for all of it. */
static void cork(struct bench *bench, struct link_end *from,
		 struct link_end *to)
{
	rps_node_cork(&from->node);
	send_burst(bench, from, to);
	rps_node_uncork(&from->node);
	poll_all(to);
}

static void look_at(struct bench *bench, const struct rps_in *in,
		    unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct rps_msg *msg = &in[i].msg;

		bench->received++;
		if (msg->hdr.len_bytes > 0)
			bench->last = msg->payload[msg->hdr.len_bytes - 1];
	}
}

/* Arrays of messages in, arrays of messages out. */
static void batch(struct bench *bench, struct link_end *from,
		  struct link_end *to)
{
	static struct rps_out out[BURST];
	static struct rps_in in[BURST];
	bool more = true;

	for (unsigned int i = 0; i < BURST; i++)
		out[i] = (struct rps_out){ bench->payload, bench->len_bytes };
	if (rps_node_send_batch(&from->node, from->ept[EPT].addr,
				to->ept[EPT].addr, out, BURST) != BURST)
		rps_assert_failed("buffers are free", __FILE__, __LINE__);
	while (more) {
		unsigned int count = rps_node_receive(&to->node, in, BURST);

		look_at(bench, in, count);
		more = rps_node_done(&to->node, in, count);
	}
}

/* A batch of messages that are written where they are to lie: here, their
 * first byte. */
static void fill_batch(struct bench *bench, struct link_end *from,
		       struct link_end *to)
{
	rps_node_cork(&from->node);
	for (unsigned int i = 0; i < BURST; i++) {
		struct rps_room room;

		if (rps_node_get(&from->node, &room))
			rps_assert_failed("a buffer is free", __FILE__,
					  __LINE__);
		room.payload[0] = (uint8_t)i;
		if (rps_node_send_room(&from->node, &room, from->ept[EPT].addr,
				       to->ept[EPT].addr, bench->len_bytes))
			rps_assert_failed("it fits", __FILE__, __LINE__);
	}
	rps_node_uncork(&from->node);
	poll_all(to);
}

/* One after the other, so that both roles send. */
static void run_both_ways(struct bench *bench, uint64_t messages,
			  void (*one_way)(struct bench *bench,
					  struct link_end *from,
					  struct link_end *to))
{
	struct link_end *driver = &bench->link->driver;
	struct link_end *device = &bench->link->device;

	for (uint64_t i = 0; i < messages; i += 2 * BURST) {
		one_way(bench, driver, device);
		one_way(bench, device, driver);
	}
}

static void run_burst(struct bench *bench, uint64_t messages)
{
	run_both_ways(bench, messages, burst);
}

static void run_cork(struct bench *bench, uint64_t messages)
{
	run_both_ways(bench, messages, cork);
}

static void run_batch(struct bench *bench, uint64_t messages)
{
	run_both_ways(bench, messages, batch);
}

static void run_zero_copy(struct bench *bench, uint64_t messages)
{
	run_both_ways(bench, messages, fill_batch);
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

/* The payload alone, as anybody would copy it. */
static void run_spsc_copy(struct bench *bench, uint64_t messages)
{
	struct spsc *ring = bench->spsc[0];

	for (uint64_t i = 0; i < messages; i++) {
		spsc_copy(ring->slot[i % SPSC_NUM].bytes, bench->payload,
			  bench->len_bytes);
		bench->received++;
	}
}

/* clang-format off */
static const struct scenario scenario[] = {
	{ "pingpong",         prepare_pingpong,         run_pingpong },
	{ "pingpong-flags",   prepare_pingpong_flags,   run_pingpong },
	{ "pingpong-lengths", prepare_pingpong_lengths, run_pingpong },
	{ "pingpong-polled",  prepare_pingpong_polled,  run_pingpong },
	{ "burst",            prepare_burst,            run_burst },
	{ "cork",             prepare_burst,            run_cork },
	{ "batch",            prepare_burst,            run_batch },
	{ "zero-copy",        prepare_burst,            run_zero_copy },
	{ "spsc-pingpong",    prepare_spsc,             run_spsc_pingpong },
	{ "spsc-burst",       prepare_spsc,             run_spsc_burst },
	{ "spsc-copy",        prepare_spsc,             run_spsc_copy },
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

__attribute__((noipa)) void measured(const struct scenario *which,
				     struct bench *bench, uint64_t messages)
{
	which->run(bench, messages);
}
