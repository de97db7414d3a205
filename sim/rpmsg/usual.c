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
				 uint32_t idx, struct rps_msg *msg)
{
	uint32_t used_bytes;
	uint32_t buf;

	return vdrv_look(&drv->rx, &drv->rx_own, view, idx, &buf,
			 &used_bytes) &&
	       drv_rx_usual(drv, view, buf, used_bytes, msg);
}

static RPS_HOT bool device_takes(const struct vdev *rx, struct view view,
				 uint32_t idx, struct rps_msg *msg)
{
	struct vdev_desc desc;
	uint16_t head;

	if (!vdev_look(rx, view, idx, &head))
		return false;
	desc = vdev_read_desc(view, &rx->ring.desc[head]);
	return dev_rx_usual(rx, view, head, &desc, msg);
}

static RPS_HOT bool takes(struct rps_node *node, enum rps_role role,
			  struct view view, struct rps_msg *msg)
{
	if (role == RPS_ROLE_DRIVER) {
		if (!driver_takes(&node->drv, view, node->drv.rx.used_idx, msg))
			return false;
		node->drv.rx.used_idx++;
		return true;
	}
	if (!device_takes(&node->dev.rx, view, node->dev.rx.avail_idx, msg))
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
	while (knows_more(node, role) && !(node->chores && !node->ready))
		receive(node, role, view_plain(node->mem));
}

static APART void driver_rest(struct rps_node *node)
{
	receive_rest(node, RPS_ROLE_DRIVER);
}

static APART void device_rest(struct rps_node *node)
{
	receive_rest(node, RPS_ROLE_DEVICE);
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

	if (node->ready && rps_node_announces_later(node))
		ns_flush(node);
	node->corks--;
	if (!node->ready)
		return false;
	if (!node->polled)
		return settle(node, role, view);
	tell(node, role, view);
	return false;
}

static APART bool driver_chores(struct rps_node *node)
{
	return do_chores(node, RPS_ROLE_DRIVER);
}

static APART bool device_chores(struct rps_node *node)
{
	return do_chores(node, RPS_ROLE_DEVICE);
}

static APART bool driver_settles(struct rps_node *node)
{
	return settle(node, RPS_ROLE_DRIVER, view_plain(node->mem));
}

static APART bool device_settles(struct rps_node *node)
{
	return settle(node, RPS_ROLE_DEVICE, view_plain(node->mem));
}

static bool driver_polls(struct rps_node *node)
{
	struct view view = view_plain(node->mem);

	if (!driver_sees(&node->drv.rx, view))
		return node_poll_any(node);
	node->corks++;
	receive(node, RPS_ROLE_DRIVER, view);
	if (vdrv_knows_more(&node->drv.rx))
		driver_rest(node);
	if (__builtin_expect(node->chores, 0))
		return driver_chores(node);
	node->corks--;
	return driver_settles(node);
}

static bool device_polls(struct rps_node *node)
{
	struct view view = view_plain(node->mem);

	if (!device_sees(&node->dev.rx, view))
		return node_poll_any(node);
	node->corks++;
	receive(node, RPS_ROLE_DEVICE, view);
	if (vdev_knows_more(&node->dev.rx))
		device_rest(node);
	if (__builtin_expect(node->chores, 0))
		return device_chores(node);
	node->corks--;
	return device_settles(node);
}

/* --- sending ------------------------------------------------------------- */

static RPS_HOT bool is_sendable(uint32_t src, uint32_t dst, size_t len_bytes)
{
	return src != RPMSG_ADDR_ANY && dst != RPMSG_ADDR_ANY &&
	       len_bytes <= UINT16_MAX;
}

static APART int driver_tells(struct rps_node *node)
{
	drv_tell_tx(&node->drv, view_plain(node->mem));
	return 0;
}

static APART int device_tells(struct rps_node *node)
{
	dev_tell_tx(&node->dev, view_plain(node->mem));
	return 0;
}

static RPS_HOT int driver_stages(struct rps_node *node, uint32_t src,
				 uint32_t dst, const void *payload,
				 size_t len_bytes)
{
	struct rps_hdr hdr = {
		.src = src,
		.dst = dst,
		.len_bytes = (uint16_t)len_bytes,
	};

	if (!is_sendable(src, dst, len_bytes) ||
	    !drv_stage_usual(&node->drv, view_plain(node->mem), &hdr, payload))
		return node_send_any(node, src, dst, payload, len_bytes);
	return node->corks > 0 ? 0 : driver_tells(node);
}

static RPS_HOT int device_stages(struct rps_node *node, uint32_t src,
				 uint32_t dst, const void *payload,
				 size_t len_bytes)
{
	struct rps_hdr hdr = {
		.src = src,
		.dst = dst,
		.len_bytes = (uint16_t)len_bytes,
	};

	if (!is_sendable(src, dst, len_bytes) ||
	    !dev_stage_usual(&node->dev, view_plain(node->mem), &hdr, payload))
		return node_send_any(node, src, dst, payload, len_bytes);
	return node->corks > 0 ? 0 : device_tells(node);
}

