/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data path of the driver end: what runs for each message, to be inlined into
 * vdrv.c and into RPMsg's driver.  The public functions say what each does.
 */
#ifndef RPS_VDRV_PATH_H
#define RPS_VDRV_PATH_H

#include <rps/vdrv.h>

#include <errno.h>

#include "../base/access.h"
#include "../base/assert.h"
#include "../base/mutant.h"
#include "../base/view_probe.h"

/* --- offering ------------------------------------------------------------ */

static RPS_HOT void vdrv_write_desc(struct view view, struct vring_desc *desc,
				    const struct vbuf *buf, uint16_t flags,
				    uint16_t next)
{
	if (mutated(view.mem, MUTANT_desc_fields_swapped)) {
		uint16_t kept = flags;

		flags = next;
		next = kept;
	}
	store64(view, SEAM_DESC_ADDR, &desc->addr, buf->addr.v);
	store32(view, SEAM_DESC_LEN, &desc->len, buf->len_bytes);
	store16(view, SEAM_DESC_FLAGS, &desc->flags, flags);
	store16(view, SEAM_DESC_NEXT, &desc->next, next);
}

static RPS_HOT uint16_t vdrv_flags_of(struct view view, const struct vbuf *buf)
{
	if (mutated(view.mem, MUTANT_tx_write_flag))
		return VRING_DESC_F_WRITE;
	if (mutated(view.mem, MUTANT_indirect_unasked) && !buf->device_writes)
		return VRING_DESC_F_INDIRECT;
	return buf->device_writes ? VRING_DESC_F_WRITE : 0;
}

static RPS_HOT void vdrv_publish(struct vdrv *vq, struct view view)
{
	if (vq->published_idx == vq->avail_idx)
		return;
	vq->published_idx = vq->avail_idx;
	if (mutated(view.mem, MUTANT_avail_idx_plain)) {
		store16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx,
			vq->avail_idx);
		return;
	}
	/* Barrier A; its other half is in vdev_peek(). */
	publish16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx, vq->avail_idx);
}

/* The chain that starts at @head is complete: it is the next to be shown. */
static RPS_HOT void vdrv_stage_head(struct vdrv *vq, struct view view,
				    uint16_t head)
{
	struct virtio16 *entry =
		&vq->ring.avail->ring[vq->avail_idx & vq->ring.mask];

	if (mutated(view.mem, MUTANT_avail_ring_shifted))
		entry++;
	if (!mutated(view.mem, MUTANT_slot_after_idx))
		update16(view, SEAM_AVAIL_RING, entry, head);
	vq->avail_idx++;
	if (mutated(view.mem, MUTANT_avail_idx_wraps_at_num))
		vq->avail_idx &= vq->ring.mask;
	view_probe(view, RPS_EVENT_avail_publish, vq->queue, head,
		   vq->avail_idx);
	if (mutated(view.mem, MUTANT_slot_after_idx)) {
		vdrv_publish(vq, view);
		store16(view, SEAM_AVAIL_RING, entry, head);
	}
}

/*
 * rps_vdrv_stage() for a queue in which each descriptor has a buffer of its
 * own: @buf is the one of number @head, whose address and direction are always
 * the same.  A descriptor that says the right thing already is left alone, and
 * the processor's cache line stays with both ends.
 */
static RPS_HOT int vdrv_stage_own(struct vdrv *vq, struct view view,
				  uint16_t head, const struct vbuf *buf)
{
	struct vdrv_slot *slot = &vq->slot[head];

	if (vq->broken)
		return -EPIPE;
	if (slot->chain_len > 0 && mutated(view.mem, MUTANT_overfull)) {
		vdrv_stage_head(vq, view, 0);
		return 0;
	}
	if (slot->chain_len > 0 && mutated(view.mem, MUTANT_lent_buffer_reused))
		return -ENOSPC;
	rps_assert(slot->chain_len == 0 || any_mutant(view.mem));
	slot->chain_len = 1;
	if (!ACCESS_STORES_LAST || slot->len_bytes != buf->len_bytes) {
		uint16_t flags = vdrv_flags_of(view, buf);

		slot->len_bytes = buf->len_bytes;
		vdrv_write_desc(view, &vq->ring.desc[head], buf, flags, 0);
	}
	view_probe(view, RPS_EVENT_desc_write, vq->queue, buf->addr.v,
		   probe_desc(head, vdrv_flags_of(view, buf), buf->len_bytes));
	vdrv_stage_head(vq, view, head);
	return 0;
}

