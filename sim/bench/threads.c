/* SPDX-License-Identifier: BSD-3-Clause */
#include "threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/assert.h"

#define ROUNDS        12u /* of each kind; whole turns of A B B A */
#define PAYLOAD_BYTES 64u
/* Neither the first endpoint nor the last. */
#define EPT 37u

/* One end, on lines that nobody else writes. */
struct side {
	_Alignas(64) struct rps_node *node;
	uint64_t received;
	uint8_t payload[PAYLOAD_BYTES];
	int processor;
	_Alignas(64) uint8_t end[1];
};

/* What both threads know of a round. */
struct duel {
	struct side side[2]; /* driver, device */
	uint64_t messages;
	_Alignas(64) uint64_t ball;
	_Alignas(64) unsigned int ready;
	_Alignas(64) bool over;
	uint64_t took_ps; /* by all of the round */
};

static uint64_t now_ps(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000000) +
	       (uint64_t)now.tv_nsec * 1000;
}

/* The first two processors that we may run on.  Return: 0, or -ENODEV. */
static int find_processors(struct duel *duel)
{
	unsigned int found = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return -ENODEV;
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++) {
		if (CPU_ISSET((size_t)i, &set))
			duel->side[found++].processor = i;
	}
	return found == 2 ? 0 : -ENODEV;
}

/* Both are on their processors before either begins. */
static void meet(struct duel *duel, const struct side *side)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)side->processor, &set);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	__atomic_add_fetch(&duel->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&duel->ready, __ATOMIC_ACQUIRE) < 2)
		sched_yield();
}

/* --- one line ------------------------------------------------------------- */

static void hit(struct duel *duel, uint64_t from, uint64_t to)
{
	while (__atomic_load_n(&duel->ball, __ATOMIC_ACQUIRE) != from)
		;
	__atomic_store_n(&duel->ball, to, __ATOMIC_RELEASE);
}

static void *answer_line(void *priv)
{
	struct duel *duel = priv;

	meet(duel, &duel->side[1]);
	for (uint64_t i = 0; i < duel->messages; i += 2)
		hit(duel, i + 1, i + 2);
	return NULL;
}

static void ask_line(struct duel *duel)
{
	for (uint64_t i = 0; i < duel->messages; i += 2)
		hit(duel, i, i + 1);
	while (__atomic_load_n(&duel->ball, __ATOMIC_ACQUIRE) != duel->messages)
		;
}

/* --- messages ------------------------------------------------------------- */

static enum rps_rx_result on_message(struct rps_node *node, struct rps_ept *ept,
				     const struct rps_msg *msg, void *priv)
{
	struct side *side = priv;

	side->received++;
	side->payload[0] = msg->payload[PAYLOAD_BYTES - 1];
	if (rps_node_trysend(node, ept->addr, msg->hdr.src, side->payload,
			     PAYLOAD_BYTES))
		rps_assert_failed("a buffer is free", __FILE__, __LINE__);
	return RPS_RX_DONE;
}

static void *answer_messages(void *priv)
{
	struct duel *duel = priv;
	struct side *side = &duel->side[1];

	meet(duel, side);
	while (!__atomic_load_n(&duel->over, __ATOMIC_RELAXED))
		(void)rps_node_poll(side->node);
	return NULL;
}

static void ask_messages(struct duel *duel)
{
	struct side *side = &duel->side[0];
	uint64_t wanted = side->received + duel->messages / 2;

	while (side->received < wanted)
		(void)rps_node_poll(side->node);
}

/* --- rounds --------------------------------------------------------------- */

static int play(struct duel *duel, void *(*answer)(void *),
		void (*ask)(struct duel *))
{
	pthread_t thread;
	uint64_t begun;
	int err;

	duel->ball = 0;
	duel->ready = 0;
	duel->over = false;
	err = pthread_create(&thread, NULL, answer, duel);
	if (err)
		return -err;
	meet(duel, &duel->side[0]);
	begun = now_ps();
	ask(duel);
	duel->took_ps = now_ps() - begun;
	__atomic_store_n(&duel->over, true, __ATOMIC_RELAXED);
	return -pthread_join(thread, NULL);
}

static void bring_up(struct duel *duel, struct link *link)
{
	struct link_end *end[2] = { &link->driver, &link->device };

	link_up(link, true, on_message, NULL);
	for (unsigned int i = 0; i < 2; i++) {
		duel->side[i].node = &end[i]->node;
		end[i]->ept[EPT].priv = &duel->side[i];
		rps_node_polled(&end[i]->node, true);
	}
	if (rps_node_trysend(&link->driver.node, link->driver.ept[EPT].addr,
			     link->device.ept[EPT].addr, duel->side[0].payload,
			     PAYLOAD_BYTES))
		rps_assert_failed("a buffer is free", __FILE__, __LINE__);
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static uint64_t middle(uint64_t *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* A round of each, @line_first or not. */
static int play_both(struct duel *duel, bool line_first, uint64_t *line_ps,
		     uint64_t *message_ps)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < 2; i++) {
		if ((i == 0) == line_first) {
			err = play(duel, answer_line, ask_line);
			*line_ps = duel->took_ps / duel->messages;
		} else {
			err = play(duel, answer_messages, ask_messages);
			*message_ps = duel->took_ps / duel->messages;
		}
	}
	return err;
}

int threads_measure(struct link *link, uint64_t messages,
		    struct threads_result *result)
{
	static struct duel duel;
	uint64_t message_ps[ROUNDS];
	uint64_t ratio[ROUNDS];
	uint64_t line_ps[ROUNDS];
	int err;

	memset(&duel, 0, sizeof(duel));
	duel.messages = messages;
	err = find_processors(&duel);
	if (err)
		return err;
	bring_up(&duel, link);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		err = play_both(&duel, i % 2 == 0, &line_ps[i], &message_ps[i]);
		if (err)
			return err;
		ratio[i] = line_ps[i] ? 1000 * message_ps[i] / line_ps[i] : 0;
	}
	*result = (struct threads_result){
		.line_ps = middle(line_ps, ROUNDS),
		.message_ps = middle(message_ps, ROUNDS),
		.ratio_milli = middle(ratio, ROUNDS),
		.rounds = ROUNDS,
	};
	return 0;
}
