/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a node does as a rule, and quickly: messages are well-formed, buffers of
 * one descriptor, endpoints there, and nothing has to be put aside.
 *
 * Each step is that of drv_path.h and dev_path.h, as everywhere.  Where anything
 * is not as it is as a rule, nothing has changed yet, and node.c and send.c find
 * out what it is from the start.
 */
#include "usual.h"

#include <errno.h>

#include "dev_path.h"
#include "drv_path.h"
#include "ept.h"
#include "name_service.h"
#include "node_priv.h"

/* Never inlined: what they need is put aside in them, and not by their caller. */
#define APART __attribute__((noinline))

/* --- receiving ----------------------------------------------------------- */

/* Whether something is known to have come in, now or after a look.  The ring is
 * not broken: that is no usual path. */
static RPS_HOT bool driver_sees(struct vdrv *rx, struct view view)
{
	uint16_t bad;

	return __builtin_expect(vdrv_knows_more(rx), 0) ||
	       vdrv_peek(rx, view, &bad) == 0;
}

static RPS_HOT bool device_sees(struct vdev *rx, struct view view)
{
	uint16_t bad;

	return __builtin_expect(vdev_knows_more(rx), 0) ||
	       vdev_peek(rx, view, &bad) == 0;
}

static RPS_HOT bool knows_more(const struct rps_node *node, enum rps_role role)
{
	return role == RPS_ROLE_DRIVER ? vdrv_knows_more(&node->drv.rx)
				       : vdev_knows_more(&node->dev.rx);
}

/* A message whose buffer counts as the peer's still: keep() or give_back()
 * comes next.
 * Return: whether it is a usual one; else nothing has changed. */
static RPS_HOT bool driver_takes(struct rps_drv *drv, struct view view,
				 const struct vring_used *used, uint32_t idx,
				 struct rps_msg *msg)
{
	uint32_t used_bytes;
	uint32_t buf;

	return vdrv_look_own(&drv->rx.ring, view, used, &drv->rx_own, idx, &buf,
			     &used_bytes) &&
	       drv_rx_usual(drv, view, buf, used_bytes, msg);
}

/* @learns: whether a buffer that is unlike the last one may become usual. */
static RPS_HOT bool device_takes(struct rps_dev *dev, struct view view,
				 const struct vring_avail *avail, uint32_t idx,
				 bool learns, struct rps_msg *msg)
{
	uint32_t head;

	if (!vdev_look(&dev->rx.ring, view, avail, idx, &head))
		return false;
	if (dev_rx_plain(dev, view, head, msg))
		return true;
	return learns && dev_learn(&dev->rx, &dev->rx_good, head, false) &&
	       dev_rx_plain(dev, view, head, msg);
}

static RPS_HOT bool takes(struct rps_node *node, enum rps_role role,
			  struct view view, struct rps_msg *msg)
{
	if (role == RPS_ROLE_DRIVER) {
		if (!driver_takes(&node->drv, view, node->drv.rx.ring.used,
				  node->drv.rx.used_idx, msg))
			return false;
		node->drv.rx.used_idx++;
		return true;
	}
	if (!device_takes(&node->dev, view, node->dev.rx.ring.avail,
			  node->dev.rx.avail_idx, true, msg))
		return false;
	node->dev.rx.avail_idx++;
	return true;
}

static RPS_HOT void give_back(struct rps_node *node, enum rps_role role,
			      struct view view, uint16_t buf)
{
	if (role == RPS_ROLE_DRIVER)
		drv_rx_return(&node->drv.rx, view, buf);
	else
		dev_rx_return(&node->dev.rx, view, buf);
}

static RPS_HOT void keep(struct rps_node *node, enum rps_role role,
			 uint16_t buf)
{
	if (role == RPS_ROLE_DRIVER)
		drv_rx_keep(&node->drv, buf);
}

