/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data path of the device end: what runs for each message, to be inlined into
 * vdev.c and into RPMsg's device.  The public functions say what each does.
 */
#ifndef RPS_VDEV_PATH_H
#define RPS_VDEV_PATH_H

#include <rps/vdev.h>

#include <errno.h>

#include <string.h>

#include "../base/access.h"
#include "../base/map.h"
#include "../base/mutant.h"
#include "../base/view_probe.h"
#include "news.h"

static RPS_HOT bool vdev_has_event_idx(const struct vdev *vq)
{
	return vq->state & VDEV_EVENT_IDX;
}

/* --- taking -------------------------------------------------------------- */

/* Whether @seen tells of nothing that was not yet taken. */
static RPS_HOT bool vdev_nothing_new(const struct vdev *vq, struct view view,
				     uint16_t seen, uint16_t idx)
{
	if (mutated(view.mem, MUTANT_avail_idx_compared))
		return seen <= idx;
	if (mutated(view.mem, MUTANT_avail_count_masked))
		return (seen & vq->ring.mask) == (idx & vq->ring.mask);
	return seen == idx;
}

/* Whether more is known to be available, without a look at the ring. */
static RPS_HOT bool vdev_knows_more(const struct vdev *vq)
{
	return vq->avail_seen != vq->avail_idx;
}

/*
 * Look at the driver's index again.
 * @bad: the index, where it makes no sense.
 *
 * Return: 0; -EAGAIN where nothing was offered; -EPROTO.
 */
static RPS_HOT int vdev_peek(struct vdev *vq, struct view view, uint16_t *bad)
{
	uint16_t idx = vq->avail_idx;
	uint16_t held = (uint16_t)(idx - vq->published_idx);
	uint16_t room = (uint16_t)(vq->ring.num - held);
	uint16_t seen;

	/* Barrier A; its other half is in vdrv_show(). */
	if (mutated(view.mem, MUTANT_avail_idx_read_plain))
		seen = load16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx);
	else
		seen = acquire16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx);
	if (vdev_nothing_new(vq, view, seen, idx))
		return -EAGAIN;
	/* Never more outstanding than entries, held ones included; one that
	 * goes back would be followed all the way round. */
	if ((uint16_t)(seen - idx) > room &&
	    !mutated(view.mem, MUTANT_avail_jump_followed)) {
		*bad = seen;
		return -EPROTO;
	}
	vq->avail_seen = seen;
	view_probe(view, RPS_EVENT_avail_seen, vq->queue, seen, idx);
	return 0;
}

/* vdev_peek() in a plain view, where each message is answered: whether one was
 * offered, and no more, and all before it were given back.  Nothing is noted. */
static RPS_HOT bool vdev_sees_one(const struct vdev *vq, struct view view,
				  const struct vring_avail *avail, uint32_t idx,
				  uint32_t next)
{
	uint16_t seen = acquire16(view, SEAM_AVAIL_IDX, &avail->idx);

	return seen == (uint16_t)next && vq->published_idx == (uint16_t)idx;
}

/* What vdev_sees_one() has seen is taken out of the ring. */
static RPS_HOT void vdev_step_one(struct vdev *vq, uint32_t next)
{
	vq->avail_idx = (uint16_t)next;
	vq->avail_seen = (uint16_t)next;
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
	return (struct vdev_desc){
		.addr.v = load64(view, SEAM_DESC_ADDR, &at->addr),
		.len_bytes = load32(view, SEAM_DESC_LEN, &at->len),
		.flags = load16(view, SEAM_DESC_FLAGS, &at->flags),
		.next = load16(view, SEAM_DESC_NEXT, &at->next),
	};
}

/* Length and flags as one number, of which the flags are the upper part; nearly
 * as they lie in memory. */
#define VDEV_LEN_SHIFT (RPS_ORDER_HOST == RPS_ORDER_LE ? 16u : 0u)

static RPS_HOT uint64_t vdev_word(uint32_t len_bytes, uint16_t flags)
{
	return ((uint64_t)flags << 32 | len_bytes) << VDEV_LEN_SHIFT;
}

/* What no descriptor says. */
#define VDEV_NO_WORD UINT64_MAX

/* vdev_word() of a descriptor, read at once, in a plain view.  The rest of what
 * is read says nothing of a single descriptor. */
static RPS_HOT uint64_t vdev_load_word(const struct vring_desc *at)
{
	typedef uint64_t __attribute__((may_alias)) word64;
	uint64_t word = *(const volatile word64 *)(const void *)&at->len;

	if (RPS_ORDER_HOST == RPS_ORDER_LE)
		return word << 16;
	return vdev_word((uint32_t)(word >> 32), (uint16_t)(word >> 16));
}

