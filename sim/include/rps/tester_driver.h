/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lower tester in the driver's place.  It has the rings alone: registers are
 * written, and bells are rung, by whoever knows the transport, so that the
 * same calls work in a simulated world and on the memory of a real guest.
 */
#ifndef RPS_TESTER_DRIVER_H
#define RPS_TESTER_DRIVER_H

#include <rps/tester.h>

struct rps_mem;
struct rps_tdrv;

/* One buffer that came back. */
struct rps_tdrv_used {
	uint32_t id;        /* position in the order of offers, as given */
	uint32_t len_bytes; /* as the device claims */
};

/**
 * struct rps_tdrv_setup - the rings as they are to be.
 * @features:  accepted.
 * @desc:      driver addresses of the parts of each queue's ring.
 * @start_idx: first ring index.
 * @native_be: byte order of the driver's processor, which counts without
 *             VIRTIO_F_VERSION_1 alone.
 */
struct rps_tdrv_setup {
	uint64_t features;
	uint64_t desc[2];
	uint64_t avail[2];
	uint64_t used[2];
	uint16_t start_idx;
	bool native_be;
};

/**
 * rps_tdrv_create() - a tester on rings not yet set up.
 * @mem: what the driver shares with its device; outlives the tester, which
 *       sets its byte order.
 * @num: entries per ring.
 *
 * Return: it, or NULL without memory.
 */
RPS_API struct rps_tdrv *rps_tdrv_create(struct rps_mem *mem, uint32_t num);
RPS_API void rps_tdrv_destroy(struct rps_tdrv *tdrv);

/* Zero both rings and take them over. Return: 0, or what rps_vdrv_init()
 * refuses. */
RPS_API int rps_tdrv_init(struct rps_tdrv *tdrv,
			  const struct rps_tdrv_setup *setup);

/* Return: 0 with the chain offered under the tester's own number @token;
 * as rps_vdrv_offer(). @table: 0, or where an indirect table may be put. */
RPS_API int rps_tdrv_offer(struct rps_tdrv *tdrv, uint32_t queue,
			   const struct rps_tester_seg *segs, uint16_t count,
			   uint64_t table, uint32_t token);

/* A moment of the device's work. */
struct rps_tdrv_moment {
	uint16_t used_idx;   /* the used index has come here */
	uint32_t more_looks; /* and was looked at so often since */
	uint64_t looks_max;  /* until it never comes */
};

/* As rps_tdrv_offer() of one buffer, which the device is shown at @moment and
 * not before; it is asked at once whether it wants a kick.  Return: 1 where it
 * does, 0 where not; -ETIME where the moment never came: the buffer is shown
 * all the same, and the caller kicks. */
RPS_API int rps_tdrv_offer_at(struct rps_tdrv *tdrv, uint32_t queue,
			      const struct rps_tester_seg *seg, uint32_t token,
			      const struct rps_tdrv_moment *moment);

/* Return: as rps_vdrv_reclaim(). */
RPS_API int rps_tdrv_reclaim(struct rps_tdrv *tdrv, uint32_t queue,
			     struct rps_tdrv_used *out);

/* Return: as rps_vdrv_kick_needed(); the caller kicks. */
RPS_API bool rps_tdrv_kick_needed(struct rps_tdrv *tdrv, uint32_t queue);

/* Ask for interrupts of this queue, or for none. */
RPS_API void rps_tdrv_irqs(struct rps_tdrv *tdrv, uint32_t queue, bool on);

/* Raw memory. Return: 0, or -EFAULT. */
RPS_API int rps_tdrv_read(struct rps_tdrv *tdrv, uint64_t addr, void *to,
			  uint32_t len_bytes);
RPS_API int rps_tdrv_write(struct rps_tdrv *tdrv, uint64_t addr,
			   const void *from, uint32_t len_bytes);
RPS_API bool rps_tdrv_big_endian(const struct rps_tdrv *tdrv);

#endif
