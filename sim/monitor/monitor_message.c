/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages: what a sender writes, and what becomes of it at the receiver.
 */
#include <string.h>

#include "monitor_priv.h"

static uint32_t high(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

static uint32_t low(uint64_t value)
{
	return (uint32_t)value;
}

static uint16_t len_of(uint64_t rest)
{
	return (uint16_t)(rest >> 16);
}

static uint16_t flags_of(uint64_t rest)
{
	return (uint16_t)rest;
}

/* --- senders */

static void judge_fields(struct rps_monitor *m, unsigned int end,
			 uint64_t src_dst, uint64_t rest)
{
	unsigned int queue = rx_queue(peer_of(end));
	uint32_t any = (high(src_dst) == ANY ? 1u : 0u) +
		       (low(src_dst) == ANY ? 1u : 0u);

	judge_equal(m, RULE_header_flags, end, queue, 0, flags_of(rest));
	judge_equal(m, RULE_header_reserved, end, queue, 0, high(rest));
	judge_equal(m, RULE_header_not_any, end, queue, 0, any);
}

static uint32_t add_bytes(uint32_t hash, uint32_t value, unsigned int bytes,
			  bool big_endian)
{
	for (unsigned int i = 0; i < bytes; i++) {
		unsigned int byte = big_endian ? bytes - 1 - i : i;

		hash = (hash ^ (value >> 8 * byte & 0xff)) * 16777619u;
	}
	return hash;
}

/* Digest of the 16 bytes that these fields are, as records have it. */
static uint32_t digest_of(uint64_t src_dst, uint64_t rest, bool big_endian)
{
	uint32_t hash = 2166136261u;

	hash = add_bytes(hash, high(src_dst), 4, big_endian);
	hash = add_bytes(hash, low(src_dst), 4, big_endian);
	hash = add_bytes(hash, high(rest), 4, big_endian);
	hash = add_bytes(hash, len_of(rest), 2, big_endian);
	return add_bytes(hash, flags_of(rest), 2, big_endian);
}

/* The copy that came right before is that of the header. */
static void judge_bytes(struct rps_monitor *m, unsigned int end, uint64_t addr,
			uint64_t src_dst, uint64_t rest)
{
	struct node *node = &m->node[end];
	bool copied = node->copied && node->copy_addr == addr;

	node->copied = false;
	if (!copied || !(m->features & FEATURE_VERSION_1))
		return;
	judge_equal(m, RULE_header_little_endian, end, rx_queue(peer_of(end)),
		    digest_of(src_dst, rest, false), node->copy_digest);
}

void header_written(struct rps_monitor *m, unsigned int end, uint64_t addr,
		    uint64_t src_dst, uint64_t rest)
{
	struct node *node = &m->node[end];
	struct buffer *buffer =
		find_buffer(m, rx_queue(peer_of(end)), addr, true);

	judge_fields(m, end, src_dst, rest);
	judge_bytes(m, end, addr, src_dst, rest);
	node->wrote_src_dst = src_dst;
	node->wrote_rest = rest;
	if (!buffer)
		return;
	buffer->hdr_len = len_of(rest);
	if (buffer->headers < UINT8_MAX)
		buffer->headers++;
}

void message_sent(struct rps_monitor *m, unsigned int end, uint64_t src,
		  uint64_t dst, uint64_t len_bytes)
{
	unsigned int queue = rx_queue(peer_of(end));
	const struct node *node = &m->node[end];

	judge_equal(m, RULE_header_src, end, queue, src,
		    high(node->wrote_src_dst));
	judge_equal(m, RULE_header_dst, end, queue, dst,
		    low(node->wrote_src_dst));
	judge_equal(m, RULE_header_len, end, queue, len_bytes,
		    len_of(node->wrote_rest));
}

/* The header of an announcement was written right before. */
void ns_written(struct rps_monitor *m, unsigned int end, uint64_t flags)
{
	unsigned int queue = rx_queue(peer_of(end));
	struct node *node = &m->node[end];

	node->ns_ended = false;
	node->ns_junk = 0;
	judge_equal(m, RULE_ns_dst, end, queue, NS_ADDRESS,
		    low(node->wrote_src_dst));
	judge_equal(m, RULE_ns_len, end, queue, NS_BYTES,
		    len_of(node->wrote_rest));
	judge_equal(m, RULE_ns_flags, end, queue, 0, flags & ~UINT64_C(1));
	if (m->features_seen)
		judge(m, RULE_ns_negotiated, end, queue,
		      m->features & FEATURE_NS, FEATURE_NS, 0);
}

static void add_name_bytes(struct node *node, uint64_t bytes)
{
	for (unsigned int i = 0; i < sizeof(bytes); i++) {
		uint8_t byte = (uint8_t)(bytes >> 8 * i);

		if (node->ns_ended && byte)
			node->ns_junk++;
		if (!byte)
			node->ns_ended = true;
	}
}

void ns_named(struct rps_monitor *m, unsigned int end, uint64_t at,
	      uint64_t bytes, uint64_t more)
{
	struct node *node = &m->node[end];

	add_name_bytes(node, bytes);
	add_name_bytes(node, more);
	if (at + 2 * sizeof(bytes) != NAME_BYTES)
		return;
	/* Without a terminator the whole name is what should not be there. */
	judge_equal(m, RULE_ns_padded, end, rx_queue(peer_of(end)), 0,
		    node->ns_ended ? node->ns_junk : NAME_BYTES);
}

/* --- endpoints */

static struct endpoint *find_endpoint(struct rps_monitor *m, unsigned int end,
				      uint32_t addr, bool add)
{
	uint32_t at = addr * 2654435761u;

	for (unsigned int i = 0; i < PROBES; i++) {
		struct endpoint *ept =
			&m->node[end]
				 .endpoint[(at + i) & (m->num_endpoints - 1)];

		if (ept->known && ept->addr == addr)
			return ept;
		if (!ept->known && add) {
			*ept = (struct endpoint){ .addr = addr, .known = true };
			return ept;
		}
		if (!ept->known)
			return NULL;
	}
	return NULL;
}

void endpoint_is(struct rps_monitor *m, unsigned int end, uint64_t addr,
		 bool live)
{
	struct endpoint *ept = find_endpoint(m, end, (uint32_t)addr, true);

	if (ept)
		ept->live = live;
}

/* --- receivers */

void message_start(struct rps_monitor *m, unsigned int end)
{
	struct node *node = &m->node[end];

	node->open = false;
	node->room_known = false;
	node->used_known = false;
	node->chain_open = false;
	memset(node->kept, 0, sizeof(node->kept));
}

void message_taken(struct rps_monitor *m, unsigned int queue, uint16_t head)
{
	struct node *node = &m->node[DEVICE];

	node->head[queue] = head;
	node->last_queue = queue;
	if (queue != TO_DEVICE)
		return;
	node->room_bytes = 0;
	node->room_known = false;
	node->chain_open = true;
}

void message_reclaimed(struct rps_monitor *m, unsigned int queue, uint16_t head,
		       uint32_t len_bytes)
{
	const struct cell *cell = &m->queue[queue].cell[head];
	struct node *node = &m->node[DRIVER];

	node->head[queue] = head;
	node->last_queue = queue;
	if (queue != TO_DRIVER)
		return;
	node->used_known = true;
	node->used_len = len_bytes;
	node->room_bytes = cell->len_bytes;
	node->room_known = !(cell->flags & (F_NEXT | F_INDIRECT));
}

static enum rule fate(const struct node *node)
{
	if (flags_of(node->rest))
		return RULE_deliver_flags;
	if (len_of(node->rest) == 0)
		return RULE_deliver_empty;
	return RULE_deliver_each;
}

/* The message that was read before has met no end. */
static void close_message(struct rps_monitor *m, unsigned int end)
{
	struct node *node = &m->node[end];

	if (node->open)
		judge_equal(m, fate(node), end, rx_queue(end), 1, 0);
	node->open = false;
}

void header_read(struct rps_monitor *m, unsigned int end, uint64_t addr,
		 uint64_t src_dst, uint64_t rest)
{
	struct node *node = &m->node[end];
	bool ns_is_on = !m->features_seen || m->features & FEATURE_NS;

	(void)addr;
	close_message(m, end);
	node->src_dst = src_dst;
	node->rest = rest;
	/* What the name service gets is delivered to nobody. */
	node->open = !(ns_is_on && low(src_dst) == NS_ADDRESS);
	if (!is_observed(m, peer_of(end)))
		judge_fields(m, peer_of(end), src_dst, rest);
}

/* Whether the message is as long as it claims, for all that was seen. */
static bool is_sound(const struct rps_monitor *m, unsigned int end)
{
	const struct node *node = &m->node[end];
	uint32_t bytes = HEADER_BYTES + len_of(node->rest);

	if (end == DRIVER)
		return !node->used_known ||
		       (bytes <= node->used_len &&
			(!node->room_known ||
			 node->used_len <= node->room_bytes));
	return !node->room_known || bytes <= node->room_bytes;
}

static void judge_lengths(struct rps_monitor *m, unsigned int end)
{
	const struct node *node = &m->node[end];
	unsigned int queue = rx_queue(end);
	uint32_t bytes = HEADER_BYTES + len_of(node->rest);

	if (end == DEVICE) {
		if (node->room_known)
			judge(m, RULE_deliver_fits_desc, end, queue,
			      bytes <= node->room_bytes, node->room_bytes,
			      bytes);
		return;
	}
	if (!node->used_known)
		return;
	if (node->room_known)
		judge(m, RULE_deliver_not_long, end, queue,
		      node->used_len <= node->room_bytes, node->room_bytes,
		      node->used_len);
	if (!judge(m, RULE_deliver_not_short, end, queue,
		   node->used_len >= HEADER_BYTES, HEADER_BYTES,
		   node->used_len))
		return;
	judge(m, RULE_deliver_fits_used, end, queue, bytes <= node->used_len,
	      node->used_len, bytes);
}

void message_delivered(struct rps_monitor *m, unsigned int end, uint64_t src,
		       uint64_t dst, uint64_t len_bytes)
{
	unsigned int queue = rx_queue(end);
	struct node *node = &m->node[end];
	const struct endpoint *ept =
		find_endpoint(m, end, (uint32_t)dst, false);

	if (!node->open) {
		judge_equal(m, RULE_deliver_each, end, queue, 1, 2);
		return;
	}
	node->open = false;
	judge_equal(m, RULE_deliver_each, end, queue, 1, 1);
	judge_equal(m, fate(node), end, queue, 1, 1);
	judge_equal(m, RULE_deliver_fields, end, queue, node->src_dst,
		    src << 32 | (uint32_t)dst);
	if (ept && ept->live)
		judge_equal(m, RULE_deliver_live, end, queue, 1, 1);
	if (ept)
		judge_equal(m, RULE_deliver_dead, end, queue, 0, !ept->live);
	judge_lengths(m, end);
	if (is_sound(m, end))
		judge_equal(m, RULE_deliver_len, end, queue, len_of(node->rest),
			    len_bytes);
}

/* Its buffer has to go back, whatever was in it. */
static void keep(struct rps_monitor *m, unsigned int end, enum drop why)
{
	unsigned int queue = rx_queue(end);
	struct node *node = &m->node[end];
	struct cell *cell;
	struct buffer *buffer;

	if (node->last_queue != queue || !m->queue[queue].num)
		return;
	cell = &m->queue[queue].cell[node->head[queue] % m->queue[queue].num];
	buffer = find_buffer(m, queue, cell->addr, false);
	if (end == DEVICE && cell->where == TAKEN && !cell->dropped) {
		cell->dropped = (uint8_t)why;
		node->kept[why]++;
	}
	if (end == DRIVER && buffer && !buffer->dropped && !cell->out) {
		buffer->dropped = (uint8_t)why;
		node->kept[why]++;
	}
}

void message_dropped(struct rps_monitor *m, unsigned int end, uint64_t src,
		     uint64_t dst)
{
	struct node *node = &m->node[end];
	bool sound = node->open && is_sound(m, end);
	bool to_nobody = sound && node->src_dst == (src << 32 | (uint32_t)dst);
	const struct endpoint *ept =
		find_endpoint(m, end, (uint32_t)dst, false);

	if (to_nobody && ept)
		judge_equal(m, RULE_deliver_live, end, rx_queue(end), ept->live,
			    0);
	node->open = false;
	keep(m, end, to_nobody ? DROPPED_UNKNOWN : DROPPED_BAD);
}

static enum rule returns(unsigned int end, unsigned int dropped)
{
	if (dropped == DROPPED_UNKNOWN)
		return RULE_drop_returns;
	return end == DRIVER ? RULE_bad_returns_driver
			     : RULE_bad_returns_device;
}

void message_returned(struct rps_monitor *m, unsigned int end,
		      unsigned int dropped)
{
	struct node *node = &m->node[end];

	if (dropped == NOT_DROPPED)
		return;
	if (node->kept[dropped])
		node->kept[dropped]--;
	judge_equal(m, returns(end, dropped), end, rx_queue(end), 0, 0);
}

void message_rest(struct rps_monitor *m, unsigned int end)
{
	unsigned int queue = rx_queue(end);
	struct node *node = &m->node[end];

	if (!is_running(m, queue) || !is_observed(m, end))
		return;
	if (m->queue[queue].side[end].broken)
		return;
	close_message(m, end);
	for (unsigned int i = DROPPED_UNKNOWN; i < NUM_DROPS; i++) {
		if (node->kept[i])
			judge_equal(m, returns(end, i), end, queue, 0,
				    node->kept[i]);
	}
}