static RPS_HOT void vdev_probe_desc(const struct vdev *vq, struct view view,
				    uint16_t head, const struct vdev_desc *desc)
{
	view_probe(view, RPS_EVENT_desc_read, vq->queue, desc->addr.v,
		   probe_desc(head, desc->flags, desc->len_bytes));
}

/* What an entry of the available ring says; nothing is taken yet.
 * @avail: that of @ring.
 * @idx:   of the entry; vq->avail_idx, or what is to become it.
 * Return: whether it lies in the table. */
static RPS_HOT bool vdev_look(const struct vring *ring, struct view view,
			      const struct vring_avail *avail, uint32_t idx,
			      uint32_t *head)
{
	*head = load16(view, SEAM_AVAIL_RING,
		       &avail->ring[entry_of(ring, idx)]);
	if (mutated(view.mem, MUTANT_head_masked))
		*head &= ring->mask;
	if (mutated(view.mem, MUTANT_head_clamped) && *head > ring->mask)
		*head = 0;
	return *head <= ring->mask;
}

/* What vdev_look() has seen is taken out of the ring. */
static RPS_HOT void vdev_step(struct vdev *vq, struct view view, uint32_t head)
{
	vq->avail_idx++;
	view_probe(view, RPS_EVENT_buffer_take, vq->queue, head, vq->avail_idx);
}

/* Makes sure that vdev_knows_more().
 * Return: 0, or as rps_vdev_take(). */
int vdev_refresh(struct vdev *vq);

/* The first descriptor of a buffer, all of it. */
struct vdev_desc vdev_first_desc(const struct vdev *vq, uint16_t head);

/*
 * Take the next available buffer.
 * @first: its first descriptor, unchecked.
 *
 * Return: its head, to be given back; -EAGAIN and -EPROTO as rps_vdev_take().
 */
int vdev_take_head(struct vdev *vq, struct vdev_desc *first);

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

/* Walk the chain that starts with @first at @head, and map all of it.
 * Return: as rps_vdev_take(). */
RPS_COLD int vdev_walk(struct vdev *vq, uint16_t head,
		       const struct vdev_desc *first, struct vchain *chain);

/* --- giving back --------------------------------------------------------- */

/* @idx: vq->used_idx. */
static RPS_HOT void vdev_show(struct vdev *vq, struct view view, uint16_t idx)
{
	vq->published_idx = idx;
	if (mutated(view.mem, MUTANT_used_idx_plain)) {
		store16(view, SEAM_USED_IDX, &vq->ring.used->idx, idx);
		return;
	}
	/* Barrier C; its other half is in vdrv_peek(). */
	publish16(view, SEAM_USED_IDX, &vq->ring.used->idx, idx);
}

static RPS_HOT void vdev_publish(struct vdev *vq, struct view view)
{
	uint16_t count = (uint16_t)(vq->used_idx - vq->published_idx);

	if (count == 0)
		return;
	vq->undecided += count;
	vdev_show(vq, view, vq->used_idx);
}

/* Two fields of 32 bits, as one. */
typedef uint64_t pair32 __attribute__((aligned(4), may_alias));

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

/* What vdev_stage() writes, in bulk, as vdrv_put_head(). */
static RPS_HOT void vdev_put_elem(const struct vring *ring, struct view view,
				  uint32_t idx, uint32_t id, uint32_t len_bytes)
{
	struct vring_used_elem *elem = &ring->used->ring[entry_of(ring, idx)];

	store32(view, SEAM_USED_ID, &elem->id, id);
	store32(view, SEAM_USED_LEN, &elem->len, len_bytes);
}

/*
 * What vdev_stage() writes of a buffer that was only read, in a plain view.
 * @idx: vq->used_idx.
 */
static RPS_HOT void vdev_write_one(struct vdev *vq, struct view view,
				   uint32_t idx, uint16_t id)
{
	struct vring_used_elem *elem =
		&vq->ring.used->ring[entry_of(&vq->ring, idx)];
	const struct vring_used_elem wanted = { .id = { id } };
	uint64_t both;

	/* As update32() of both, which are compared at once. */
	memcpy(&both, &wanted, sizeof(both));
	if (__builtin_expect(*(const pair32 *)elem != both, 0))
		vdev_write_elem(vq, view, elem, id, 0);
}