static RPS_HOT enum rps_rx_result deliver(struct rps_node *node,
					  const struct rps_msg *msg)
{
	struct rps_ept *ept = ept_near(&node->epts, msg->hdr.dst);

	if (__builtin_expect(!ept, 0))
		return node_deliver(node, msg);
	return ept->rx(node, ept, msg, ept->priv);
}

static RPS_HOT void receive(struct rps_node *node, enum rps_role role,
			    struct view view)
{
	struct rps_msg msg;

	if (__builtin_expect(!takes(node, role, view, &msg), 0))
		(void)node_receive_next(node);
	else if (__builtin_expect(deliver(node, &msg) == RPS_RX_DONE, 1))
		give_back(node, role, view, msg.buf);
	else
		keep(node, role, msg.buf);
}

/* All that is known to have come in besides the first one, which so needs no
 * loop around it. */
static RPS_HOT void receive_rest(struct rps_node *node, enum rps_role role)
{
	while (knows_more(node, role) &&
	       !(node_knows_chores(node) && !node->ready))
		receive(node, role, view_plain(node->mem));
}

/* --- the end of a poll --------------------------------------------------- */

static RPS_HOT void tell(struct rps_node *node, enum rps_role role,
			 struct view view)
{
	if (role == RPS_ROLE_DRIVER)
		drv_tell(&node->drv, view, vdrv_has_event_idx(&node->drv.tx),
			 false);
	else
		dev_tell(&node->dev, view, vdev_has_event_idx(&node->dev.tx),
			 false);
}

static RPS_HOT bool settle(struct rps_node *node, enum rps_role role,
			   struct view view)
{
	return role == RPS_ROLE_DRIVER ? drv_settle(&node->drv, view, true)
				       : dev_settle(&node->dev, view, true);
}

static RPS_HOT bool do_chores(struct rps_node *node, enum rps_role role)
{
	struct view view = view_plain(node->mem);

	if (node->ready && rps_node_announces_later(node)) {
		node->corks++;
		ns_flush(node);
		node->corks--;
	}
	if (!node->ready)
		return false;
	if (!node->polled)
		return settle(node, role, view);
	tell(node, role, view);
	return false;
}

static RPS_HOT bool ends(struct rps_node *node, enum rps_role role)
{
	if (__builtin_expect(node_knows_chores(node), 0))
		return do_chores(node, role);
	return settle(node, role, view_plain(node->mem));
}

static APART bool driver_ends(struct rps_node *node)
{
	return ends(node, RPS_ROLE_DRIVER);
}

static APART bool device_ends(struct rps_node *node)
{
	return ends(node, RPS_ROLE_DEVICE);
}

/* Any number of messages, or none. */
static APART bool driver_polls_many(struct rps_node *node)
{
	struct view view = view_plain(node->mem);

	if (!driver_sees(&node->drv.rx, view))
		return node_poll_any(node);
	node->corks++;
	receive_rest(node, RPS_ROLE_DRIVER);
	node->corks--;
	return driver_ends(node);
}

static APART bool device_polls_many(struct rps_node *node)
{
	struct view view = view_plain(node->mem);

	if (!device_sees(&node->dev.rx, view))
		return node_poll_any(node);
	node->corks++;
	receive_rest(node, RPS_ROLE_DEVICE);
	node->corks--;
	return device_ends(node);
}

static APART bool driver_keeps(struct rps_node *node, uint16_t buf)
{
	drv_rx_keep(&node->drv, buf);
	node->corks--;
	return driver_ends(node);
}

static APART bool device_keeps(struct rps_node *node)
{
	node->corks--;
	return device_ends(node);
}

