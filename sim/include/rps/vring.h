/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layer 2: the split virtqueue in memory, without any policy.
 * Source: virtio-1.2 2.7.
 */
#ifndef RPS_VRING_H
#define RPS_VRING_H

#include <rps/mem.h>

#define VRING_DESC_F_NEXT          1u
#define VRING_DESC_F_WRITE         2u
#define VRING_DESC_F_INDIRECT      4u
#define VRING_AVAIL_F_NO_INTERRUPT 1u
#define VRING_USED_F_NO_NOTIFY     1u

/* virtio-1.2 2.7: "the maximum Queue Size value is 32768". */
#define RPS_VRING_NUM_MAX 32768u

struct vring_desc {
	struct virtio64 addr;
	struct virtio32 len; /* bytes */
	struct virtio16 flags;
	struct virtio16 next;
};

struct vring_avail {
	struct virtio16 flags;
	struct virtio16 idx;
	struct virtio16 ring[]; /* num entries, then used_event */
};

struct vring_used_elem {
	struct virtio32 id;
	struct virtio32 len; /* bytes written by the device */
};

struct vring_used {
	struct virtio16 flags;
	struct virtio16 idx;
	struct vring_used_elem ring[]; /* num entries, then avail_event */
};

_Static_assert(sizeof(struct vring_desc) == 16, "virtio-1.2 2.7.5");
_Static_assert(offsetof(struct vring_desc, len) == 8, "virtio-1.2 2.7.5");
_Static_assert(offsetof(struct vring_desc, flags) == 12, "virtio-1.2 2.7.5");
_Static_assert(offsetof(struct vring_desc, next) == 14, "virtio-1.2 2.7.5");
_Static_assert(sizeof(struct vring_avail) == 4, "virtio-1.2 2.7.6");
_Static_assert(sizeof(struct vring_used_elem) == 8, "virtio-1.2 2.7.8");
_Static_assert(sizeof(struct vring_used) == 4, "virtio-1.2 2.7.8");

/* Peer addresses of the three parts of a ring. */
struct rps_vring_addrs {
	struct gpa desc;
	struct gpa avail;
	struct gpa used;
};

/* Offsets of the contiguous form, in bytes from its first descriptor. */
struct rps_vring_layout {
	uint64_t avail;
	uint64_t used_event;
	uint64_t used;
	uint64_t avail_event;
	uint64_t total;        /* up to and including avail_event */
	uint64_t legacy_total; /* both halves rounded up, virtio-1.2 2.7.2 */
};

/* One ring, mapped.  The pointers lie in shared memory. */
struct vring {
	uint16_t num;  /* entries, power of two */
	uint32_t mask; /* @num - 1: entry of an index */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct virtio16 *used_event;  /* last field of the available ring */
	struct virtio16 *avail_event; /* last field of the used ring */
};

/**
 * rps_vring_layout() - where the parts of a contiguous ring lie.
 * @num:   entries, power of two, 1 to 32768.
 * @align: bytes, power of two, at least 4 (the used ring needs it).
 * @out:   offsets; untouched on error.
 *
 * Return: 0, or -EINVAL where @num or @align is not as said.
 * Source: virtio-1.2 2.7, 2.7.2; used_event counts before rounding.
 */
RPS_API RPS_CHECKED int rps_vring_layout(uint32_t num, uint32_t align,
					 struct rps_vring_layout *out);

/* Addresses of a contiguous ring that starts at @base. */
RPS_API RPS_CHECKED int rps_vring_place(struct gpa base, uint32_t num,
					uint32_t align,
					struct rps_vring_addrs *out);

/**
 * rps_vring_attach() - map the three parts of a ring that somebody described.
 * @ring:  filled in; points into the regions of @mem afterwards.
 * @mem:   view of the shared memory; outlives @ring.
 * @num:   entries, power of two, 1 to 32768.
 * @addrs: peer addresses; may be anything.
 *
 * Reads and writes nothing.
 *
 * Return: 0; -EINVAL for a size or an alignment that the specification
 * forbids (16 for descriptors, 2 available, 4 used); -EFAULT where a part
 * reaches outside the regions.
 * Source: virtio-1.2 2.7 (table of alignments).
 */
RPS_API RPS_CHECKED int rps_vring_attach(struct vring *ring,
					 const struct rps_mem *mem,
					 uint32_t num,
					 struct rps_vring_addrs addrs);

/**
 * rps_vring_need_event() - must the peer be told?
 * @event: the peer's used_event or avail_event.
 * @new:   own index after publishing.
 * @old:   own index when this was last asked.
 *
 * Whether @event is one of the indices from @old on that were passed; the
 * standard says it the other way round, new - event - 1 < new - old.
 *
 * Source: virtio-1.2 2.7.10; evaluated in 16 bits.
 */
static inline bool rps_vring_need_event(uint16_t event, uint16_t new,
					uint16_t old)
{
	return (uint16_t)(event - old) < (uint16_t)(new - old);
}

#endif
