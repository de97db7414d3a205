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
#include "msg.h"
#include "probe_msg.h"

/* --- receiving ----------------------------------------------------------- */

/* One rule for ring and header (END-004). */
static RPS_HOT enum rps_order dev_hdr_order(struct view view)
{
	if (mutated(view.mem, MUTANT_dev_hdr_is_le))
		return RPS_ORDER_LE;
	return order_of(view);
}

/* A buffer of one descriptor that holds a header at least. */
static RPS_HOT bool dev_may_use(struct view view, const struct vdev_desc *desc,
				bool device_writes)
{
	return vdev_is_simple(view, desc, device_writes) &&
	       !(desc->len_bytes < RPMSG_HDR_BYTES);
}

/*
 * Where a buffer lies that is as those that were found good, else NULL; in
 * a plain view.  One comparison says that its flags are theirs, that it holds
 * a header, and that it is not too long: all else is more than @good->most away.
 * @room: payload bytes that it takes.
 */
static RPS_HOT uint8_t *dev_find(const struct vdev *vq,
				 const struct rps_dev_good *good,
				 struct view view, uint32_t head,
				 uint32_t *room)
{
	const struct vring_desc *at = &vq->ring.desc[head];
	uint64_t offset =
		load64(view, SEAM_DESC_ADDR, &at->addr) - good->base.v;
	uint64_t more = vdev_load_word(at) - good->least;
	uint8_t *bytes;

	if (__builtin_expect(more > good->most, 0))
		return NULL;
	if (__builtin_expect(offset > good->last, 0))
		return NULL;
	*room = (uint32_t)(more >> VDEV_LEN_SHIFT);
	bytes = good->host + offset;
	/* A region lies somewhere: the caller's test is those above. */
	if (!bytes)
		__builtin_unreachable();
	return bytes;
}

/* Whether the buffer at @head is found good, in a plain view: dev_find() finds
 * it then, unless it is another one meanwhile. */
RPS_COLD bool dev_learn(struct vdev *vq, struct rps_dev_good *good,
			uint32_t head, bool device_writes);

/* The same for the next one to send in. */
RPS_COLD bool dev_learn_tx(struct rps_dev *dev);

/*
 * A message as it is as a rule, well-formed, in a buffer of one descriptor.
 * @head, @desc: which buffer, and what it says.
 *
 * Return: whether @msg is it.
 */
static RPS_HOT bool dev_rx_usual(const struct vdev *rx, struct view view,
				 uint32_t head, const struct vdev_desc *desc,
				 struct rps_msg *msg)
{
	uint32_t room = desc->len_bytes - RPMSG_HDR_BYTES;
	uint8_t *bytes;

	if (!dev_may_use(view, desc, false))
		return false;
	bytes = map_in(&rx->near, desc->addr, desc->len_bytes);
	if (!bytes)
		return false;
	hdr_read(view, dev_hdr_order(view), bytes, room, &msg->hdr);
	if (msg->hdr.len_bytes > room)
		return false;
	probe_header(view.mem, RPS_EVENT_header_read, desc->addr, &msg->hdr);
	msg->payload = bytes + RPMSG_HDR_BYTES;
	msg_lies_in(msg, head);
	return true;
}

/* The same in a plain view, of one that is as others were. */
static RPS_HOT bool dev_rx_plain(const struct rps_dev *dev, struct view view,
				 uint32_t head, struct rps_msg *msg)
{
	const struct rps_dev_good *good = &dev->rx_good;
	uint32_t fits;
	uint8_t *bytes = dev_find(&dev->rx, good, view, head, &fits);

	if (!bytes)
		return false;
	hdr_read(view, order_of(view), bytes, fits, &msg->hdr);
	if (msg->hdr.len_bytes > fits)
		return false;
	msg->payload = bytes + RPMSG_HDR_BYTES;
	msg_lies_in(msg, head);
	return true;
}

/* rps_dev_rx_done() in a plain view. */
static RPS_HOT void dev_rx_return(struct vdev *rx, struct view view,
				  uint16_t head)
{
	vdev_stage_plain(rx, view, head, 0);
}

/* --- sending ------------------------------------------------------------- */

