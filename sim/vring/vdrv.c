/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/vdrv.h>

#include <string.h>

#include "probe_ring.h"
#include "vdrv_path.h"

/* Why a queue is broken; the numbers appear in traces. */
enum vdrv_fault {
	FAULT_USED_IDX = 1, /* more returned than outstanding */
	FAULT_USED_ID,      /* outside the table, or not outstanding */
};

static void clear_ring(struct vdrv *vq)
{
	struct vring *ring = &vq->ring;

	memset(ring->desc, 0, ring->num * sizeof(*ring->desc));
	memset(ring->avail, 0,
	       sizeof(*ring->avail) +
		       (ring->num + 1u) * sizeof(ring->avail->ring[0]));
	memset(ring->used, 0,
	       sizeof(*ring->used) + ring->num * sizeof(ring->used->ring[0]) +
		       sizeof(*ring->avail_event));
}

static void build_free_list(struct vdrv *vq)
{
	for (uint16_t i = 0; i < vq->ring.num; i++) {
		vq->slot[i] = (struct vdrv_slot){
			.next = (uint16_t)(i + 1),
		};
	}
	vq->free_head = 0;
	vq->free_count = vq->ring.num;
}

int rps_vdrv_init(struct vdrv *vq, const struct rps_mem *mem,
		  struct rps_vring_addrs addrs,
		  const struct vdrv_params *params, struct vdrv_slot *slots)
{
	struct view view = view_of(mem);
	int err;

	memset(vq, 0, sizeof(*vq));
	err = rps_vring_attach(&vq->ring, mem, params->num, addrs);
	if (err)
		return err;

	vq->mem = mem;
	vq->slot = slots;
	vq->queue = params->queue;
	vq->state = VDRV_IRQ_ON | (params->event_idx ? VDRV_EVENT_IDX : 0);
	vq->avail_idx = params->start_idx;
	vq->published_idx = params->start_idx;
	vq->asked_idx = params->start_idx;
	vq->used_idx = params->start_idx;
	vq->used_seen = params->start_idx;
	if (slots)
		build_free_list(vq);

	if (!mutated(mem, MUTANT_stale_ring))
		clear_ring(vq);
	probe_ring(mem, params->queue, addrs,
		   probe_num_flags(mem, params->num, params->event_idx, false),
		   params->start_idx);
	store16(view, SEAM_AVAIL_IDX, &vq->ring.avail->idx, params->start_idx);
	store16(view, SEAM_USED_IDX, &vq->ring.used->idx, params->start_idx);
	store16(view, SEAM_USED_EVENT, vq->ring.used_event, params->start_idx);
	/* As a device would have left it: the first offer is to be kicked. */
	store16(view, SEAM_AVAIL_EVENT, vq->ring.avail_event,
		params->start_idx);
	return 0;
}

/* The chain at @head has @chain_len descriptors, all written. */
static void stage_chain(struct vdrv *vq, uint16_t head, uint16_t chain_len,
			void *token)
{
	vq->slot[head].token = token;
	vq->slot[head].chain_len = chain_len;
	vdrv_stage_head(vq, view_of(vq->mem), head);
}

int rps_vdrv_stage(struct vdrv *vq, const struct vbuf *bufs, uint16_t count,
		   void *token)
{
	struct view view = view_of(vq->mem);
	uint16_t head = vq->free_head;
	uint16_t i = head;

	rps_assert(count > 0);
	if (rps_vdrv_is_broken(vq))
		return -EPIPE;
	if (count > vq->free_count && mutated(vq->mem, MUTANT_overfull)) {
		vdrv_stage_head(vq, view, 0);
		return 0;
	}
	if (count > vq->free_count)
		return -ENOSPC;

	for (uint16_t n = 0; n < count; n++) {
		uint16_t flags = vdrv_flags_of(view, &bufs[n]);
		uint16_t next = vq->slot[i].next;
		bool last = n + 1 == count;

		if (!last)
			flags |= VRING_DESC_F_NEXT;
		vdrv_write_desc(view, &vq->ring.desc[i], &bufs[n], flags,
				last ? 0 : next);
		probe(vq->mem, RPS_EVENT_desc_write, vq->queue, bufs[n].addr.v,
		      probe_desc(i, flags, bufs[n].len_bytes));
		vq->slot[i].chain_len = 0;
		i = next;
	}
	vq->free_head = i;
	vq->free_count -= count;
	stage_chain(vq, head, count, token);
	return 0;
}

void rps_vdrv_publish(struct vdrv *vq)
{
	vdrv_publish(vq, view_of(vq->mem));
}

int rps_vdrv_offer(struct vdrv *vq, const struct vbuf *bufs, uint16_t count,
		   void *token)
{
	int err = rps_vdrv_stage(vq, bufs, count, token);

	if (!err)
		rps_vdrv_publish(vq);
	return err;
}

