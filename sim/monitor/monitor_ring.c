/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entries of a ring: published, consumed, outstanding.
 */
#include <string.h>

#include "monitor_priv.h"

#define NUM_MASK     0xffffu
#define EVENT_IDX_AT 16

static void side_start(struct side *side, uint32_t num, bool event_idx,
		       uint16_t start_idx, bool fenced)
{
	*side = (struct side){
		.started = true,
		.event_idx = event_idx,
		.armed = true,
		.num = num,
		.published = start_idx,
		.consumed = start_idx,
		.decided = start_idx,
		.told = start_idx,
		.rested = start_idx,
		.seen = start_idx,
		.armed_at = start_idx,
		.slot_fenced = fenced,
	};
}

static void forget_findings(struct rps_monitor *m, unsigned int queue)
{
	for (unsigned int rule = 0; rule < NUM_RULES; rule++) {
		for (unsigned int end = 0; end < NUM_ENDS; end++)
			m->told[rule][end][queue] = false;
	}
}

/* The memory of a ring is the driver's: it begins a new life. */
static void queue_start(struct rps_monitor *m, unsigned int queue, uint32_t num)
{
	struct queue *q = &m->queue[queue];

	memset(q->cell, 0, num * sizeof(*q->cell));
	memset(q->buffer, 0, m->num_buffers * sizeof(*q->buffer));
	memset(q->word_written, 0, sizeof(q->word_written));
	q->num = num;
	for (unsigned int part = 0; part < NUM_PARTS; part++)
		q->bytes[part] = (uint32_t)part_bytes(part, num);
	q->spoiled = NULL;
	q->outstanding = 0;
	q->offers_lost = false;
	q->returns_lost = false;
	for (unsigned int end = 0; end < NUM_ENDS; end++) {
		if (rx_queue(end) == queue)
			message_start(m, end);
	}
	forget_findings(m, queue);
}

/* A device that starts over forgets what it had taken. */
static void device_start(struct rps_monitor *m, unsigned int queue,
			 bool event_idx, uint16_t start_idx)
{
	struct queue *q = &m->queue[queue];
	struct side *side = &q->side[DEVICE];
	uint16_t expected = side->published;

	for (uint32_t i = 0; i < q->num; i++) {
		if (q->cell[i].where == TAKEN)
			q->cell[i].where = OFFERED;
	}
	side_start(side, q->num, event_idx, start_idx, m->node[DEVICE].fenced);
	m->device_started = true;
	if (start_idx != expected)
		spoil(m, queue, "the ends begin at different indices");
}

static bool is_size(const struct rps_monitor *m, uint32_t num)
{
	return num > 0 && num <= m->num_max && (num & (num - 1)) == 0;
}

void ring_start(struct rps_monitor *m, unsigned int end, unsigned int queue,
		uint64_t num_flags, uint16_t start_idx)
{
	struct queue *q = &m->queue[queue];
	uint32_t num = num_flags & NUM_MASK;
	bool event_idx = num_flags >> EVENT_IDX_AT & 1;
	bool alone = !is_observed(m, peer_of(end));

	if (!is_size(m, num)) {
		q->side[DEVICE].started = false;
		/* Without the driver's there is no ring at all. */
		if (end == DRIVER || alone) {
			q->side[DRIVER].started = false;
			q->num = 0;
		}
		return;
	}
	if (end == DRIVER || alone) {
		queue_start(m, queue, num);
		side_start(&q->side[DRIVER], num, event_idx, start_idx,
			   m->node[DRIVER].fenced);
		side_start(&q->side[DEVICE], 0, event_idx, start_idx, false);
		q->side[DEVICE].started = false;
		q->start_idx = start_idx;
	}
	if ((end == DEVICE || alone) && q->num)
		device_start(m, queue, event_idx, start_idx);
	if (m->features_seen && q->side[end].started)
		judge_equal(m, RULE_mode_agreed, end, queue,
			    (m->features & FEATURE_EVENT_IDX) != 0, event_idx);
	if (q->num && num != q->num)
		spoil(m, queue, "the ends differ in the size of the ring");
}

void desc_written(struct rps_monitor *m, unsigned int queue, uint16_t index,
		  uint64_t addr, uint16_t flags, uint32_t len_bytes)
{
	struct queue *q = &m->queue[queue];
	struct cell *cell = &q->cell[index % q->num];

	cell->addr = addr;
	cell->flags = flags;
	cell->len_bytes = len_bytes;
}

/* How an index goes on, whoever's it is.
 * Return: whether entries can be told by it. */
static bool goes_on(struct rps_monitor *m, unsigned int end, unsigned int queue,
		    uint16_t old, uint16_t idx, uint32_t most)
{
	uint32_t num = m->queue[queue].num;
	uint16_t step = (uint16_t)(idx - old);
	bool wraps = step > num && old <= num && idx < num;

	if (!judge(m, RULE_idx_free_running, end, queue, !wraps,
		   (uint16_t)(old + 1), idx))
		return false;
	return judge(m, end == DRIVER ? RULE_avail_forward : RULE_used_forward,
		     end, queue, step <= most, most, step);
}

