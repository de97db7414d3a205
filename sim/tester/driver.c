/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lower tester in the driver's place.
 */
#include <rps/tester_driver.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rps/vdrv.h>
#include <rps/xport.h>

#include "../base/access.h"
#include "../base/assert.h"
#include "../base/probe.h"

_Static_assert(RPS_NUM_QUEUES == 2, "struct rps_tdrv_setup");

struct rps_tdrv {
	struct rps_mem *mem;
	uint32_t num;
	struct vdrv vq[RPS_NUM_QUEUES];
	struct vdrv_slot *slot[RPS_NUM_QUEUES];
};

struct rps_tdrv *rps_tdrv_create(struct rps_mem *mem, uint32_t num)
{
	struct rps_tdrv *tdrv = calloc(1, sizeof(*tdrv));

	if (!tdrv)
		return NULL;
	tdrv->mem = mem;
	tdrv->num = num;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++)
		tdrv->slot[q] = calloc(num, sizeof(struct vdrv_slot));
	if (!tdrv->slot[0] || !tdrv->slot[1]) {
		rps_tdrv_destroy(tdrv);
		return NULL;
	}
	return tdrv;
}

void rps_tdrv_destroy(struct rps_tdrv *tdrv)
{
	if (!tdrv)
		return;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++)
		free(tdrv->slot[q]);
	free(tdrv);
}

int rps_tdrv_init(struct rps_tdrv *tdrv, const struct rps_tdrv_setup *setup)
{
	struct feature_set features = { setup->features };
	bool native_be =
		setup->native_be && !feature_has(features, VIRTIO_F_VERSION_1);

	tdrv->mem->order = native_be ? RPS_ORDER_BE : RPS_ORDER_LE;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		struct rps_vring_addrs addrs = {
			.desc = { setup->desc[q] },
			.avail = { setup->avail[q] },
			.used = { setup->used[q] },
		};
		struct vdrv_params params = {
			.queue = q,
			.num = tdrv->num,
			.start_idx = setup->start_idx,
			.event_idx = feature_has(features, VIRTIO_F_EVENT_IDX),
		};
		int err = rps_vdrv_init(&tdrv->vq[q], tdrv->mem, addrs, &params,
					tdrv->slot[q]);

		if (err)
			return err;
	}
	return 0;
}

int rps_tdrv_offer(struct rps_tdrv *tdrv, uint32_t queue,
		   const struct rps_tester_seg *segs, uint16_t count,
		   uint64_t table, uint32_t token)
{
	struct vbuf bufs[RPS_TESTER_SEGS_MAX];
	void *opaque = (void *)(uintptr_t)token;

	if (count == 0 || count > RPS_TESTER_SEGS_MAX ||
	    queue >= RPS_NUM_QUEUES)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++)
		bufs[i] = (struct vbuf){
			.addr = { segs[i].addr },
			.len_bytes = segs[i].len_bytes,
			.device_writes = segs[i].device_writes,
		};
	if (table)
		return rps_vdrv_offer_indirect(&tdrv->vq[queue],
					       (struct gpa){ table }, bufs,
					       count, opaque);
	return rps_vdrv_offer(&tdrv->vq[queue], bufs, count, opaque);
}

static bool has_come(const struct vdrv *vq, uint16_t idx)
{
	uint16_t seen =
		acquire16(view_of(vq->mem), SEAM_USED_IDX, &vq->ring.used->idx);

	return (uint16_t)(seen - idx) <= vq->ring.num;
}

/* Return: whether @moment came. */
static bool wait_for(const struct vdrv *vq,
		     const struct rps_tdrv_moment *moment)
{
	uint64_t look = 0;

	while (!has_come(vq, moment->used_idx))
		if (++look >= moment->looks_max)
			return false;
	for (look = 0; look < moment->more_looks; look++)
		(void)has_come(vq, moment->used_idx);
	return true;
}

int rps_tdrv_offer_at(struct rps_tdrv *tdrv, uint32_t queue,
		      const struct rps_tester_seg *seg, uint32_t token,
		      const struct rps_tdrv_moment *moment)
{
	const struct vbuf buf = {
		.addr = { seg->addr },
		.len_bytes = seg->len_bytes,
		.device_writes = seg->device_writes,
	};
	bool wanted;
	bool came;
	int err;

	rps_assert(queue < RPS_NUM_QUEUES);
	err = rps_vdrv_stage(&tdrv->vq[queue], &buf, 1,
			     (void *)(uintptr_t)token);
	if (err)
		return err;
	came = wait_for(&tdrv->vq[queue], moment);
	rps_vdrv_publish(&tdrv->vq[queue]);
	wanted = rps_vdrv_kick_needed(&tdrv->vq[queue]);
	return came ? wanted : -ETIME;
}

int rps_tdrv_reclaim(struct rps_tdrv *tdrv, uint32_t queue,
		     struct rps_tdrv_used *out)
{
	struct vdrv_used used;
	int err;

	rps_assert(queue < RPS_NUM_QUEUES);
	err = rps_vdrv_reclaim(&tdrv->vq[queue], &used);
	if (err)
		return err;
	out->id = (uint32_t)(uintptr_t)used.token;
	out->len_bytes = used.len_bytes;
	return 0;
}

bool rps_tdrv_kick_needed(struct rps_tdrv *tdrv, uint32_t queue)
{
	rps_assert(queue < RPS_NUM_QUEUES);
	return rps_vdrv_kick_needed(&tdrv->vq[queue]);
}

void rps_tdrv_irqs(struct rps_tdrv *tdrv, uint32_t queue, bool on)
{
	rps_assert(queue < RPS_NUM_QUEUES);
	/* Whether something came meanwhile is for the test to find out. */
	if (on)
		(void)!rps_vdrv_irq_on(&tdrv->vq[queue]);
	else
		rps_vdrv_irq_off(&tdrv->vq[queue]);
}

int rps_tdrv_read(struct rps_tdrv *tdrv, uint64_t addr, void *to,
		  uint32_t len_bytes)
{
	const void *at =
		rps_mem_map(tdrv->mem, (struct gpa){ addr }, len_bytes);

	if (!at)
		return -EFAULT;
	memcpy(to, at, len_bytes);
	return 0;
}

int rps_tdrv_write(struct rps_tdrv *tdrv, uint64_t addr, const void *from,
		   uint32_t len_bytes)
{
	void *at = rps_mem_map(tdrv->mem, (struct gpa){ addr }, len_bytes);

	if (!at)
		return -EFAULT;
	memcpy(at, from, len_bytes);
	probe(tdrv->mem, RPS_EVENT_memory_change, addr, len_bytes, 0);
	return 0;
}

bool rps_tdrv_big_endian(const struct rps_tdrv *tdrv)
{
	return tdrv->mem->order == RPS_ORDER_BE;
}