/* One message, as where each is answered: so it needs no loop. */
static bool driver_polls(struct rps_node *node)
{
	struct view view = view_plain(node->mem);
	struct vdrv *rx = &node->drv.rx;
	const struct vring_used *used = rx->ring.used;
	uint32_t idx = rx->used_idx;
	uint32_t next = next_of(idx);
	struct rps_ept *ept;
	struct rps_msg msg;

	if (!vdrv_sees_one(rx, view, used, idx, next) ||
	    !driver_takes(&node->drv, view, used, idx, &msg))
		return driver_polls_many(node);
	ept = ept_near(&node->epts, msg.hdr.dst);
	if (!ept)
		return driver_polls_many(node);
	vdrv_step_one(rx, next);
	node->corks++;
	if (ept->rx(node, ept, &msg, ept->priv) != RPS_RX_DONE)
		return driver_keeps(node, msg.buf);
	idx = rx->avail_idx;
	next = next_of(idx);
	vdrv_write_head(rx, view, idx, msg.buf);
	rx->avail_idx = (uint16_t)next;
	if (--node->corks != 0 || rx->published_idx != (uint16_t)idx)
		return driver_ends(node);
	return drv_settle_one(&node->drv, view, idx, next);
}

static bool device_polls(struct rps_node *node)
{
	struct view view = view_plain(node->mem);
	struct vdev *rx = &node->dev.rx;
	const struct vring_avail *avail = rx->ring.avail;
	uint32_t idx = rx->avail_idx;
	uint32_t next = next_of(idx);
	struct rps_ept *ept;
	struct rps_msg msg;

	if (!vdev_sees_one(rx, view, avail, idx, next) ||
	    !device_takes(&node->dev, view, avail, idx, false, &msg))
		return device_polls_many(node);
	ept = ept_near(&node->epts, msg.hdr.dst);
	if (!ept)
		return device_polls_many(node);
	vdev_step_one(rx, next);
	node->corks++;
	if (ept->rx(node, ept, &msg, ept->priv) != RPS_RX_DONE)
		return device_keeps(node);
	/* The only one that was taken: so both rings have come to here. */
	idx = rx->used_idx;
	next = rx->avail_idx;
	vdev_write_one(rx, view, idx, msg.buf);
	rx->used_idx = (uint16_t)next;
	if (--node->corks != 0)
		return device_ends(node);
	return dev_settle_one(&node->dev, view, idx, next);
}

/* --- sending ------------------------------------------------------------- */

/* Whether it is known, all at once, that a batch is open and no chore waits. */
static RPS_HOT bool is_corked_only(const struct rps_node *node)
{
	return (int32_t)node->corks > 0;
}

static APART int driver_tells(struct rps_node *node)
{
	if (!node_is_corked(node))
		drv_tell_tx(&node->drv, view_plain(node->mem));
	return 0;
}

static APART int device_tells(struct rps_node *node)
{
	if (!node_is_corked(node))
		dev_tell_tx(&node->dev, view_plain(node->mem));
	return 0;
}

static RPS_HOT struct outgoing outgoing(uint32_t src, uint32_t dst,
					const void *payload, size_t len_bytes,
					bool calls)
{
	return (struct outgoing){ src, dst, payload, (uint32_t)len_bytes,
				  calls };
}

static RPS_HOT bool is_sendable(const struct outgoing *msg)
{
	return msg->src != RPMSG_ADDR_ANY && msg->dst != RPMSG_ADDR_ANY;
}

static RPS_HOT int sends_any(struct rps_node *node, const struct outgoing *msg)
{
	return node_send_any(node, msg->src, msg->dst, msg->payload,
			     msg->len_bytes);
}

static RPS_HOT int driver_stages(struct rps_node *node,
				 const struct outgoing msg)
{
	if (!is_sendable(&msg) ||
	    !drv_stage_usual(&node->drv, view_plain(node->mem), &msg))
		return sends_any(node, &msg);
	return is_corked_only(node) ? 0 : driver_tells(node);
}

static APART int driver_sends_short(struct rps_node *node, uint32_t src,
				    uint32_t dst, const void *payload,
				    size_t len_bytes)
{
	return driver_stages(node,
			     outgoing(src, dst, payload, len_bytes, false));
}

