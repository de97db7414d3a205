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

/* Buffers that can be taken from the driver and not be filled, at most. */
#define RPS_DEV_UNUSED_MAX 64u

/* Buffers of one descriptor that were found good: so is any other one that has
 * these flags, is not longer than the longest of them, and begins where that one
 * could begin, too. */
struct rps_dev_good {
	uint64_t least; /* vdev_word() of one that holds a header and no more */
	uint64_t most;  /* the longest one's, less @least */
	struct gpa base; /* of the region in which they lie */
	uint64_t last;   /* where the longest may begin, from there on */
	uint8_t *host;   /* where this process sees @base */
};

struct rps_dev {
	struct rps_dev_good rx_good;
	struct rps_dev_good tx_good;
	uint8_t gather[RPS_DEV_GATHER_BYTES];
	struct rps_xport *xport;
	struct vdev rx;                      /* queue 1: from the driver */
	struct vdev tx;                      /* queue 0: to the driver */
	uint16_t unused[RPS_DEV_UNUSED_MAX]; /* heads taken, to be used next */
	uint16_t num_unused;
	uint16_t num_lent; /* heads taken, and lent by rps_dev_get() */
	bool ready;
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

/* The buffer is to be given back: shown to the driver by the next
 * rps_dev_flush() or rps_dev_settle(). */
RPS_API void rps_dev_rx_done(struct rps_dev *dev, const struct rps_msg *msg);

/**
 * rps_dev_flush() - show the driver all that was staged, and notify it.
 *
 * One store and one decision to notify for each ring, and one full fence for
 * both, however many buffers it is about. Does nothing where nothing was staged.
 */
RPS_API void rps_dev_flush(struct rps_dev *dev);

/**
 * rps_dev_settle() - rps_dev_flush(), and ask for a kick, in one.
 *
 * Return: whether messages came in meanwhile, so that one looks again.
 */
RPS_API RPS_CHECKED bool rps_dev_settle(struct rps_dev *dev);

/**
 * rps_dev_stage() - copy a message into a buffer of the driver.
 * @hdr:     len_bytes of it counts the payload.
 * @payload: hdr->len_bytes bytes.
 *
 * Shown to the driver by the next rps_dev_flush() or rps_dev_settle(), which
 * are due after an error too: bad buffers may have been given back.
 *
 * Return: 0; -EMSGSIZE where it does not fit into the next buffer, which stays
 * reserved for a shorter one; -ENOMEM where the driver has posted none, which
 * is asked to kick with the next one; -EPIPE on a broken queue.
 */
RPS_API RPS_CHECKED int rps_dev_stage(struct rps_dev *dev,
				      const struct rps_hdr *hdr,
				      const void *payload);

/* rps_dev_stage() and rps_dev_flush(). */
RPS_API RPS_CHECKED int rps_dev_send(struct rps_dev *dev,
				     const struct rps_hdr *hdr,
				     const void *payload);

/**
 * rps_dev_get() - borrow a buffer of the driver, to be filled in place.
 * @room: the caller's until rps_dev_stage_room() or rps_dev_unget(), one of
 *        which must follow. Of a buffer in pieces it is the first one.
 *
 * Return: 0; -ENOMEM and -EPIPE as rps_dev_stage(), -ENOMEM also while
 * RPS_DEV_UNUSED_MAX - 1 are borrowed; -EMSGSIZE where the first piece of the next
 * buffer does not hold a header.
 */
RPS_API RPS_CHECKED int rps_dev_get(struct rps_dev *dev, struct rps_room *room);

/* Nothing of it is ever seen on the wire; the next message goes there. */
RPS_API void rps_dev_unget(struct rps_dev *dev, const struct rps_room *room);

/**
 * rps_dev_stage_room() - rps_dev_stage() of what lies in its buffer already.
 *
 * Return: 0; -EMSGSIZE where hdr->len_bytes is more than the room: it is the
 * caller's still.
 */
RPS_API RPS_CHECKED int rps_dev_stage_room(struct rps_dev *dev,
					   const struct rps_room *room,
					   const struct rps_hdr *hdr);

#endif
