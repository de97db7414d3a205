/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/dev.h>

#include <errno.h>
#include <string.h>

#include "../base/access.h"
#include "../base/mutant.h"
#include "../base/probe.h"
#include "probe_msg.h"

uint32_t rps_dev_id(const struct rps_xport *xport)
{
	if (mutated(&xport->mem, MUTANT_dev_is_a_console))
		return VIRTIO_ID_CONSOLE;
	return VIRTIO_ID_RPMSG;
}

static int start_queue(struct rps_dev *dev, struct vdev *vq, unsigned int queue)
{
	const struct rps_xport_queue *config = &dev->xport->queue[queue];
	struct feature_set features = dev->xport->features;
	struct vdev_params params = {
		.queue = queue,
		.num = config->num,
		.start_idx = config->base,
		.event_idx = feature_has(features, VIRTIO_F_EVENT_IDX),
		.indirect = feature_has(features, VIRTIO_F_INDIRECT_DESC),
	};

	if (mutated(&dev->xport->mem, MUTANT_event_idx_forgotten))
		params.event_idx = false;
	if (mutated(&dev->xport->mem, MUTANT_dev_idx_survives_reset) && vq->mem)
		params.start_idx = vq->avail_idx;
	return rps_vdev_init(vq, &dev->xport->mem, config->addrs, &params);
}

int rps_dev_start(struct rps_dev *dev, struct rps_xport *xport)
{
	bool swapped = mutated(&xport->mem, MUTANT_dev_queues_swapped);
	unsigned int tx = swapped ? RPS_QUEUE_TX : RPS_QUEUE_RX;
	unsigned int rx = swapped ? RPS_QUEUE_RX : RPS_QUEUE_TX;
	int err;

	dev->xport = xport;
	dev->tx_held = false;
	dev->ready = false;
	err = start_queue(dev, &dev->tx, tx);
	if (!err)
		err = start_queue(dev, &dev->rx, rx);
	if (err)
		return err;
	dev->ready = true;
	return 0;
}

void rps_dev_stop(struct rps_dev *dev)
{
	if (dev->ready) {
		probe(&dev->xport->mem, RPS_EVENT_ring_stop, RPS_QUEUE_RX, 0,
		      0);
		probe(&dev->xport->mem, RPS_EVENT_ring_stop, RPS_QUEUE_TX, 0,
		      0);
	}
	dev->ready = false;
	dev->tx_held = false;
}

/* Why a message is dropped; the numbers appear in traces. */
enum drop {
	DROP_CHAIN = 16, /* broken chain, or outside the memory */
	DROP_DIRECTION,  /* a buffer for us to write */
	DROP_SHORT,      /* does not hold a header */
	DROP_HDR_LONG,   /* hdr.len is more than the buffer */
	DROP_GATHER,     /* in pieces, and too long to be put together */
};

static int drop(struct rps_dev *dev, uint16_t head, enum drop why)
{
	probe(&dev->xport->mem, RPS_EVENT_message_drop, why, 0, 0);
	if (!mutated(&dev->xport->mem, MUTANT_dev_bad_buffer_lost))
		rps_vdev_complete(&dev->rx, head, 0);
	return -EBADMSG;
}

static uint64_t chain_bytes(const struct vchain *chain)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < chain->num_segs; i++)
		sum += chain->seg[i].len_bytes;
	return sum;
}

static bool chain_goes(const struct vchain *chain, bool device_writes)
{
	for (uint16_t i = 0; i < chain->num_segs; i++) {
		if (chain->seg[i].device_writes != device_writes)
			return false;
	}
	return true;
}

/* The part of a segment that a piece of the message covers. */
struct span {
	uint8_t *at;
	size_t len_bytes;
};

static struct span span_of(const struct vseg *seg, uint64_t skip, size_t want)
{
	size_t room = seg->len_bytes - (size_t)skip;

	return (struct span){ seg->host + skip, room < want ? room : want };
}

/* @len_bytes bytes of the chain from @offset on; the caller checked them. */
static void gather(struct rps_dev *dev, enum seam seam,
		   const struct vchain *chain, uint64_t offset, uint8_t *to,
		   size_t len_bytes)
{
	for (uint16_t i = 0; i < chain->num_segs && len_bytes > 0; i++) {
		const struct vseg *seg = &chain->seg[i];
		struct span span;

		if (offset >= seg->len_bytes) {
			offset -= seg->len_bytes;
			continue;
		}
		span = span_of(seg, offset, len_bytes);
		copy_in(&dev->xport->mem, seam, to, span.at, span.len_bytes);
		to += span.len_bytes;
		len_bytes -= span.len_bytes;
		offset = 0;
	}
}

