/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lower tester in the driver's place.
 */
#include <rps/tester_driver.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/assert.h"
#include "../base/probe.h"
#include "world_priv.h"

struct rps_tdrv {
	struct rps_world *world;
	struct vdrv vq[RPS_NUM_QUEUES];
	struct vdrv_slot *slot[RPS_NUM_QUEUES];
};

struct rps_tdrv *rps_tdrv_create(struct rps_world *world)
{
	struct rps_tdrv *tdrv = calloc(1, sizeof(*tdrv));

	if (!tdrv)
		return NULL;
	tdrv->world = world;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++)
		tdrv->slot[q] =
			calloc(world->config.num, sizeof(struct vdrv_slot));
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

int rps_tdrv_init(struct rps_tdrv *tdrv)
{
	struct rps_world *world = tdrv->world;
	struct feature_set features = { world->driver_features };
	bool native_be = world->config.native_be &&
			 !feature_has(features, VIRTIO_F_VERSION_1);

	world->driver_mem.order = native_be ? RPS_ORDER_BE : RPS_ORDER_LE;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		const struct rps_world_place *place = &world->place;
		struct rps_vring_addrs addrs = {
			.desc = { place->desc[q] },
			.avail = { place->avail[q] },
			.used = { place->used[q] },
		};
		struct vdrv_params params = {
			.queue = q,
			.num = world->config.num,
			.start_idx = world->config.start_idx,
			.event_idx = feature_has(features, VIRTIO_F_EVENT_IDX),
		};
		int err = rps_vdrv_init(&tdrv->vq[q], &world->driver_mem, addrs,
					&params, tdrv->slot[q]);

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

int rps_tdrv_kick(struct rps_tdrv *tdrv, uint32_t queue, bool force)
{
	rps_assert(queue < RPS_NUM_QUEUES);
	if (!rps_vdrv_kick_needed(&tdrv->vq[queue]) && !force)
		return 0;
	rps_world_kick(tdrv->world, queue);
	return 1;
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
	const void *at = rps_mem_map(&tdrv->world->driver_mem,
				     (struct gpa){ addr }, len_bytes);

	if (!at)
		return -EFAULT;
	memcpy(to, at, len_bytes);
	return 0;
}

int rps_tdrv_write(struct rps_tdrv *tdrv, uint64_t addr, const void *from,
		   uint32_t len_bytes)
{
	void *at = rps_mem_map(&tdrv->world->driver_mem, (struct gpa){ addr },
			       len_bytes);

	if (!at)
		return -EFAULT;
	memcpy(at, from, len_bytes);
	probe(&tdrv->world->driver_mem, RPS_EVENT_memory_change, addr,
	      len_bytes, 0);
	return 0;
}

bool rps_tdrv_big_endian(const struct rps_tdrv *tdrv)
{
	return tdrv->world->driver_mem.order == RPS_ORDER_BE;
}
