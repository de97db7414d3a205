/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lower tester: our hands on the ring, in place of the IUT's peer.  It obeys
 * the rules where it is asked to and breaks them where it is asked to; the
 * same calls work on a simulated world and on a real driver's memory.
 */
#ifndef RPS_TESTER_H
#define RPS_TESTER_H

#include <rps/api.h>

struct rps_tester;
struct rps_xport;
struct rps_world;

#define RPS_TESTER_SEGS_MAX 16u

struct rps_tester_seg {
	uint64_t addr;
	uint32_t len_bytes;
	uint32_t device_writes;
};

/* One buffer taken from the driver. */
struct rps_tester_buf {
	uint16_t head;
	uint16_t num_segs;
	struct rps_tester_seg seg[RPS_TESTER_SEGS_MAX];
};

/* One queue as the driver set it up. */
struct rps_tester_queue {
	uint32_t num;
	uint32_t enabled;
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
	uint64_t kicks;     /* notifications from the driver */
	uint16_t taken_idx; /* next available entry that we look at */
	uint16_t used_idx;  /* used.idx as we have published it */
};

/* Return: a tester in the device's place, on rings not yet attached; NULL
 * without memory. @xport outlives it. */
RPS_API struct rps_tester *rps_tester_create(struct rps_xport *xport);
RPS_API void rps_tester_destroy(struct rps_tester *tester);

/* Return: whether a driver is running on the other side. */
RPS_API bool rps_tester_ready(const struct rps_tester *tester);

/* Return: whether the rings are no longer those of rps_tester_attach(). */
RPS_API bool rps_tester_stale(const struct rps_tester *tester);

/* Return: 0 with both rings attached; -EAGAIN while no driver is running;
 * what rps_vdev_init() refuses. */
RPS_API int rps_tester_attach(struct rps_tester *tester);
RPS_API uint64_t rps_tester_features(const struct rps_tester *tester);
RPS_API bool rps_tester_big_endian(const struct rps_tester *tester);

/* Raw memory. Return: 0, or -EFAULT outside of the driver's memory. */
RPS_API int rps_tester_read(struct rps_tester *tester, uint64_t addr, void *to,
			    uint32_t len_bytes);
RPS_API int rps_tester_write(struct rps_tester *tester, uint64_t addr,
			     const void *from, uint32_t len_bytes);

/* Return: as rps_vdev_take(). */
RPS_API int rps_tester_take(struct rps_tester *tester, uint32_t queue,
			    struct rps_tester_buf *out);

/* Publishes used element {@id, @len_bytes}, however wrong. Return: 0, or
 * -ESTALE. */
RPS_API int rps_tester_complete(struct rps_tester *tester, uint32_t queue,
				uint32_t id, uint32_t len_bytes);

/* Return: 1 where the driver was notified, 0 where it had asked not to be and
 * @force was not set; -ESTALE. */
RPS_API int rps_tester_notify(struct rps_tester *tester, uint32_t queue,
			      bool force);

/* Ask the driver to kick (or not) on this queue. Return: 0, or -ESTALE. */
RPS_API int rps_tester_kicks(struct rps_tester *tester, uint32_t queue,
			     bool on);

RPS_API void rps_tester_queue(const struct rps_tester *tester, uint32_t queue,
			      struct rps_tester_queue *out);

/* --- codec, to be compared with an independent one */
RPS_API void rps_codec_hdr(bool big_endian, uint32_t src, uint32_t dst,
			   uint32_t reserved, uint16_t len_bytes,
			   uint16_t flags, uint8_t out[16]);
RPS_API void rps_codec_ns(bool big_endian, const char *name, uint32_t addr,
			  bool destroy, uint8_t out[40]);

/* As rps_bufsz_pack(). */
RPS_API void rps_codec_bufsz(bool big_endian, uint32_t to_driver_bytes,
			     uint32_t to_device_bytes, uint8_t out[11]);

/* As rps_rsc_find_vdev(), on a host of that byte order. */
RPS_API int rps_codec_rsc_vdev(bool big_endian, const uint8_t *table,
			       uint32_t bytes, uint32_t id, uint32_t *at);

struct rps_codec_layout {
	uint64_t avail;
	uint64_t used_event;
	uint64_t used;
	uint64_t avail_event;
	uint64_t total;
	uint64_t legacy_total;
};

/* Return: as rps_vring_layout(). */
RPS_API int rps_codec_layout(uint32_t num, uint32_t align,
			     struct rps_codec_layout *out);
RPS_API bool rps_codec_need_event(uint16_t event, uint16_t new_idx,
				  uint16_t old_idx);

RPS_API uint32_t rps_abi_version(void);

#endif