/* --- kicking ------------------------------------------------------------- */

/* Something was published about which no kick was decided yet. */
static RPS_HOT bool vdrv_kick_undecided(const struct vdrv *vq, struct view view)
{
	return vq->kick_idx != vq->published_idx ||
	       mutated(view.mem, MUTANT_kick_reads_own_flags);
}

/* Barrier B: avail.idx is visible before the device's wish is read; its other
 * half is in rps_vdev_kick_on(). */
static RPS_HOT void vdrv_fence(struct view view)
{
	if (!mutated(view.mem, MUTANT_kick_without_fence))
		fence_full(view.mem);
}

/* What was read of the device's wish, and what follows from it. */
static RPS_HOT bool vdrv_say(struct vdrv *vq, struct view view, uint16_t word,
			     bool wanted)
{
	view_probe(view, RPS_EVENT_kick_decide, vq->queue, word, wanted);
	return wanted;
}

/* rps_vdrv_kick_needed() of what is undecided, behind vdrv_fence(). */
static RPS_HOT bool vdrv_kick_decide(struct vdrv *vq, struct view view)
{
	uint16_t old = vq->kick_idx;
	uint16_t new = vq->published_idx;
	uint16_t word;

	vq->kick_idx = new;
	if (vq->event_idx || mutated(view.mem, MUTANT_kick_event_unasked)) {
		word = load16(view, SEAM_AVAIL_EVENT, vq->ring.avail_event);
		if (mutated(view.mem, MUTANT_kick_event_late))
			word++;
		return vdrv_say(vq, view, word,
				rps_vring_need_event(word, new, old));
	}
	if (mutated(view.mem, MUTANT_kick_reads_own_flags)) {
		word = load16(view, SEAM_AVAIL_FLAGS, &vq->ring.avail->flags);
		return vdrv_say(vq, view, word,
				!(word & VRING_AVAIL_F_NO_INTERRUPT));
	}
	word = load16(view, SEAM_USED_FLAGS, &vq->ring.used->flags);
	return vdrv_say(vq, view, word, !(word & VRING_USED_F_NO_NOTIFY));
}

/* --- reclaiming ---------------------------------------------------------- */

/* Why a queue is broken; the numbers appear in traces. */
enum vdrv_fault {
	FAULT_USED_IDX = 1, /* more returned than outstanding */
	FAULT_USED_ID,      /* outside the table, or not outstanding */
};

RPS_COLD void vdrv_break(struct vdrv *vq, enum vdrv_fault why, uint32_t value);

/* Whether the ring has nothing that was not yet taken back. */
static RPS_HOT bool vdrv_nothing_new(const struct vdrv *vq, struct view view)
{
	if (mutated(view.mem, MUTANT_used_idx_compared))
		return vq->used_seen <= vq->used_idx;
	if (mutated(view.mem, MUTANT_used_count_masked))
		return (vq->used_seen & vq->ring.mask) ==
		       (vq->used_idx & vq->ring.mask);
	return vq->used_seen == vq->used_idx;
}

/* Look at the device's index again.
 * Return: 0; -EAGAIN where nothing was returned; -EPROTO. */
static RPS_HOT int vdrv_peek(struct vdrv *vq, struct view view)
{
	/* Barrier C; its other half is in vdev_publish(). */
	if (mutated(view.mem, MUTANT_used_idx_read_plain))
		vq->used_seen =
			load16(view, SEAM_USED_IDX, &vq->ring.used->idx);
	else
		vq->used_seen =
			acquire16(view, SEAM_USED_IDX, &vq->ring.used->idx);
	if (vdrv_nothing_new(vq, view)) {
		vq->used_seen = vq->used_idx;
		return -EAGAIN;
	}
	if ((uint16_t)(vq->used_seen - vq->used_idx) > rps_vdrv_in_flight(vq) &&
	    !mutated(view.mem, MUTANT_used_jump_followed)) {
		vdrv_break(vq, FAULT_USED_IDX, vq->used_seen);
		return -EPROTO;
	}
	view_probe(view, RPS_EVENT_used_seen, vq->queue, vq->used_seen,
		   vq->used_idx);
	return 0;
}

