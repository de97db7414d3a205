/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accesses to shared memory become facts about rings.
 */
#include "monitor_priv.h"

#define NO_PART NUM_PARTS

/* Which part of a ring each place belongs to. */
static const uint8_t part_of[NUM_SEAMS] = {
	[SEAM_DESC_ADDR] = PART_DESC,    [SEAM_DESC_LEN] = PART_DESC,
	[SEAM_DESC_FLAGS] = PART_DESC,   [SEAM_DESC_NEXT] = PART_DESC,
	[SEAM_AVAIL_FLAGS] = PART_AVAIL, [SEAM_AVAIL_IDX] = PART_AVAIL,
	[SEAM_AVAIL_RING] = PART_AVAIL,  [SEAM_USED_EVENT] = PART_AVAIL,
	[SEAM_USED_FLAGS] = PART_USED,   [SEAM_USED_IDX] = PART_USED,
	[SEAM_USED_ID] = PART_USED,      [SEAM_USED_LEN] = PART_USED,
	[SEAM_AVAIL_EVENT] = PART_USED,  [SEAM_HDR] = NO_PART,
	[SEAM_PAYLOAD] = NO_PART,        [SEAM_FENCE] = NO_PART,
};

/* One access to a ring. */
struct touch {
	struct rps_monitor *m;
	struct queue *q;
	struct side *side; /* of the end that did it */
	unsigned int end;
	unsigned int queue;
	unsigned int kind;
	unsigned int seam;
	uint64_t offset; /* in the part */
	uint64_t value;
};

/* @whose: who says where the rings are. */
static bool locate(struct touch *touch, unsigned int whose, uint64_t addr)
{
	unsigned int part = part_of[touch->seam];

	for (unsigned int i = 0; i < NUM_QUEUES; i++) {
		struct queue *q = &touch->m->queue[i];
		struct side *side = &q->side[touch->end];
		uint64_t offset = addr - q->side[whose].place[part];

		if (!side->started || offset >= q->bytes[part])
			continue;
		touch->q = q;
		touch->side = side;
		touch->queue = i;
		touch->offset = offset;
		return true;
	}
	return false;
}

/* A device behind an IOMMU calls the same places by other addresses, and an
 * access has those of the memory, which are the driver's. */
static bool is_ring(struct touch *touch, uint64_t addr)
{
	return locate(touch, touch->end, addr) ||
	       locate(touch, peer_of(touch->end), addr);
}

/* Entry of the ring that a slot's address belongs to. */
static uint16_t slot_of(const struct touch *touch, unsigned int each)
{
	return (uint16_t)((touch->offset - 4) / each % touch->q->num);
}

static bool is_at_its_place(const struct touch *touch)
{
	uint64_t offset = touch->offset;
	uint32_t num = touch->q->num;

	switch ((enum seam)touch->seam) {
	case SEAM_AVAIL_FLAGS:
	case SEAM_USED_FLAGS:
		return offset == 0;
	case SEAM_AVAIL_IDX:
	case SEAM_USED_IDX:
		return offset == 2;
	case SEAM_AVAIL_RING:
		return offset % 2 == 0 && offset >= 4 && offset < 4 + 2 * num;
	case SEAM_USED_EVENT:
		return offset == 4 + 2 * (uint64_t)num;
	case SEAM_USED_ID:
		return offset % 8 == 4 && offset < 4 + 8 * (uint64_t)num;
	case SEAM_USED_LEN:
		return offset % 8 == 0 && offset >= 8;
	case SEAM_AVAIL_EVENT:
		return offset == 4 + 8 * (uint64_t)num;
	case SEAM_DESC_ADDR:
		return offset % 16 == 0;
	case SEAM_DESC_LEN:
		return offset % 16 == 8;
	case SEAM_DESC_FLAGS:
		return offset % 16 == 12;
	case SEAM_DESC_NEXT:
		return offset % 16 == 14;
	case SEAM_HDR:
	case SEAM_PAYLOAD:
	case SEAM_FENCE:
	case NUM_SEAMS:
		break;
	}
	return true;
}

