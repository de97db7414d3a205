/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RPMsg over the device end: what runs for each message, to be inlined into
 * dev.c and into what a node does.  The public functions say what each does.
 *
 * A buffer of one descriptor is dealt with here, and any other one in dev.c.
 */
#ifndef RPS_RPMSG_DEV_PATH_H
#define RPS_RPMSG_DEV_PATH_H

#include <rps/dev.h>

#include "../base/assert.h"
#include "../vring/vdev_path.h"
#include "hdr.h"
#include "probe_msg.h"

/* --- receiving ----------------------------------------------------------- */

/* Why a message is dropped; the numbers appear in traces. */
enum dev_drop {
	DROP_CHAIN = 16, /* broken chain, or outside the memory */
	DROP_DIRECTION,  /* a buffer for us to write */
	DROP_SHORT,      /* does not hold a header */
	DROP_MSG_LONG,   /* hdr.len is more than the buffer */
	DROP_GATHER,     /* in pieces, and too long to be put together */
};

/* Return: -EBADMSG. */
RPS_COLD int dev_drop(struct rps_dev *dev, uint16_t head, enum dev_drop why);

/* rps_dev_rx() of a buffer that may be anything. */
RPS_COLD int dev_rx_chain(struct rps_dev *dev, uint16_t head,
			  const struct vdev_desc *first, struct rps_msg *msg);

/* Return: whether the message fits into @room bytes of payload, as far as
 * deliberate errors let it be seen. */
static RPS_HOT bool dev_len_is_good(struct view view, struct rps_hdr *hdr,
				    uint64_t room)
{
	if (mutated(view.mem, MUTANT_dev_len_from_desc))
		hdr->len_bytes = (uint16_t)room;
	if (hdr->len_bytes <= room)
		return true;
	if (!mutated(view.mem, MUTANT_dev_hdr_long_accepted))
		return false;
	hdr->len_bytes = (uint16_t)room;
	return true;
}

/* One rule for ring and header (END-004). */
static RPS_HOT enum rps_order dev_hdr_order(struct view view)
{
	if (mutated(view.mem, MUTANT_dev_hdr_is_le))
		return RPS_ORDER_LE;
	return order_of(view);
}

/* A deliberate error: where the buffer is, by another look at its descriptor.
 * Return: as vdev_map(). */
RPS_COLD uint8_t *dev_reread_addr(struct rps_dev *dev, struct vdev *vq,
				  uint16_t head);

/* Deliberate errors that are made where any buffer can be dealt with. */
static RPS_HOT bool dev_rx_is_spoiled(struct view view)
{
	return mutated(view.mem, MUTANT_dev_short_msg_accepted) ||
	       mutated(view.mem, MUTANT_dev_writes_in_message) ||
	       mutated(view.mem, MUTANT_bad_addr_is_empty);
}

static RPS_HOT bool dev_tx_is_spoiled(struct view view)
{
	return mutated(view.mem, MUTANT_dev_short_buf_written) ||
	       mutated(view.mem, MUTANT_dev_room_is_512) ||
	       mutated(view.mem, MUTANT_dev_never_above_512) ||
	       mutated(view.mem, MUTANT_header_counted_twice) ||
	       mutated(view.mem, MUTANT_lent_buffer_reused);
}

/* rps_dev_rx(). */
static RPS_HOT int dev_rx(struct rps_dev *dev, struct view view,
			  struct rps_msg *msg)
{
	struct vdev_desc desc;
	uint64_t room;
	uint8_t *bytes;
	int head = vdev_take_head(&dev->rx, view, &desc);

