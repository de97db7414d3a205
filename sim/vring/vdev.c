/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/vdev.h>

#include <errno.h>
#include <string.h>

#include "../base/access.h"
#include "../base/mutant.h"
#include "../base/probe.h"
#include "probe_ring.h"

int rps_vdev_init(struct vdev *vq, const struct rps_mem *mem,
		  struct rps_vring_addrs addrs,
		  const struct vdev_params *params)
{
	int err;

	memset(vq, 0, sizeof(*vq));
	vq->mem = mem;
	vq->queue = params->queue;
	vq->avail_idx = params->start_idx;
	vq->avail_seen = params->start_idx;
	vq->used_idx = params->start_idx;
	vq->notify_idx = params->start_idx;
	vq->event_idx = params->event_idx;
	vq->indirect = params->indirect;
	vq->kick_on = true;
	err = rps_vring_attach(&vq->ring, mem, params->num, addrs);
	if (err)
		return err;
	probe_ring(mem, params->queue, addrs,
		   probe_num_flags(mem, params->num, params->event_idx,
				   params->indirect),
		   params->start_idx);
	return 0;
}

/* Why a queue is broken; the numbers appear in traces. */
enum vdev_fault {
	FAULT_AVAIL_IDX = 1, /* further ahead than the ring is long, or back */
	FAULT_AVAIL_HEAD,    /* head outside the table */
};

static int break_queue(struct vdev *vq, enum vdev_fault why, uint32_t value)
{
	vq->broken = true;
	probe(vq->mem, RPS_EVENT_queue_broken, vq->queue, why, value);
	return -EPROTO;
}

/* A private copy of one descriptor: what is checked is what is used. */
struct desc {
	struct gpa addr;
	uint32_t len_bytes;
	uint16_t flags;
	uint16_t next;
};

/* A table to walk: the ring's own, or an indirect one. */
struct table {
	const struct vring_desc *desc;
	uint32_t num;
};

static struct desc read_desc(const struct rps_mem *mem,
			     const struct vring_desc *at)
{
	return (struct desc){
		.addr.v = load64(mem, SEAM_DESC_ADDR, &at->addr),
		.len_bytes = load32(mem, SEAM_DESC_LEN, &at->len),
		.flags = load16(mem, SEAM_DESC_FLAGS, &at->flags),
		.next = load16(mem, SEAM_DESC_NEXT, &at->next),
	};
}

static int add_segment(struct vdev *vq, struct vchain *chain,
		       const struct desc *desc)
{
	struct vseg *seg = &chain->seg[chain->num_segs];

	if (chain->num_segs == RPS_CHAIN_SEGS_MAX)
		return mutated(vq->mem, MUTANT_chain_without_end) ? 0
								  : -EMSGSIZE;
	seg->addr = desc->addr;
	seg->len_bytes = desc->len_bytes;
	seg->device_writes = desc->flags & VRING_DESC_F_WRITE;
	seg->host = rps_mem_map(vq->mem, desc->addr, desc->len_bytes);
	if (!seg->host)
		return -EFAULT;
	chain->num_segs++;
	return 0;
}

static int open_indirect(struct vdev *vq, const struct desc *desc,
			 struct table *table)
{
	uint32_t num = desc->len_bytes / (uint32_t)sizeof(struct vring_desc);

	if (!vq->indirect && !mutated(vq->mem, MUTANT_dev_indirect_unasked))
		return -EINVAL;
	if (desc->flags & VRING_DESC_F_NEXT)
		return -EINVAL;
	if (num == 0 || desc->len_bytes % sizeof(struct vring_desc))
		return -EINVAL;
	/* A chain may not be longer than the queue (virtio-1.2 2.7.5.3.1), and
	 * it is the chain that counts: the table may be larger. */
	table->desc = rps_mem_map(vq->mem, desc->addr, desc->len_bytes);
	if (!table->desc)
		return -EFAULT;
	if ((uintptr_t)table->desc % sizeof(uint64_t))
		return -EINVAL;
	table->num = num;
	return 0;
}

/* Observers hear of the ring's own table. */
static void tell_desc(const struct vdev *vq, uint16_t index,
		      const struct desc *desc)
{
	probe(vq->mem, RPS_EVENT_desc_read, vq->queue, desc->addr.v,
	      probe_desc(index, desc->flags, desc->len_bytes));
}

static struct desc read_next(const struct vdev *vq, const struct table *table,
			     bool indirect, uint16_t index)
{
	struct desc desc = read_desc(vq->mem, &table->desc[index]);

	if (!indirect)
		tell_desc(vq, index, &desc);
	return desc;
}

