/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data path of the device end: what runs for each message, to be inlined into
 * vdev.c and into RPMsg's device.  The public functions say what each does.
 */
#ifndef RPS_VDEV_PATH_H
#define RPS_VDEV_PATH_H

#include <rps/vdev.h>

#include <errno.h>

#include "../base/access.h"
#include "../base/map.h"
#include "../base/mutant.h"
#include "../base/view_probe.h"

/* --- taking -------------------------------------------------------------- */

/* Why a queue is broken; the numbers appear in traces. */
enum vdev_fault {
	FAULT_AVAIL_IDX = 1, /* further ahead than the ring is long, or back */
	FAULT_AVAIL_HEAD,    /* head outside the table */
};

RPS_COLD void vdev_break(struct vdev *vq, enum vdev_fault why, uint32_t value);

/* Whether @seen tells of nothing that was not yet taken. */
static RPS_HOT bool vdev_nothing_new(const struct vdev *vq, struct view view,
				     uint16_t seen)
{
	if (mutated(view.mem, MUTANT_avail_idx_compared))
		return seen <= vq->avail_idx;
	if (mutated(view.mem, MUTANT_avail_count_masked))
		return (seen & vq->ring.mask) ==
		       (vq->avail_idx & vq->ring.mask);
	return seen == vq->avail_idx;
}

/* Look at the driver's index again.
 * Return: 0; -EAGAIN where nothing was offered; -EPROTO. */
static RPS_HOT int vdev_peek(struct vdev *vq, struct view view)
{
	uint16_t held = (uint16_t)(vq->avail_idx - vq->published_idx);
	uint16_t seen;

	/* Barrier A; its other half is in vdrv_publish(). */
	if (mutated(view.mem, MUTANT_avail_idx_read_plain))
		seen = load16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx);
	else
		seen = acquire16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx);
	if (vdev_nothing_new(vq, view, seen))
		return -EAGAIN;
	/* Never more outstanding than entries, held ones included; one that
	 * goes back would be followed all the way round. */
	if ((uint16_t)(seen - vq->avail_idx) >
		    (uint16_t)(vq->ring.num - held) &&
	    !mutated(view.mem, MUTANT_avail_jump_followed)) {
		vdev_break(vq, FAULT_AVAIL_IDX, seen);
		return -EPROTO;
	}
	vq->avail_seen = seen;
	view_probe(view, RPS_EVENT_avail_seen, vq->queue, seen, vq->avail_idx);
	return 0;
}

/* A private copy of one descriptor: what is checked is what is used. */
struct vdev_desc {
	struct gpa addr;
	uint32_t len_bytes;
	uint16_t flags;
	uint16_t next;
};

static RPS_HOT struct vdev_desc vdev_read_desc(struct view view,
					       const struct vring_desc *at)
{
	struct vdev_desc desc = {
		.addr.v = load64(view, SEAM_DESC_ADDR, &at->addr),
		.len_bytes = load32(view, SEAM_DESC_LEN, &at->len),
		.flags = load16(view, SEAM_DESC_FLAGS, &at->flags),
	};

	/* Else it means nothing; in a simulated world it is a step. */
	if (!view.plain || desc.flags & VRING_DESC_F_NEXT)
		desc.next = load16(view, SEAM_DESC_NEXT, &at->next);
	return desc;
}

static RPS_HOT struct vdev_desc vdev_first_desc(const struct vdev *vq,
						struct view view, uint16_t head)
{
	struct vdev_desc desc = vdev_read_desc(view, &vq->ring.desc[head]);

	view_probe(view, RPS_EVENT_desc_read, vq->queue, desc.addr.v,
		   probe_desc(head, desc.flags, desc.len_bytes));
	return desc;
}

/*
 * Take the next available buffer.
 * @first: its first descriptor, unchecked.
 *
 * Return: its head, to be given back; -EAGAIN and -EPROTO as rps_vdev_take().
 */