static void scatter(struct rps_dev *dev, enum seam seam,
		    const struct vchain *chain, uint64_t offset,
		    const uint8_t *from, size_t len_bytes)
{
	for (uint16_t i = 0; i < chain->num_segs && len_bytes > 0; i++) {
		const struct vseg *seg = &chain->seg[i];
		struct span span;

		if (offset >= seg->len_bytes) {
			offset -= seg->len_bytes;
			continue;
		}
		span = span_of(seg, offset, len_bytes);
		copy_out(&dev->xport->mem, seam, span.at, from, span.len_bytes);
		from += span.len_bytes;
		len_bytes -= span.len_bytes;
		offset = 0;
	}
}

/* One rule for ring and header (END-004). */
static enum rps_order hdr_order(const struct rps_dev *dev)
{
	if (mutated(&dev->xport->mem, MUTANT_dev_hdr_is_le))
		return RPS_ORDER_LE;
	return dev->xport->mem.order;
}

static struct rps_hdr unpack(const struct rps_dev *dev,
			     const struct rpmsg_hdr *wire, uint64_t bytes)
{
	enum rps_order order = hdr_order(dev);
	struct rps_hdr hdr = rps_hdr_unpack(order, wire);

	if (hdr.len_bytes > bytes - RPMSG_HDR_BYTES &&
	    mutated(&dev->xport->mem, MUTANT_other_order_guessed))
		return rps_hdr_unpack(order == RPS_ORDER_LE ? RPS_ORDER_BE
							    : RPS_ORDER_LE,
				      wire);
	return hdr;
}

static int read_msg(struct rps_dev *dev, const struct vchain *chain,
		    struct rps_msg *msg)
{
	uint64_t bytes = chain_bytes(chain);
	struct rpmsg_hdr wire;

	if (!chain_goes(chain, false) &&
	    !mutated(&dev->xport->mem, MUTANT_dev_any_direction))
		return drop(dev, chain->head, DROP_DIRECTION);
	if (bytes < RPMSG_HDR_BYTES) {
		if (!mutated(&dev->xport->mem, MUTANT_dev_short_msg_accepted))
			return drop(dev, chain->head, DROP_SHORT);
		memset(&wire, 0, sizeof(wire));
	}
	gather(dev, SEAM_HDR, chain, 0, (uint8_t *)&wire, sizeof(wire));
	msg->hdr = unpack(dev, &wire, bytes);
	if (mutated(&dev->xport->mem, MUTANT_dev_writes_in_message))
		scatter(dev, SEAM_HDR, chain, offsetof(struct rpmsg_hdr, src),
			(const uint8_t *)"mine", 4);
	probe_header(&dev->xport->mem, RPS_EVENT_header_read,
		     chain->seg[0].addr, &msg->hdr);
	if (mutated(&dev->xport->mem, MUTANT_dev_len_from_desc))
		msg->hdr.len_bytes = (uint16_t)(bytes - RPMSG_HDR_BYTES);
	if (msg->hdr.len_bytes > bytes - RPMSG_HDR_BYTES) {
		if (!mutated(&dev->xport->mem, MUTANT_dev_hdr_long_accepted))
			return drop(dev, chain->head, DROP_HDR_LONG);
		msg->hdr.len_bytes = (uint16_t)(bytes - RPMSG_HDR_BYTES);
	}

	if (mutated(&dev->xport->mem, MUTANT_dev_hdr_len_reread)) {
		gather(dev, SEAM_HDR, chain, 0, (uint8_t *)&wire, sizeof(wire));
		msg->hdr = rps_hdr_unpack(dev->xport->mem.order, &wire);
		if (msg->hdr.len_bytes > bytes - RPMSG_HDR_BYTES)
			msg->hdr.len_bytes =
				(uint16_t)(bytes - RPMSG_HDR_BYTES);
	}

	msg->buf = chain->head;
	msg->gathered = chain->seg[0].len_bytes <
			RPMSG_HDR_BYTES + (uint32_t)msg->hdr.len_bytes;
	if (!msg->gathered) {
		msg->payload = chain->seg[0].host + RPMSG_HDR_BYTES;
		return 0;
	}
	if (msg->hdr.len_bytes > sizeof(dev->gather))
		return drop(dev, chain->head, DROP_GATHER);
	gather(dev, SEAM_PAYLOAD, chain, RPMSG_HDR_BYTES, dev->gather,
	       msg->hdr.len_bytes);
	msg->payload = dev->gather;
	return 0;
}

int rps_dev_rx(struct rps_dev *dev, struct rps_msg *msg)
{
	struct vchain chain;
	int err = rps_vdev_take(&dev->rx, &chain);

	if (err == -EAGAIN || err == -EPROTO)
		return err;
	if (err)
		return drop(dev, chain.head, DROP_CHAIN);
	return read_msg(dev, &chain, msg);
}

/* Our own memory says which buffer it was, not the peer's. */
static uint16_t taken_as(struct rps_dev *dev, const struct rps_msg *msg)
{
	const struct vring *ring = &dev->rx.ring;

	if (mutated(&dev->xport->mem, MUTANT_dev_head_read_back))
		return load16(&dev->xport->mem, SEAM_AVAIL_RING,
			      &ring->avail->ring[dev->rx.used_idx % ring->num]);
	return msg->buf;
}

