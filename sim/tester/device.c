/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lower tester in the device's place.
 */
#include <rps/tester.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rps/vdev.h>
#include <rps/xport.h>

#include "../base/probe.h"

_Static_assert(RPS_TESTER_SEGS_MAX == RPS_CHAIN_SEGS_MAX, "one capacity");

struct rps_tester {
	struct rps_xport *xport;
	struct vdev vq[RPS_NUM_QUEUES];
	uint32_t generation;
	bool attached;
};

struct rps_tester *rps_tester_create(struct rps_xport *xport)
{
	struct rps_tester *tester = calloc(1, sizeof(*tester));

	if (tester)
		tester->xport = xport;
	return tester;
}

void rps_tester_destroy(struct rps_tester *tester)
{
	free(tester);
}

bool rps_tester_ready(const struct rps_tester *tester)
{
	return tester->xport->ready;
}

bool rps_tester_stale(const struct rps_tester *tester)
{
	return !tester->attached || !tester->xport->ready ||
	       tester->generation != tester->xport->generation;
}

int rps_tester_attach(struct rps_tester *tester)
{
	struct rps_xport *xport = tester->xport;

	tester->attached = false;
	if (!xport->ready)
		return -EAGAIN;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		struct vdev_params params = {
			.queue = q,
			.num = xport->queue[q].num,
			.start_idx = xport->queue[q].base,
			.event_idx = feature_has(xport->features,
						 VIRTIO_F_EVENT_IDX),
			.indirect = feature_has(xport->features,
						VIRTIO_F_INDIRECT_DESC),
		};
		int err = rps_vdev_init(&tester->vq[q], &xport->mem,
					xport->queue[q].addrs, &params);

		if (err)
			return err;
	}
	tester->generation = xport->generation;
	tester->attached = true;
	return 0;
}

uint64_t rps_tester_features(const struct rps_tester *tester)
{
	return tester->xport->features.bits;
}

bool rps_tester_big_endian(const struct rps_tester *tester)
{
	return tester->xport->mem.order == RPS_ORDER_BE;
}

int rps_tester_read(struct rps_tester *tester, uint64_t addr, void *to,
		    uint32_t len_bytes)
{
	const void *at = rps_mem_map(&tester->xport->mem, (struct gpa){ addr },
				     len_bytes);

	if (!at)
		return -EFAULT;
	memcpy(to, at, len_bytes);
	return 0;
}

int rps_tester_write(struct rps_tester *tester, uint64_t addr, const void *from,
		     uint32_t len_bytes)
{
	void *at = rps_mem_map(&tester->xport->mem, (struct gpa){ addr },
			       len_bytes);

	if (!at)
		return -EFAULT;
	memcpy(at, from, len_bytes);
	probe(&tester->xport->mem, RPS_EVENT_memory_change, addr, len_bytes, 0);
	return 0;
}

int rps_tester_take(struct rps_tester *tester, uint32_t queue,
		    struct rps_tester_buf *out)
{
	struct vchain chain;
	int err;

	if (rps_tester_stale(tester) || queue >= RPS_NUM_QUEUES)
		return -ESTALE;
	err = rps_vdev_take(&tester->vq[queue], &chain);
	if (err == -EAGAIN || err == -EPROTO)
		return err;

	memset(out, 0, sizeof(*out));
	out->head = chain.head;
	out->num_segs = chain.num_segs;
	for (unsigned int i = 0; i < chain.num_segs; i++) {
		out->seg[i].addr = chain.seg[i].addr.v;
		out->seg[i].len_bytes = chain.seg[i].len_bytes;
		out->seg[i].device_writes = chain.seg[i].device_writes;
	}
	return err;
}

int rps_tester_complete(struct rps_tester *tester, uint32_t queue, uint32_t id,
			uint32_t len_bytes)
{
	if (rps_tester_stale(tester) || queue >= RPS_NUM_QUEUES)
		return -ESTALE;
	rps_vdev_complete(&tester->vq[queue], id, len_bytes);
	/* Where the ring goes on, should the transport stop it. */
	tester->xport->queue[queue].base = tester->vq[queue].used_idx;
	return 0;
}

int rps_tester_notify(struct rps_tester *tester, uint32_t queue, bool force)
{
	bool wanted;

	if (rps_tester_stale(tester) || queue >= RPS_NUM_QUEUES)
		return -ESTALE;
	wanted = rps_vdev_notify_needed(&tester->vq[queue]);
	if (!wanted && !force)
		return 0;
	tester->xport->ops->notify(tester->xport, queue);
	return 1;
}

int rps_tester_kicks(struct rps_tester *tester, uint32_t queue, bool on)
{
	if (rps_tester_stale(tester) || queue >= RPS_NUM_QUEUES)
		return -ESTALE;
	/* Whether something came meanwhile is for the test to find out. */
	if (on)
		(void)!rps_vdev_kick_on(&tester->vq[queue]);
	else
		rps_vdev_kick_off(&tester->vq[queue]);
	return 0;
}

void rps_tester_queue(const struct rps_tester *tester, uint32_t queue,
		      struct rps_tester_queue *out)
{
	const struct rps_xport_queue *config = &tester->xport->queue[queue];

	*out = (struct rps_tester_queue){
		.num = config->num,
		.enabled = config->enabled,
		.desc = config->addrs.desc.v,
		.avail = config->addrs.avail.v,
		.used = config->addrs.used.v,
		.kicks = config->kicks,
		.taken_idx = tester->vq[queue].avail_idx,
		.used_idx = tester->vq[queue].used_idx,
	};
}