/* A long message is copied by a call. */
static APART int driver_sends_long(struct rps_node *node, uint32_t src,
				   uint32_t dst, const void *payload,
				   size_t len_bytes)
{
	return driver_stages(node, src, dst, payload, len_bytes);
}

static APART int device_sends_long(struct rps_node *node, uint32_t src,
				   uint32_t dst, const void *payload,
				   size_t len_bytes)
{
	return device_stages(node, src, dst, payload, len_bytes);
}

static int driver_sends(struct rps_node *node, uint32_t src, uint32_t dst,
			const void *payload, size_t len_bytes)
{
	if (len_bytes > COPY_SHORT_MAX)
		return driver_sends_long(node, src, dst, payload, len_bytes);
	return driver_stages(node, src, dst, payload, len_bytes);
}

static int device_sends(struct rps_node *node, uint32_t src, uint32_t dst,
			const void *payload, size_t len_bytes)
{
	if (len_bytes > COPY_SHORT_MAX)
		return device_sends_long(node, src, dst, payload, len_bytes);
	return device_stages(node, src, dst, payload, len_bytes);
}

/* --- batches ------------------------------------------------------------- */

/*
 * What is known of a ring at the beginning is enough for all of a batch, and its
 * indices stay in registers from one message to the next.
 */

static unsigned int at_most(unsigned int count, uint16_t known)
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
	uint32_t used_idx = tx->used_idx;
	uint32_t avail_idx = tx->avail_idx;
	unsigned int n;

	count = at_most(count, (uint16_t)(tx->used_seen - tx->used_idx));
	for (n = 0; n < count; n++) {
		size_t len_bytes = out[n].len_bytes;
		uint8_t *bytes;
		uint32_t buf;

		if (len_bytes > drv->tx_room ||
		    !vdrv_look_own(tx, &drv->tx_own, view, used_idx + n,
				   &buf) ||
		    !vdrv_relend_own(tx, &drv->tx_own, view, buf,
				     RPMSG_HDR_BYTES + (uint32_t)len_bytes))
			break;
		bytes = drv_tx_at(drv, buf);
		hdr_write_next(bytes, ends, (uint16_t)len_bytes);
		vdrv_put_head(tx, view, avail_idx + n, (uint16_t)buf);
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
	struct vdev *tx = &node->dev.tx;
	uint32_t avail_idx = tx->avail_idx;
	uint32_t used_idx = tx->used_idx;
	unsigned int n;

	if (!dev_takes_in_turn(&node->dev))
		return 0;
	count = at_most(count, (uint16_t)(tx->avail_seen - tx->avail_idx));
	for (n = 0; n < count; n++) {
		size_t len_bytes = out[n].len_bytes;
		uint8_t *bytes;
		uint16_t head;

		if (len_bytes > UINT16_MAX ||
		    !vdev_look(tx, view, avail_idx + n, &head))
			break;
		bytes = dev_room_at(tx, view, head, (uint16_t)len_bytes);
		if (!bytes)
			break;
		hdr_write_next(bytes, ends, (uint16_t)len_bytes);
		vdev_put_elem(tx, view, used_idx + n, head,
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
	uint32_t idx = drv->rx.used_idx;
	unsigned int n;

	if (!driver_sees(&drv->rx, view))
		return 0;
	count = at_most(count, (uint16_t)(drv->rx.used_seen - idx));
	for (n = 0; n < count; n++) {
		if (!driver_takes(drv, view, idx + n, &in[n].msg))
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
	uint32_t idx = rx->avail_idx;
	unsigned int n;

	if (!device_sees(rx, view))
		return 0;
	count = at_most(count, (uint16_t)(rx->avail_seen - idx));
	for (n = 0; n < count; n++) {
		if (!device_takes(rx, view, idx + n, &in[n].msg))
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
	uint32_t idx = rx->avail_idx;

	for (unsigned int i = 0; i < count; i++) {
		vdrv_lend_own(&node->drv.rx_own, in[i].msg.buf);
		vdrv_put_head(rx, view, idx + i, in[i].msg.buf);
	}
	rx->avail_idx += (uint16_t)count;
}

static APART void device_gives_back(struct rps_node *node,
				    const struct rps_in *in, unsigned int count)
{
	struct view view = view_plain(node->mem);
	struct vdev *rx = &node->dev.rx;
	uint32_t idx = rx->used_idx;

	for (unsigned int i = 0; i < count; i++)
		vdev_put_elem(rx, view, idx + i, in[i].msg.buf, 0);
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
		if (node->corks == 0)
			(void)driver_tells(node);
		return true;
	}
	if (!dev_stage_room_usual(&node->dev, view, room, hdr))
		return false;
	if (node->corks == 0)
		(void)device_tells(node);
	return true;
}

void usual_path(struct rps_node *node)
{
	if (node->role == RPS_ROLE_DRIVER) {
		node->poll = driver_polls;
		node->trysend = driver_sends;
	} else {
		node->poll = device_polls;
		node->trysend = device_sends;
	}
}