static RPS_HOT bool vdrv_is_outstanding(const struct vdrv *vq, uint32_t id)
{
	if (mutated(vq->mem, MUTANT_unposted_taken_back))
		return id < vq->ring.num;
	return id <= vq->ring.mask && vq->slot[id].chain_len > 0;
}

/*
 * Take the next entry out of the used ring; what it names stays outstanding.
 * @len_bytes: as the device claims; NULL where nobody wants to know.
 *
 * Return: the head of a chain that is outstanding, or as rps_vdrv_reclaim().
 */
static RPS_HOT int vdrv_next_used(struct vdrv *vq, struct view view,
				  uint32_t *len_bytes)
{
	const struct vring_used_elem *elem;
	uint32_t claimed = 0;
	uint32_t id;

	/* A broken queue has nothing that was seen and not looked at. */
	if (vq->used_seen == vq->used_idx) {
		int err = vq->broken ? -EPROTO : vdrv_peek(vq, view);

		if (err)
			return err;
	}
	elem = &vq->ring.used->ring[vq->used_idx & vq->ring.mask];
	id = load32(view, SEAM_USED_ID, &elem->id);
	if (len_bytes || !view.plain)
		claimed = load32(view, SEAM_USED_LEN, &elem->len);
	if (mutated(view.mem, MUTANT_used_fields_swapped)) {
		id = claimed;
		claimed = load32(view, SEAM_USED_ID, &elem->id);
	}
	if (len_bytes)
		*len_bytes = claimed;
	if (mutated(view.mem, MUTANT_used_id_ignored))
		id = vq->used_idx & vq->ring.mask;
	if (mutated(view.mem, MUTANT_used_id_masked))
		id &= vq->ring.mask;
	if (mutated(view.mem, MUTANT_used_id_clamped) && id > vq->ring.mask)
		id = 0;
	if (!vdrv_is_outstanding(vq, id)) {
		vdrv_break(vq, FAULT_USED_ID, id);
		return -EPROTO;
	}
	if (mutated(view.mem, MUTANT_used_id_reread)) {
		id = load32(view, SEAM_USED_ID, &elem->id);
		if (!vdrv_is_outstanding(vq, id)) {
			vdrv_break(vq, FAULT_USED_ID, id);
			return -EPROTO;
		}
	}
	vq->used_idx++;
	view_probe(view, RPS_EVENT_buffer_reclaim, vq->queue, id, claimed);
	return (int)id;
}

/* vdrv_next_used() of a queue that vdrv_stage_own() fills: it is ours again. */
static RPS_HOT int vdrv_reclaim_own(struct vdrv *vq, struct view view,
				    uint32_t *len_bytes)
{
	int head = vdrv_next_used(vq, view, len_bytes);

	if (head >= 0)
		vq->slot[head].chain_len = 0;
	return head;
}

/* --- interrupts ---------------------------------------------------------- */

/*
 * Ask for an interrupt with the next returned buffer.
 *
 * Return: whether the device has to be told so: a full fence, and another look
 * at the ring with vdrv_missed(), must follow. Where the wish has been in its
 * place all along, any buffer since has raised its interrupt.
 */
static RPS_HOT bool vdrv_irq_ask(struct vdrv *vq, struct view view)
{
	bool asked = vq->irq_on;

	if (vq->broken)
		return false;
	vq->irq_on = true;
	if (!vq->event_idx) {
		if (asked && ACCESS_STORES_LAST)
			return false;
		store16(view, SEAM_AVAIL_FLAGS, &vq->ring.avail->flags, 0);
		return true;
	}
	if (asked && vq->asked_idx == vq->used_idx)
		return false;
	vq->asked_idx = vq->used_idx;
	store16(view, SEAM_USED_EVENT, vq->ring.used_event, vq->used_idx);
	return true;
}

/* @asked: what vdrv_irq_ask() has said.
 * Return: whether something was returned since the last look. */
static RPS_HOT bool vdrv_missed(const struct vdrv *vq, struct view view,
				bool asked)
{
	uint16_t seen;

	if (vq->broken)
		return false;
	seen = load16(view, SEAM_USED_IDX, &vq->ring.used->idx);
	if (asked)
		view_probe(view, RPS_EVENT_irq_arm, vq->queue, seen,
			   vq->used_idx);
	return seen != vq->used_idx;
}

#endif