/* --- loads */

static void looked(const struct touch *touch)
{
	struct side *side = touch->side;
	uint16_t published = touch->q->side[peer_of(touch->end)].published;
	uint16_t ahead = (uint16_t)(touch->value - side->consumed);

	/* An old value may still be seen, one that never was may not. */
	if (is_observed(touch->m, peer_of(touch->end)) &&
	    ahead > (uint16_t)(published - side->consumed))
		spoil(touch->m, touch->queue, "an index that nobody wrote");

	side->looked_since = true;
	if (touch->kind == RPS_RECORD_ACQUIRE) {
		side->seen = (uint16_t)touch->value;
		side->plain = false;
		side->looked = true;
	} else {
		side->seen_plain = (uint16_t)touch->value;
		side->plain = true;
	}
}

/* What was written there, as far as it was seen. */
static void entry_read(const struct touch *touch, unsigned int each,
		       bool is_avail)
{
	struct side *side = touch->side;
	uint16_t slot = slot_of(touch, each);
	const struct cell *cell = &touch->q->cell[slot];
	uint32_t written = is_avail ? cell->avail_head : cell->used_id;

	side->entry_read = true;
	side->entry_slot = slot;
	side->entry_value = (uint32_t)touch->value;
	side->entry_ordered = side->looked && side->seen != side->consumed;
	if (side->entry_ordered && slot == side->consumed % touch->q->num &&
	    written != side->entry_value)
		spoil(touch->m, touch->queue, "an entry that nobody wrote");
}

static void word_read(const struct touch *touch)
{
	struct rps_monitor *m = touch->m;
	struct side *side = touch->side;
	bool is_flags = touch->seam == SEAM_AVAIL_FLAGS ||
			touch->seam == SEAM_USED_FLAGS;

	side->word_read = true;
	side->word_seam = (uint8_t)touch->seam;
	side->word = (uint16_t)touch->value;
	side->word_fenced = side->publish_fenced;
	if (is_flags && !touch->q->word_written[touch->seam])
		judge_equal(m, RULE_zero_at_start, DRIVER, touch->queue, 0,
			    touch->value);
}

static void on_load(const struct touch *touch)
{
	switch ((enum seam)touch->seam) {
	case SEAM_AVAIL_IDX:
		if (touch->end == DEVICE)
			looked(touch);
		break;
	case SEAM_USED_IDX:
		if (touch->end == DRIVER)
			looked(touch);
		break;
	case SEAM_AVAIL_RING:
		if (touch->end == DEVICE)
			entry_read(touch, 2, true);
		break;
	case SEAM_USED_ID:
		if (touch->end == DRIVER)
			entry_read(touch, 8, false);
		break;
	case SEAM_AVAIL_FLAGS:
	case SEAM_USED_FLAGS:
	case SEAM_AVAIL_EVENT:
	case SEAM_USED_EVENT:
		word_read(touch);
		break;
	case SEAM_USED_LEN:
	case SEAM_DESC_ADDR:
	case SEAM_DESC_LEN:
	case SEAM_DESC_FLAGS:
	case SEAM_DESC_NEXT:
	case SEAM_HDR:
	case SEAM_PAYLOAD:
	case SEAM_FENCE:
	case NUM_SEAMS:
		break;
	}
}

/* --- stores of the driver */

static void desc_stored(const struct touch *touch)
{
	uint16_t index = (uint16_t)(touch->offset / 16);
	struct cell *cell = &touch->q->cell[index];
	bool in_use = is_lent(touch->m, touch->queue, index);

	judge_equal(touch->m, RULE_desc_before_idx, DRIVER, touch->queue, 0,
		    in_use);
	if (touch->seam == SEAM_DESC_ADDR)
		cell->addr = touch->value;
	else if (touch->seam == SEAM_DESC_LEN)
		cell->len_bytes = (uint32_t)touch->value;
	else if (touch->seam == SEAM_DESC_FLAGS)
		cell->flags = (uint16_t)touch->value;
	else
		cell->next = (uint16_t)touch->value;
}