static RPS_HOT void dev_stage_used(struct vdev *tx, struct view view,
				   uint32_t head, const struct rps_hdr *hdr)
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
static RPS_HOT void dev_fill(struct vdev *tx, struct view view, uint32_t head,
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
	return !(dev->tx.state & (VDEV_ASIDE | VDEV_KICK_ON));
}

/*
 * rps_dev_stage() in a plain view, as it goes as a rule: a buffer is known to be
 * there, as the last one and long enough, and no other was taken before it.
 *
 * Return: whether the message was staged; else nothing has changed.
 */
static RPS_HOT bool dev_stage_usual(struct rps_dev *dev, struct view view,
				    const struct outgoing *msg)
{
	struct vdev *tx = &dev->tx;
	uint8_t *bytes;
	uint32_t head;
	uint32_t room;

	if (!dev_takes_in_turn(dev) || !vdev_knows_more(tx) ||
	    !vdev_look(&tx->ring, view, tx->ring.avail, tx->avail_idx, &head))
		return false;
	bytes = dev_find(tx, &dev->tx_good, view, head, &room);
	if (!bytes || msg->len_bytes > room)
		return false;
	step16(&tx->avail_idx);
	hdr_put(bytes, msg->src, msg->dst, msg->len_bytes);
	bytes += RPMSG_HDR_BYTES;
	if (!msg->calls)
		copy_out_short(view.mem, SEAM_PAYLOAD, bytes, msg->payload,
			       msg->len_bytes);
	vdev_stage_plain(tx, view, head, RPMSG_HDR_BYTES + msg->len_bytes);
	if (msg->calls)
		copy_out(view.mem, SEAM_PAYLOAD, bytes, msg->payload,
			 msg->len_bytes);
	return true;
}

/* rps_dev_get(), as dev_stage_usual(). */
static RPS_HOT bool dev_get_usual(struct rps_dev *dev, struct view view,
				  struct rps_room *room)
{
	struct vdev *tx = &dev->tx;
	uint8_t *bytes;
	uint32_t room_bytes;
	uint32_t head;

	if (!dev_takes_in_turn(dev) || !vdev_knows_more(tx) ||
	    dev->num_lent + 1u >= RPS_DEV_UNUSED_MAX ||
	    !vdev_look(&tx->ring, view, tx->ring.avail, tx->avail_idx, &head))
		return false;
	bytes = dev_find(tx, &dev->tx_good, view, head, &room_bytes);
	if (!bytes && dev_learn(tx, &dev->tx_good, head, true))
		bytes = dev_find(tx, &dev->tx_good, view, head, &room_bytes);
	if (!bytes)
		return false;
	vdev_step(tx, view, head);
	dev->num_lent++;
	room->buf = (uint16_t)head;
	room->addr =
		dev->tx_good.base.v + (uint64_t)(bytes - dev->tx_good.host);
	room->payload = bytes + RPMSG_HDR_BYTES;
	room->room_bytes = room_bytes;
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

/* Apart, since it is rare that the driver waits for buffers.
 * @tx: whether it waits for messages too. */
RPS_COLD bool dev_notify_both(struct rps_dev *dev, bool tx);

/*
 * dev_settle() in a plain view with VIRTIO_F_EVENT_IDX, where one buffer was
 * taken and given back since the last one.  Both decisions come before the
 * notification, so that no register has to be put aside for them.
 * @idx, @next: of the one that was given back, and behind it.
 */
static RPS_HOT bool dev_settle_one(struct rps_dev *dev, struct view view,
				   uint32_t idx, uint32_t next)
{
	struct vdev *rxq = &dev->rx;
	struct vdev *txq = &dev->tx;
	struct vring_news rx = news_of_one(idx);
	struct vring_news tx = { txq->published_idx, txq->used_idx };
	bool notify_rx;
	bool notify_tx;

	(void)vdev_kick_ask(rxq, view, true, true);
	vdev_show(rxq, view, (uint16_t)next);
	if (__builtin_expect(is_news(tx), 1))
		vdev_show(txq, view, tx.new);
	vdev_fence(view);
	notify_tx = is_news(tx) && vdev_notify_decide(txq, view, true, tx);
	notify_rx = vdev_notify_decide(rxq, view, true, rx);
	if (__builtin_expect(notify_rx, 0))
		return dev_notify_both(dev, notify_tx);
	if (__builtin_expect(notify_tx, 1))
		dev_notify(dev, txq);
	return vdev_missed(rxq, view, true);
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