int rps_vdrv_offer_indirect(struct vdrv *vq, struct gpa table,
			    const struct vbuf *bufs, uint16_t count,
			    void *token)
{
	const struct vbuf whole = {
		.addr = table,
		.len_bytes = count * (uint32_t)sizeof(struct vring_desc),
	};
	struct view view = view_of(vq->mem);
	struct vring_desc *desc;
	uint16_t head = vq->free_head;

	rps_assert(count > 0);
	if (rps_vdrv_is_broken(vq))
		return -EPIPE;
	if (vq->free_count == 0)
		return -ENOSPC;
	desc = rps_mem_map(vq->mem, table, whole.len_bytes);
	if (!desc || (uintptr_t)desc % sizeof(uint64_t))
		return -EFAULT;

	for (uint16_t n = 0; n < count; n++) {
		uint16_t flags = vdrv_flags_of(view, &bufs[n]);
		bool last = n + 1 == count;

		vdrv_write_desc(view, &desc[n], &bufs[n],
				last ? flags : flags | VRING_DESC_F_NEXT,
				last ? 0 : (uint16_t)(n + 1));
	}
	vdrv_write_desc(view, &vq->ring.desc[head], &whole,
			VRING_DESC_F_INDIRECT, 0);
	probe(vq->mem, RPS_EVENT_desc_write, vq->queue, whole.addr.v,
	      probe_desc(head, VRING_DESC_F_INDIRECT, whole.len_bytes));
	vq->free_head = vq->slot[head].next;
	vq->free_count--;
	stage_chain(vq, head, 1, token);
	rps_vdrv_publish(vq);
	return 0;
}

bool rps_vdrv_kick_needed(struct vdrv *vq)
{
	struct view view = view_of(vq->mem);
	struct vring_news news = vdrv_news(vq);

	if (!vdrv_is_news(view, news))
		return false;
	vdrv_fence(view);
	return vdrv_kick_decide(vq, view, vdrv_has_event_idx(vq), news);
}

static void break_queue(struct vdrv *vq, enum vdrv_fault why, uint32_t value)
{
	vq->state |= VDRV_BROKEN;
	vq->used_seen = vq->used_idx;
	probe(vq->mem, RPS_EVENT_queue_broken, vq->queue, why, value);
}

int vdrv_refresh(struct vdrv *vq)
{
	uint16_t bad;
	int err;

	/* A broken queue has nothing that was seen and not looked at. */
	if (vdrv_knows_more(vq))
		return 0;
	if (rps_vdrv_is_broken(vq))
		return -EPROTO;
	err = vdrv_peek(vq, view_of(vq->mem), &bad);
	if (err == -EPROTO)
		break_queue(vq, FAULT_USED_IDX, bad);
	return err;
}

int vdrv_next_used(struct vdrv *vq, const struct vdrv_own *own, uint32_t *id,
		   uint32_t *len_bytes)
{
	struct view view = view_of(vq->mem);
	int err = vdrv_refresh(vq);

	if (err)
		return err;
	if (!vdrv_look(vq, own, view, vq->used_idx, id, len_bytes) ||
	    (mutated(view.mem, MUTANT_used_id_reread) &&
	     !vdrv_look(vq, own, view, vq->used_idx, id, len_bytes))) {
		break_queue(vq, FAULT_USED_ID, *id);
		return -EPROTO;
	}
	vdrv_step(vq, view, *id, *len_bytes);
	return 0;
}

static void free_chain(struct vdrv *vq, uint16_t head)
{
	uint16_t count = vq->slot[head].chain_len;
	uint16_t last = head;

	for (uint16_t n = 1; n < count; n++)
		last = vq->slot[last].next;
	vq->slot[last].next = vq->free_head;
	vq->slot[head].chain_len = 0;
	vq->free_head = head;
	vq->free_count += count;
}

int rps_vdrv_reclaim(struct vdrv *vq, struct vdrv_used *used)
{
	struct view view = view_of(vq->mem);
	uint32_t head;
	int err = vdrv_next_used(vq, NULL, &head, &used->len_bytes);

	if (err)
		return err;
	used->token = vq->slot[head].token;
	free_chain(vq, (uint16_t)head);
	/* The wish goes along; whoever is about to sleep asks again. */
	if (vdrv_has_event_idx(vq) && vq->state & VDRV_IRQ_ON)
		store16(view, SEAM_USED_EVENT, vq->ring.used_event,
			vq->used_idx);
	return 0;
}

void rps_vdrv_irq_off(struct vdrv *vq)
{
	struct view view = view_of(vq->mem);

	vq->state &= (uint8_t)~VDRV_IRQ_ON;
	probe(vq->mem, RPS_EVENT_irq_disarm, vq->queue, 0, 0);
	if (vdrv_has_event_idx(vq)) {
		/* An event just passed is not met again for 2^16 entries. */
		store16(view, SEAM_USED_EVENT, vq->ring.used_event,
			(uint16_t)(vq->used_idx - 1));
		return;
	}
	store16(view, SEAM_AVAIL_FLAGS, &vq->ring.avail->flags,
		VRING_AVAIL_F_NO_INTERRUPT);
}

bool rps_vdrv_irq_on(struct vdrv *vq)
{
	struct view view = view_of(vq->mem);

	/* Asked again in any case.  Barrier D: the wish is visible before the
	 * ring is looked at; its other half is vdev_fence(). */
	vq->state &= (uint8_t)~VDRV_IRQ_ON;
	if (vdrv_irq_ask(vq, view, false, false) &&
	    !mutated(vq->mem, MUTANT_irq_on_without_fence))
		fence_full(vq->mem);
	return vdrv_missed(vq, view, true);
}
