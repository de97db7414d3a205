/* SPDX-License-Identifier: BSD-3-Clause */
#include "monitor_priv.h"

/* virtio-1.2 2.7, table of sizes. */
uint64_t part_bytes(unsigned int part, uint32_t num)
{
	static const uint8_t fixed[NUM_PARTS] = { 0, 6, 6 };
	static const uint8_t each[NUM_PARTS] = { 16, 2, 8 };

	return fixed[part] + (uint64_t)each[part] * num;
}

bool is_in_read_only_part(const struct rps_monitor *m, uint64_t addr,
			  unsigned int *queue)
{
	for (unsigned int i = 0; i < NUM_QUEUES; i++) {
		const struct side *side = &m->queue[i].side[DEVICE];

		*queue = i;
		for (unsigned int part = PART_DESC; part < PART_USED; part++) {
			if (side->started &&
			    addr - side->place[part] < m->queue[i].bytes[part])
				return true;
		}
	}
	return false;
}

static bool overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a - b < b_bytes || b - a < a_bytes;
}

/* The words of a ring that say who wants to be told. */
static const struct wish {
	uint8_t part;
	uint8_t seam;
	uint8_t owner;
	bool last; /* of its part; else the first */
} wish[] = {
	{ PART_AVAIL, SEAM_AVAIL_FLAGS, DRIVER, false },
	{ PART_AVAIL, SEAM_USED_EVENT, DRIVER, true },
	{ PART_USED, SEAM_USED_FLAGS, DEVICE, false },
	{ PART_USED, SEAM_AVAIL_EVENT, DEVICE, true },
};

#define NUM_WISHES (sizeof(wish) / sizeof(wish[0]))

/* Return: whether the change touches nothing but this word. */
static bool is_wish(struct queue *q, const struct side *side,
		    const struct wish *word, uint64_t addr, uint64_t bytes)
{
	uint64_t at = side->place[word->part];

	if (word->last)
		at += part_bytes(word->part, q->num) - 2;
	if (addr - at >= 2 || bytes > 2 - (addr - at))
		return false;
	q->word_written[word->seam] = true;
	q->side[word->owner].wish_unknown = true;
	return true;
}

static void ring_changed(struct rps_monitor *m, unsigned int queue,
			 const struct side *side, uint64_t addr, uint64_t bytes)
{
	struct queue *q = &m->queue[queue];

	for (unsigned int i = 0; i < NUM_WISHES; i++) {
		if (is_wish(q, side, &wish[i], addr, bytes))
			return;
	}
	for (unsigned int part = 0; part < NUM_PARTS; part++) {
		if (overlap(addr, bytes, side->place[part],
			    part_bytes(part, q->num)))
			spoil(m, queue, "a tester wrote over the ring");
	}
}

void memory_changed(struct rps_monitor *m, uint64_t addr, uint64_t bytes)
{
	for (unsigned int i = 0; i < NUM_QUEUES; i++) {
		for (unsigned int end = 0; end < NUM_ENDS; end++) {
			const struct side *side = &m->queue[i].side[end];

			if (side->started)
				ring_changed(m, i, side, addr, bytes);
		}
	}
}
