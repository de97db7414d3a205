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
#include "news.h"

static RPS_HOT bool vdrv_has_event_idx(const struct vdrv *vq)
{
	return vq->state & VDRV_EVENT_IDX;
}

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

/* @idx: vq->avail_idx. */
static RPS_HOT void vdrv_show(struct vdrv *vq, struct view view, uint16_t idx)
{
	vq->published_idx = idx;
	if (mutated(view.mem, MUTANT_avail_idx_plain)) {
		store16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx, idx);
		return;
	}
	/* Barrier A; its other half is in vdev_peek(). */
	publish16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx, idx);
}

static RPS_HOT void vdrv_publish(struct vdrv *vq, struct view view)
{
	uint16_t count = (uint16_t)(vq->avail_idx - vq->published_idx);

	if (count == 0)
		return;
	vq->undecided += count;
	vdrv_show(vq, view, vq->avail_idx);
}

/* The chain that starts at @head is complete: it is the next to be shown. */
static RPS_HOT void vdrv_stage_head(struct vdrv *vq, struct view view,
				    uint16_t head)
{
	struct virtio16 *entry =
		&vq->ring.avail->ring[entry_of(&vq->ring, vq->avail_idx)];

	if (mutated(view.mem, MUTANT_avail_ring_shifted))
		entry++;
	if (!mutated(view.mem, MUTANT_slot_after_idx))
		update16(view, SEAM_AVAIL_RING, entry, head);
	vq->avail_idx++;
	if (mutated(view.mem, MUTANT_avail_idx_wraps_at_num))
		vq->avail_idx &= (uint16_t)vq->ring.mask;
	view_probe(view, RPS_EVENT_avail_publish, vq->queue, head,
		   vq->avail_idx);
	if (mutated(view.mem, MUTANT_slot_after_idx)) {
		vdrv_publish(vq, view);
		store16(view, SEAM_AVAIL_RING, entry, head);
	}
}

/* What it writes.
 * @idx: vq->avail_idx. */
static RPS_HOT void vdrv_write_head(struct vdrv *vq, struct view view,
				    uint32_t idx, uint32_t head)
{
	update16(view, SEAM_AVAIL_RING,
		 &vq->ring.avail->ring[entry_of(&vq->ring, idx)],
		 (uint16_t)head);
}

/* The same in a plain view. */
static RPS_HOT void vdrv_stage_plain(struct vdrv *vq, struct view view,
				     uint32_t head)
{
	vdrv_write_head(vq, view, vq->avail_idx, head);
	step16(&vq->avail_idx);
}

/* No buffer is with the device yet. */
static inline void vdrv_own_init(struct vdrv_own *own, uint32_t num)
{
	own->num = num;
	for (uint32_t i = 0; i < RPS_VDRV_OWN_MAX; i++)
		own->buf[i] = (struct vdrv_own_buf){ .lent = i ^ 1 };
}

/* Whether a buffer of that number is with the device, whatever the number:
 * where it lies beyond the table, it is not what the entry says. */
static RPS_HOT bool vdrv_is_lent(const struct vdrv_own *own, uint32_t id)
{
	return own->buf[id % RPS_VDRV_OWN_MAX].lent == id;
}

/*
 * In a queue in which each descriptor has a buffer of its own, @buf is the one
 * of number @head, whose address and direction are always the same.  What says
 * the right thing already is left alone, and the processor's cache line stays
 * with both ends.
 */
static RPS_HOT void vdrv_describe_own(struct vdrv *vq, struct vdrv_own *own,
				      struct view view, uint16_t head,
				      const struct vbuf *buf)
{
	struct vdrv_own_buf *at = &own->buf[head];
	uint32_t was = at->len_bytes;

	*at = (struct vdrv_own_buf){ head, buf->len_bytes };
	if (ACCESS_STORES_LAST && was == buf->len_bytes)
		return;
	vdrv_write_desc(view, &vq->ring.desc[head], buf,
			vdrv_flags_of(view, buf), 0);
}

/* The same of one whose descriptor was written before, in a plain view: only
 * the length can be another. */
