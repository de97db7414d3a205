/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/vdrv.h>

#include <errno.h>
#include <string.h>

#include "../base/access.h"
#include "../base/assert.h"
#include "../base/mutant.h"
#include "../base/probe.h"
#include "probe_ring.h"

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
	int err;

	memset(vq, 0, sizeof(*vq));
	err = rps_vring_attach(&vq->ring, mem, params->num, addrs);
	if (err)
		return err;

	vq->mem = mem;
	vq->slot = slots;
	vq->queue = params->queue;
	vq->event_idx = params->event_idx;
	vq->irq_on = true;
	vq->avail_idx = params->start_idx;
	vq->kick_idx = params->start_idx;
	vq->used_idx = params->start_idx;
	vq->used_seen = params->start_idx;
	build_free_list(vq);

	if (!mutated(mem, MUTANT_stale_ring))
		clear_ring(vq);
	probe_ring(mem, params->queue, addrs,
		   probe_num_flags(mem, params->num, params->event_idx, false),
		   params->start_idx);
	store16(mem, SEAM_AVAIL_IDX, &vq->ring.avail->idx, params->start_idx);
	store16(mem, SEAM_USED_IDX, &vq->ring.used->idx, params->start_idx);
	store16(mem, SEAM_USED_EVENT, vq->ring.used_event, params->start_idx);
	/* As a device would have left it: the first offer is to be kicked. */
	store16(mem, SEAM_AVAIL_EVENT, vq->ring.avail_event, params->start_idx);
	return 0;
}

static void write_desc(const struct rps_mem *mem, struct vring_desc *desc,
		       const struct vbuf *buf, uint16_t flags, uint16_t next)
{
	if (mutated(mem, MUTANT_desc_fields_swapped)) {
		uint16_t kept = flags;

		flags = next;
		next = kept;
	}
	store64(mem, SEAM_DESC_ADDR, &desc->addr, buf->addr.v);
	store32(mem, SEAM_DESC_LEN, &desc->len, buf->len_bytes);
	store16(mem, SEAM_DESC_FLAGS, &desc->flags, flags);
	store16(mem, SEAM_DESC_NEXT, &desc->next, next);
}

static uint16_t flags_of(const struct vdrv *vq, const struct vbuf *buf)
{
	if (mutated(vq->mem, MUTANT_tx_write_flag))
		return VRING_DESC_F_WRITE;
	if (mutated(vq->mem, MUTANT_indirect_unasked) && !buf->device_writes)
		return VRING_DESC_F_INDIRECT;
	return buf->device_writes ? VRING_DESC_F_WRITE : 0;
}

/* The chain that starts at @head is complete: show it to the device. */
static void publish(struct vdrv *vq, uint16_t head)
{
	struct vring *ring = &vq->ring;
	uint16_t entry = vq->avail_idx % ring->num;

	if (mutated(vq->mem, MUTANT_avail_ring_shifted))
		entry++;
	if (!mutated(vq->mem, MUTANT_slot_after_idx))
		store16(vq->mem, SEAM_AVAIL_RING, &ring->avail->ring[entry],
			head);
	vq->heads_in_flight++;
	vq->avail_idx++;
	if (mutated(vq->mem, MUTANT_avail_idx_wraps_at_num))
		vq->avail_idx %= ring->num;
	probe(vq->mem, RPS_EVENT_avail_publish, vq->queue, head, vq->avail_idx);

	/* Barrier A; its other half is in rps_vdev_take(). */
	publish16(vq->mem, SEAM_AVAIL_IDX, &ring->avail->idx, vq->avail_idx);
	if (mutated(vq->mem, MUTANT_slot_after_idx))
		store16(vq->mem, SEAM_AVAIL_RING, &ring->avail->ring[entry],
			head);
}