	if (head < 0)
		return head;
	if (desc.len_bytes < RPMSG_HDR_BYTES &&
	    mutated(view.mem, MUTANT_dev_short_is_full))
		desc.len_bytes = 512;
	if (!vdev_is_simple(view, &desc, false) || dev_rx_is_spoiled(view))
		return dev_rx_chain(dev, (uint16_t)head, &desc, msg);
	bytes = vdev_map(&dev->rx, view, &desc);
	if (mutated(view.mem, MUTANT_dev_desc_addr_reread))
		bytes = dev_reread_addr(dev, &dev->rx, (uint16_t)head);
	if (!bytes)
		return dev_drop(dev, (uint16_t)head, DROP_CHAIN);
	/* Even a deliberate error of ours stays inside the memory. */
	if (mutated(view.mem, MUTANT_dev_desc_len_reread) &&
	    vdev_first_desc(&dev->rx, view, (uint16_t)head).len_bytes <
		    desc.len_bytes)
		desc.len_bytes = 0;
	if (desc.len_bytes < RPMSG_HDR_BYTES)
		return dev_drop(dev, (uint16_t)head, DROP_SHORT);

	room = desc.len_bytes - RPMSG_HDR_BYTES;
	hdr_read(view, dev_hdr_order(view), bytes, room, &msg->hdr);
	if (!view.plain)
		probe_header(view.mem, RPS_EVENT_header_read, desc.addr,
			     &msg->hdr);
	if (!dev_len_is_good(view, &msg->hdr, room))
		return dev_drop(dev, (uint16_t)head, DROP_MSG_LONG);
	if (mutated(view.mem, MUTANT_dev_hdr_len_reread)) {
		hdr_read(view, dev_hdr_order(view), bytes, room, &msg->hdr);
		if (msg->hdr.len_bytes > room)
			msg->hdr.len_bytes = (uint16_t)room;
	}
	msg->payload = bytes + RPMSG_HDR_BYTES;
	msg->buf = (uint16_t)head;
	msg->gathered = false;
	return 0;
}

/* Our own memory says which buffer it was, not the peer's. */
static RPS_HOT uint16_t dev_taken_as(struct rps_dev *dev, struct view view,
				     const struct rps_msg *msg)
{
	const struct vring *ring = &dev->rx.ring;

	if (mutated(view.mem, MUTANT_dev_head_read_back))
		return load16(
			view, SEAM_AVAIL_RING,
			&ring->avail->ring[dev->rx.used_idx & ring->mask]);
	return msg->buf;
}

/* rps_dev_rx_done(). */
static RPS_HOT void dev_rx_done(struct rps_dev *dev, struct view view,
				const struct rps_msg *msg)
{
	uint32_t len_bytes = 0;

	if (mutated(view.mem, MUTANT_tx_used_len))
		len_bytes = RPMSG_HDR_BYTES + msg->hdr.len_bytes;
	vdev_stage(&dev->rx, view, dev_taken_as(dev, view, msg), len_bytes);
}

/* --- sending ------------------------------------------------------------- */

/* rps_dev_stage() where the next buffer is or was not there, or is not of one
 * descriptor, or too short.  Buffers that were taken already wait in dev->unused. */
RPS_COLD int dev_stage_chain(struct rps_dev *dev, struct rps_hdr hdr,
			     const void *payload);

/* @head was taken and not filled: the next message goes there. */
static RPS_HOT void dev_keep_unused(struct rps_dev *dev, uint16_t head)
{
	rps_assert(dev->num_unused < RPS_DEV_UNUSED_MAX);
	dev->unused[dev->num_unused++] = head;
}

static RPS_HOT void dev_stage_used(struct rps_dev *dev, struct view view,
				   uint16_t head, const struct rps_hdr *hdr)
{
	uint32_t len_bytes = RPMSG_HDR_BYTES + hdr->len_bytes;

	if (mutated(view.mem, MUTANT_used_len_payload))
		len_bytes -= RPMSG_HDR_BYTES;
	vdev_stage(&dev->tx, view, head, len_bytes);
}

static RPS_HOT void dev_write_hdr(struct view view, uint8_t *to, struct gpa at,
				  const struct rps_hdr *hdr)
{
	struct rpmsg_hdr wire = hdr_pack_in(view, dev_hdr_order(view), hdr);

	copy_out(view.mem, SEAM_HDR, to, &wire, sizeof(wire));
	if (!view.plain)
		probe_written(view.mem, dev_hdr_order(view), at, &wire);
}

