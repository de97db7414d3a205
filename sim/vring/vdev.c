/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/vdev.h>

#include <string.h>

#include "probe_ring.h"
#include "../base/mark.h"
#include "vdev_path.h"

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
	vq->published_idx = params->start_idx;
	vq->asked_idx = params->start_idx;
	vq->indirect = params->indirect;
	vq->state = VDEV_KICK_ON | (params->event_idx ? VDEV_EVENT_IDX : 0);
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

static void break_queue(struct vdev *vq, enum vdev_fault why, uint32_t value)
{
	vq->state |= VDEV_BROKEN;
	vq->avail_seen = vq->avail_idx;
	probe(vq->mem, RPS_EVENT_queue_broken, vq->queue, why, value);
}

int vdev_refresh(struct vdev *vq)
{
	uint16_t bad;
	int err;

	/* A broken queue has nothing that was seen and not looked at. */
	if (vdev_knows_more(vq))
		return 0;
	if (rps_vdev_is_broken(vq))
		return -EPROTO;
	err = vdev_peek(vq, view_of(vq->mem), &bad);
	if (err == -EPROTO)
		break_queue(vq, FAULT_AVAIL_IDX, bad);
	return err;
}

struct vdev_desc vdev_first_desc(const struct vdev *vq, uint16_t head)
{
	struct view view = view_of(vq->mem);
	struct vdev_desc desc = vdev_read_desc(view, &vq->ring.desc[head]);

	vdev_probe_desc(vq, view, head, &desc);
	return desc;
}

int vdev_take_head(struct vdev *vq, struct vdev_desc *first)
{
	struct view view = view_of(vq->mem);
	uint32_t head;
	int err = vdev_refresh(vq);

	if (err)
		return err;
	if (!vdev_look(&vq->ring, view, vq->ring.avail, vq->avail_idx, &head)) {
		break_queue(vq, FAULT_AVAIL_HEAD, head);
		return -EPROTO;
	}
	vdev_step(vq, view, head);
	*first = vdev_first_desc(vq, (uint16_t)head);
	return (int)head;
}

/* A table to walk: the ring's own, or an indirect one. */
struct table {
	const struct vring_desc *desc;
	uint32_t num;
};

static int add_segment(struct vdev *vq, struct vchain *chain,
		       const struct vdev_desc *desc)
{
	struct vseg *seg = &chain->seg[chain->num_segs];
	bool device_writes = desc->flags & VRING_DESC_F_WRITE;

	if (chain->num_segs == RPS_CHAIN_SEGS_MAX) {
		mark(vq->mem, MARK_chain_too_long);
		return mutated(vq->mem, MUTANT_chain_without_end) ? 0
								  : -EMSGSIZE;
	}
	seg->addr = desc->addr;
	seg->len_bytes = desc->len_bytes;
	seg->device_writes = device_writes;
	seg->host = map_near(vq->mem, &vq->near, desc->addr, desc->len_bytes);
	if (!seg->host) {
		mark(vq->mem, MARK_segment_outside);
		return -EFAULT;
	}
	chain->num_segs++;
	chain->len_bytes += desc->len_bytes;
	chain->for_reading |= !device_writes;
	chain->for_writing |= device_writes;
	return 0;
}

static int open_indirect(struct vdev *vq, const struct vdev_desc *desc,
			 struct table *table)
{
	uint32_t num = desc->len_bytes / (uint32_t)sizeof(struct vring_desc);

	if (!vq->indirect && !mutated(vq->mem, MUTANT_dev_indirect_unasked))
		return -EINVAL;
	if (desc->flags & VRING_DESC_F_NEXT) {
		mark(vq->mem, MARK_table_with_next);
		return -EINVAL;
	}
	if (num == 0 || desc->len_bytes % sizeof(struct vring_desc)) {
		mark(vq->mem, MARK_table_of_odd_length);
		return -EINVAL;
	}
	/* A chain may not be longer than the queue (virtio-1.2 2.7.5.3.1), and
	 * it is the chain that counts: the table may be larger. */
	table->desc = rps_mem_map(vq->mem, desc->addr, desc->len_bytes);
	if (!table->desc) {
		mark(vq->mem, MARK_table_outside);
		return -EFAULT;
	}
	if ((uintptr_t)table->desc % sizeof(uint64_t))
		return -EINVAL;
	table->num = num;
	return 0;
}

/* Observers hear of the ring's own table. */
static struct vdev_desc read_next(const struct vdev *vq,
				  const struct table *table, bool indirect,
				  uint16_t index)
{
	struct view view = view_of(vq->mem);

	if (indirect)
		return vdev_read_desc(view, &table->desc[index]);
	return vdev_first_desc(vq, index);
}