/* vdev_stage() in a plain view. */
static RPS_HOT void vdev_stage_plain(struct vdev *vq, struct view view,
				     uint32_t id, uint32_t len_bytes)
{
	uint32_t idx = vq->used_idx;

	vdev_write_elem(vq, view,
			&vq->ring.used->ring[entry_of(&vq->ring, idx)], id,
			len_bytes);
	step16(&vq->used_idx);
}

/* rps_vdev_stage(). */
static RPS_HOT void vdev_stage(struct vdev *vq, struct view view, uint32_t id,
			       uint32_t len_bytes)
{
	struct vring_used_elem *elem =
		&vq->ring.used->ring[entry_of(&vq->ring, vq->used_idx)];

	if (mutated(view.mem, MUTANT_elem_after_idx)) {
		vq->used_idx++;
		vdev_publish(vq, view);
		vq->used_idx--;
	}
	vdev_write_elem(vq, view, elem, id, len_bytes);
	vq->used_idx++;
	if (mutated(view.mem, MUTANT_used_idx_wraps_at_num))
		vq->used_idx &= (uint16_t)vq->ring.mask;
	view_probe(view, RPS_EVENT_used_write, vq->queue, id, len_bytes);
	view_probe(view, RPS_EVENT_used_publish, vq->queue, id, vq->used_idx);
}

/* --- notifying ----------------------------------------------------------- */

/* What is to be decided about now: the next one to ask hears of it no more. */
static RPS_HOT struct vring_news vdev_news(struct vdev *vq)
{
	struct vring_news news = {
		.old = (uint16_t)(vq->published_idx - vq->undecided),
		.new = vq->published_idx,
	};

	vq->undecided = 0;
	return news;
}

/* vdev_publish() and vdev_news(), as vdrv_publish_news(). */
static RPS_HOT struct vring_news vdev_publish_news(struct vdev *vq,
						   struct view view)
{
	struct vring_news news = { vq->published_idx, vq->used_idx };

	if (!view.plain) {
		vdev_publish(vq, view);
		return vdev_news(vq);
	}
	if (is_news(news))
		vdev_show(vq, view, news.new);
	return news;
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

/* rps_vdev_notify_needed(), behind vdev_fence().
 * @event_idx: as @vq has it; handed over where it is known already. */
static RPS_HOT bool vdev_notify_decide(struct vdev *vq, struct view view,
				       bool event_idx, struct vring_news news)
{
	uint16_t word;

	if (event_idx || mutated(view.mem, MUTANT_notify_event_unasked)) {
		word = vdev_load_event(vq, view);
		if (mutated(view.mem, MUTANT_notify_event_late))
			word++;
		return vdev_say(vq, view, word,
				rps_vring_need_event(word, news.new, news.old));
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

/* Whether kicks are asked for, as a rule, by avail_event. */
static RPS_HOT bool vdev_asks_by_event(const struct vdev *vq)
{
	return vq->state == (VDEV_EVENT_IDX | VDEV_KICK_ON);
}

/*
 * Ask for a kick with the next available buffer.
 * @by_event: vdev_asks_by_event(), where it is known; false is never wrong.
 * @moved:    whether buffers were taken since this was last asked; where that
 *            is not known, false.
 *
 * Return: whether the driver has to be told so: a full fence, and another look
 * at the ring with vdev_missed(), must follow. Where the wish has been in its
 * place all along, any buffer since has raised its kick.
 */
static RPS_HOT bool vdev_kick_ask(struct vdev *vq, struct view view,
				  bool by_event, bool moved)
{
	uint16_t idx = vq->avail_idx;

	if (!by_event) {
		bool asked = vq->state & VDEV_KICK_ON;

		if (rps_vdev_is_broken(vq))
			return false;
		vq->state |= VDEV_KICK_ON;
		if (!vdev_has_event_idx(vq)) {
			if (asked && ACCESS_STORES_LAST)
				return false;
			store16(view, SEAM_USED_FLAGS, &vq->ring.used->flags,
				0);
			return true;
		}
		by_event = asked;
	}
	if (by_event && !moved && vq->asked_idx == idx)
		return false;
	vq->asked_idx = idx;
	store16(view, SEAM_AVAIL_EVENT, vq->ring.avail_event, idx);
	return true;
}

/* @asked: what vdev_kick_ask() has said.
 * Return: whether something was made available since the last look. */
static RPS_HOT bool vdev_missed(const struct vdev *vq, struct view view,
				bool asked)
{
	uint16_t seen = load16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx);

	if (asked)
		view_probe(view, RPS_EVENT_kick_arm, vq->queue, seen,
			   vq->avail_idx);
	return seen != vq->avail_idx && !rps_vdev_is_broken(vq);
}

#endif
