/* SPDX-License-Identifier: BSD-3-Clause */
#include "dev_path.h"

#include <string.h>

uint32_t rps_dev_id(const struct rps_xport *xport)
{
	if (mutated(&xport->mem, MUTANT_dev_is_a_console))
		return VIRTIO_ID_CONSOLE;
	return VIRTIO_ID_RPMSG;
}

/* Why a message is dropped; the numbers appear in traces. */
enum dev_drop {
	DROP_CHAIN = 16, /* broken chain, or outside the memory */
	DROP_DIRECTION,  /* a buffer for us to write */
	DROP_SHORT,      /* does not hold a header */
	DROP_MSG_LONG,   /* hdr.len is more than the buffer */
	DROP_GATHER,     /* in pieces, and too long to be put together */
};

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
	dev->num_unused = 0;
	dev->num_lent = 0;
	dev->ready = false;
	dev->rx_good = (struct rps_dev_good){ .least = VDEV_NO_WORD };
	dev->tx_good = (struct rps_dev_good){ .least = VDEV_NO_WORD };
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
	dev->num_unused = 0;
	dev->num_lent = 0;
}

bool dev_learn(struct vdev *vq, struct rps_dev_good *good, uint32_t head,
	       bool device_writes)
{
	struct view view = view_plain(vq->mem);
	struct vdev_desc desc = vdev_read_desc(view, &vq->ring.desc[head]);
	uint64_t least = vdev_word(RPMSG_HDR_BYTES, desc.flags);
	uint64_t most = vdev_word(desc.len_bytes, desc.flags) - least;
	struct rps_region *near = &vq->near;

	if (!dev_may_use(view, &desc, device_writes) ||
	    !map_near(vq->mem, near, desc.addr, desc.len_bytes))
		return false;
	/* What was longer in the same region is good still, if this one begins
	 * where that one could. */
	if (good->least == least && good->base.v == near->base.v &&
	    good->most > most && good->last >= desc.addr.v - near->base.v)
		return true;
	*good = (struct rps_dev_good){
		.least = least,
		.most = most,
		.base = near->base,
		.last = near->len_bytes - desc.len_bytes,
		.host = near->host,
	};
	return true;
}

bool dev_learn_tx(struct rps_dev *dev)
{
	struct vdev *tx = &dev->tx;
	uint32_t head;

	return vdev_knows_more(tx) &&
	       vdev_look(&tx->ring, view_plain(tx->mem), tx->ring.avail,
			 tx->avail_idx, &head) &&
	       dev_learn(tx, &dev->tx_good, head, true);
}

static int drop(struct rps_dev *dev, uint16_t head, enum dev_drop why)
{
	probe(&dev->xport->mem, RPS_EVENT_message_drop, why, 0, 0);
	if (!mutated(&dev->xport->mem, MUTANT_dev_bad_buffer_lost))
		rps_vdev_stage(&dev->rx, head, 0);
	return -EBADMSG;
}