void rps_dev_rx_done(struct rps_dev *dev, const struct rps_msg *msg)
{
	if (mutated(&dev->xport->mem, MUTANT_tx_used_len))
		rps_vdev_complete(&dev->rx, taken_as(dev, msg),
				  RPMSG_HDR_BYTES + msg->hdr.len_bytes);
	else
		rps_vdev_complete(&dev->rx, taken_as(dev, msg), 0);
}

void rps_dev_rx_notify(struct rps_dev *dev)
{
	bool wanted = rps_vdev_notify_needed(&dev->rx);

	if ((wanted && !mutated(&dev->xport->mem, MUTANT_dev_silent_returns)) ||
	    mutated(&dev->xport->mem, MUTANT_dev_returns_always_told))
		dev->xport->ops->notify(dev->xport, RPS_QUEUE_TX);
}

bool rps_dev_rx_rearm(struct rps_dev *dev)
{
	return rps_vdev_kick_on(&dev->rx);
}

/* A buffer that can carry at least a header; bad ones go back at once. */
static int take_tx(struct rps_dev *dev)
{
	struct vchain *chain = &dev->tx_chain;

	if (dev->tx_held)
		return 0;
	/* No more tries than entries: a driver may go on offering bad ones. */
	for (uint32_t tries = 0; tries < dev->tx.ring.num; tries++) {
		int err = rps_vdev_take(&dev->tx, chain);

		if (err == -EAGAIN)
			return -ENOMEM;
		if (err == -EPROTO)
			return -EPIPE;
		if (!err && chain_goes(chain, true) &&
		    (chain_bytes(chain) >= RPMSG_HDR_BYTES ||
		     mutated(&dev->xport->mem, MUTANT_dev_short_buf_written))) {
			dev->tx_held = true;
			return 0;
		}
		probe(&dev->xport->mem, RPS_EVENT_message_drop, DROP_CHAIN, 0,
		      0);
		rps_vdev_complete(&dev->tx, chain->head, 0);
	}
	return -ENOMEM;
}

static void write_msg(struct rps_dev *dev, const struct rps_hdr *hdr,
		      const void *payload)
{
	struct rpmsg_hdr wire = rps_hdr_pack(hdr_order(dev), hdr);
	uint32_t len_bytes = RPMSG_HDR_BYTES + hdr->len_bytes;

	if (mutated(&dev->xport->mem, MUTANT_hdr_len_counts_header))
		wire.len = cpu_to_virtio16(hdr_order(dev), (uint16_t)len_bytes);
	scatter(dev, SEAM_HDR, &dev->tx_chain, 0, (const uint8_t *)&wire,
		sizeof(wire));
	probe_header(&dev->xport->mem, RPS_EVENT_header_write,
		     dev->tx_chain.seg[0].addr, hdr);
	scatter(dev, SEAM_PAYLOAD, &dev->tx_chain, RPMSG_HDR_BYTES, payload,
		hdr->len_bytes);
	dev->tx_held = false;
	if (mutated(&dev->xport->mem, MUTANT_used_len_payload))
		len_bytes -= RPMSG_HDR_BYTES;
	rps_vdev_complete(&dev->tx, dev->tx_chain.head, len_bytes);
}

/* The largest message that the buffer takes. */
static uint64_t send_room(const struct rps_dev *dev)
{
	const struct rps_mem *mem = &dev->xport->mem;
	uint64_t bytes = chain_bytes(&dev->tx_chain);

	if (mutated(mem, MUTANT_dev_room_is_512) ||
	    mutated(mem, MUTANT_dev_short_buf_written))
		return 512;
	if (mutated(mem, MUTANT_dev_never_above_512) && bytes > 512)
		return 512;
	if (mutated(mem, MUTANT_header_counted_twice))
		return bytes - RPMSG_HDR_BYTES;
	return bytes;
}

int rps_dev_send(struct rps_dev *dev, const struct rps_hdr *hdr,
		 const void *payload)
{
	int err = take_tx(dev);

	if (err == -ENOMEM && dev->tx_chain.num_segs > 0 &&
	    mutated(&dev->xport->mem, MUTANT_lent_buffer_reused))
		scatter(dev, SEAM_PAYLOAD, &dev->tx_chain, RPMSG_HDR_BYTES,
			payload, hdr->len_bytes);
	if (!err && RPMSG_HDR_BYTES + hdr->len_bytes > send_room(dev))
		err = -EMSGSIZE;
	if (!err)
		write_msg(dev, hdr, payload);
	/* Nothing sent, but bad buffers given back: the driver hears of it. */
	if (rps_vdev_notify_needed(&dev->tx))
		dev->xport->ops->notify(dev->xport, RPS_QUEUE_RX);
	return err;
}