static RPS_HOT int vdev_take_head(struct vdev *vq, struct view view,
				  struct vdev_desc *first)
{
	uint16_t head;

	/* A broken queue has nothing that was seen and not looked at. */
	if (vq->avail_seen == vq->avail_idx) {
		int err = vq->broken ? -EPROTO : vdev_peek(vq, view);

		if (err)
			return err;
	}
	head = load16(view, SEAM_AVAIL_RING,
		      &vq->ring.avail->ring[vq->avail_idx & vq->ring.mask]);
	if (mutated(view.mem, MUTANT_head_masked))
		head &= vq->ring.mask;
	if (mutated(view.mem, MUTANT_head_clamped) && head > vq->ring.mask)
		head = 0;
	if (head > vq->ring.mask) {
		vdev_break(vq, FAULT_AVAIL_HEAD, head);
		return -EPROTO;
	}
	vq->avail_idx++;
	view_probe(view, RPS_EVENT_buffer_take, vq->queue, head, vq->avail_idx);
	*first = vdev_first_desc(vq, view, head);
	return head;
}

/* One descriptor that is all there is, and goes the way it should. */
static RPS_HOT bool vdev_is_simple(struct view view,
				   const struct vdev_desc *desc,
				   bool device_writes)
{
	return !mutated(view.mem, MUTANT_dev_next_without_flag) &&
	       (desc->flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT |
			       VRING_DESC_F_WRITE)) ==
		       (device_writes ? VRING_DESC_F_WRITE : 0);
}

/* Return: pointer to the bytes of a descriptor, or NULL. */
static RPS_HOT uint8_t *vdev_map(struct vdev *vq, struct view view,
				 const struct vdev_desc *desc)
{
	return map_near(view.mem, &vq->near, desc->addr, desc->len_bytes);
}

/* Walk the chain that starts with @first at @head, and map all of it.
 * Return: as rps_vdev_take(). */
RPS_COLD int vdev_walk(struct vdev *vq, uint16_t head,
		       const struct vdev_desc *first, struct vchain *chain);

/* --- giving back --------------------------------------------------------- */

static RPS_HOT void vdev_publish(struct vdev *vq, struct view view)
{
	if (vq->published_idx == vq->used_idx)
		return;
	vq->published_idx = vq->used_idx;
	if (mutated(view.mem, MUTANT_used_idx_plain)) {
		store16(view, SEAM_USED_IDX, &vq->ring.used->idx, vq->used_idx);
		return;
	}
	/* Barrier C; its other half is in vdrv_peek(). */
	publish16(view, SEAM_USED_IDX, &vq->ring.used->idx, vq->used_idx);
}

static RPS_HOT void vdev_write_elem(struct vdev *vq, struct view view,
				    struct vring_used_elem *elem, uint32_t id,
				    uint32_t len_bytes)
{
	if (mutated(view.mem, MUTANT_dev_id_is_position))
		id = vq->used_idx & vq->ring.mask;
	if (mutated(view.mem, MUTANT_elem_fields_swapped)) {
		uint32_t kept = id;

		id = len_bytes;
		len_bytes = kept;
	}
	update32(view, SEAM_USED_ID, &elem->id, id);
	update32(view, SEAM_USED_LEN, &elem->len, len_bytes);
}

/* rps_vdev_stage(). */
static RPS_HOT void vdev_stage(struct vdev *vq, struct view view, uint32_t id,
			       uint32_t len_bytes)
{
	struct vring_used_elem *elem =
		&vq->ring.used->ring[vq->used_idx & vq->ring.mask];

	if (mutated(view.mem, MUTANT_elem_after_idx)) {
		vq->used_idx++;
		vdev_publish(vq, view);
		vq->used_idx--;
	}
	vdev_write_elem(vq, view, elem, id, len_bytes);
	vq->used_idx++;
	if (mutated(view.mem, MUTANT_used_idx_wraps_at_num))
		vq->used_idx &= vq->ring.mask;
	view_probe(view, RPS_EVENT_used_write, vq->queue, id, len_bytes);
	view_probe(view, RPS_EVENT_used_publish, vq->queue, id, vq->used_idx);
}