static APART int driver_sends_long(struct rps_node *node, uint32_t src,
				   uint32_t dst, const void *payload,
				   size_t len_bytes)
{
	if (len_bytes > node->drv.tx_room)
		return node_send_any(node, src, dst, payload, len_bytes);
	return driver_stages(node,
			     outgoing(src, dst, payload, len_bytes, true));
}

/* COPY_SHORT_MAX bytes always fit. */
static int driver_sends(struct rps_node *node, uint32_t src, uint32_t dst,
			const void *payload, size_t len_bytes)
{
	if (copy_is_usual(len_bytes))
		return driver_stages(node, outgoing(src, dst, payload,
						    len_bytes, false));
	if (len_bytes > COPY_SHORT_MAX)
		return driver_sends_long(node, src, dst, payload, len_bytes);
	return driver_sends_short(node, src, dst, payload, len_bytes);
}

/* Where a buffer is unlike the last one it may be learnt from. */
static APART int device_sends_any(struct rps_node *node, uint32_t src,
				  uint32_t dst, const void *payload,
				  size_t len_bytes)
{
	struct outgoing msg = outgoing(src, dst, payload, len_bytes, true);

	if (!is_sendable(&msg) || len_bytes > UINT16_MAX ||
	    !dev_learn_tx(&node->dev) ||
	    !dev_stage_usual(&node->dev, view_plain(node->mem), &msg))
		return node_send_any(node, src, dst, payload, len_bytes);
	return is_corked_only(node) ? 0 : device_tells(node);
}

static RPS_HOT int device_stages(struct rps_node *node,
				 const struct outgoing msg)
{
	if (!is_sendable(&msg) ||
	    !dev_stage_usual(&node->dev, view_plain(node->mem), &msg))
		return device_sends_any(node, msg.src, msg.dst, msg.payload,
					msg.len_bytes);
	return is_corked_only(node) ? 0 : device_tells(node);
}

static APART int device_sends_short(struct rps_node *node, uint32_t src,
				    uint32_t dst, const void *payload,
				    size_t len_bytes)
{
	return device_stages(node,
			     outgoing(src, dst, payload, len_bytes, false));
}

static APART int device_sends_long(struct rps_node *node, uint32_t src,
				   uint32_t dst, const void *payload,
				   size_t len_bytes)
{
	if (len_bytes > UINT16_MAX)
		return node_send_any(node, src, dst, payload, len_bytes);
	return device_stages(node,
			     outgoing(src, dst, payload, len_bytes, true));
}

static int device_sends(struct rps_node *node, uint32_t src, uint32_t dst,
			const void *payload, size_t len_bytes)
{
	if (copy_is_usual(len_bytes))
		return device_stages(node, outgoing(src, dst, payload,
						    len_bytes, false));
	if (len_bytes > COPY_SHORT_MAX)
		return device_sends_long(node, src, dst, payload, len_bytes);
	return device_sends_short(node, src, dst, payload, len_bytes);
}

/* --- batches ------------------------------------------------------------- */

/*
 * What is known of a ring at the beginning is enough for all of a batch, and its
 * indices stay in registers from one message to the next.
 */

static RPS_HOT unsigned int at_most(unsigned int count, uint16_t known)
{
	return count < known ? count : known;
}

