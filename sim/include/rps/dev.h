/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RPMsg over the device end: owns nothing, trusts nothing.
 * Source: de-facto, as spoken by Linux' virtio_rpmsg_bus and its remotes.
 */
#ifndef RPS_DEV_H
#define RPS_DEV_H

#include <rps/msg.h>
#include <rps/vdev.h>
#include <rps/xport.h>

/* Payload of a message that came in more than one segment is gathered here. */
#define RPS_DEV_GATHER_BYTES 4096u

struct rps_dev {
	struct rps_xport *xport;
	struct vdev rx;         /* queue 1: from the driver */
	struct vdev tx;         /* queue 0: to the driver */
	struct vchain tx_chain; /* taken for sending, not used yet */
	bool tx_held;           /* @tx_chain is valid */
	bool ready;
	uint8_t gather[RPS_DEV_GATHER_BYTES];
};

/* Return: the virtio device id under which a device end is to be found. */
RPS_API uint32_t rps_dev_id(const struct rps_xport *xport);

/**
 * rps_dev_start() - serve the rings that the driver has set up.
 * @dev:   caller's storage.
 * @xport: ready; outlives @dev or its next rps_dev_stop().
 *
 * Return: 0, or what rps_vdev_init() refuses of the driver's addresses.
 */
RPS_API RPS_CHECKED int rps_dev_start(struct rps_dev *dev,
				      struct rps_xport *xport);

/* Forgets rings, indices and buffers; touches no shared memory. */
RPS_API void rps_dev_stop(struct rps_dev *dev);

/**
 * rps_dev_rx() - next received message.
 *
 * Return: 0 and @msg, the buffer being ours until rps_dev_rx_done();
 * -EAGAIN where there is none; -EBADMSG for a malformed one, whose buffer was
 * given back already: call again; -EPROTO on a broken queue.
 */
RPS_API RPS_CHECKED int rps_dev_rx(struct rps_dev *dev, struct rps_msg *msg);

/* Gives the buffer back; notifies nobody. */
RPS_API void rps_dev_rx_done(struct rps_dev *dev, const struct rps_msg *msg);

/* Tells the driver of the buffers given back since last time, if it wants. */
RPS_API void rps_dev_rx_notify(struct rps_dev *dev);

/* Return: whether messages came in meanwhile, so that one looks again. */
RPS_API RPS_CHECKED bool rps_dev_rx_rearm(struct rps_dev *dev);

/**
 * rps_dev_send() - copy a message into a buffer of the driver and notify.
 *
 * Return: 0; -EMSGSIZE where it does not fit into the next buffer, which stays
 * reserved for a shorter one; -ENOMEM where the driver has posted none;
 * -EPIPE on a broken queue.
 */
RPS_API RPS_CHECKED int rps_dev_send(struct rps_dev *dev,
				     const struct rps_hdr *hdr,
				     const void *payload);

#endif