/* --- notifying ----------------------------------------------------------- */

/* Something was published about which no notification was decided yet. */
static RPS_HOT bool vdev_notify_undecided(const struct vdev *vq)
{
	return vq->notify_idx != vq->published_idx;
}

/* Barrier D: used.idx is visible before the driver's wish is read; its other
 * half is in rps_vdrv_irq_on(). */
static RPS_HOT void vdev_fence(struct view view)
{
	if (!mutated(view.mem, MUTANT_notify_without_fence))
		fence_full(view.mem);
}

/* What was read of the driver's wish, and what follows from it. */
static RPS_HOT bool vdev_say(struct vdev *vq, struct view view, uint16_t word,
			     bool wanted)
{
	view_probe(view, RPS_EVENT_notify_decide, vq->queue, word, wanted);
	return wanted;
}

static RPS_HOT uint16_t vdev_load_event(struct vdev *vq, struct view view)
{
	const struct virtio16 *at = vq->ring.used_event;

	if (mutated(view.mem, MUTANT_dev_used_event_misplaced))
		at = &vq->ring.avail->ring[vq->ring.mask];
	return load16(view, SEAM_USED_EVENT, at);
}

/* rps_vdev_notify_needed() of what is undecided, behind vdev_fence(). */
static RPS_HOT bool vdev_notify_decide(struct vdev *vq, struct view view)
{
	uint16_t old = vq->notify_idx;
	uint16_t new = vq->published_idx;
	uint16_t word;

	vq->notify_idx = new;
	if (vq->event_idx || mutated(view.mem, MUTANT_notify_event_unasked)) {
		word = vdev_load_event(vq, view);
		if (mutated(view.mem, MUTANT_notify_event_late))
			word++;
		return vdev_say(vq, view, word,
				rps_vring_need_event(word, new, old));
	}
	if (mutated(view.mem, MUTANT_notify_reads_own_flags)) {
		word = load16(view, SEAM_USED_FLAGS, &vq->ring.used->flags);
		return vdev_say(vq, view, word,
				!(word & VRING_USED_F_NO_NOTIFY));
	}
	word = load16(view, SEAM_AVAIL_FLAGS, &vq->ring.avail->flags);
	return vdev_say(vq, view, word, !(word & VRING_AVAIL_F_NO_INTERRUPT));
}

/* --- kicks --------------------------------------------------------------- */

/*
 * Ask for a kick with the next available buffer.
 *
 * Return: whether the driver has to be told so: a full fence, and another look
 * at the ring with vdev_missed(), must follow. Where the wish has been in its
 * place all along, any buffer since has raised its kick.
 */
static RPS_HOT bool vdev_kick_ask(struct vdev *vq, struct view view)
{
	bool asked = vq->kick_on;

	if (vq->broken)
		return false;
	vq->kick_on = true;
	if (!vq->event_idx) {
		if (asked && ACCESS_STORES_LAST)
			return false;
		store16(view, SEAM_USED_FLAGS, &vq->ring.used->flags, 0);
		return true;
	}
	if (asked && vq->asked_idx == vq->avail_idx)
		return false;
	vq->asked_idx = vq->avail_idx;
	store16(view, SEAM_AVAIL_EVENT, vq->ring.avail_event, vq->avail_idx);
	return true;
}

/* @asked: what vdev_kick_ask() has said.
 * Return: whether something was made available since the last look. */
static RPS_HOT bool vdev_missed(const struct vdev *vq, struct view view,
				bool asked)
{
	uint16_t seen;

	if (vq->broken)
		return false;
	seen = load16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx);
	if (asked)
		view_probe(view, RPS_EVENT_kick_arm, vq->queue, seen,
			   vq->avail_idx);
	return seen != vq->avail_idx;
}

#endif
