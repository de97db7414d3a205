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

/* One rule for ring and header (END-004). */
static RPS_HOT enum rps_order dev_hdr_order(struct view view)
{
	if (mutated(view.mem, MUTANT_dev_hdr_is_le))
		return RPS_ORDER_LE;
	return order_of(view);
}

/*
 * A message as it is as a rule, well-formed, in a buffer of one descriptor.
 * @head, @desc: which buffer, and what it says.
 *
 * Return: whether @msg is it.
 */
static RPS_HOT bool dev_rx_usual(const struct vdev *rx, struct view view,
				 uint16_t head, const struct vdev_desc *desc,
				 struct rps_msg *msg)
{
	uint32_t room = desc->len_bytes - RPMSG_HDR_BYTES;
	uint8_t *bytes;

	if (!vdev_is_simple(view, desc, false) ||
	    desc->len_bytes < RPMSG_HDR_BYTES)
		return false;
	bytes = map_in(&rx->near, desc->addr, desc->len_bytes);
	if (!bytes)
		return false;
	hdr_read(view, dev_hdr_order(view), bytes, room, &msg->hdr);
	if (msg->hdr.len_bytes > room)
		return false;
	if (!view.plain)
		probe_header(view.mem, RPS_EVENT_header_read, desc->addr,
			     &msg->hdr);
	msg->payload = bytes + RPMSG_HDR_BYTES;
	msg->buf = head;
	msg->gathered = false;
	return true;
}

/* rps_dev_rx_done() in a plain view. */
static RPS_HOT void dev_rx_return(struct vdev *rx, struct view view,
				  uint16_t head)
{
	vdev_stage(rx, view, head, 0);
}

/* --- sending ------------------------------------------------------------- */

static RPS_HOT void dev_stage_used(struct vdev *tx, struct view view,
				   uint16_t head, const struct rps_hdr *hdr)
{
	uint32_t len_bytes = RPMSG_HDR_BYTES + hdr->len_bytes;

	if (mutated(view.mem, MUTANT_used_len_payload))
		len_bytes -= RPMSG_HDR_BYTES;
	vdev_stage(tx, view, head, len_bytes);
}

static RPS_HOT void dev_write_hdr(struct view view, uint8_t *to, struct gpa at,
				  const struct rps_hdr *hdr)
{
	struct rpmsg_hdr wire = hdr_write(view, dev_hdr_order(view), to, hdr);

	if (!view.plain)
		probe_written(view.mem, dev_hdr_order(view), at, &wire);
}

/* Write a message to where it lies, and stage its buffer.
 * @bytes: found at peer address @at, all of the message. */
static RPS_HOT void dev_fill(struct vdev *tx, struct view view, uint16_t head,
			     uint8_t *bytes, struct gpa at,
			     const struct rps_hdr *hdr, const void *payload)
{
	dev_write_hdr(view, bytes, at, hdr);
	/* Shown by nobody before the payload is in its place too. */
	dev_stage_used(tx, view, head, hdr);
	copy_out_any(view.mem, SEAM_PAYLOAD, bytes + RPMSG_HDR_BYTES, payload,
		     hdr->len_bytes);
}

/* Whether the next buffer to send in is the next one that is available, and
 * nobody is to be told that one was needed. */
static RPS_HOT bool dev_takes_in_turn(const struct rps_dev *dev)
{
	return dev->num_unused == 0 && !(dev->tx.state & VDEV_KICK_ON);
}

/* Where a message is to be written, in a buffer of one descriptor that is long
 * enough, else NULL. */
static RPS_HOT uint8_t *dev_room_at(const struct vdev *tx, struct view view,
				    uint16_t head, uint16_t len_bytes)
{
	struct vdev_desc desc = vdev_read_desc(view, &tx->ring.desc[head]);

	if (!vdev_is_simple(view, &desc, true) ||
	    desc.len_bytes < RPMSG_HDR_BYTES + (uint32_t)len_bytes)
		return NULL;
	return map_in(&tx->near, desc.addr, desc.len_bytes);
}

/*
 * rps_dev_stage() in a plain view, as it goes as a rule: a buffer is known to be
 * there, of one descriptor and long enough, and no other was taken before it.
 *
 * Return: whether the message was staged; else nothing has changed.
 */
static RPS_HOT bool dev_stage_usual(struct rps_dev *dev, struct view view,
				    const struct rps_hdr *hdr,
				    const void *payload)
{
	struct vdev *tx = &dev->tx;
	uint8_t *bytes;
	uint16_t head;

	if (!dev_takes_in_turn(dev) || !vdev_knows_more(tx) ||
	    !vdev_look(tx, view, tx->avail_idx, &head))
		return false;
	bytes = dev_room_at(tx, view, head, hdr->len_bytes);
	if (!bytes)
		return false;
	vdev_step(tx, view, head);
	dev_fill(tx, view, head, bytes, (struct gpa){ 0 }, hdr, payload);
	return true;
}

