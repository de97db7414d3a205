/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RPMsg over the driver end: what runs for each message, to be inlined into
 * drv.c and into what a node does.  The public functions say what each does.
 *
 * Buffer number i is that of descriptor i, in either ring.
 */
#ifndef RPS_RPMSG_DRV_PATH_H
#define RPS_RPMSG_DRV_PATH_H

#include <rps/drv.h>

#include "../vring/vdrv_path.h"
#include "hdr.h"
#include "msg.h"
#include "probe_msg.h"

/* Where the device finds what we find at @addr. */
static RPS_HOT struct gpa drv_bus_addr(const struct rps_drv *drv,
				       struct gpa addr)
{
	if (!mutated(drv->mem, MUTANT_cpu_addr_written))
		addr.v += drv->bus_offset;
	return addr;
}

/* Receive buffers come first, send buffers behind them. */
static RPS_HOT uint64_t drv_rx_offset(const struct rps_drv *drv, uint32_t buf)
{
	if (mutated(drv->mem, MUTANT_buffers_interleaved))
		return 2 * buf * drv->rx_step;
	return buf * drv->rx_step;
}

static RPS_HOT uint64_t drv_tx_offset(const struct rps_drv *drv, uint32_t buf)
{
	if (mutated(drv->mem, MUTANT_buffers_interleaved))
		return drv_rx_offset(drv, buf) + drv->params.buf_bytes;
	return drv->tx_offset + buf * drv->tx_step;
}

static RPS_HOT struct gpa drv_addr(const struct rps_drv *drv, uint64_t offset)
{
	return (struct gpa){ drv->params.bufs.v + offset };
}

/* --- receiving ----------------------------------------------------------- */

static RPS_HOT void drv_stage_rx(struct rps_drv *drv, struct view view,
				 uint16_t buf, uint32_t len_bytes)
{
	struct vbuf vbuf = {
		.addr = drv_bus_addr(drv,
				     drv_addr(drv, drv_rx_offset(drv, buf))),
		.len_bytes = len_bytes,
		.device_writes = true,
	};

	/* On a broken queue it stays where it is. */
	(void)vdrv_stage_own(&drv->rx, &drv->rx_own, view, buf, &vbuf);
}

/*
 * A message as it is as a rule, well-formed, in a buffer that has come back.
 * @used_bytes: as the device claims.
 *
 * Return: whether @msg is it.
 */
static RPS_HOT bool drv_rx_usual(struct rps_drv *drv, struct view view,
				 uint32_t buf, uint32_t used_bytes,
				 struct rps_msg *msg)
{
	uint32_t room = used_bytes - RPMSG_HDR_BYTES;
	uint8_t *bytes;

	/* Neither too short for a header nor longer than the buffer. */
	if (room > drv->rx_room)
		return false;
	/* Our own memory says where the buffer is, not the peer's. */
	bytes = drv->bufs + drv_rx_offset(drv, buf);
	hdr_read(view, order_of(view), bytes, room, &msg->hdr);
	if (msg->hdr.len_bytes > room)
		return false;
	if (!view.plain)
		probe_header(view.mem, RPS_EVENT_header_read,
			     drv_addr(drv, drv_rx_offset(drv, buf)), &msg->hdr);
	msg->payload = bytes + RPMSG_HDR_BYTES;
	msg_lies_in(msg, buf);
	return true;
}

/* Somebody holds on to a message: its buffer is ours until rps_drv_rx_done(). */
static RPS_HOT void drv_rx_keep(struct rps_drv *drv, uint16_t buf)
{
	vdrv_keep_own(&drv->rx_own, buf);
}

/* rps_drv_rx_done() in a plain view, without drv_rx_keep(): its descriptor says
 * what it always says. */
static RPS_HOT void drv_rx_return(struct vdrv *rx, struct view view,
				  uint32_t buf)
{
	vdrv_stage_plain(rx, view, buf);
}

/* --- sending ------------------------------------------------------------- */

static RPS_HOT uint32_t drv_send_room(const struct rps_drv *drv)
{
	if (mutated(drv->mem, MUTANT_rx_size_for_tx))
		return drv->params.buf_bytes - RPMSG_HDR_BYTES;
	if (mutated(drv->mem, MUTANT_header_counted_twice))
		return drv->params.tx_buf_bytes - 2 * RPMSG_HDR_BYTES;
	return drv->params.tx_buf_bytes - RPMSG_HDR_BYTES;
}

static RPS_HOT uint8_t *drv_tx_at(const struct rps_drv *drv, uint32_t buf)
{
	if (mutated(drv->mem, MUTANT_buffers_interleaved))
		return drv->bufs + drv_tx_offset(drv, buf);
	return drv->tx_bufs + buf * drv->tx_step;
}