/* An index without a barrier before it says nothing about the entries. */
static void judge_release(const struct touch *touch)
{
	bool behind =
		touch->kind == RPS_RECORD_PUBLISH || touch->side->slot_fenced;

	judge_equal(touch->m, RULE_idx_release, touch->end, touch->queue, 1,
		    behind);
}

/* An index that is written and stays the same: at the start, where it says
 * where counting begins, and never behind a new entry. */
static bool stands_still(const struct touch *touch)
{
	const struct side *side = touch->side;
	const struct cell *slot =
		&touch->q->cell[side->published % touch->q->num];
	bool staged = touch->end == DRIVER ? slot->avail_new
					   : slot->used_new == USED_NEW;

	if ((uint16_t)touch->value != side->published)
		return false;
	judge(touch->m, RULE_idx_free_running, touch->end, touch->queue,
	      !staged, (uint16_t)(side->published + 1), touch->value);
	if (staged && touch->end == DRIVER)
		touch->q->offers_lost = true;
	if (staged && touch->end == DEVICE)
		touch->q->returns_lost = true;
	return true;
}

static void driver_stored(const struct touch *touch)
{
	struct side *side = touch->side;
	struct cell *cell;

	switch ((enum seam)touch->seam) {
	case SEAM_DESC_ADDR:
	case SEAM_DESC_LEN:
	case SEAM_DESC_FLAGS:
	case SEAM_DESC_NEXT:
		desc_stored(touch);
		break;
	case SEAM_AVAIL_RING:
		cell = &touch->q->cell[slot_of(touch, 2)];
		cell->avail_head = (uint16_t)touch->value;
		cell->avail_new = true;
		side->slot_fenced = false;
		break;
	case SEAM_AVAIL_IDX:
		if (stands_still(touch))
			break;
		judge_release(touch);
		avail_published(touch->m, touch->queue, (uint16_t)touch->value);
		break;
	case SEAM_AVAIL_FLAGS:
	case SEAM_USED_EVENT:
		side->wished = true;
		side->wish_fenced = false;
		touch->q->word_written[touch->seam] = true;
		judge_equal(touch->m, RULE_own_word, DRIVER, touch->queue, 0,
			    0);
		break;
	case SEAM_USED_FLAGS:
	case SEAM_AVAIL_EVENT:
		/* It clears the whole ring before the device has it. */
		touch->q->word_written[touch->seam] = true;
		if (is_running(touch->m, touch->queue))
			judge_equal(touch->m, RULE_own_word, DRIVER,
				    touch->queue, 0, 1);
		break;
	case SEAM_USED_IDX:
	case SEAM_USED_ID:
	case SEAM_USED_LEN:
	case SEAM_HDR:
	case SEAM_PAYLOAD:
	case SEAM_FENCE:
	case NUM_SEAMS:
		break;
	}
}

/* --- stores of the device */

static void device_stored(const struct touch *touch)
{
	struct side *side = touch->side;
	struct cell *cell;

	if (!judge_equal(touch->m, RULE_table_read_only, DEVICE, touch->queue,
			 0, part_of[touch->seam] != PART_USED))
		return;
	switch ((enum seam)touch->seam) {
	case SEAM_USED_ID:
		cell = &touch->q->cell[slot_of(touch, 8)];
		cell->used_id = (uint32_t)touch->value;
		cell->used_new |= USED_ID_NEW;
		side->slot_fenced = false;
		break;
	case SEAM_USED_LEN:
		cell = &touch->q->cell[slot_of(touch, 8)];
		cell->used_len = (uint32_t)touch->value;
		cell->used_new |= USED_LEN_NEW;
		side->slot_fenced = false;
		break;
	case SEAM_USED_IDX:
		if (stands_still(touch))
			break;
		judge_release(touch);
		used_published(touch->m, touch->queue, (uint16_t)touch->value);
		break;
	case SEAM_USED_FLAGS:
	case SEAM_AVAIL_EVENT:
		side->wished = true;
		side->wish_fenced = false;
		touch->q->word_written[touch->seam] = true;
		break;
	default:
		break;
	}
}

