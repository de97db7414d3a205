/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events become facts.  What an end did to a ring is taken from its accesses
 * where there are any, else from what it tells, else from what its peer saw.
 */
#include "monitor_priv.h"

/* One event about a queue that an end has started. */
struct word_of {
	struct rps_monitor *m;
	struct queue *q;
	struct side *side;
	unsigned int end;
	unsigned int queue;
	const struct rps_record *record;
};

static bool tells(const struct rps_monitor *m)
{
	return !m->config.accesses;
}

static void place(const struct word_of *word)
{
	uint64_t part = word->record->b;

	if (part >= NUM_PARTS)
		return;
	word->side->place[part] = word->record->c;
	if (!is_observed(word->m, peer_of(word->end)))
		word->q->side[peer_of(word->end)].place[part] = word->record->c;
}

/* An index of the peer's, and how far the end says that it got itself. */
static void peer_seen(const struct word_of *word)
{
	struct rps_monitor *m = word->m;
	struct side *side = word->side;
	uint16_t idx = (uint16_t)word->record->b;
	uint16_t own = (uint16_t)word->record->c;
	bool wraps = idx < own;

	judge_equal(m, wraps ? RULE_entry_wrap : RULE_entry_order, word->end,
		    word->queue, side->consumed, own);
	if (!tells(m))
		return;
	side->seen = idx;
	side->looked = true;
	if (is_observed(m, peer_of(word->end)))
		return;
	if (word->end == DEVICE)
		avail_published(m, word->queue, idx);
	else
		used_published(m, word->queue, idx);
}

static void desc_told(const struct word_of *word)
{
	uint64_t desc = word->record->c;

	if (tells(word->m))
		desc_written(word->m, word->queue, (uint16_t)(desc >> 48),
			     word->record->b, (uint16_t)(desc >> 32),
			     (uint32_t)desc);
}

/* The device follows a chain: what it has room for, and what it is. */
static void desc_seen(const struct word_of *word)
{
	struct rps_monitor *m = word->m;
	struct node *node = &m->node[DEVICE];
	uint64_t desc = word->record->c;
	uint16_t flags = (uint16_t)(desc >> 32);

	if (word->queue == TO_DEVICE && node->chain_open) {
		node->room_bytes += (uint32_t)desc;
		node->room_known = !(flags & F_INDIRECT);
		node->chain_open = !(flags & F_INDIRECT);
	}
	if (is_observed(m, DRIVER))
		return;
	desc_told(word);
	judge_desc(m, word->queue, (uint16_t)(desc >> 48));
}

static void publish_told(const struct word_of *word)
{
	struct rps_monitor *m = word->m;
	uint16_t idx = (uint16_t)word->record->c;
	struct cell *cell = &word->q->cell[(uint16_t)(idx - 1) % word->q->num];

	if (!tells(m))
		return;
	if (word->end == DRIVER) {
		cell->avail_head = (uint16_t)word->record->b;
		cell->avail_new = true;
		avail_published(m, word->queue, idx);
	} else {
		cell->used_id = (uint32_t)word->record->b;
		used_published(m, word->queue, idx);
	}
}

static void used_told(const struct word_of *word)
{
	struct side *side = word->side;

	if (tells(word->m))
		word->q->cell[side->published % word->q->num].used_len =
			(uint32_t)word->record->c;
}

/* Reason 1 is an index, whoever it comes from; see traces/events.md. */
static enum rule broken_by(unsigned int end, uint64_t reason)
{
	return end == DRIVER && reason != 1 ? RULE_break_id : RULE_break_cause;
}

