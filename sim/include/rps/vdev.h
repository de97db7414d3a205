/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layer 3, device end of one split virtqueue.
 * Source: virtio-1.2 2.7.5 to 2.7.10, device normative statements.
 */
#ifndef RPS_VDEV_H
#define RPS_VDEV_H

#include <rps/vring.h>

/* Segments of one chain that a device end keeps; longer chains are refused. */
#define RPS_CHAIN_SEGS_MAX 16u

struct vseg {
	struct gpa addr;
	uint8_t *host; /* @len_bytes bytes of shared memory */
	uint32_t len_bytes;
	bool device_writes;
};

/* One available buffer, walked and mapped. */
struct vchain {
	uint16_t head;
	uint16_t num_segs;
	bool for_reading;   /* some segment is for the device to read */
	bool for_writing;   /* some segment is for the device to write */
	uint64_t len_bytes; /* of all segments */
	struct vseg seg[RPS_CHAIN_SEGS_MAX];
};

struct vdev {
	const struct rps_mem *mem;
	struct vring ring;
	unsigned int queue;
	uint16_t avail_idx;     /* next available entry to look at */
	uint16_t used_idx;      /* ours; never read back */
	uint16_t avail_seen;    /* the driver's avail.idx when last read */
	uint16_t published_idx; /* as much of it as the driver can see */
	uint16_t undecided;     /* entries, the last of those published, about
				   which it was not decided whether to notify */
	uint16_t asked_idx;     /* avail_event, while VDEV_KICK_ON */
	struct rps_region near; /* in which a buffer lay last */
	uint8_t state;          /* VDEV_... */
	bool indirect;
};

/* A byte, so that all of it is known by one comparison. */
#define VDEV_EVENT_IDX 1u /* VIRTIO_F_EVENT_IDX negotiated */
#define VDEV_KICK_ON   2u /* kicks are asked for */
#define VDEV_BROKEN    4u /* the driver broke a rule; until the next init */
#define VDEV_ASIDE     8u /* whose buffers these are has some to use first */

struct vdev_params {
	unsigned int queue; /* number, for observers */
	uint32_t num;       /* entries, as the driver says */
	uint16_t start_idx; /* first index; as the transport says */
	bool event_idx;     /* VIRTIO_F_EVENT_IDX negotiated */
	bool indirect;      /* VIRTIO_F_INDIRECT_DESC negotiated */
};

static inline bool rps_vdev_is_broken(const struct vdev *vq)
{
	return vq->state & VDEV_BROKEN;
}

/**
 * rps_vdev_init() - serve a ring that the driver described.
 * @vq:     device end, caller's storage.
 * @mem:    the device's view; outlives @vq.
 * @addrs:  as the driver says; may be anything.
 * @params: size, start index, features.
 *
 * Reads and writes nothing in the ring.
 *
 * Return: 0, or what rps_vring_attach() refuses.
 */
RPS_API RPS_CHECKED int rps_vdev_init(struct vdev *vq,
				      const struct rps_mem *mem,
				      struct rps_vring_addrs addrs,
				      const struct vdev_params *params);

/**
 * rps_vdev_take() - take the next available buffer.
 * @vq:    device end of a split virtqueue.
 * @chain: the buffer, mapped; the device's until rps_vdev_complete().
 *
 * Return: 0; -EAGAIN where nothing is available.
 * A bad chain is taken all the same: @chain->head is valid, no segment is, and
 * the caller gives it back with length 0:
 * -EFAULT (a segment outside the regions), -ELOOP (more steps than entries),
 * -EMSGSIZE (more than RPS_CHAIN_SEGS_MAX segments), -EINVAL (malformed
 * indirect table, next outside the table).
 * -EPROTO from the moment on that the queue itself makes no sense (head
 * outside the table, avail.idx further ahead than the ring is long): nothing
 * is taken until it is initialised again.
 * Source: virtio-1.2 2.7.5, 2.7.5.3, 2.7.6, 2.7.13.
 */
RPS_API RPS_CHECKED int rps_vdev_take(struct vdev *vq, struct vchain *chain);

/**
 * rps_vdev_complete() - give a buffer back, in any order.
 * @vq:        device end of a split virtqueue.
 * @id:        head of a chain that was taken and not yet given back; stored as
 *             it is, so that a tester can lie.
 * @len_bytes: written into it; 0 for a buffer that was only read.
 *
 * Publishes but does not notify, so that callers can batch.
 * Source: virtio-1.2 2.7.8.
 */
RPS_API void rps_vdev_complete(struct vdev *vq, uint32_t id,
			       uint32_t len_bytes);

/**
 * rps_vdev_stage() - the same, but not yet shown to the driver.
 *
 * rps_vdev_publish() shows all that were staged with a single store.
 */
RPS_API void rps_vdev_stage(struct vdev *vq, uint32_t id, uint32_t len_bytes);
RPS_API void rps_vdev_publish(struct vdev *vq);

/**
 * rps_vdev_notify_needed() - has the driver asked to hear of what was shown?
 *
 * Forgets what was given back so far: the caller notifies if this says so.
 *
 * Source: virtio-1.2 2.7.7 (avail.flags, or used_event).
 */
RPS_API RPS_CHECKED bool rps_vdev_notify_needed(struct vdev *vq);

/* Ask for no kicks; a hint. */
RPS_API void rps_vdev_kick_off(struct vdev *vq);

/**
 * rps_vdev_kick_on() - ask for a kick with the next available buffer.
 *
 * Return: whether something was made available meanwhile; the caller looks
 * again, since no kick will tell. Never on a broken queue.
 * Source: virtio-1.2 2.7.10 (used.flags, or avail_event).
 */
RPS_API RPS_CHECKED bool rps_vdev_kick_on(struct vdev *vq);

#endif