static RPS_HOT void drv_write_hdr(struct rps_drv *drv, struct view view,
				  uint32_t buf, uint8_t *to,
				  const struct rps_hdr *hdr)
{
	struct rpmsg_hdr wire = hdr_write(view, order_of(view), to, hdr);

	if (!view.plain)
		probe_written(
			view.mem, order_of(view),
			drv_bus_addr(drv,
				     drv_addr(drv, drv_tx_offset(drv, buf))),
			&wire);
}

/* A deliberate error: one message in two descriptors. */
RPS_COLD int drv_stage_chained(struct rps_drv *drv, uint16_t buf,
			       const struct vbuf *vbuf);

/* One that was reclaimed, or was never lent: see vdrv_describe_own(). */
static RPS_HOT int drv_stage_tx(struct rps_drv *drv, struct view view,
				uint16_t buf, const struct rps_hdr *hdr)
{
	struct vbuf vbuf = {
		.addr = drv_bus_addr(drv,
				     drv_addr(drv, drv_tx_offset(drv, buf))),
		.len_bytes = RPMSG_HDR_BYTES + hdr->len_bytes,
	};

	if (vbuf.len_bytes >= 480 &&
	    mutated(view.mem, MUTANT_long_message_chained))
		return drv_stage_chained(drv, buf, &vbuf);
	return vdrv_stage_own(&drv->tx, &drv->tx_own, view, buf, &vbuf) ? -EPIPE
									: 0;
}

/*
 * rps_drv_stage() in a plain view, as it goes as a rule: a buffer is known to
 * have come back, and the message fits.
 *
 * Return: whether the message was staged; else nothing has changed.
 */
static RPS_HOT bool drv_stage_usual(struct rps_drv *drv, struct view view,
				    const struct outgoing *msg)
{
	struct vdrv *tx = &drv->tx;
	uint8_t *bytes;
	uint32_t buf;

	/* used.len says nothing here: the device writes nothing. */
	if (!vdrv_knows_more(tx) ||
	    !vdrv_look_own(&tx->ring, view, tx->ring.used, &drv->tx_own,
			   tx->used_idx, &buf, NULL))
		return false;
	step16(&tx->used_idx);
	vdrv_resize_own(&tx->ring, &drv->tx_own, view, buf,
			RPMSG_HDR_BYTES + msg->len_bytes);
	bytes = drv_tx_at(drv, buf);
	hdr_put(bytes, msg->src, msg->dst, msg->len_bytes);
	bytes += RPMSG_HDR_BYTES;
	if (!msg->calls)
		copy_out_short(view.mem, SEAM_PAYLOAD, bytes, msg->payload,
			       msg->len_bytes);
	vdrv_stage_plain(tx, view, buf);
	if (msg->calls)
		copy_out(view.mem, SEAM_PAYLOAD, bytes, msg->payload,
			 msg->len_bytes);
	return true;
}

/* rps_drv_get(), as drv_stage_usual(). */
static RPS_HOT bool drv_get_usual(struct rps_drv *drv, struct view view,
				  struct rps_room *room)
{
	struct vdrv *tx = &drv->tx;
	uint32_t used_bytes;
	uint32_t buf;

	if (!vdrv_knows_more(tx) ||
	    !vdrv_look(tx, &drv->tx_own, view, tx->used_idx, &buf, &used_bytes))
		return false;
	vdrv_step(tx, view, buf, used_bytes);
	vdrv_keep_own(&drv->tx_own, (uint16_t)buf);
	room->buf = (uint16_t)buf;
	room->addr = drv_addr(drv, drv_tx_offset(drv, buf)).v;
	room->payload = drv_tx_at(drv, buf) + RPMSG_HDR_BYTES;
	room->room_bytes = drv_send_room(drv);
	return true;
}

/* rps_drv_stage_room(), likewise. */
static RPS_HOT bool drv_stage_room_usual(struct rps_drv *drv, struct view view,
					 const struct rps_room *room,
					 const struct rps_hdr *hdr)
{
	if (hdr->len_bytes > drv->tx_room || rps_vdrv_is_broken(&drv->tx) ||
	    drv->tx_own.buf[room->buf].len_bytes == 0)
		return false;
	vdrv_resize_own(&drv->tx.ring, &drv->tx_own, view, room->buf,
			RPMSG_HDR_BYTES + hdr->len_bytes);
	vdrv_lend_own(&drv->tx_own, room->buf);
	drv_write_hdr(drv, view, room->buf, drv_tx_at(drv, room->buf), hdr);
	vdrv_stage_head(&drv->tx, view, room->buf);
	return true;
}