int rps_vdrv_offer(struct vdrv *vq, const struct vbuf *bufs, uint16_t count,
		   void *token)
{
	uint16_t head = vq->free_head;
	uint16_t i = head;

	rps_assert(count > 0);
	if (vq->broken)
		return -EPIPE;
	if (count > vq->free_count && mutated(vq->mem, MUTANT_overfull)) {
		publish(vq, 0);
		return 0;
	}
	if (count > vq->free_count)
		return -ENOSPC;

	for (uint16_t n = 0; n < count; n++) {
		uint16_t flags = flags_of(vq, &bufs[n]);
		uint16_t next = vq->slot[i].next;
		bool last = n + 1 == count;

		if (!last)
			flags |= VRING_DESC_F_NEXT;
		write_desc(vq->mem, &vq->ring.desc[i], &bufs[n], flags,
			   last ? 0 : next);
		probe(vq->mem, RPS_EVENT_desc_write, vq->queue, bufs[n].addr.v,
		      probe_desc(i, flags, bufs[n].len_bytes));
		vq->slot[i].chain_len = 0;
		i = next;
	}
	vq->free_head = i;
	vq->free_count -= count;
	vq->slot[head].token = token;
	vq->slot[head].chain_len = count;

	publish(vq, head);
	return 0;
}

int rps_vdrv_offer_indirect(struct vdrv *vq, struct gpa table,
			    const struct vbuf *bufs, uint16_t count,
			    void *token)
{
	const struct vbuf whole = {
		.addr = table,
		.len_bytes = count * (uint32_t)sizeof(struct vring_desc),
	};
	struct vring_desc *desc;
	uint16_t head = vq->free_head;

	rps_assert(count > 0);
	if (vq->broken)
		return -EPIPE;
	if (vq->free_count == 0)
		return -ENOSPC;
	desc = rps_mem_map(vq->mem, table, whole.len_bytes);
	if (!desc || (uintptr_t)desc % sizeof(uint64_t))
		return -EFAULT;

	for (uint16_t n = 0; n < count; n++) {
		uint16_t flags = flags_of(vq, &bufs[n]);
		bool last = n + 1 == count;

		write_desc(vq->mem, &desc[n], &bufs[n],
			   last ? flags : flags | VRING_DESC_F_NEXT,
			   last ? 0 : (uint16_t)(n + 1));
	}
	write_desc(vq->mem, &vq->ring.desc[head], &whole, VRING_DESC_F_INDIRECT,
		   0);
	probe(vq->mem, RPS_EVENT_desc_write, vq->queue, whole.addr.v,
	      probe_desc(head, VRING_DESC_F_INDIRECT, whole.len_bytes));
	vq->free_head = vq->slot[head].next;
	vq->free_count--;
	vq->slot[head].token = token;
	vq->slot[head].chain_len = 1;

	publish(vq, head);
	return 0;
}

/* What was read of the device's wish, and what follows from it. */
static bool decide(struct vdrv *vq, uint16_t word, bool wanted)
{
	probe(vq->mem, RPS_EVENT_kick_decide, vq->queue, word, wanted);
	return wanted;
}

bool rps_vdrv_kick_needed(struct vdrv *vq)
{
	uint16_t old = vq->kick_idx;
	uint16_t new = vq->avail_idx;
	uint16_t flags;

	vq->kick_idx = new;
	/* Barrier B: avail.idx is visible before the device's wish is read;
	 * its other half is in rps_vdev_kick_on(). */
	if (!mutated(vq->mem, MUTANT_kick_without_fence))
		fence_full(vq->mem);
	if (vq->event_idx || mutated(vq->mem, MUTANT_kick_event_unasked)) {
		uint16_t event =
			load16(vq->mem, SEAM_AVAIL_EVENT, vq->ring.avail_event);

		if (mutated(vq->mem, MUTANT_kick_event_late))
			event++;
		return decide(vq, event, rps_vring_need_event(event, new, old));
	}
	if (mutated(vq->mem, MUTANT_kick_reads_own_flags)) {
		flags = load16(vq->mem, SEAM_AVAIL_FLAGS,
			       &vq->ring.avail->flags);
		return decide(vq, flags, !(flags & VRING_AVAIL_F_NO_INTERRUPT));
	}
	if (new == old)
		return false;
	flags = load16(vq->mem, SEAM_USED_FLAGS, &vq->ring.used->flags);
	return decide(vq, flags, !(flags & VRING_USED_F_NO_NOTIFY));
}

/* Why a queue is broken; the numbers appear in traces. */
enum vdrv_fault {
	FAULT_USED_IDX = 1, /* more returned than outstanding */
	FAULT_USED_ID,      /* outside the table, or not outstanding */
};

static int break_queue(struct vdrv *vq, enum vdrv_fault why, uint32_t value)
{
	vq->broken = true;
	probe(vq->mem, RPS_EVENT_queue_broken, vq->queue, why, value);
	return -EPROTO;
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
	vq->heads_in_flight--;
}

