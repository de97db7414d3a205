/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a transport tells the device end, and what it does for it.  Above this
 * line nobody knows whether the driver lives in a simulated world, behind a
 * vhost-user socket or in a kernel.
 */
#ifndef RPS_XPORT_H
#define RPS_XPORT_H

#include <rps/vring.h>

#define RPS_NUM_QUEUES 2u
#define RPS_QUEUE_RX   0u /* device to driver; named from the driver's side */
#define RPS_QUEUE_TX   1u /* driver to device */

#define VIRTIO_ID_CONSOLE 3u
#define VIRTIO_ID_RPMSG   7u

#define VIRTIO_RPMSG_F_NS        0u
#define VIRTIO_RPMSG_F_BUFSZ     1u /* in a draft; others mean something else */
#define VIRTIO_F_INDIRECT_DESC   28u
#define VIRTIO_F_EVENT_IDX       29u
#define VIRTIO_F_VERSION_1       32u
#define VIRTIO_F_ACCESS_PLATFORM 33u

#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER      2u
#define VIRTIO_STATUS_DRIVER_OK   4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED      128u

struct feature_set {
	uint64_t bits;
};

static inline bool feature_has(struct feature_set set, unsigned int bit)
{
	return (set.bits >> bit) & 1;
}

/* One queue as the driver configured it. */
struct rps_xport_queue {
	uint16_t num;  /* entries */
	uint16_t base; /* first index; 0 unless the transport says otherwise */
	bool enabled;
	struct rps_vring_addrs addrs;
	uint64_t kicks; /* notifications from the driver since creation */
};

struct rps_xport;

struct rps_xport_ops {
	/* Used-buffer notification of queue @queue to the driver. */
	void (*notify)(struct rps_xport *xport, unsigned int queue);
};

/**
 * struct rps_xport - a device's side of its transport.
 * @ops:        what the transport can do.
 * @mem:        the driver's memory; @mem.order follows the features.
 * @features:   negotiated; meaningful once @ready.
 * @queue:      as configured by the driver; meaningful once @ready.
 * @ready:      the driver is running (DRIVER_OK, or all rings enabled where
 *              the transport hides the status).
 * @generation: goes up whenever @mem or @queue stop being what they were;
 *              pointers made before that are dangling.
 *
 * Embedded in the transport's own struct.
 */
struct rps_xport {
	const struct rps_xport_ops *ops;
	struct rps_mem mem;
	struct feature_set features;
	struct rps_xport_queue queue[RPS_NUM_QUEUES];
	bool ready;
	uint32_t generation;
};

#endif