/* --- telling the device -------------------------------------------------- */

static RPS_HOT void drv_kick(struct rps_drv *drv, const struct vdrv *vq)
{
	drv->ops->kick(drv->bus, vq->queue);
}

/* Apart, since it is rare that the device waits for buffers. */
RPS_COLD void drv_kick_rx(struct rps_drv *drv);

/* Whether a deliberate error keeps quiet about buffers that were posted. */
static RPS_HOT bool drv_is_silent(const struct rps_drv *drv)
{
	return mutated(drv->mem, MUTANT_no_kick_after_repost) && drv->ready;
}

/* Stores of both rings come first, then the fence, then what is read of the
 * device: one fence serves all of them (barriers B and D). */
static RPS_HOT void drv_tell(struct rps_drv *drv, struct view view,
			     bool event_idx, bool asked)
{
	struct vring_news rx = vdrv_publish_news(&drv->rx, view);
	struct vring_news tx = vdrv_publish_news(&drv->tx, view);

	if (!asked && !vdrv_is_news(view, rx) && !vdrv_is_news(view, tx))
		return;
	vdrv_fence(view);
	if (vdrv_is_news(view, rx) && !drv_is_silent(drv) &&
	    vdrv_kick_decide(&drv->rx, view, event_idx, rx))
		drv_kick_rx(drv);
	if (vdrv_is_news(view, tx) &&
	    vdrv_kick_decide(&drv->tx, view, event_idx, tx))
		drv_kick(drv, &drv->tx);
}

static RPS_HOT bool drv_settle_as(struct rps_drv *drv, struct view view,
				  bool event_idx, bool by_event, bool moved)
{
	bool asked = vdrv_irq_ask(&drv->rx, view, by_event, moved);

	if (mutated(view.mem, MUTANT_irq_on_without_fence)) {
		bool missed = vdrv_missed(&drv->rx, view, asked);

		drv_tell(drv, view, event_idx, asked);
		return missed;
	}
	drv_tell(drv, view, event_idx, asked);
	return vdrv_missed(&drv->rx, view, asked);
}

/* Apart, since it is rare that the device waits for buffers.
 * @tx: whether it waits for messages too. */
RPS_COLD bool drv_kick_both(struct rps_drv *drv, bool tx);

/*
 * drv_settle() in a plain view with VIRTIO_F_EVENT_IDX, where one buffer was
 * taken and given back since the last one.  Both decisions come before the kick,
 * so that no register has to be put aside for them.
 * @idx, @next: of the one that was given back, and behind it.
 */
static RPS_HOT bool drv_settle_one(struct rps_drv *drv, struct view view,
				   uint32_t idx, uint32_t next)
{
	struct vdrv *rxq = &drv->rx;
	struct vdrv *txq = &drv->tx;
	struct vring_news rx = news_of_one(idx);
	struct vring_news tx = { txq->published_idx, txq->avail_idx };
	bool kick_rx;
	bool kick_tx;

	(void)vdrv_irq_ask(rxq, view, true, true);
	vdrv_show(rxq, view, (uint16_t)next);
	if (__builtin_expect(is_news(tx), 1))
		vdrv_show(txq, view, tx.new);
	vdrv_fence(view);
	kick_tx = is_news(tx) && vdrv_kick_decide(txq, view, true, tx);
	kick_rx = vdrv_kick_decide(rxq, view, true, rx);
	if (__builtin_expect(kick_rx, 0))
		return drv_kick_both(drv, kick_tx);
	if (__builtin_expect(kick_tx, 1))
		drv_kick(drv, txq);
	return vdrv_missed(rxq, view, true);
}

/* rps_drv_settle(), or with @moved where it is known that messages were taken since
 * the last one.  What both queues were set up for, and what is asked for as
 * a rule, is found out once. */
static RPS_HOT bool drv_settle(struct rps_drv *drv, struct view view,
			       bool moved)
{
	if (view.plain && vdrv_asks_by_event(&drv->rx))
		return drv_settle_as(drv, view, true, true, moved);
	return drv_settle_as(drv, view, vdrv_has_event_idx(&drv->tx), false,
			     false);
}

/* A message was staged outside of a batch: nothing else waits to be told. */
static RPS_HOT void drv_tell_tx(struct rps_drv *drv, struct view view)
{
	struct vring_news tx = vdrv_publish_news(&drv->tx, view);

	vdrv_fence(view);
	if (vdrv_kick_decide(&drv->tx, view, vdrv_has_event_idx(&drv->tx), tx))
		drv_kick(drv, &drv->tx);
}

#endif
