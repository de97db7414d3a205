/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RPMsg over the driver end: owns both rings and all buffers.
 * Source: Linux drivers/rpmsg/virtio_rpmsg_bus.c (de-facto); virtio-1.2 3.1.1.
 */
#ifndef RPS_DRV_H
#define RPS_DRV_H

#include <rps/bufsz.h>
#include <rps/msg.h>
#include <rps/vbus.h>
#include <rps/vdrv.h>
#include <rps/xport.h>

/* Buffers per direction at most, however long the ring. */
#define RPS_DRV_BUFS_MAX RPS_VDRV_OWN_MAX

/**
 * struct rps_drv_params - what the driver brings along.
 * @num:       entries wanted per ring; the device may allow fewer.
 * @ring:      where the rings are to be put.
 * @bufs:      first of min(@num, 256) buffers to receive in and as many to send
 *             in, all device-accessible.
 * @buf_bytes: size of those to receive in; 512 unless agreed otherwise.
 * @tx_buf_bytes: size of those to send in; 0: the same.
 * @native:    byte order of the driver's processor, for a legacy device.
 * @start_idx: first ring index; 0 outside wrap tests.
 * @bus_offset: bus address less physical address of all of this, for a device
 *             that wants bus addresses.
 * @bufsz:     feature bit 1 means VIRTIO_RPMSG_F_BUFSZ on this bus; sizes that
 *             the device names may then be smaller than the two above.
 */
struct rps_drv_params {
	uint32_t num;
	struct rps_vring_addrs ring[RPS_NUM_QUEUES];
	struct gpa bufs;
	uint32_t buf_bytes;
	uint32_t tx_buf_bytes;
	enum rps_order native;
	uint16_t start_idx;
	uint64_t bus_offset;
	bool bufsz;
};

struct rps_drv {
	struct rps_mem *mem;
	const struct rps_vbus_ops *ops;
	void *bus;
	struct rps_drv_params params;
	struct feature_set features; /* negotiated */
	struct vdrv rx;
	struct vdrv tx;
	uint8_t *bufs;      /* first of all buffers, mapped */
	uint8_t *tx_bufs;   /* first of those to send in */
	uint64_t tx_offset; /* bytes from @bufs to there */
	uint64_t rx_step; /* bytes from one buffer to receive in to the next */
	uint64_t tx_step; /* the same of those to send in */
	uint64_t bus_offset; /* of @params, where the device wants it */
	uint32_t rx_room;    /* payload bytes of a buffer to receive in */
	size_t tx_room;      /* the same of one to send in; 16 bits at most */
	uint16_t num_bufs;   /* per direction */
	uint16_t num_tx_free;
	uint16_t tx_free[RPS_DRV_BUFS_MAX]; /* buffers not lent to the device */
	unsigned int tx_waiters;            /* blocked senders */
	bool ready;
	struct vdrv_own rx_own;
	struct vdrv_own tx_own;
};

/**
 * rps_drv_probe() - bring a device up, from reset to DRIVER_OK.
 * @drv:    caller's storage.
 * @mem:    the driver's view; its byte order is set here.
 * @ops:    the bus; @bus is handed to each of them.
 * @params: copied.
 *
 * Return: 0; -ENODEV for another device id or a missing queue; what
 * rps_vring_attach() refuses of the rings; -EINVAL for buffers that are too
 * small or outside the regions, or sizes that the device names and that cannot
 * be; -ENOTSUP where the device refuses the features. The device is left with FAILED in its status then.
 * Source: virtio-1.2 3.1.1; receive buffers are offered before DRIVER_OK and
 * queue 0 is kicked once after it, as devices wait for it (de-facto).
 */
RPS_API RPS_CHECKED int rps_drv_probe(struct rps_drv *drv, struct rps_mem *mem,
				      const struct rps_vbus_ops *ops, void *bus,
				      const struct rps_drv_params *params);

/* Resets the device; every buffer is ours again. */
RPS_API void rps_drv_remove(struct rps_drv *drv);

/**
 * rps_drv_rx() - next received message.
 *
 * Return: 0 and @msg, the buffer being the caller's until rps_drv_rx_done();
 * -EAGAIN where there is none; -EBADMSG for a malformed one, whose buffer was
 * given back already: call again; -EPROTO on a broken queue.
 */
RPS_API RPS_CHECKED int rps_drv_rx(struct rps_drv *drv, struct rps_msg *msg);

/* The buffer is to be offered again with its full capacity: shown to the device
 * by the next rps_drv_flush() or rps_drv_settle(). */
RPS_API void rps_drv_rx_done(struct rps_drv *drv, const struct rps_msg *msg);

/**
 * rps_drv_flush() - show the device all that was staged, and kick.
 *
 * One store and one decision to kick for each ring, and one full fence for
 * both, however many buffers it is about. Does nothing where nothing was staged.
 */
RPS_API void rps_drv_flush(struct rps_drv *drv);

/**
 * rps_drv_settle() - rps_drv_flush(), and ask for an interrupt, in one.
 *
 * Return: whether messages came in meanwhile, so that one looks again.
 */
RPS_API RPS_CHECKED bool rps_drv_settle(struct rps_drv *drv);

/**
 * rps_drv_stage() - copy a message into a free buffer.
 * @hdr:     len_bytes of it counts the payload.
 * @payload: hdr->len_bytes bytes.
 *
 * Shown to the device by the next rps_drv_flush() or rps_drv_settle().
 *
 * Return: 0; -EMSGSIZE where it does not fit into a buffer; -ENOMEM where all
 * are with the device; -EPIPE on a broken queue.
 */
RPS_API RPS_CHECKED int rps_drv_stage(struct rps_drv *drv,
				      const struct rps_hdr *hdr,
				      const void *payload);

/* rps_drv_stage() and, where that went well, rps_drv_flush(). */
RPS_API RPS_CHECKED int rps_drv_send(struct rps_drv *drv,
				     const struct rps_hdr *hdr,
				     const void *payload);

/**
 * rps_drv_get() - borrow a free buffer, to be filled in place.
 * @room: the caller's until rps_drv_stage_room() or rps_drv_unget(), one of
 *        which must follow.
 *
 * Return: 0; -ENOMEM and -EPIPE as rps_drv_stage().
 */
RPS_API RPS_CHECKED int rps_drv_get(struct rps_drv *drv, struct rps_room *room);

/* Nothing of it is ever seen on the wire. */
RPS_API void rps_drv_unget(struct rps_drv *drv, const struct rps_room *room);

/**
 * rps_drv_stage_room() - rps_drv_stage() of what lies in its buffer already.
 *
 * Return: 0; -EMSGSIZE where hdr->len_bytes is more than the room: it is the
 * caller's still; -EPIPE on a broken queue, the buffer being given back.
 */
RPS_API RPS_CHECKED int rps_drv_stage_room(struct rps_drv *drv,
					   const struct rps_room *room,
					   const struct rps_hdr *hdr);

/*
 * Interrupts for returned send buffers are wanted only while somebody waits
 * for one; each wait is ended by its own call.
 */
RPS_API void rps_drv_tx_wait_begin(struct rps_drv *drv);
RPS_API void rps_drv_tx_wait_end(struct rps_drv *drv);

#endif