/* rps_dev_get(), as dev_stage_usual(). */
static RPS_HOT bool dev_get_usual(struct rps_dev *dev, struct view view,
				  struct rps_room *room)
{
	struct vdev *tx = &dev->tx;
	struct vdev_desc desc;
	uint8_t *bytes;
	uint16_t head;

	if (!dev_takes_in_turn(dev) || !vdev_knows_more(tx) ||
	    dev->num_lent + 1u >= RPS_DEV_UNUSED_MAX ||
	    !vdev_look(tx, view, tx->avail_idx, &head))
		return false;
	desc = vdev_read_desc(view, &tx->ring.desc[head]);
	if (!vdev_is_simple(view, &desc, true) ||
	    desc.len_bytes < RPMSG_HDR_BYTES)
		return false;
	bytes = map_in(&tx->near, desc.addr, desc.len_bytes);
	if (!bytes)
		return false;
	vdev_step(tx, view, head);
	dev->num_lent++;
	room->buf = head;
	room->addr = desc.addr.v;
	room->payload = bytes + RPMSG_HDR_BYTES;
	room->room_bytes = desc.len_bytes - RPMSG_HDR_BYTES;
	return true;
}

/* rps_dev_stage_room(), likewise. */
static RPS_HOT bool dev_stage_room_usual(struct rps_dev *dev, struct view view,
					 const struct rps_room *room,
					 const struct rps_hdr *hdr)
{
	if (hdr->len_bytes > room->room_bytes)
		return false;
	rps_assert(dev->num_lent > 0);
	dev->num_lent--;
	dev_write_hdr(view, room->payload - RPMSG_HDR_BYTES,
		      (struct gpa){ room->addr }, hdr);
	dev_stage_used(&dev->tx, view, room->buf, hdr);
	return true;
}

/* --- telling the driver -------------------------------------------------- */

static RPS_HOT void dev_notify(struct rps_dev *dev, const struct vdev *vq)
{
	dev->xport->ops->notify(dev->xport, vq->queue);
}

/* Apart, since it is rare that the driver waits for buffers. */
RPS_COLD void dev_notify_rx(struct rps_dev *dev);

/* Whether a deliberate error keeps quiet about buffers that went back. */
static RPS_HOT bool dev_is_silent(struct view view)
{
	return mutated(view.mem, MUTANT_dev_silent_returns) ||
	       mutated(view.mem, MUTANT_no_kick_after_repost);
}

/* Stores of both rings come first, then the fence, then what is read of the
 * driver: one fence serves all of them (barriers B and D). */
static RPS_HOT void dev_tell(struct rps_dev *dev, struct view view,
			     bool event_idx, bool asked)
{
	struct vring_news rx = vdev_publish_news(&dev->rx, view);
	struct vring_news tx = vdev_publish_news(&dev->tx, view);

	if (!asked && !is_news(rx) && !is_news(tx))
		return;
	vdev_fence(view);
	if (mutated(view.mem, MUTANT_dev_returns_always_told))
		dev->xport->ops->notify(dev->xport, dev->rx.queue);
	else if (is_news(rx) && !dev_is_silent(view) &&
		 vdev_notify_decide(&dev->rx, view, event_idx, rx))
		dev_notify_rx(dev);
	if (is_news(tx) && vdev_notify_decide(&dev->tx, view, event_idx, tx))
		dev_notify(dev, &dev->tx);
}

static RPS_HOT bool dev_settle_as(struct rps_dev *dev, struct view view,
				  bool event_idx, bool by_event, bool moved)
{
	bool asked = vdev_kick_ask(&dev->rx, view, by_event, moved);

	if (mutated(view.mem, MUTANT_kick_on_without_fence)) {
		bool missed = vdev_missed(&dev->rx, view, asked);

		dev_tell(dev, view, event_idx, asked);
		return missed;
	}
	dev_tell(dev, view, event_idx, asked);
	return vdev_missed(&dev->rx, view, asked);
}

/* rps_dev_settle(), or with @moved where it is known that messages were taken since
 * the last one.  What both queues were set up for, and what is asked for as
 * a rule, is found out once. */
static RPS_HOT bool dev_settle(struct rps_dev *dev, struct view view,
			       bool moved)
{
	if (view.plain && vdev_asks_by_event(&dev->rx))
		return dev_settle_as(dev, view, true, true, moved);
	return dev_settle_as(dev, view, vdev_has_event_idx(&dev->tx), false,
			     false);
}

/* Something was staged outside of a batch: nothing else waits to be told. */
static RPS_HOT void dev_tell_tx(struct rps_dev *dev, struct view view)
{
	struct vring_news tx = vdev_publish_news(&dev->tx, view);

	if (!is_news(tx))
		return;
	vdev_fence(view);
	if (vdev_notify_decide(&dev->tx, view, vdev_has_event_idx(&dev->tx),
			       tx))
		dev_notify(dev, &dev->tx);
}

#endif