static RPS_HOT void vdrv_resize_own(const struct vring *ring,
				    struct vdrv_own *own, struct view view,
				    uint32_t head, uint32_t len_bytes)
{
	if (__builtin_expect(own->buf[head].len_bytes == len_bytes, 1))
		return;
	own->buf[head].len_bytes = len_bytes;
	store32(view, SEAM_DESC_LEN, &ring->desc[head].len, len_bytes);
}

/* What vdrv_stage_head() writes, in bulk: so many entries of a line are written
 * that it is not worth a look whether one of them has changed. */
static RPS_HOT void vdrv_put_head(const struct vring *ring, struct view view,
				  uint32_t idx, uint16_t head)
{
	store16(view, SEAM_AVAIL_RING, &ring->avail->ring[entry_of(ring, idx)],
		head);
}

/* rps_vdrv_stage() of a buffer that nobody else has. */
static RPS_HOT int vdrv_stage_own(struct vdrv *vq, struct vdrv_own *own,
				  struct view view, uint16_t head,
				  const struct vbuf *buf)
{
	bool lent = vdrv_is_lent(own, head);

	if (rps_vdrv_is_broken(vq))
		return -EPIPE;
	if (lent && mutated(view.mem, MUTANT_overfull)) {
		vdrv_stage_head(vq, view, 0);
		return 0;
	}
	if (lent && mutated(view.mem, MUTANT_lent_buffer_reused))
		return -ENOSPC;
	rps_assert(!lent || any_mutant(view.mem));
	vdrv_describe_own(vq, own, view, head, buf);
	view_probe(view, RPS_EVENT_desc_write, vq->queue, buf->addr.v,
		   probe_desc(head, vdrv_flags_of(view, buf), buf->len_bytes));
	vdrv_stage_head(vq, view, head);
	return 0;
}

/* --- kicking ------------------------------------------------------------- */

/* What is to be decided about now: the next one to ask hears of it no more. */
static RPS_HOT struct vring_news vdrv_news(struct vdrv *vq)
{
	struct vring_news news = {
		.old = (uint16_t)(vq->published_idx - vq->undecided),
		.new = vq->published_idx,
	};

	vq->undecided = 0;
	return news;
}

/* vdrv_publish() and vdrv_news().  In a plain view both are only ever done
 * together, and nothing is undecided before. */
static RPS_HOT struct vring_news vdrv_publish_news(struct vdrv *vq,
						   struct view view)
{
	struct vring_news news = { vq->published_idx, vq->avail_idx };

	if (!view.plain) {
		vdrv_publish(vq, view);
		return vdrv_news(vq);
	}
	if (is_news(news))
		vdrv_show(vq, view, news.new);
	return news;
}

