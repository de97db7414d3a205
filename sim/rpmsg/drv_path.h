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
static RPS_HOT uint64_t drv_rx_offset(const struct rps_drv *drv, uint16_t buf)
{
	if (mutated(drv->mem, MUTANT_buffers_interleaved))
		return 2 * (uint64_t)buf * drv->params.buf_bytes;
	return (uint64_t)buf * drv->params.buf_bytes;
}

static RPS_HOT uint64_t drv_tx_offset(const struct rps_drv *drv, uint16_t buf)
{
	if (mutated(drv->mem, MUTANT_buffers_interleaved))
		return drv_rx_offset(drv, buf) + drv->params.buf_bytes;
	return drv->tx_offset + (uint64_t)buf * drv->params.tx_buf_bytes;
}

static RPS_HOT struct gpa drv_addr(const struct rps_drv *drv, uint64_t offset)
{
	return (struct gpa){ drv->params.bufs.v + offset };
}

/* --- receiving ----------------------------------------------------------- */

/* Why a message is dropped; the numbers appear in traces. */
enum drv_drop {
	DROP_USED_SHORT = 1, /* used.len does not hold a header */
	DROP_USED_LONG,      /* used.len is more than the buffer */
	DROP_HDR_LONG,       /* hdr.len is more than was written */
};

/* Return: -EBADMSG. */
RPS_COLD int drv_drop(struct rps_drv *drv, uint16_t buf, enum drv_drop why);

/* A deliberate error: used.len again, which says how long the message is. */
RPS_COLD void drv_reread_len(struct rps_drv *drv, struct rps_msg *msg);

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
	(void)vdrv_stage_own(&drv->rx, view, buf, &vbuf);
}

/* Our own memory says where the buffer is, not the peer's. */
static RPS_HOT uint8_t *drv_received_at(struct rps_drv *drv, struct view view,
					uint16_t buf)
{
	if (mutated(view.mem, MUTANT_desc_addr_read_back)) {
		uint64_t addr = load64(view, SEAM_DESC_ADDR,
				       &drv->rx.ring.desc[buf].addr);

		return rps_mem_map(view.mem, (struct gpa){ addr },
				   drv->params.buf_bytes);
	}
	return drv->bufs + drv_rx_offset(drv, buf);
}

/* rps_drv_rx(). */
static RPS_HOT int drv_rx(struct rps_drv *drv, struct view view,
			  struct rps_msg *msg)
{
	uint32_t used_bytes;
	uint8_t *bytes;
	uint16_t buf;
	int head = vdrv_reclaim_own(&drv->rx, view, &used_bytes);

	if (head < 0)
		return head;
	/* Even a deliberate error of ours stays inside the buffers. */
	if (mutated(view.mem, MUTANT_unposted_taken_back) &&
	    head >= drv->num_bufs)
		head = 0;
	buf = (uint16_t)head;
	if (used_bytes < RPMSG_HDR_BYTES &&
	    !mutated(view.mem, MUTANT_used_short_accepted))
		return drv_drop(drv, buf, DROP_USED_SHORT);
	if (used_bytes > drv->params.buf_bytes &&
	    !mutated(view.mem, MUTANT_used_long_accepted))
		return drv_drop(drv, buf, DROP_USED_LONG);

	bytes = drv_received_at(drv, view, buf);
	/* Never, but for an address that a deliberate error took elsewhere. */
	if (mutated(view.mem, MUTANT_desc_addr_read_back) && !bytes)
		return drv_drop(drv, buf, DROP_USED_LONG);
	hdr_read(view, order_of(view), bytes, used_bytes - RPMSG_HDR_BYTES,
		 &msg->hdr);
	if (!view.plain)
		probe_header(view.mem, RPS_EVENT_header_read,
			     drv_addr(drv, drv_rx_offset(drv, buf)), &msg->hdr);
	if (msg->hdr.len_bytes > used_bytes - RPMSG_HDR_BYTES &&
	    !mutated(view.mem, MUTANT_hdr_long_accepted))
		return drv_drop(drv, buf, DROP_HDR_LONG);
	if (mutated(view.mem, MUTANT_hdr_len_reread))
		hdr_read(view, order_of(view), bytes, UINT64_MAX, &msg->hdr);
	if (mutated(view.mem, MUTANT_used_len_reread))
		drv_reread_len(drv, msg);
	/* Even a deliberate error of ours stays inside the buffer. */
	if (!view.plain &&
	    msg->hdr.len_bytes > drv->params.buf_bytes - RPMSG_HDR_BYTES)
		msg->hdr.len_bytes =
			(uint16_t)(drv->params.buf_bytes - RPMSG_HDR_BYTES);
	msg->payload = bytes + RPMSG_HDR_BYTES;
	msg->buf = buf;
	msg->gathered = false;
	return 0;
}

/* rps_drv_rx_done(). */
static RPS_HOT void drv_rx_done(struct rps_drv *drv, struct view view,
				const struct rps_msg *msg)
{
	uint32_t len_bytes = drv->params.buf_bytes;

	if (mutated(view.mem, MUTANT_repost_short))
		len_bytes = RPMSG_HDR_BYTES + msg->hdr.len_bytes;
	drv_stage_rx(drv, view, msg->buf, len_bytes);
}

/* --- sending ------------------------------------------------------------- */