static void on_store(const struct touch *touch)
{
	if (touch->end == DEVICE)
		device_stored(touch);
	else
		driver_stored(touch);
}

/* Where such a field can be, for a finding: the first one. */
static const uint8_t first_offset[NUM_SEAMS] = {
	[SEAM_DESC_LEN] = 8,    [SEAM_DESC_FLAGS] = 12, [SEAM_DESC_NEXT] = 14,
	[SEAM_AVAIL_IDX] = 2,   [SEAM_AVAIL_RING] = 4,  [SEAM_USED_EVENT] = 4,
	[SEAM_USED_IDX] = 2,    [SEAM_USED_ID] = 4,     [SEAM_USED_LEN] = 8,
	[SEAM_AVAIL_EVENT] = 4,
};

/* Return: whether the field is where it belongs. */
static bool judge_place(const struct touch *touch)
{
	static const uint8_t rule[NUM_PARTS] = {
		[PART_DESC] = RULE_desc_place,
		[PART_AVAIL] = RULE_avail_place,
		[PART_USED] = RULE_used_place,
	};

	return judge(touch->m, (enum rule)rule[part_of[touch->seam]],
		     touch->end, touch->queue, is_at_its_place(touch),
		     first_offset[touch->seam], touch->offset);
}

/* --- the rest */

/* What was read without order before a barrier is in order behind it. */
static void fenced(struct rps_monitor *m, unsigned int end)
{
	m->node[end].fenced = true;
	for (unsigned int i = 0; i < NUM_QUEUES; i++) {
		struct side *side = &m->queue[i].side[end];

		side->publish_fenced = true;
		side->slot_fenced = true;
		side->wish_fenced = true;
		side->looked_since = false;
		if (!side->plain)
			continue;
		side->seen = side->seen_plain;
		side->plain = false;
		side->looked = true;
	}
}

static void copied(struct rps_monitor *m, const struct rps_record *record)
{
	struct node *node = &m->node[record->end];
	unsigned int queue;

	if (record->kind != RPS_RECORD_COPY_OUT)
		return;
	node->copied = record->c == HEADER_BYTES;
	node->copy_addr = record->a;
	node->copy_digest = record->b;
	if (record->end == DEVICE && is_in_read_only_part(m, record->a, &queue))
		judge_equal(m, RULE_table_read_only, DEVICE, queue, 0, 1);
	judge_write(m, record->end, record->a);
}

void on_access(struct rps_monitor *m, const struct rps_record *record)
{
	struct touch touch = {
		.m = m,
		.end = record->end,
		.kind = record->kind,
		.seam = record->what,
		.value = record->b,
	};

	if (record->kind == RPS_RECORD_FENCE) {
		fenced(m, record->end);
		return;
	}
	if (record->what >= NUM_SEAMS)
		return;
	if (record->kind == RPS_RECORD_COPY_IN ||
	    record->kind == RPS_RECORD_COPY_OUT) {
		copied(m, record);
		return;
	}
	if (part_of[record->what] == NO_PART || !is_ring(&touch, record->a))
		return;
	if (!judge_place(&touch)) {
		touch.q->offers_lost |= touch.end == DRIVER;
		touch.q->returns_lost |= touch.end == DEVICE;
		return;
	}
	if (record->kind == RPS_RECORD_LOAD ||
	    record->kind == RPS_RECORD_ACQUIRE)
		on_load(&touch);
	else
		on_store(&touch);
}