static RPS_HOT bool vdrv_is_news(struct view view, struct vring_news news)
{
	return is_news(news) || mutated(view.mem, MUTANT_kick_reads_own_flags);
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

/* rps_vdrv_kick_needed(), behind vdrv_fence().
 * @event_idx: as @vq has it; handed over where it is known already. */
static RPS_HOT bool vdrv_kick_decide(struct vdrv *vq, struct view view,
				     bool event_idx, struct vring_news news)
{
	uint16_t word;

	if (event_idx || mutated(view.mem, MUTANT_kick_event_unasked)) {
		word = load16(view, SEAM_AVAIL_EVENT, vq->ring.avail_event);
		if (mutated(view.mem, MUTANT_kick_event_late))
			word++;
		return vdrv_say(vq, view, word,
				rps_vring_need_event(word, news.new, news.old));
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

/* Whether @seen tells of nothing that was not yet taken back. */
static RPS_HOT bool vdrv_nothing_new(const struct vdrv *vq, struct view view,
				     uint16_t seen, uint16_t idx)
{
	if (mutated(view.mem, MUTANT_used_idx_compared))
		return seen <= idx;
	if (mutated(view.mem, MUTANT_used_count_masked))
		return (seen & vq->ring.mask) == (idx & vq->ring.mask);
	return seen == idx;
}

/* Whether more is known to have come back, without a look at the ring. */
static RPS_HOT bool vdrv_knows_more(const struct vdrv *vq)
{
	return vq->used_seen != vq->used_idx;
}

/*
 * Look at the device's index again.
 * @bad: the index, where it makes no sense.
 *
 * Return: 0; -EAGAIN where nothing was returned; -EPROTO.
 */
static RPS_HOT int vdrv_peek(struct vdrv *vq, struct view view, uint16_t *bad)
{
	uint16_t in_flight = rps_vdrv_in_flight(vq);
	uint16_t idx = vq->used_idx;
	uint16_t seen;

	/* Barrier C; its other half is in vdev_show(). */
	if (mutated(view.mem, MUTANT_used_idx_read_plain))
		seen = load16(view, SEAM_USED_IDX, &vq->ring.used->idx);
	else
		seen = acquire16(view, SEAM_USED_IDX, &vq->ring.used->idx);
	if (vdrv_nothing_new(vq, view, seen, idx))
		return -EAGAIN;
	if ((uint16_t)(seen - idx) > in_flight &&
	    !mutated(view.mem, MUTANT_used_jump_followed)) {
		*bad = seen;
		return -EPROTO;
	}
	vq->used_seen = seen;
	view_probe(view, RPS_EVENT_used_seen, vq->queue, seen, idx);
	return 0;
}

/* vdrv_peek() in a plain view, where each message is answered: whether one has
 * come back, and no more, of those that are with the device.  Nothing is noted. */
static RPS_HOT bool vdrv_sees_one(const struct vdrv *vq, struct view view,
				  const struct vring_used *used, uint32_t idx,
				  uint32_t next)
{
	uint16_t seen = acquire16(view, SEAM_USED_IDX, &used->idx);

	return seen == (uint16_t)next && vq->published_idx != (uint16_t)idx;
}

/* What vdrv_sees_one() has seen is taken out of the ring. */
static RPS_HOT void vdrv_step_one(struct vdrv *vq, uint32_t next)
{
	vq->used_idx = (uint16_t)next;
	vq->used_seen = (uint16_t)next;
}

static RPS_HOT bool vdrv_is_outstanding(const struct vdrv *vq,
					const struct vdrv_own *own, uint32_t id)
{
	bool wild = mutated(vq->mem, MUTANT_unposted_taken_back);

	if (own)
		return vdrv_is_lent(own, id) || (wild && id < own->num);
	return id <= vq->ring.mask && (vq->slot[id].chain_len > 0 || wild);
}

/*
 * What an entry of the used ring says; nothing is taken yet.
 * @idx:       of the entry; vq->used_idx, or what is to become it.
 * @own:       of a queue that has it, else NULL.
 * @len_bytes: as the device claims.
 *
 * Return: whether it names a chain that is outstanding.
 */
static RPS_HOT bool vdrv_look(const struct vdrv *vq, const struct vdrv_own *own,
			      struct view view, uint32_t idx, uint32_t *id,
			      uint32_t *len_bytes)
{
	const struct vring_used_elem *elem =
		&vq->ring.used->ring[entry_of(&vq->ring, idx)];

	*id = load32(view, SEAM_USED_ID, &elem->id);
	*len_bytes = load32(view, SEAM_USED_LEN, &elem->len);
	if (mutated(view.mem, MUTANT_used_fields_swapped)) {
		*id = *len_bytes;
		*len_bytes = load32(view, SEAM_USED_ID, &elem->id);
	}
	if (mutated(view.mem, MUTANT_used_id_ignored))
		*id = idx & vq->ring.mask;
	if (mutated(view.mem, MUTANT_used_id_masked))
		*id &= vq->ring.mask;
	if (mutated(view.mem, MUTANT_used_id_clamped) && *id > vq->ring.mask)
		*id = 0;
	return vdrv_is_outstanding(vq, own, *id);
}

/* vdrv_look() in a plain view.
 * @used:      that of @ring.
 * @len_bytes: NULL where it says nothing, since the device writes nothing. */
static RPS_HOT bool vdrv_look_own(const struct vring *ring, struct view view,
				  const struct vring_used *used,
				  const struct vdrv_own *own, uint32_t idx,
				  uint32_t *id, uint32_t *len_bytes)
{
	const struct vring_used_elem *elem = &used->ring[entry_of(ring, idx)];
	uint32_t wanted = load32(view, SEAM_USED_ID, &elem->id);

	if (len_bytes)
		*len_bytes = load32(view, SEAM_USED_LEN, &elem->len);
	/* The same number, known to lie in the table. */
	*id = wanted % RPS_VDRV_OWN_MAX;
	return vdrv_is_lent(own, wanted);
}

/* What vdrv_look() has seen is taken out of the ring. */
static RPS_HOT void vdrv_step(struct vdrv *vq, struct view view, uint32_t id,
			      uint32_t len_bytes)
{
	vq->used_idx++;
	view_probe(view, RPS_EVENT_buffer_reclaim, vq->queue, id, len_bytes);
}

/* Makes sure that vdrv_knows_more().
 * Return: 0, or as rps_vdrv_reclaim(). */
int vdrv_refresh(struct vdrv *vq);

/*
 * Take the next entry out of the used ring; what it names stays outstanding.
 * @own: of a queue that has it, else NULL.
 * @id:  head of a chain that is outstanding.
 *
 * Return: 0, or as rps_vdrv_reclaim().
 */
int vdrv_next_used(struct vdrv *vq, const struct vdrv_own *own, uint32_t *id,
		   uint32_t *len_bytes);

/* What vdrv_next_used() named is ours again. */
static RPS_HOT void vdrv_keep_own(struct vdrv_own *own, uint32_t head)
{
	own->buf[head].lent = head ^ 1;
}

/* It is the device's again, as it was. */
static RPS_HOT void vdrv_lend_own(struct vdrv_own *own, uint32_t head)
{
	own->buf[head].lent = head;
}

/* --- interrupts ---------------------------------------------------------- */

/* Whether interrupts are asked for, as a rule, by used_event. */
static RPS_HOT bool vdrv_asks_by_event(const struct vdrv *vq)
{
	return vq->state == (VDRV_EVENT_IDX | VDRV_IRQ_ON);
}

/*
 * Ask for an interrupt with the next returned buffer.
 * @by_event: vdrv_asks_by_event(), where it is known; false is never wrong.
 * @moved:    whether buffers were taken since this was last asked; where that
 *            is not known, false.
 *
 * Return: whether the device has to be told so: a full fence, and another look
 * at the ring with vdrv_missed(), must follow. Where the wish has been in its
 * place all along, any buffer since has raised its interrupt.
 */
static RPS_HOT bool vdrv_irq_ask(struct vdrv *vq, struct view view,
				 bool by_event, bool moved)
{
	uint16_t idx = vq->used_idx;

	if (!by_event) {
		bool asked = vq->state & VDRV_IRQ_ON;

		if (rps_vdrv_is_broken(vq))
			return false;
		vq->state |= VDRV_IRQ_ON;
		if (!vdrv_has_event_idx(vq)) {
			if (asked && ACCESS_STORES_LAST)
				return false;
			store16(view, SEAM_AVAIL_FLAGS, &vq->ring.avail->flags,
				0);
			return true;
		}
		by_event = asked;
	}
	if (by_event && !moved && vq->asked_idx == idx)
		return false;
	vq->asked_idx = idx;
	store16(view, SEAM_USED_EVENT, vq->ring.used_event, idx);
	return true;
}

/* @asked: what vdrv_irq_ask() has said.
 * Return: whether something was returned since the last look. */
static RPS_HOT bool vdrv_missed(const struct vdrv *vq, struct view view,
				bool asked)
{
	uint16_t seen = load16(view, SEAM_USED_IDX, &vq->ring.used->idx);

	if (asked)
		view_probe(view, RPS_EVENT_irq_arm, vq->queue, seen,
			   vq->used_idx);
	return seen != vq->used_idx && !rps_vdrv_is_broken(vq);
}

#endif