/* Where no buffer of ours is left: ask the device for one.
 * Return: its number, or as rps_drv_stage(). */
RPS_COLD int drv_reclaim_tx(struct rps_drv *drv);

/* Return: number of a buffer to be filled, or as rps_drv_stage(). */
static RPS_HOT int drv_take_tx(struct rps_drv *drv, struct view view)
{
	int buf;

	if (drv->num_tx_free > 0)
		return drv->tx_free[--drv->num_tx_free];
	/* used.len says nothing here: the device writes nothing. */
	if (!view.plain || drv->tx.used_seen == drv->tx.used_idx)
		return drv_reclaim_tx(drv);
	buf = vdrv_reclaim_own(&drv->tx, view, NULL);
	return buf < 0 ? -EPIPE : buf;
}

static RPS_HOT uint32_t drv_send_room(const struct rps_drv *drv)
{
	if (mutated(drv->mem, MUTANT_rx_size_for_tx))
		return drv->params.buf_bytes - RPMSG_HDR_BYTES;
	if (mutated(drv->mem, MUTANT_header_counted_twice))
		return drv->params.tx_buf_bytes - 2 * RPMSG_HDR_BYTES;
	return drv->params.tx_buf_bytes - RPMSG_HDR_BYTES;
}

static RPS_HOT void drv_write_hdr(struct rps_drv *drv, struct view view,
				  uint16_t buf, const struct rps_hdr *hdr)
{
	struct rpmsg_hdr wire = hdr_pack_in(view, order_of(view), hdr);
	uint64_t offset = drv_tx_offset(drv, buf);

	copy_out(view.mem, SEAM_HDR, drv->bufs + offset, &wire, sizeof(wire));
	if (!view.plain)
		probe_written(view.mem, order_of(view),
			      drv_bus_addr(drv, drv_addr(drv, offset)), &wire);
}

/* A deliberate error: one message in two descriptors. */
RPS_COLD int drv_stage_chained(struct rps_drv *drv, uint16_t buf,
			       const struct vbuf *vbuf);

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
	return vdrv_stage_own(&drv->tx, view, buf, &vbuf) ? -EPIPE : 0;
}

/* rps_drv_stage(). */
static RPS_HOT int drv_stage(struct rps_drv *drv, struct view view,
			     const struct rps_hdr *hdr, const void *payload)
{
	uint8_t *bytes;
	int err;
	int buf;

	if (hdr->len_bytes > drv_send_room(drv))
		return -EMSGSIZE;
	buf = drv_take_tx(drv, view);
	if (buf < 0)
		return buf;
	bytes = drv->bufs + drv_tx_offset(drv, (uint16_t)buf);
	drv_write_hdr(drv, view, (uint16_t)buf, hdr);
	/* Shown by nobody before the payload is in its place too. */
	err = drv_stage_tx(drv, view, (uint16_t)buf, hdr);
	/* Nothing to copy may come without an address to copy it from. */
	if (hdr->len_bytes > 0)
		copy_out(view.mem, SEAM_PAYLOAD, bytes + RPMSG_HDR_BYTES,
			 payload, hdr->len_bytes);
	return err;
}

/* --- telling the device -------------------------------------------------- */

static RPS_HOT void drv_kick(struct rps_drv *drv, struct view view,
			     struct vdrv *vq)
{
	if (vdrv_kick_decide(vq, view))
		drv->ops->kick(drv->bus, vq->queue);
}

/* Whether a deliberate error keeps quiet about buffers that were posted. */
static RPS_HOT bool drv_is_silent(const struct rps_drv *drv)
{
	return mutated(drv->mem, MUTANT_no_kick_after_repost) && drv->ready;
}

/* Stores of both rings come first, then the fence, then what is read of the
 * device: one fence serves all of them (barriers B and D). */
static RPS_HOT void drv_tell(struct rps_drv *drv, struct view view, bool asked)
{
	bool rx;
	bool tx;

	vdrv_publish(&drv->rx, view);
	vdrv_publish(&drv->tx, view);
	rx = vdrv_kick_undecided(&drv->rx, view);
	tx = vdrv_kick_undecided(&drv->tx, view);
	if (!asked && !rx && !tx)
		return;
	vdrv_fence(view);
	if (rx && !drv_is_silent(drv))
		drv_kick(drv, view, &drv->rx);
	if (tx)
		drv_kick(drv, view, &drv->tx);
}

/* rps_drv_settle(). */
static RPS_HOT bool drv_settle(struct rps_drv *drv, struct view view)
{
	bool asked = vdrv_irq_ask(&drv->rx, view);

	if (mutated(view.mem, MUTANT_irq_on_without_fence)) {
		bool missed = vdrv_missed(&drv->rx, view, asked);

		drv_tell(drv, view, asked);
		return missed;
	}
	drv_tell(drv, view, asked);
	return vdrv_missed(&drv->rx, view, asked);
}

/* rps_drv_send(), outside of a batch: nothing else waits to be told. */
static RPS_HOT int drv_send(struct rps_drv *drv, struct view view,
			    const struct rps_hdr *hdr, const void *payload)
{
	int err = drv_stage(drv, view, hdr, payload);

	if (err)
		return err;
	vdrv_publish(&drv->tx, view);
	vdrv_fence(view);
	drv_kick(drv, view, &drv->tx);
	return 0;
}

#endif