static void on_ring_event(const struct word_of *word)
{
	struct rps_monitor *m = word->m;
	const struct rps_record *record = word->record;
	unsigned int end = word->end;
	unsigned int queue = word->queue;

	switch ((enum rps_event)record->what) {
	case RPS_EVENT_ring_place:
		place(word);
		break;
	case RPS_EVENT_ring_stop:
		word->side->started = false;
		break;
	case RPS_EVENT_queue_broken:
		judge_equal(m, broken_by(end, record->b), end, queue, 0,
			    record->b);
		word->side->broken = true;
		break;
	case RPS_EVENT_desc_write:
		desc_told(word);
		break;
	case RPS_EVENT_desc_read:
		desc_seen(word);
		break;
	case RPS_EVENT_avail_seen:
	case RPS_EVENT_used_seen:
		peer_seen(word);
		break;
	case RPS_EVENT_used_write:
		used_told(word);
		break;
	case RPS_EVENT_avail_publish:
	case RPS_EVENT_used_publish:
		publish_told(word);
		break;
	case RPS_EVENT_buffer_take:
		buffer_taken(m, queue, record->b, (uint16_t)record->c);
		break;
	case RPS_EVENT_buffer_reclaim:
		buffer_reclaimed(m, queue, record->b, record->c);
		break;
	case RPS_EVENT_kick_decide:
	case RPS_EVENT_notify_decide:
		decided(m, end, queue, (uint16_t)record->b, record->c);
		break;
	case RPS_EVENT_irq_arm:
	case RPS_EVENT_kick_arm:
		armed(m, end, queue, (uint16_t)record->b);
		break;
	case RPS_EVENT_irq_disarm:
	case RPS_EVENT_kick_disarm:
		disarmed(m, end, queue);
		break;
	case RPS_EVENT_kick:
	case RPS_EVENT_notify:
		notified(m, end, queue);
		break;
	default:
		break;
	}
}

/* Which end tells an event about a queue; NUM_ENDS for both. */
static unsigned int teller_of(enum rps_event event)
{
	switch (event) {
	case RPS_EVENT_desc_write:
	case RPS_EVENT_avail_publish:
	case RPS_EVENT_used_seen:
	case RPS_EVENT_buffer_reclaim:
	case RPS_EVENT_kick_decide:
	case RPS_EVENT_irq_disarm:
	case RPS_EVENT_irq_arm:
	case RPS_EVENT_kick:
		return DRIVER;
	case RPS_EVENT_avail_seen:
	case RPS_EVENT_buffer_take:
	case RPS_EVENT_desc_read:
	case RPS_EVENT_used_write:
	case RPS_EVENT_used_publish:
	case RPS_EVENT_notify_decide:
	case RPS_EVENT_kick_disarm:
	case RPS_EVENT_kick_arm:
	case RPS_EVENT_notify:
		return DEVICE;
	default:
		return NUM_ENDS;
	}
}

static void on_queue_event(struct rps_monitor *m,
			   const struct rps_record *record)
{
	struct word_of word = {
		.m = m,
		.end = record->end,
		.queue = (unsigned int)record->a,
		.record = record,
	};
	unsigned int teller = teller_of((enum rps_event)record->what);

	if (record->a >= NUM_QUEUES ||
	    (teller < NUM_ENDS && teller != record->end))
		return;
	word.q = &m->queue[record->a];
	word.side = &word.q->side[record->end];
	if (record->what == RPS_EVENT_ring_start)
		ring_start(m, record->end, word.queue, record->b,
			   (uint16_t)record->c);
	else if (word.side->started)
		on_ring_event(&word);
	else if (record->what == RPS_EVENT_notify)
		device_acts(m, word.queue);
}

void on_event(struct rps_monitor *m, const struct rps_record *record)
{
	unsigned int end = record->end;

	switch ((enum rps_event)record->what) {
	case RPS_EVENT_message_send:
		message_sent(m, end, record->a, record->b, record->c);
		return;
	case RPS_EVENT_header_write:
		header_written(m, end, record->a, record->b, record->c);
		return;
	case RPS_EVENT_header_read:
		header_read(m, end, record->a, record->b, record->c);
		return;
	case RPS_EVENT_message_deliver:
		message_delivered(m, end, record->a, record->b, record->c);
		return;
	case RPS_EVENT_message_drop:
		message_dropped(m, end, record->b, record->c);
		return;
	case RPS_EVENT_ns_write:
		ns_written(m, end, record->b);
		return;
	case RPS_EVENT_ns_name:
		ns_named(m, end, record->a, record->b, record->c);
		return;
	case RPS_EVENT_endpoint_create:
	case RPS_EVENT_endpoint_destroy:
		endpoint_is(m, end, record->a,
			    record->what == RPS_EVENT_endpoint_create);
		return;
	case RPS_EVENT_status_write:
		status_written(m, (uint8_t)record->a);
		return;
	case RPS_EVENT_features_write:
		features_written(m, record->a);
		return;
	case RPS_EVENT_memory_change:
		memory_changed(m, record->a, record->b);
		return;
	case RPS_EVENT_fault_fire:
		for (unsigned int q = 0; q < NUM_QUEUES; q++)
			spoil(m, q, "a fault was injected");
		return;
	case RPS_EVENT_channel_create:
	case RPS_EVENT_channel_destroy:
	case RPS_EVENT_irq:
		return;
	default:
		on_queue_event(m, record);
		return;
	}
}
