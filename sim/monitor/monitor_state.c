/* SPDX-License-Identifier: BSD-3-Clause */
#include "monitor_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor_priv.h"

#define KNOWN_FROM  offsetof(struct rps_monitor, last_step)
#define KNOWN_BYTES (offsetof(struct rps_monitor, finding) - KNOWN_FROM)

static uint8_t *known(struct rps_monitor *m)
{
	return (uint8_t *)m + KNOWN_FROM;
}

int monitor_keep(struct rps_monitor *m)
{
	if (!m->kept)
		m->kept = malloc(KNOWN_BYTES + m->tables_bytes);
	if (!m->kept)
		return -ENOMEM;
	memcpy(m->kept, known(m), KNOWN_BYTES);
	memcpy(m->kept + KNOWN_BYTES, m->tables, m->tables_bytes);
	return 0;
}

void monitor_go_back(struct rps_monitor *m)
{
	memcpy(known(m), m->kept, KNOWN_BYTES);
	memcpy(m->tables, m->kept + KNOWN_BYTES, m->tables_bytes);
}

void monitor_forgive(struct rps_monitor *m)
{
	memset(m->told, 0, sizeof(m->told));
	m->num_findings = 0;
}

const struct rps_finding *monitor_first(const struct rps_monitor *m)
{
	return m->num_findings > 0 ? &m->finding[0] : NULL;
}

/* --- hash
 *
 * Left out are places, sizes, features and what else is the same once a link
 * is up; findings, behind the first of which nobody looks; and what only says
 * which of two rules is counted as met (was_full, rested).
 */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Each of them 0 or 1. */
#define BIT(name, at) ((uint64_t)side->name << (at))

/* What is due to be told of, as far as the peer has not come by itself. */
static uint16_t told_ahead(const struct queue *q, unsigned int end)
{
	uint16_t ahead =
		(uint16_t)(q->side[end].told - q->side[peer_of(end)].consumed);

	return ahead <= q->num ? ahead : 0;
}

/* The word of a wish counts until the end has decided by it, and what was read
 * of an entry until that is consumed. Who has gone on since it asked to be told
 * is not waiting. */
static uint64_t hash_side(uint64_t hash, const struct queue *q,
			  unsigned int end)
{
	const struct side *side = &q->side[end];
	uint64_t waits = side->armed && side->armed_at == side->consumed;
	uint64_t word = 0;
	uint64_t entry = 0;
	uint64_t bits = BIT(started, 0) | BIT(broken, 1) |
			BIT(wish_unknown, 2) | BIT(erred, 3) | BIT(owes, 4) |
			BIT(reclaimed_any, 5) | BIT(plain, 6) | BIT(looked, 7) |
			BIT(publish_fenced, 8) | BIT(slot_fenced, 9) |
			BIT(wish_fenced, 10) | BIT(wished, 11) |
			BIT(looked_since, 12) | BIT(word_read, 13) |
			BIT(entry_read, 14) | waits << 15;

	if (side->published != side->decided)
		word = (uint64_t)side->word_seam << 32 | BIT(word_fenced, 24) |
		       side->word;
	if (side->entry_read)
		entry = (uint64_t)side->entry_slot << 48 |
			BIT(entry_ordered, 32) | side->entry_value;
	hash = mix(hash, bits | word << 16);
	hash = mix(hash, (uint64_t)side->published << 48 |
				 (uint64_t)side->consumed << 32 |
				 (uint64_t)side->decided << 16 |
				 told_ahead(q, end));
	hash = mix(hash, (uint64_t)side->seen << 16 |
				 (side->plain ? side->seen_plain : 0));
	return mix(hash, entry);
}

static uint64_t hash_cell(uint64_t hash, const struct cell *cell)
{
	hash = mix(hash, cell->addr);
	hash = mix(hash, (uint64_t)cell->len_bytes << 32 |
				 (uint64_t)cell->flags << 16 | cell->next);
	hash = mix(hash, (uint64_t)cell->used_id << 32 | cell->used_len);
	return mix(hash, (uint64_t)cell->avail_head << 48 |
				 (uint64_t)cell->where << 32 |
				 (uint64_t)cell->out << 24 |
				 (uint64_t)cell->avail_new << 16 |
				 (uint64_t)cell->used_new << 8 | cell->dropped);
}

/* A sum, since the order in which they were met is no matter. */
static uint64_t hash_buffers(const struct rps_monitor *m, const struct queue *q)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < m->num_buffers; i++) {
		const struct buffer *buffer = &q->buffer[i];

		if (buffer->known)
			sum += mix(mix(buffer->addr, buffer->first_len),
				   (uint64_t)buffer->head << 32 |
					   (uint64_t)buffer->hdr_len << 16 |
					   (uint64_t)buffer->headers << 8 |
					   buffer->dropped);
	}
	return sum;
}

static uint64_t hash_queue(uint64_t hash, const struct rps_monitor *m,
			   const struct queue *q)
{
	uint64_t bits = (q->spoiled != NULL) | (uint64_t)q->offers_lost << 1 |
			(uint64_t)q->returns_lost << 2 |
			(uint64_t)q->outstanding << 48;

	for (unsigned int seam = 0; seam < NUM_SEAMS; seam++)
		bits |= (uint64_t)q->word_written[seam] << (8 + seam);
	hash = mix(hash, bits);
	for (unsigned int end = 0; end < NUM_ENDS; end++)
		hash = hash_side(hash, q, end);
	for (uint32_t i = 0; i < q->num; i++)
		hash = hash_cell(hash, &q->cell[i]);
	return mix(hash, hash_buffers(m, q));
}

static uint64_t hash_node(uint64_t hash, const struct node *node)
{
	uint64_t bits = (uint64_t)node->open | (uint64_t)node->room_known << 1 |
			(uint64_t)node->used_known << 2 |
			(uint64_t)node->chain_open << 3 |
			(uint64_t)node->ns_ended << 4 |
			(uint64_t)node->last_queue << 5 |
			(uint64_t)node->fenced << 6 |
			(uint64_t)node->head[TO_DRIVER] << 16 |
			(uint64_t)node->head[TO_DEVICE] << 32;

	hash = mix(hash, bits | (uint64_t)node->ns_junk << 48);
	if (node->used_known)
		hash = mix(hash, node->used_len);
	if (node->room_known || node->chain_open)
		hash = mix(hash, node->room_bytes);
	if (node->open)
		hash = mix(mix(hash, node->src_dst), node->rest);
	for (unsigned int drop = 0; drop < NUM_DROPS; drop++)
		hash = mix(hash, node->kept[drop]);
	hash = mix(mix(hash, node->wrote_src_dst), node->wrote_rest);
	if (node->copied)
		hash = mix(mix(hash, node->copy_addr), node->copy_digest);
	return hash;
}

uint64_t monitor_hash(const struct rps_monitor *m)
{
	uint64_t hash = m->status | (uint64_t)m->kicked << 8;

	for (unsigned int q = 0; q < NUM_QUEUES; q++)
		hash = hash_queue(hash, m, &m->queue[q]);
	for (unsigned int end = 0; end < NUM_ENDS; end++) {
		hash = hash_node(hash, &m->node[end]);
		for (uint32_t i = 0; i < m->num_endpoints; i++)
			hash = mix(hash, m->node[end].endpoint[i].live);
	}
	return hash;
}