static APART unsigned int driver_sends_batch(struct rps_node *node,
					     struct hdr_ends ends,
					     const struct rps_out *out,
					     unsigned int count)
{
	struct view view = view_plain(node->mem);
	struct rps_drv *drv = &node->drv;
	struct vdrv *tx = &drv->tx;
	const struct vring ring = tx->ring;
	uint32_t used_idx = tx->used_idx;
	uint32_t avail_idx = tx->avail_idx;
	unsigned int n;

	count = at_most(count, (uint16_t)(tx->used_seen - tx->used_idx));
	for (n = 0; n < count; n++) {
		size_t len_bytes = out[n].len_bytes;
		uint8_t *bytes;
		uint32_t buf;

		if (len_bytes > drv->tx_room ||
		    !vdrv_look_own(&ring, view, ring.used, &drv->tx_own,
				   used_idx + n, &buf, NULL))
			break;
		vdrv_resize_own(&ring, &drv->tx_own, view, buf,
				RPMSG_HDR_BYTES + (uint32_t)len_bytes);
		bytes = drv_tx_at(drv, buf);
		hdr_write_next(bytes, ends, (uint32_t)len_bytes);
		vdrv_put_head(&ring, view, avail_idx + n, (uint16_t)buf);
		copy_out_any(view.mem, SEAM_PAYLOAD, bytes + RPMSG_HDR_BYTES,
			     out[n].payload, len_bytes);
	}
	tx->avail_idx += (uint16_t)n;
	tx->used_idx += (uint16_t)n;
	return n;
}

static APART unsigned int device_sends_batch(struct rps_node *node,
					     struct hdr_ends ends,
					     const struct rps_out *out,
					     unsigned int count)
{
	struct view view = view_plain(node->mem);
	struct rps_dev_good *good = &node->dev.tx_good;
	struct vdev *tx = &node->dev.tx;
	const struct vring ring = tx->ring;
	uint32_t avail_idx = tx->avail_idx;
	uint32_t used_idx = tx->used_idx;
	unsigned int n;

	if (!dev_takes_in_turn(&node->dev))
		return 0;
	count = at_most(count, (uint16_t)(tx->avail_seen - tx->avail_idx));
	for (n = 0; n < count; n++) {
		size_t len_bytes = out[n].len_bytes;
		uint8_t *bytes;
		uint32_t room;
		uint32_t head;

		if (!vdev_look(&ring, view, ring.avail, avail_idx + n, &head))
			break;
		bytes = dev_find(tx, good, view, head, &room);
		if (!bytes && dev_learn(tx, good, head, true))
			bytes = dev_find(tx, good, view, head, &room);
		if (!bytes || len_bytes > room)
			break;
		hdr_write_next(bytes, ends, (uint32_t)len_bytes);
		vdev_put_elem(&ring, view, used_idx + n, head,
			      RPMSG_HDR_BYTES + (uint32_t)len_bytes);
		copy_out_any(view.mem, SEAM_PAYLOAD, bytes + RPMSG_HDR_BYTES,
			     out[n].payload, len_bytes);
	}
	tx->avail_idx += (uint16_t)n;
	tx->used_idx += (uint16_t)n;
	return n;
}

unsigned int usual_send(struct rps_node *node, uint32_t src, uint32_t dst,
			const struct rps_out *out, unsigned int count)
{
	struct hdr_ends ends = hdr_ends_of(src, dst);

	return node->role == RPS_ROLE_DRIVER
		       ? driver_sends_batch(node, ends, out, count)
		       : device_sends_batch(node, ends, out, count);
}

static APART unsigned int driver_receives(struct rps_node *node,
					  struct rps_in *in, unsigned int count)
{
	struct view view = view_plain(node->mem);
	struct rps_drv *drv = &node->drv;
	const struct vring_used *used = drv->rx.ring.used;
	uint32_t idx = drv->rx.used_idx;
	unsigned int n;

	if (!driver_sees(&drv->rx, view))
		return 0;
	count = at_most(count, (uint16_t)(drv->rx.used_seen - idx));
	for (n = 0; n < count; n++) {
		if (!driver_takes(drv, view, used, idx + n, &in[n].msg))
			break;
		in[n].ept = ept_near(&node->epts, in[n].msg.hdr.dst);
		if (!in[n].ept)
			break;
		drv_rx_keep(drv, in[n].msg.buf);
	}
	drv->rx.used_idx += (uint16_t)n;
	return n;
}