static int walk(struct vdev *vq, struct vchain *chain,
		const struct vdev_desc *first)
{
	struct table table = { vq->ring.desc, vq->ring.num };
	struct vdev_desc desc = *first;
	bool as_data = mutated(vq->mem, MUTANT_indirect_is_data);
	bool indirect = desc.flags & VRING_DESC_F_INDIRECT && !as_data;

	if (indirect) {
		int err = open_indirect(vq, &desc, &table);

		if (err)
			return err;
		desc = read_next(vq, &table, indirect, 0);
	}

	for (uint32_t steps = 0;
	     steps < vq->ring.num || mutated(vq->mem, MUTANT_chain_without_end);
	     steps++) {
		int err;

		if (desc.flags & VRING_DESC_F_INDIRECT && !as_data) {
			mark(vq->mem, MARK_table_nested);
			return -EINVAL;
		}
		err = add_segment(vq, chain, &desc);
		if (err)
			return err;
		if (!(desc.flags & VRING_DESC_F_NEXT) &&
		    !(mutated(vq->mem, MUTANT_dev_next_without_flag) &&
		      desc.next))
			return 0;
		if (desc.next >= table.num &&
		    mutated(vq->mem, MUTANT_next_outside_ends))
			return 0;
		if (desc.next >= table.num) {
			mark(vq->mem, MARK_chain_leaves_table);
			return -EINVAL;
		}
		if (mutated(vq->mem, MUTANT_tail_returned))
			chain->head = desc.next;
		desc = read_next(vq, &table, indirect, desc.next);
	}
	mark(vq->mem, MARK_chain_loops);
	return -ELOOP;
}

int vdev_walk(struct vdev *vq, uint16_t head, const struct vdev_desc *first,
	      struct vchain *chain)
{
	int err;

	chain->head = head;
	chain->num_segs = 0;
	chain->len_bytes = 0;
	chain->for_reading = false;
	chain->for_writing = false;
	err = walk(vq, chain, first);
	if (err)
		chain->num_segs = 0;
	if (err == -EFAULT && mutated(vq->mem, MUTANT_bad_addr_is_empty))
		return -EAGAIN;
	return err;
}

int rps_vdev_take(struct vdev *vq, struct vchain *chain)
{
	struct view view = view_of(vq->mem);
	struct vdev_desc first;
	int head = vdev_take_head(vq, &first);

	if (head < 0)
		return head;
	/* The wish goes along; whoever is about to sleep asks again. */
	if (vdev_has_event_idx(vq) && vq->state & VDEV_KICK_ON)
		store16(view, SEAM_AVAIL_EVENT, vq->ring.avail_event,
			vq->avail_idx);
	return vdev_walk(vq, (uint16_t)head, &first, chain);
}

void rps_vdev_stage(struct vdev *vq, uint32_t id, uint32_t len_bytes)
{
	vdev_stage(vq, view_of(vq->mem), id, len_bytes);
}

void rps_vdev_publish(struct vdev *vq)
{
	vdev_publish(vq, view_of(vq->mem));
}

void rps_vdev_complete(struct vdev *vq, uint32_t id, uint32_t len_bytes)
{
	rps_vdev_stage(vq, id, len_bytes);
	rps_vdev_publish(vq);
}

bool rps_vdev_notify_needed(struct vdev *vq)
{
	struct view view = view_of(vq->mem);
	struct vring_news news = vdev_news(vq);

	if (!is_news(news))
		return false;
	vdev_fence(view);
	return vdev_notify_decide(vq, view, vdev_has_event_idx(vq), news);
}

void rps_vdev_kick_off(struct vdev *vq)
{
	struct view view = view_of(vq->mem);

	vq->state &= (uint8_t)~VDEV_KICK_ON;
	probe(vq->mem, RPS_EVENT_kick_disarm, vq->queue, 0, 0);
	if (vdev_has_event_idx(vq)) {
		/* An event just passed is not met again for 2^16 entries. */
		store16(view, SEAM_AVAIL_EVENT, vq->ring.avail_event,
			(uint16_t)(vq->avail_idx - 1));
		return;
	}
	store16(view, SEAM_USED_FLAGS, &vq->ring.used->flags,
		VRING_USED_F_NO_NOTIFY);
}

bool rps_vdev_kick_on(struct vdev *vq)
{
	struct view view = view_of(vq->mem);

	/* Asked again in any case. */
	vq->state &= (uint8_t)~VDEV_KICK_ON;
	/* Barrier B: the wish is visible before the ring is looked at; its
	 * other half is vdrv_fence(). */
	if (vdev_kick_ask(vq, view, false, false) &&
	    !mutated(vq->mem, MUTANT_kick_on_without_fence))
		fence_full(vq->mem);
	return vdev_missed(vq, view, true);
}