/* Where an end has seen that an entry is new, for a stream with accesses. */
static bool is_written(struct rps_monitor *m, unsigned int end,
		       unsigned int queue, bool written)
{
	if (!m->config.accesses)
		return true;
	return judge_equal(m, RULE_entry_before_idx, end, queue, 1, written);
}

/* As much as there can be waits for @end. */
static void note_full(struct rps_monitor *m, unsigned int end,
		      unsigned int queue)
{
	struct queue *q = &m->queue[queue];
	uint16_t waiting = (uint16_t)(q->side[peer_of(end)].published -
				      q->side[end].consumed);

	if (waiting == q->num)
		q->side[end].was_full = true;
}

/* As the driver knows it, who may not yet have seen what the device gave back:
 * so it is the same whichever of the two is quicker. */
bool is_lent(const struct rps_monitor *m, unsigned int queue, uint16_t head)
{
	const struct cell *cell = &m->queue[queue].cell[head];

	if (is_observed(m, DRIVER))
		return cell->out;
	return cell->where == OFFERED || cell->where == TAKEN;
}

static void offer(struct rps_monitor *m, unsigned int queue, uint16_t head)
{
	struct queue *q = &m->queue[queue];
	struct cell *cell = &q->cell[head];

	judge_equal(m, RULE_avail_once, DRIVER, queue, 0,
		    is_lent(m, queue, head));
	if (!cell->out)
		q->outstanding++;
	cell->out = true;
	cell->where = OFFERED;
	cell->dropped = 0;
}

static void offered(struct rps_monitor *m, unsigned int queue, uint16_t entry)
{
	struct queue *q = &m->queue[queue];
	struct cell *slot = &q->cell[entry % q->num];
	bool written = slot->avail_new;
	uint16_t head = slot->avail_head;

	slot->avail_new = false;
	if (!is_written(m, DRIVER, queue, written) ||
	    !judge(m, RULE_avail_head, DRIVER, queue, head < q->num, q->num - 1,
		   head)) {
		q->offers_lost = true;
		return;
	}
	offer(m, queue, head);
	judge_offer(m, queue, head);
}

void avail_published(struct rps_monitor *m, unsigned int queue, uint16_t idx)
{
	struct queue *q = &m->queue[queue];
	struct side *side = &q->side[DRIVER];
	uint16_t old = side->published;
	uint16_t back = is_observed(m, DRIVER) ? side->consumed
					       : q->side[DEVICE].published;
	uint16_t outstanding = (uint16_t)(idx - back);

	if (idx == old)
		return;
	side->published = idx;
	side->publish_fenced = false;
	side->word_read = false;
	if (!goes_on(m, DRIVER, queue, old, idx, q->num) ||
	    !judge(m, RULE_avail_outstanding, DRIVER, queue,
		   outstanding <= q->num, q->num, outstanding)) {
		q->offers_lost = true;
		return;
	}
	/* What another end offered is seen when it is taken. */
	if (!is_observed(m, DRIVER))
		return;
	note_full(m, DEVICE, queue);
	for (; old != idx; old++)
		offered(m, queue, old);
}

/* The buffer is back with the driver, as far as the device can tell. */
static void give_back(struct rps_monitor *m, unsigned int queue, uint32_t id,
		      uint32_t len_bytes)
{
	struct cell *cell = &m->queue[queue].cell[id];

	cell->where = RETURNED;
	message_returned(m, DEVICE, cell->dropped);
	cell->dropped = 0;
	judge_return(m, queue, id, len_bytes);
}

static void returned(struct rps_monitor *m, unsigned int queue, uint16_t entry)
{
	struct queue *q = &m->queue[queue];
	struct cell *slot = &q->cell[entry % q->num];
	uint32_t id = slot->used_id;
	bool written = slot->used_new == USED_NEW;
	bool has_it = id < q->num && q->cell[id].where == TAKEN;

	slot->used_new = 0;
	if (!is_written(m, DEVICE, queue, written))
		return;
	if (!judge(m, RULE_used_id, DEVICE, queue, has_it,
		   m->node[DEVICE].head[queue], id))
		return;
	give_back(m, queue, id, slot->used_len);
}

void used_published(struct rps_monitor *m, unsigned int queue, uint16_t idx)
{
	struct queue *q = &m->queue[queue];
	struct side *side = &q->side[DEVICE];
	uint16_t old = side->published;
	uint16_t has = (uint16_t)(side->consumed - old);

	if (idx == old)
		return;
	side->published = idx;
	side->publish_fenced = false;
	side->word_read = false;
	device_acts(m, queue);
	if (!is_observed(m, DEVICE))
		has = q->outstanding;
	if (!goes_on(m, DEVICE, queue, old, idx, has)) {
		q->returns_lost = true;
		return;
	}
	if (!is_observed(m, DEVICE))
		return;
	note_full(m, DRIVER, queue);
	for (; old != idx; old++)
		returned(m, queue, old);
}

