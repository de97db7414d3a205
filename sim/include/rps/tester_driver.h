/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lower tester in the driver's place, in a simulated world without a driver.
 * Registers are written with rps_world_set_status() and its neighbours.
 */
#ifndef RPS_TESTER_DRIVER_H
#define RPS_TESTER_DRIVER_H

#include <rps/tester.h>

struct rps_tdrv;

/* One buffer that came back. */
struct rps_tdrv_used {
	uint32_t id;        /* position in the order of offers, as given */
	uint32_t len_bytes; /* as the device claims */
};

/* Return: a tester on rings not yet set up, or NULL without memory. */
RPS_API struct rps_tdrv *rps_tdrv_create(struct rps_world *world);
RPS_API void rps_tdrv_destroy(struct rps_tdrv *tdrv);

/* Zero both rings and take them over, with the features accepted so far.
 * Return: 0, or what rps_vdrv_init() refuses. */
RPS_API int rps_tdrv_init(struct rps_tdrv *tdrv);

/* Return: 0 with the chain offered under the tester's own number @token;
 * as rps_vdrv_offer(). @table: 0, or where an indirect table may be put. */
RPS_API int rps_tdrv_offer(struct rps_tdrv *tdrv, uint32_t queue,
			   const struct rps_tester_seg *segs, uint16_t count,
			   uint64_t table, uint32_t token);

/* Return: as rps_vdrv_reclaim(). */
RPS_API int rps_tdrv_reclaim(struct rps_tdrv *tdrv, uint32_t queue,
			     struct rps_tdrv_used *out);

/* Return: 1 where the device was kicked, 0 where it had asked not to be and
 * @force was not set. */
RPS_API int rps_tdrv_kick(struct rps_tdrv *tdrv, uint32_t queue, bool force);

/* Ask for interrupts of this queue, or for none. */
RPS_API void rps_tdrv_irqs(struct rps_tdrv *tdrv, uint32_t queue, bool on);

/* Raw memory. Return: 0, or -EFAULT. */
RPS_API int rps_tdrv_read(struct rps_tdrv *tdrv, uint64_t addr, void *to,
			  uint32_t len_bytes);
RPS_API int rps_tdrv_write(struct rps_tdrv *tdrv, uint64_t addr,
			   const void *from, uint32_t len_bytes);
RPS_API bool rps_tdrv_big_endian(const struct rps_tdrv *tdrv);

#endif