/* A deliberate error: where the buffer is, by another look at its descriptor. */
static uint8_t *reread_addr(struct vdev *vq, uint16_t head)
{
	struct vdev_desc desc =
		vdev_read_desc(view_of(vq->mem), &vq->ring.desc[head]);

	return map_near(vq->mem, &vq->near, desc.addr, desc.len_bytes);
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

/* One side of a copy; the other one is the chain. */
struct bytes {
	uint8_t *to;         /* out of the chain, or NULL */
	const uint8_t *from; /* into it */
};

/* @len_bytes bytes of the chain from @offset on; the caller checked them. */
static void copy_chain(struct rps_dev *dev, enum seam seam,
		       const struct vchain *chain, uint64_t offset,
		       struct bytes bytes, size_t len_bytes)
{
	const struct rps_mem *mem = &dev->xport->mem;

	for (uint16_t i = 0; i < chain->num_segs && len_bytes > 0; i++) {
		const struct vseg *seg = &chain->seg[i];
		struct span span;

		if (offset >= seg->len_bytes) {
			offset -= seg->len_bytes;
			continue;
		}
		span = span_of(seg, offset, len_bytes);
		if (bytes.to) {
			copy_in(mem, seam, bytes.to, span.at, span.len_bytes);
			bytes.to += span.len_bytes;
		} else {
			copy_out(mem, seam, span.at, bytes.from,
				 span.len_bytes);
			bytes.from += span.len_bytes;
		}
		len_bytes -= span.len_bytes;
		offset = 0;
	}
}

/* The payload is where it is if it lies in one piece, else put together. */
static int find_payload(struct rps_dev *dev, const struct vchain *chain,
			struct rps_msg *msg)
{
	const struct vseg *seg = &chain->seg[0];

	msg->buf = chain->head;
	msg->gathered =
		seg->len_bytes < RPMSG_HDR_BYTES + (uint32_t)msg->hdr.len_bytes;
	if (!msg->gathered) {
		msg->payload = seg->host + RPMSG_HDR_BYTES;
		return 0;
	}
	if (msg->hdr.len_bytes > sizeof(dev->gather))
		return drop(dev, chain->head, DROP_GATHER);
	copy_chain(dev, SEAM_PAYLOAD, chain, RPMSG_HDR_BYTES,
		   (struct bytes){ .to = dev->gather }, msg->hdr.len_bytes);
	msg->payload = dev->gather;
	return 0;
}

/* A deliberate error: what was checked is read once more. */
static void reread_len(struct rps_dev *dev, const struct vchain *chain,
		       struct rps_hdr *hdr)
{
	struct view view = view_of(&dev->xport->mem);
	uint64_t room = chain->len_bytes - RPMSG_HDR_BYTES;
	struct rpmsg_hdr wire;

	copy_chain(dev, SEAM_HDR, chain, 0,
		   (struct bytes){ .to = (uint8_t *)&wire }, sizeof(wire));
	*hdr = hdr_unpack(dev_hdr_order(view), &wire);
	if (hdr->len_bytes > room)
		hdr->len_bytes = (uint16_t)room;
}

/* Return: whether the message fits into @room bytes of payload, as far as
 * deliberate errors let it be seen. */
static bool len_is_good(const struct rps_mem *mem, struct rps_hdr *hdr,
			uint64_t room)
{
	if (mutated(mem, MUTANT_dev_len_from_desc))
		hdr->len_bytes = (uint16_t)room;
	if (hdr->len_bytes <= room)
		return true;
	if (!mutated(mem, MUTANT_dev_hdr_long_accepted))
		return false;
	hdr->len_bytes = (uint16_t)room;
	return true;
}

static int read_chain(struct rps_dev *dev, const struct vchain *chain,
		      struct rps_msg *msg)
{
	struct view view = view_of(&dev->xport->mem);
	struct rpmsg_hdr wire;

	if (chain->for_writing && !mutated(view.mem, MUTANT_dev_any_direction))
		return drop(dev, chain->head, DROP_DIRECTION);
	if (chain->len_bytes < RPMSG_HDR_BYTES) {
		if (!mutated(view.mem, MUTANT_dev_short_msg_accepted))
			return drop(dev, chain->head, DROP_SHORT);
		memset(&wire, 0, sizeof(wire));
	}
	copy_chain(dev, SEAM_HDR, chain, 0,
		   (struct bytes){ .to = (uint8_t *)&wire }, sizeof(wire));
	msg->hdr = hdr_unpack_in(view, dev_hdr_order(view), &wire,
				 chain->len_bytes - RPMSG_HDR_BYTES);
	if (mutated(view.mem, MUTANT_dev_writes_in_message))
		copy_chain(dev, SEAM_HDR, chain, 0,
			   (struct bytes){ .from = (const uint8_t *)"mine" },
			   4);
	probe_header(view.mem, RPS_EVENT_header_read, chain->seg[0].addr,
		     &msg->hdr);
	if (!len_is_good(view.mem, &msg->hdr,
			 chain->len_bytes - RPMSG_HDR_BYTES))
		return drop(dev, chain->head, DROP_MSG_LONG);
	if (mutated(view.mem, MUTANT_dev_hdr_len_reread))
		reread_len(dev, chain, &msg->hdr);
	return find_payload(dev, chain, msg);
}

/* What is not as it is as a rule, or may be so by a deliberate error. */
static int rx_odd(struct rps_dev *dev, uint16_t head,
		  const struct vdev_desc *first, struct rps_msg *msg)
{
	struct vchain chain;
	int err = vdev_walk(&dev->rx, head, first, &chain);

	/* Only a deliberate error says so. */
	if (err == -EAGAIN)
		return err;
	if (err)
		return drop(dev, head, DROP_CHAIN);
	if (vdev_is_simple(view_of(dev->rx.mem), first, false) &&
	    mutated(dev->rx.mem, MUTANT_dev_desc_addr_reread)) {
		chain.seg[0].host = reread_addr(&dev->rx, head);
		if (!chain.seg[0].host)
			return drop(dev, head, DROP_CHAIN);
	}
	/* Even a deliberate error of ours stays inside the memory. */
	if (mutated(dev->rx.mem, MUTANT_dev_desc_len_reread) &&
	    vdev_first_desc(&dev->rx, head).len_bytes < first->len_bytes)
		chain.len_bytes = 0;
	return read_chain(dev, &chain, msg);
}

/* Deliberate errors that are made in rx_odd(). */
static bool rx_is_spoiled(const struct rps_mem *mem)
{
	return mutated(mem, MUTANT_dev_short_msg_accepted) ||
	       mutated(mem, MUTANT_dev_writes_in_message) ||
	       mutated(mem, MUTANT_bad_addr_is_empty) ||
	       mutated(mem, MUTANT_dev_desc_len_reread) ||
	       mutated(mem, MUTANT_dev_desc_addr_reread) ||
	       mutated(mem, MUTANT_dev_len_from_desc) ||
	       mutated(mem, MUTANT_dev_hdr_long_accepted) ||
	       mutated(mem, MUTANT_dev_hdr_len_reread);
}

static struct view view_in(const struct rps_dev *dev)
{
	return view_of(&dev->xport->mem);
}

int rps_dev_rx(struct rps_dev *dev, struct rps_msg *msg)
{
	struct vdev_desc first;
	int head = vdev_take_head(&dev->rx, &first);

	if (head < 0)
		return head;
	if (first.len_bytes < RPMSG_HDR_BYTES &&
	    mutated(dev->rx.mem, MUTANT_dev_short_is_full))
		first.len_bytes = 512;
	if (!rx_is_spoiled(dev->rx.mem) &&
	    dev_rx_usual(&dev->rx, view_in(dev), (uint16_t)head, &first, msg))
		return 0;
	return rx_odd(dev, (uint16_t)head, &first, msg);
}

/* Our own memory says which buffer it was, not the peer's. */
static uint16_t taken_as(const struct rps_dev *dev, const struct rps_msg *msg)
{
	const struct vring *ring = &dev->rx.ring;

	if (mutated(dev->rx.mem, MUTANT_dev_head_read_back))
		return load16(
			view_in(dev), SEAM_AVAIL_RING,
			&ring->avail->ring[dev->rx.used_idx & ring->mask]);
	return msg->buf;
}

void rps_dev_rx_done(struct rps_dev *dev, const struct rps_msg *msg)
{
	uint32_t len_bytes = 0;

	if (mutated(dev->rx.mem, MUTANT_tx_used_len))
		len_bytes = RPMSG_HDR_BYTES + msg->hdr.len_bytes;
	vdev_stage(&dev->rx, view_in(dev), taken_as(dev, msg), len_bytes);
}

void dev_notify_rx(struct rps_dev *dev)
{
	dev_notify(dev, &dev->rx);
}

bool dev_notify_both(struct rps_dev *dev, bool tx)
{
	dev_notify(dev, &dev->rx);
	if (tx)
		dev_notify(dev, &dev->tx);
	return vdev_missed(&dev->rx, view_in(dev), true);
}

void rps_dev_flush(struct rps_dev *dev)
{
	dev_tell(dev, view_in(dev), vdev_has_event_idx(&dev->tx), false);
}

bool rps_dev_settle(struct rps_dev *dev)
{
	return dev_settle(dev, view_in(dev), false);
}

/* None is there: ask to be kicked with the next one, and look again. */
static int take_or_ask(struct rps_dev *dev, struct vdev_desc *first)
{
	struct view view = view_in(dev);
	int head = vdev_take_head(&dev->tx, first);

	if (head != -EAGAIN || !vdev_kick_ask(&dev->tx, view, false, false))
		return head;
	if (!mutated(view.mem, MUTANT_kick_on_without_fence))
		fence_full(view.mem);
	if (!vdev_missed(&dev->tx, view, true))
		return -EAGAIN;
	return vdev_take_head(&dev->tx, first);
}

/* One that was taken before and not filled, or the next one. */
static int next_tx(struct rps_dev *dev, struct vdev_desc *first)
{
	uint16_t head;

	if (dev->num_unused == 0)
		return take_or_ask(dev, first);
	head = dev->unused[--dev->num_unused];
	if (dev->num_unused == 0)
		dev->tx.state &= (uint8_t)~VDEV_ASIDE;
	*first = vdev_first_desc(&dev->tx, head);
	return head;
}

static bool may_be_written(const struct rps_dev *dev,
			   const struct vchain *chain)
{
	return !chain->for_reading ||
	       mutated(&dev->xport->mem, MUTANT_dev_any_room);
}

/* A buffer that can carry at least a header; bad ones go back at once. */
static int take_tx(struct rps_dev *dev, struct vchain *chain)
{
	const struct rps_mem *mem = &dev->xport->mem;

	/* No more tries than entries: a driver may go on offering bad ones. */
	for (uint32_t tries = 0; tries < dev->tx.ring.num; tries++) {
		struct vdev_desc first;
		int head = next_tx(dev, &first);
		int err;

		if (head == -EAGAIN)
			return -ENOMEM;
		if (head < 0)
			return -EPIPE;
		err = vdev_walk(&dev->tx, (uint16_t)head, &first, chain);
		if (err == -EAGAIN)
			return -ENOMEM;
		if (!err && mutated(mem, MUTANT_full_ring_leaks) &&
		    dev->tx.state & VDEV_KICK_ON) {
			rps_vdev_kick_off(&dev->tx);
			continue;
		}
		if (!err && may_be_written(dev, chain) &&
		    (chain->len_bytes >= RPMSG_HDR_BYTES ||
		     mutated(mem, MUTANT_dev_short_buf_written))) {
			/* Kicks are wanted only while there is no buffer. */
			if (dev->tx.state & VDEV_KICK_ON)
				rps_vdev_kick_off(&dev->tx);
			return 0;
		}
		probe(&dev->xport->mem, RPS_EVENT_message_drop, DROP_CHAIN, 0,
		      0);
		rps_vdev_stage(&dev->tx, (uint32_t)head, 0);
	}
	return -ENOMEM;
}

/* The largest message that the buffer takes. */
static uint64_t send_room(const struct rps_mem *mem, uint64_t len_bytes)
{
	if (mutated(mem, MUTANT_dev_room_is_512) ||
	    mutated(mem, MUTANT_dev_short_buf_written))
		return 512;
	if (mutated(mem, MUTANT_dev_never_above_512) && len_bytes > 512)
		return 512;
	if (mutated(mem, MUTANT_header_counted_twice))
		return len_bytes - RPMSG_HDR_BYTES;
	return len_bytes;
}

/* @head was taken and not filled: the next message goes there. */
static void keep_unused(struct rps_dev *dev, uint16_t head)
{
	rps_assert(dev->num_unused < RPS_DEV_UNUSED_MAX);
	dev->unused[dev->num_unused++] = head;
	dev->tx.state |= VDEV_ASIDE;
}

/* A deliberate error: none is free, so the first one is written once more. */
static void overwrite_lent(struct rps_dev *dev, const struct rps_hdr *hdr,
			   const void *payload)
{
	struct vdev_desc first = vdev_first_desc(&dev->tx, 0);
	struct vchain chain;

	if (!vdev_walk(&dev->tx, 0, &first, &chain))
		copy_chain(dev, SEAM_PAYLOAD, &chain, RPMSG_HDR_BYTES,
			   (struct bytes){ .from = payload }, hdr->len_bytes);
}

static int stage_chain(struct rps_dev *dev, struct rps_hdr hdr,
		       const void *payload)
{
	const struct rps_mem *mem = &dev->xport->mem;
	struct rpmsg_hdr wire =
		hdr_pack_in(view_in(dev), dev_hdr_order(view_in(dev)), &hdr);
	struct vchain chain;
	int err = take_tx(dev, &chain);

	if (err == -ENOMEM && mutated(mem, MUTANT_lent_buffer_reused))
		overwrite_lent(dev, &hdr, payload);
	if (err)
		return err;
	if (chain.num_segs == 1 && mutated(mem, MUTANT_dev_room_addr_reread) &&
	    !reread_addr(&dev->tx, chain.head))
		return 0;
	if (RPMSG_HDR_BYTES + hdr.len_bytes > send_room(mem, chain.len_bytes)) {
		keep_unused(dev, chain.head);
		return -EMSGSIZE;
	}
	if (chain.seg[0].len_bytes >=
		    RPMSG_HDR_BYTES + (uint32_t)hdr.len_bytes &&
	    !mutated(mem, MUTANT_hdr_len_counts_header)) {
		dev_fill(&dev->tx, view_in(dev), chain.head, chain.seg[0].host,
			 chain.seg[0].addr, &hdr, payload);
		return 0;
	}
	copy_chain(dev, SEAM_HDR, &chain, 0,
		   (struct bytes){ .from = (const uint8_t *)&wire },
		   sizeof(wire));
	probe_written(mem, dev_hdr_order(view_in(dev)), chain.seg[0].addr,
		      &wire);
	copy_chain(dev, SEAM_PAYLOAD, &chain, RPMSG_HDR_BYTES,
		   (struct bytes){ .from = payload }, hdr.len_bytes);
	dev_stage_used(&dev->tx, view_in(dev), chain.head, &hdr);
	return 0;
}

int rps_dev_stage(struct rps_dev *dev, const struct rps_hdr *hdr,
		  const void *payload)
{
	return stage_chain(dev, *hdr, payload);
}

int rps_dev_send(struct rps_dev *dev, const struct rps_hdr *hdr,
		 const void *payload)
{
	int err = rps_dev_stage(dev, hdr, payload);

	/* Nothing sent, but bad buffers given back: the driver hears of it. */
	dev_tell_tx(dev, view_in(dev));
	return err;
}

int rps_dev_get(struct rps_dev *dev, struct rps_room *room)
{
	struct vchain chain;
	int err;

	/* Each may come back unfilled, and there may be one more. */
	if (dev->num_lent + 1u >= RPS_DEV_UNUSED_MAX)
		return -ENOMEM;
	err = take_tx(dev, &chain);
	if (err)
		return err;
	if (chain.seg[0].len_bytes < RPMSG_HDR_BYTES) {
		keep_unused(dev, chain.head);
		return -EMSGSIZE;
	}
	dev->num_lent++;
	room->buf = chain.head;
	room->addr = chain.seg[0].addr.v;
	room->payload = chain.seg[0].host + RPMSG_HDR_BYTES;
	room->room_bytes = chain.seg[0].len_bytes - RPMSG_HDR_BYTES;
	return 0;
}

void rps_dev_unget(struct rps_dev *dev, const struct rps_room *room)
{
	rps_assert(dev->num_lent > 0);
	dev->num_lent--;
	keep_unused(dev, room->buf);
}

int rps_dev_stage_room(struct rps_dev *dev, const struct rps_room *room,
		       const struct rps_hdr *hdr)
{
	return dev_stage_room_usual(dev, view_in(dev), room, hdr) ? 0
								  : -EMSGSIZE;
}