static int walk(struct vdev *vq, struct vchain *chain)
{
	struct table table = { vq->ring.desc, vq->ring.num };
	struct desc desc = read_desc(vq->mem, &table.desc[chain->head]);
	bool as_data = mutated(vq->mem, MUTANT_indirect_is_data);
	bool indirect = desc.flags & VRING_DESC_F_INDIRECT && !as_data;

	tell_desc(vq, chain->head, &desc);

	if (indirect) {
		int err = open_indirect(vq, &desc, &table);

		if (err)
			return err;
		desc = read_desc(vq->mem, &table.desc[0]);
	}

	for (uint32_t steps = 0;
	     steps < vq->ring.num || mutated(vq->mem, MUTANT_chain_without_end);
	     steps++) {
		int err;

		if (desc.flags & VRING_DESC_F_INDIRECT && !as_data)
			return -EINVAL;
		err = add_segment(vq, chain, &desc);
		if (err)
			return err;
		if (!(desc.flags & VRING_DESC_F_NEXT) &&
		    !(mutated(vq->mem, MUTANT_dev_next_without_flag) &&
		      desc.next))
			return 0;
		if (desc.next >= table.num)
			return -EINVAL;
		if (mutated(vq->mem, MUTANT_tail_returned))
			chain->head = desc.next;
		desc = read_next(vq, &table, indirect, desc.next);
	}
	return -ELOOP;
}

/* Whether @seen tells of nothing that was not yet taken. */
static bool nothing_new(const struct vdev *vq, uint16_t seen)
{
	if (mutated(vq->mem, MUTANT_avail_idx_compared))
		return seen <= vq->avail_idx;
	if (mutated(vq->mem, MUTANT_avail_count_masked))
		return seen % vq->ring.num == vq->avail_idx % vq->ring.num;
	return seen == vq->avail_idx;
}

int rps_vdev_take(struct vdev *vq, struct vchain *chain)
{
	struct vring *ring = &vq->ring;
	uint16_t head;
	int err;

	if (vq->broken)
		return -EPROTO;
	if (vq->avail_seen == vq->avail_idx) {
		/* Barrier A; its other half is in publish() of vdrv.c. */
		uint16_t seen =
			acquire16(vq->mem, SEAM_AVAIL_IDX, &ring->avail->idx);
		uint16_t held = (uint16_t)(vq->avail_idx - vq->used_idx);

		if (nothing_new(vq, seen))
			return -EAGAIN;
		/* Never more outstanding than entries, held ones included; one
		 * that goes back would be followed all the way round. */
		if ((uint16_t)(seen - vq->avail_idx) >
			    (uint16_t)(ring->num - held) &&
		    !mutated(vq->mem, MUTANT_avail_jump_followed))
			return break_queue(vq, FAULT_AVAIL_IDX, seen);
		vq->avail_seen = seen;
		probe(vq->mem, RPS_EVENT_avail_seen, vq->queue, seen,
		      vq->avail_idx);
	}

	head = load16(vq->mem, SEAM_AVAIL_RING,
		      &ring->avail->ring[vq->avail_idx % ring->num]);
	if (mutated(vq->mem, MUTANT_head_masked))
		head %= ring->num;
	if (head >= ring->num)
		return break_queue(vq, FAULT_AVAIL_HEAD, head);
	vq->avail_idx++;
	if (vq->event_idx && vq->kick_on)
		store16(vq->mem, SEAM_AVAIL_EVENT, ring->avail_event,
			vq->avail_idx);
	probe(vq->mem, RPS_EVENT_buffer_take, vq->queue, head, vq->avail_idx);

	chain->head = head;
	chain->num_segs = 0;
	err = walk(vq, chain);
	if (err)
		chain->num_segs = 0;
	if (err == -EFAULT && mutated(vq->mem, MUTANT_bad_addr_is_empty))
		return -EAGAIN;
	return err;
}

static void write_elem(struct vdev *vq, struct vring_used_elem *elem,
		       uint32_t id, uint32_t len_bytes)
{
	if (mutated(vq->mem, MUTANT_elem_fields_swapped)) {
		uint32_t kept = id;

		id = len_bytes;
		len_bytes = kept;
	}
	store32(vq->mem, SEAM_USED_ID, &elem->id, id);
	store32(vq->mem, SEAM_USED_LEN, &elem->len, len_bytes);
}

