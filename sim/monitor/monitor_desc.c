/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers: what a descriptor says of them, who writes them when.
 */
#include "monitor_priv.h"

#define DESC_BYTES 16u

static void judge_indirect(struct rps_monitor *m, unsigned int queue,
			   const struct cell *cell)
{
	bool whole = cell->len_bytes > 0 && cell->len_bytes % DESC_BYTES == 0;

	if (m->features_seen)
		judge(m, RULE_indirect_negotiated, DRIVER, queue,
		      m->features & FEATURE_INDIRECT, 0, cell->flags);
	judge(m, RULE_indirect_shape, DRIVER, queue, whole, DESC_BYTES,
	      cell->len_bytes);
	judge(m, RULE_indirect_shape, DRIVER, queue, !(cell->flags & F_NEXT),
	      F_INDIRECT, cell->flags);
}

void judge_desc(struct rps_monitor *m, unsigned int queue, uint16_t index)
{
	struct queue *q = &m->queue[queue];
	const struct cell *cell = &q->cell[index % q->num];
	uint16_t wanted = queue == TO_DRIVER ? F_WRITE : 0;

	if (cell->flags & F_INDIRECT) {
		judge_indirect(m, queue, cell);
		return;
	}
	judge_equal(m, RULE_one_descriptor, DRIVER, queue, 0,
		    cell->flags & F_NEXT);
	judge_equal(m, RULE_direction, DRIVER, queue, wanted,
		    cell->flags & F_WRITE);
}

/* A buffer that the driver offers again, or one with a message for it. */
static void judge_buffer(struct rps_monitor *m, unsigned int queue,
			 uint16_t head)
{
	const struct cell *cell = &m->queue[queue].cell[head];
	struct buffer *buffer = find_buffer(m, queue, cell->addr, true);

	if (!buffer)
		return;
	buffer->head = head;
	message_returned(m, DRIVER, buffer->dropped);
	buffer->dropped = 0;
	if (cell->flags & (F_NEXT | F_INDIRECT))
		return;
	if (queue == TO_DEVICE) {
		judge_equal(m, RULE_one_message, DRIVER, queue, 1,
			    buffer->headers);
		if (buffer->headers)
			judge(m, RULE_header_fits, DRIVER, queue,
			      cell->len_bytes >= HEADER_BYTES + buffer->hdr_len,
			      HEADER_BYTES + buffer->hdr_len, cell->len_bytes);
		buffer->headers = 0;
		return;
	}
	if (buffer->first_len)
		judge(m, RULE_repost_full, DRIVER, queue,
		      cell->len_bytes >= buffer->first_len, buffer->first_len,
		      cell->len_bytes);
	else
		buffer->first_len = cell->len_bytes;
}

void judge_offer(struct rps_monitor *m, unsigned int queue, uint16_t head)
{
	struct queue *q = &m->queue[queue];
	uint16_t index = head;

	for (unsigned int i = 0; i < CHAIN_LOOK; i++) {
		const struct cell *cell = &q->cell[index];

		judge_desc(m, queue, index);
		/* Events do not say where a chain goes on. */
		if (!m->config.accesses || !(cell->flags & F_NEXT) ||
		    cell->next >= q->num)
			break;
		index = cell->next;
	}
	judge_buffer(m, queue, head);
}

static void judge_received(struct rps_monitor *m, const struct cell *cell,
			   uint32_t len_bytes)
{
	struct buffer *buffer = find_buffer(m, TO_DRIVER, cell->addr, false);

	if (!(cell->flags & (F_NEXT | F_INDIRECT)))
		judge(m, RULE_used_len_fits, DEVICE, TO_DRIVER,
		      len_bytes <= cell->len_bytes, cell->len_bytes, len_bytes);
	if (!buffer || !buffer->headers)
		return;
	judge_equal(m, RULE_one_message, DEVICE, TO_DRIVER, 1, buffer->headers);
	judge(m, RULE_used_len_covers, DEVICE, TO_DRIVER,
	      len_bytes >= HEADER_BYTES + buffer->hdr_len,
	      HEADER_BYTES + buffer->hdr_len, len_bytes);
	buffer->headers = 0;
}

void judge_return(struct rps_monitor *m, unsigned int queue, uint32_t id,
		  uint32_t len_bytes)
{
	if (queue == TO_DRIVER)
		judge_received(m, &m->queue[queue].cell[id], len_bytes);
	else
		judge_equal(m, RULE_used_len_zero, DEVICE, queue, 0, len_bytes);
	/* It had that one in its hands, and wrote nothing to it so far. */
	if (queue == TO_DEVICE)
		judge_equal(m, RULE_buffer_read_only, DEVICE, queue, 0, 0);
}

/* The buffer that a message's header or payload is written to.
 * Return: its chain, or NULL where the address is not known. */
static const struct cell *written_to(struct rps_monitor *m, unsigned int queue,
				     uint64_t addr)
{
	static const uint8_t at[] = { 0, HEADER_BYTES, 8 };
	const struct queue *q = &m->queue[queue];

	for (unsigned int i = 0; i < sizeof(at); i++) {
		const struct buffer *buffer =
			find_buffer(m, queue, addr - at[i], false);
		const struct cell *cell;

		if (!buffer || !q->num)
			continue;
		cell = &q->cell[buffer->head % q->num];
		if (cell->addr == buffer->addr)
			return cell;
	}
	return NULL;
}

void judge_write(struct rps_monitor *m, unsigned int end, uint64_t addr)
{
	unsigned int sends_on = rx_queue(peer_of(end));
	const struct cell *cell = written_to(m, sends_on, addr);

	if (cell && end == DRIVER)
		judge_equal(m, RULE_sender_keeps_off, end, sends_on, 0,
			    cell->out);
	if (cell && end == DEVICE)
		judge_equal(m, RULE_sender_keeps_off, end, sends_on, 0,
			    cell->where != TAKEN);
	if (cell || end == DRIVER)
		return;
	cell = written_to(m, TO_DEVICE, addr);
	if (cell)
		judge_equal(m, RULE_buffer_read_only, end, TO_DEVICE, 0,
			    cell->where == OFFERED || cell->where == TAKEN);
}