static bool is_outstanding(const struct vdrv *vq, uint32_t id)
{
	if (mutated(vq->mem, MUTANT_unposted_taken_back))
		return id < vq->ring.num;
	return id < vq->ring.num && vq->slot[id].chain_len > 0;
}

/* Whether the ring has nothing that was not yet taken back. */
static bool nothing_new(const struct vdrv *vq)
{
	if (mutated(vq->mem, MUTANT_used_idx_compared))
		return vq->used_seen <= vq->used_idx;
	if (mutated(vq->mem, MUTANT_used_count_masked))
		return vq->used_seen % vq->ring.num ==
		       vq->used_idx % vq->ring.num;
	return vq->used_seen == vq->used_idx;
}

int rps_vdrv_reclaim(struct vdrv *vq, struct vdrv_used *used)
{
	struct vring *ring = &vq->ring;
	const struct vring_used_elem *elem;
	uint32_t id;

	if (vq->broken)
		return -EPROTO;
	if (vq->used_seen == vq->used_idx) {
		/* Barrier C; its other half is in rps_vdev_complete(). */
		vq->used_seen =
			acquire16(vq->mem, SEAM_USED_IDX, &ring->used->idx);
		if (nothing_new(vq)) {
			vq->used_seen = vq->used_idx;
			return -EAGAIN;
		}
		if ((uint16_t)(vq->used_seen - vq->used_idx) >
			    vq->heads_in_flight &&
		    !mutated(vq->mem, MUTANT_used_jump_followed))
			return break_queue(vq, FAULT_USED_IDX, vq->used_seen);
		probe(vq->mem, RPS_EVENT_used_seen, vq->queue, vq->used_seen,
		      vq->used_idx);
	}

	elem = &ring->used->ring[vq->used_idx % ring->num];
	id = load32(vq->mem, SEAM_USED_ID, &elem->id);
	used->len_bytes = load32(vq->mem, SEAM_USED_LEN, &elem->len);
	if (mutated(vq->mem, MUTANT_used_fields_swapped)) {
		id = used->len_bytes;
		used->len_bytes = load32(vq->mem, SEAM_USED_ID, &elem->id);
	}
	if (mutated(vq->mem, MUTANT_used_id_ignored))
		id = vq->used_idx % ring->num;
	if (mutated(vq->mem, MUTANT_used_id_masked))
		id %= ring->num;
	if (!is_outstanding(vq, id))
		return break_queue(vq, FAULT_USED_ID, id);

	used->token = vq->slot[id].token;
	free_chain(vq, (uint16_t)id);
	vq->used_idx++;
	if (vq->event_idx && vq->irq_on)
		store16(vq->mem, SEAM_USED_EVENT, ring->used_event,
			vq->used_idx);
	probe(vq->mem, RPS_EVENT_buffer_reclaim, vq->queue, id,
	      used->len_bytes);
	return 0;
}

void rps_vdrv_irq_off(struct vdrv *vq)
{
	vq->irq_on = false;
	probe(vq->mem, RPS_EVENT_irq_disarm, vq->queue, 0, 0);
	if (vq->event_idx) {
		/* An event just passed is not met again for 2^16 entries. */
		store16(vq->mem, SEAM_USED_EVENT, vq->ring.used_event,
			(uint16_t)(vq->used_idx - 1));
		return;
	}
	store16(vq->mem, SEAM_AVAIL_FLAGS, &vq->ring.avail->flags,
		VRING_AVAIL_F_NO_INTERRUPT);
}

bool rps_vdrv_irq_on(struct vdrv *vq)
{
	uint16_t seen;

	vq->irq_on = true;
	if (vq->broken)
		return false;
	if (vq->event_idx)
		store16(vq->mem, SEAM_USED_EVENT, vq->ring.used_event,
			vq->used_idx);
	else
		store16(vq->mem, SEAM_AVAIL_FLAGS, &vq->ring.avail->flags, 0);
	/* Barrier D: the wish is visible before the ring is looked at again;
	 * its other half is in rps_vdev_notify_needed(). */
	fence_full(vq->mem);
	seen = load16(vq->mem, SEAM_USED_IDX, &vq->ring.used->idx);
	probe(vq->mem, RPS_EVENT_irq_arm, vq->queue, seen, vq->used_idx);
	return seen != vq->used_idx;
}