void rps_vdev_complete(struct vdev *vq, uint32_t id, uint32_t len_bytes)
{
	struct vring *ring = &vq->ring;
	struct vring_used_elem *elem =
		&ring->used->ring[vq->used_idx % ring->num];

	if (!mutated(vq->mem, MUTANT_elem_after_idx))
		write_elem(vq, elem, id, len_bytes);
	vq->used_idx++;
	if (mutated(vq->mem, MUTANT_used_idx_wraps_at_num))
		vq->used_idx %= ring->num;
	if (mutated(vq->mem, MUTANT_dev_id_is_position))
		store32(vq->mem, SEAM_USED_ID, &elem->id,
			(uint16_t)(vq->used_idx - 1) % ring->num);
	probe(vq->mem, RPS_EVENT_used_write, vq->queue, id, len_bytes);
	probe(vq->mem, RPS_EVENT_used_publish, vq->queue, id, vq->used_idx);

	/* Barrier C; its other half is in rps_vdrv_reclaim(). */
	publish16(vq->mem, SEAM_USED_IDX, &ring->used->idx, vq->used_idx);
	if (mutated(vq->mem, MUTANT_elem_after_idx))
		write_elem(vq, elem, id, len_bytes);
}

/* What was read of the driver's wish, and what follows from it. */
static bool decide(struct vdev *vq, uint16_t word, bool wanted)
{
	probe(vq->mem, RPS_EVENT_notify_decide, vq->queue, word, wanted);
	return wanted;
}

bool rps_vdev_notify_needed(struct vdev *vq)
{
	uint16_t old = vq->notify_idx;
	uint16_t new = vq->used_idx;
	uint16_t flags;

	vq->notify_idx = new;
	/* Barrier D: used.idx is visible before the driver's wish is read; its
	 * other half is in rps_vdrv_irq_on(). */
	if (!mutated(vq->mem, MUTANT_notify_without_fence))
		fence_full(vq->mem);
	if (vq->event_idx || mutated(vq->mem, MUTANT_notify_event_unasked)) {
		const struct virtio16 *at = vq->ring.used_event;
		uint16_t event;

		if (mutated(vq->mem, MUTANT_dev_used_event_misplaced))
			at = &vq->ring.avail->ring[vq->ring.num - 1];
		event = load16(vq->mem, SEAM_USED_EVENT, at);
		if (mutated(vq->mem, MUTANT_notify_event_late))
			event++;
		return decide(vq, event, rps_vring_need_event(event, new, old));
	}
	if (new == old)
		return false;
	if (mutated(vq->mem, MUTANT_notify_reads_own_flags)) {
		flags = load16(vq->mem, SEAM_USED_FLAGS, &vq->ring.used->flags);
		return decide(vq, flags, !(flags & VRING_USED_F_NO_NOTIFY));
	}
	flags = load16(vq->mem, SEAM_AVAIL_FLAGS, &vq->ring.avail->flags);
	return decide(vq, flags, !(flags & VRING_AVAIL_F_NO_INTERRUPT));
}

void rps_vdev_kick_off(struct vdev *vq)
{
	vq->kick_on = false;
	probe(vq->mem, RPS_EVENT_kick_disarm, vq->queue, 0, 0);
	if (vq->event_idx) {
		/* An event just passed is not met again for 2^16 entries. */
		store16(vq->mem, SEAM_AVAIL_EVENT, vq->ring.avail_event,
			(uint16_t)(vq->avail_idx - 1));
		return;
	}
	store16(vq->mem, SEAM_USED_FLAGS, &vq->ring.used->flags,
		VRING_USED_F_NO_NOTIFY);
}

bool rps_vdev_kick_on(struct vdev *vq)
{
	uint16_t seen;

	vq->kick_on = true;
	if (vq->broken)
		return false;
	if (vq->event_idx)
		store16(vq->mem, SEAM_AVAIL_EVENT, vq->ring.avail_event,
			vq->avail_idx);
	else
		store16(vq->mem, SEAM_USED_FLAGS, &vq->ring.used->flags, 0);
	/* Barrier B: the wish is visible before the ring is looked at again;
	 * its other half is in rps_vdrv_kick_needed(). */
	fence_full(vq->mem);
	seen = load16(vq->mem, SEAM_AVAIL_IDX, &vq->ring.avail->idx);
	probe(vq->mem, RPS_EVENT_kick_arm, vq->queue, seen, vq->avail_idx);
	return seen != vq->avail_idx;
}