/* How an entry was read, for a stream with accesses. */
static void judge_entry(struct rps_monitor *m, unsigned int end,
			unsigned int queue)
{
	struct queue *q = &m->queue[queue];
	struct side *side = &q->side[end];

	if (!m->config.accesses || !side->entry_read)
		return;
	judge_equal(m, RULE_entry_slot, end, queue, side->consumed % q->num,
		    side->entry_slot);
	judge_equal(m, RULE_idx_before_entry, end, queue, 1,
		    side->entry_ordered);
	side->entry_read = false;
}

/* Return: whether the entry that is consumed next exists. */
static bool is_there(struct rps_monitor *m, unsigned int end,
		     unsigned int queue)
{
	struct queue *q = &m->queue[queue];
	uint16_t published = q->side[peer_of(end)].published;
	uint16_t there = (uint16_t)(published - q->side[end].consumed);

	return judge(m, RULE_entry_published, end, queue,
		     there > 0 && there <= q->num, 1, there);
}

/* The entry that a head was taken from, as far as it was seen. */
static uint32_t entry_value(const struct rps_monitor *m, unsigned int end,
			    unsigned int queue, uint64_t told)
{
	const struct queue *q = &m->queue[queue];
	const struct side *side = &q->side[end];
	const struct cell *slot = &q->cell[side->consumed % q->num];

	if (m->config.accesses)
		return side->entry_read ? side->entry_value : (uint32_t)told;
	if (!is_observed(m, peer_of(end)))
		return (uint32_t)told;
	return end == DEVICE ? slot->avail_head : slot->used_id;
}

void buffer_taken(struct rps_monitor *m, unsigned int queue, uint64_t head,
		  uint16_t idx)
{
	struct queue *q = &m->queue[queue];
	struct side *side = &q->side[DEVICE];
	uint16_t ahead = (uint16_t)(side->seen - side->published);
	uint32_t named = entry_value(m, DEVICE, queue, head);

	device_acts(m, queue);
	if (queue == TO_DEVICE)
		m->node[DEVICE].room_known = false;
	if (!q->returns_lost)
		judge(m, RULE_take_bounded, DEVICE, queue, ahead <= q->num,
		      q->num, ahead);
	judge_equal(m, RULE_entry_order, DEVICE, queue,
		    (uint16_t)(side->consumed + 1), idx);
	judge_entry(m, DEVICE, queue);
	judge_equal(m, RULE_take_head, DEVICE, queue, named, head);
	is_there(m, DEVICE, queue);
	side->consumed = idx;
	if (!judge(m, RULE_take_in_table, DEVICE, queue, head < q->num,
		   q->num - 1, head))
		return;

	if (!is_observed(m, DRIVER))
		offer(m, queue, (uint16_t)head);
	if (q->cell[head].where != OFFERED)
		spoil(m, queue, "an entry that was not offered");
	q->cell[head].where = TAKEN;
	message_taken(m, queue, (uint16_t)head);
}

/* Only what the driver itself knows: its peer may be lying. */
static bool driver_believes(struct rps_monitor *m, unsigned int queue,
			    uint64_t id)
{
	struct queue *q = &m->queue[queue];
	const struct side *side = &q->side[DRIVER];
	uint16_t claimed = (uint16_t)(side->seen - side->consumed);

	if (q->offers_lost)
		return id < q->num && q->cell[id].out;
	judge(m, RULE_reclaim_bounded, DRIVER, queue, claimed <= q->outstanding,
	      q->outstanding, claimed);
	if (!judge(m, RULE_reclaim_in_table, DRIVER, queue, id < q->num,
		   q->num - 1, id))
		return false;
	return judge_equal(m, RULE_reclaim_outstanding, DRIVER, queue, 1,
			   q->cell[id].out);
}

void buffer_reclaimed(struct rps_monitor *m, unsigned int queue, uint64_t id,
		      uint64_t len_bytes)
{
	struct queue *q = &m->queue[queue];
	struct side *side = &q->side[DRIVER];
	uint32_t named = entry_value(m, DRIVER, queue, id);
	bool believed = driver_believes(m, queue, id);

	if (queue == TO_DRIVER)
		m->node[DRIVER].used_known = false;
	judge_entry(m, DRIVER, queue);
	judge_equal(m, RULE_reclaim_id, DRIVER, queue, named, id);
	is_there(m, DRIVER, queue);
	side->consumed++;
	side->reclaimed_any = true;
	if (!believed)
		return;

	q->cell[id].out = false;
	q->outstanding--;
	if (!is_observed(m, DEVICE)) {
		judge_equal(m, RULE_used_id, DEVICE, queue, id, id);
		judge_return(m, queue, (uint32_t)id, (uint32_t)len_bytes);
	}
	q->cell[id].where = WITH_DRIVER;
	message_reclaimed(m, queue, (uint16_t)id, (uint32_t)len_bytes);
}