static APART unsigned int device_receives(struct rps_node *node,
					  struct rps_in *in, unsigned int count)
{
	struct view view = view_plain(node->mem);
	struct vdev *rx = &node->dev.rx;
	const struct vring_avail *avail = rx->ring.avail;
	uint32_t idx = rx->avail_idx;
	unsigned int n;

	if (!device_sees(rx, view))
		return 0;
	count = at_most(count, (uint16_t)(rx->avail_seen - idx));
	for (n = 0; n < count; n++) {
		if (!device_takes(&node->dev, view, avail, idx + n, true,
				  &in[n].msg))
			break;
		in[n].ept = ept_near(&node->epts, in[n].msg.hdr.dst);
		if (!in[n].ept)
			break;
	}
	rx->avail_idx += (uint16_t)n;
	return n;
}

unsigned int usual_receive(struct rps_node *node, struct rps_in *in,
			   unsigned int count)
{
	return node->role == RPS_ROLE_DRIVER ? driver_receives(node, in, count)
					     : device_receives(node, in, count);
}

static APART void driver_gives_back(struct rps_node *node,
				    const struct rps_in *in, unsigned int count)
{
	struct view view = view_plain(node->mem);
	struct vdrv *rx = &node->drv.rx;
	const struct vring ring = rx->ring;
	uint32_t idx = rx->avail_idx;

	for (unsigned int i = 0; i < count; i++) {
		vdrv_lend_own(&node->drv.rx_own, in[i].msg.buf);
		vdrv_put_head(&ring, view, idx + i, in[i].msg.buf);
	}
	rx->avail_idx += (uint16_t)count;
}

static APART void device_gives_back(struct rps_node *node,
				    const struct rps_in *in, unsigned int count)
{
	struct view view = view_plain(node->mem);
	struct vdev *rx = &node->dev.rx;
	const struct vring ring = rx->ring;
	uint32_t idx = rx->used_idx;

	for (unsigned int i = 0; i < count; i++)
		vdev_put_elem(&ring, view, idx + i, in[i].msg.buf, 0);
	rx->used_idx += (uint16_t)count;
}

void usual_done(struct rps_node *node, const struct rps_in *in,
		unsigned int count)
{
	if (node->role == RPS_ROLE_DRIVER)
		driver_gives_back(node, in, count);
	else
		device_gives_back(node, in, count);
}

bool usual_settle(struct rps_node *node)
{
	return settle(node, node->role, view_plain(node->mem));
}

/* --- in place ------------------------------------------------------------- */

bool usual_get(struct rps_node *node, struct rps_room *room)
{
	struct view view = view_plain(node->mem);

	return node->role == RPS_ROLE_DRIVER
		       ? drv_get_usual(&node->drv, view, room)
		       : dev_get_usual(&node->dev, view, room);
}

bool usual_send_room(struct rps_node *node, const struct rps_room *room,
		     const struct rps_hdr *hdr)
{
	struct view view = view_plain(node->mem);

	if (node->role == RPS_ROLE_DRIVER) {
		if (!drv_stage_room_usual(&node->drv, view, room, hdr))
			return false;
		if (!node_is_corked(node))
			(void)driver_tells(node);
		return true;
	}
	if (!dev_stage_room_usual(&node->dev, view, room, hdr))
		return false;
	if (!node_is_corked(node))
		(void)device_tells(node);
	return true;
}

void usual_path(struct rps_node *node)
{
	if (node->role == RPS_ROLE_DRIVER) {
		node->poll = vdrv_has_event_idx(&node->drv.rx)
				     ? driver_polls
				     : driver_polls_many;
		if (node->drv.tx_room >= COPY_SHORT_MAX)
			node->trysend = driver_sends;
	} else {
		node->poll = vdev_has_event_idx(&node->dev.rx)
				     ? device_polls
				     : device_polls_many;
		node->trysend = device_sends;
	}
}