/* rps_dev_stage(). */
static RPS_HOT int dev_stage(struct rps_dev *dev, struct view view,
			     const struct rps_hdr *hdr, const void *payload)
{
	struct vdev_desc desc;
	uint8_t *bytes;
	int head;

	if (dev->num_unused > 0 || dev->tx.kick_on || dev_tx_is_spoiled(view))
		return dev_stage_chain(dev, *hdr, payload);
	head = vdev_take_head(&dev->tx, view, &desc);
	if (head == -EAGAIN)
		return dev_stage_chain(dev, *hdr, payload);
	if (head < 0)
		return -EPIPE;
	bytes = vdev_map(&dev->tx, view, &desc);
	if (mutated(view.mem, MUTANT_dev_room_addr_reread) &&
	    !dev_reread_addr(dev, &dev->tx, (uint16_t)head))
		return 0;
	if (!bytes || !vdev_is_simple(view, &desc, true) ||
	    desc.len_bytes < RPMSG_HDR_BYTES + (uint32_t)hdr->len_bytes) {
		dev_keep_unused(dev, (uint16_t)head);
		return dev_stage_chain(dev, *hdr, payload);
	}
	dev_write_hdr(view, bytes, desc.addr, hdr);
	/* Shown by nobody before the payload is in its place too. */
	dev_stage_used(dev, view, (uint16_t)head, hdr);
	/* Nothing to copy may come without an address to copy it from. */
	if (hdr->len_bytes > 0)
		copy_out(view.mem, SEAM_PAYLOAD, bytes + RPMSG_HDR_BYTES,
			 payload, hdr->len_bytes);
	return 0;
}

/* --- telling the driver -------------------------------------------------- */

static RPS_HOT void dev_notify(struct rps_dev *dev, struct view view,
			       struct vdev *vq)
{
	if (vdev_notify_decide(vq, view))
		dev->xport->ops->notify(dev->xport, vq->queue);
}

/* Whether a deliberate error keeps quiet about buffers that went back. */
static RPS_HOT bool dev_is_silent(struct view view)
{
	return mutated(view.mem, MUTANT_dev_silent_returns) ||
	       mutated(view.mem, MUTANT_no_kick_after_repost);
}

/* Stores of both rings come first, then the fence, then what is read of the
 * driver: one fence serves all of them (barriers B and D). */
static RPS_HOT void dev_tell(struct rps_dev *dev, struct view view, bool asked)
{
	bool rx;
	bool tx;

	vdev_publish(&dev->rx, view);
	vdev_publish(&dev->tx, view);
	rx = vdev_notify_undecided(&dev->rx);
	tx = vdev_notify_undecided(&dev->tx);
	if (!asked && !rx && !tx)
		return;
	vdev_fence(view);
	if (mutated(view.mem, MUTANT_dev_returns_always_told))
		dev->xport->ops->notify(dev->xport, dev->rx.queue);
	else if (rx && !dev_is_silent(view))
		dev_notify(dev, view, &dev->rx);
	if (tx)
		dev_notify(dev, view, &dev->tx);
}

/* rps_dev_settle(). */
static RPS_HOT bool dev_settle(struct rps_dev *dev, struct view view)
{
	bool asked = vdev_kick_ask(&dev->rx, view);

	if (mutated(view.mem, MUTANT_kick_on_without_fence)) {
		bool missed = vdev_missed(&dev->rx, view, asked);

		dev_tell(dev, view, asked);
		return missed;
	}
	dev_tell(dev, view, asked);
	return vdev_missed(&dev->rx, view, asked);
}

/* rps_dev_send(), outside of a batch: nothing else waits to be told. */
static RPS_HOT int dev_send(struct rps_dev *dev, struct view view,
			    const struct rps_hdr *hdr, const void *payload)
{
	int err = dev_stage(dev, view, hdr, payload);

	/* Nothing sent, but bad buffers given back: the driver hears of it. */
	vdev_publish(&dev->tx, view);
	if (vdev_notify_undecided(&dev->tx)) {
		vdev_fence(view);
		dev_notify(dev, view, &dev->tx);
	}
	return err;
}

#endif
