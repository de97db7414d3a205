/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layer 3, driver end of one split virtqueue.
 * Source: virtio-1.2 2.7.13 (supplying buffers), 2.7.14 (receiving used).
 */
#ifndef RPS_VDRV_H
#define RPS_VDRV_H

#include <rps/vring.h>

/* Private state of one descriptor; never in shared memory. */
struct vdrv_slot {
	void *token;
	uint16_t next;      /* free list, or next of the same chain */
	uint16_t chain_len; /* descriptors of the chain that starts here; 0: no
			       chain in flight starts here */
};

/* Buffers at most in a queue in which each has a descriptor of its own. */
#define RPS_VDRV_OWN_MAX 256u

/* Private state of such buffers, in place of slots. */
struct vdrv_own {
	uint32_t num;
	struct vdrv_own_buf {
		uint32_t lent;      /* its number, while it is with the device;
				       else one that is no buffer's here */
		uint32_t len_bytes; /* what the descriptor says; 0: nothing */
	} buf[RPS_VDRV_OWN_MAX];
};

struct vdrv {
	const struct rps_mem *mem;
	struct vring ring;
	struct vdrv_slot *slot; /* ring.num entries; NULL beside vdrv_own */
	unsigned int queue;     /* its number, for observers */
	uint16_t free_head;
	uint16_t free_count;
	uint16_t avail_idx;     /* ours; never read back */
	uint16_t published_idx; /* as much of it as the device can see */
	uint16_t undecided;     /* entries, the last of those published, about
				   which it was not decided whether to kick */
	uint16_t used_idx;      /* next used entry to look at */
	uint16_t asked_idx;     /* used_event, while VDRV_IRQ_ON */
	uint16_t used_seen;     /* the device's used.idx when last read */
	uint8_t state;          /* VDRV_... */
};

/* A byte, so that all of it is known by one comparison. */
#define VDRV_EVENT_IDX 1u /* VIRTIO_F_EVENT_IDX negotiated */
#define VDRV_IRQ_ON    2u /* interrupts are asked for */
#define VDRV_BROKEN    4u /* the device broke a rule; until the next init */

struct vdrv_params {
	unsigned int queue; /* number, for observers */
	uint32_t num;       /* entries, power of two */
	uint16_t start_idx; /* first index; 0 outside wrap tests */
	bool event_idx;     /* VIRTIO_F_EVENT_IDX negotiated */
};

/* One buffer of the driver, in peer addresses. */
struct vbuf {
	struct gpa addr;
	uint32_t len_bytes;
	bool device_writes;
};

/* One buffer that came back. */
struct vdrv_used {
	void *token;        /* as given to rps_vdrv_offer() */
	uint32_t len_bytes; /* as the device claims; checked by nobody yet */
};

/**
 * rps_vdrv_init() - take over a ring in zeroed memory.
 * @vq:     driver end, caller's storage.
 * @mem:    the driver's view; outlives @vq.
 * @addrs:  where the driver put the ring.
 * @params: size, start index, features.
 * @slots:  @params->num entries, caller's storage, initialised here; NULL for a
 *          queue in which each descriptor has a buffer of its own.
 *
 * Clears the ring: memory of a previous run is never interpreted.
 *
 * Return: 0, or what rps_vring_attach() refuses.
 * Source: virtio-1.2 3.1.1; 2.7.13.
 */
RPS_API RPS_CHECKED int rps_vdrv_init(struct vdrv *vq,
				      const struct rps_mem *mem,
				      struct rps_vring_addrs addrs,
				      const struct vdrv_params *params,
				      struct vdrv_slot *slots);

/**
 * rps_vdrv_offer() - make one buffer available to the device.
 * @vq:    driver end of a split virtqueue.
 * @bufs:  @count buffers that form one chain, readable ones first; the
 *         device's until rps_vdrv_reclaim().
 * @count: at least 1.
 * @token: comes back from rps_vdrv_reclaim(); never dereferenced here.
 *
 * Publishes but does not kick, so that callers can batch.
 *
 * Return: 0; -ENOSPC while too few descriptors are free; -EPIPE on a broken
 * queue.
 * Source: virtio-1.2 2.7.13.1 to .3 (descriptor, ring entry, barrier, idx).
 */
RPS_API RPS_CHECKED int rps_vdrv_offer(struct vdrv *vq, const struct vbuf *bufs,
				       uint16_t count, void *token);

/**
 * rps_vdrv_stage() - the same, but not yet shown to the device.
 *
 * The buffers are the device's from rps_vdrv_publish() on, which shows all that
 * were staged with a single store.
 *
 * Return: as rps_vdrv_offer().
 */
RPS_API RPS_CHECKED int rps_vdrv_stage(struct vdrv *vq, const struct vbuf *bufs,
				       uint16_t count, void *token);
RPS_API void rps_vdrv_publish(struct vdrv *vq);

static inline bool rps_vdrv_is_broken(const struct vdrv *vq)
{
	return vq->state & VDRV_BROKEN;
}

/* Return: chains that were shown to the device and have not come back. */
static inline uint16_t rps_vdrv_in_flight(const struct vdrv *vq)
{
	return (uint16_t)(vq->published_idx - vq->used_idx);
}

/**
 * rps_vdrv_offer_indirect() - the same through an indirect table.
 * @table: peer address of @count descriptors, 16-byte aligned, the device's
 *         until reclaimed; written here.
 *
 * Return: as rps_vdrv_offer(); -EFAULT where @table is outside the regions.
 * Source: virtio-1.2 2.7.5.3.
 */
RPS_API RPS_CHECKED int rps_vdrv_offer_indirect(struct vdrv *vq,
						struct gpa table,
						const struct vbuf *bufs,
						uint16_t count, void *token);

/**
 * rps_vdrv_kick_needed() - has the device asked to hear of what was published?
 *
 * Forgets what was offered so far: the caller kicks if this says so.
 *
 * Source: virtio-1.2 2.7.13.4; 2.7.10 (used.flags, or avail_event).
 */
RPS_API RPS_CHECKED bool rps_vdrv_kick_needed(struct vdrv *vq);

/**
 * rps_vdrv_reclaim() - take one returned buffer out of the used ring.
 *
 * Return: 0 and @used; -EAGAIN where nothing was returned; -EPROTO from the
 * moment on that the device returned what it did not have (id outside the
 * table, not outstanding, or more entries than buffers): such a queue stays
 * broken until it is initialised again.
 * Source: virtio-1.2 2.7.14; 2.7.8.
 */
RPS_API RPS_CHECKED int rps_vdrv_reclaim(struct vdrv *vq,
					 struct vdrv_used *used);

/* Ask for no interrupts; a hint, as the specification says (2.7.7). */
RPS_API void rps_vdrv_irq_off(struct vdrv *vq);

/**
 * rps_vdrv_irq_on() - ask for an interrupt with the next returned buffer.
 *
 * Return: whether something was returned meanwhile; the caller looks again,
 * since no interrupt will tell. Never on a broken queue.
 * Source: virtio-1.2 2.7.14 (flags and used_event, then a full barrier).
 */
RPS_API RPS_CHECKED bool rps_vdrv_irq_on(struct vdrv *vq);

#endif
