/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our device end in front of a hostile driver: available rings, descriptors,
 * indirect tables, headers, and rings in places that no driver would choose,
 * over plain memory.
 *
 * Input: the link's mode, then operations, each a byte of enum op and what it
 * takes.
 */
#include <errno.h>
#include <string.h>

#include "chain_model.h"

enum op {
	OP_DESC,
	OP_TABLE, /* a descriptor in spare memory */
	OP_AVAIL,
	OP_AVAIL_IDX,
	OP_MESSAGE, /* an honest one, but for its lengths */
	OP_ROOM,    /* an honest buffer for the device */
	OP_WISH,    /* avail.flags and used_event */
	OP_POKE,
	OP_POLL,
	OP_SEND,
	OP_HOLD,
	OP_RELEASE,
	OP_RESTART, /* with rings where the input says */
	NUM_OPS
};

#define OPS_MAX  200u
#define HELD_MAX 16u

struct dev_fuzz {
	struct fuzz_link link; /* first: callbacks get it */
	bool hold;
	bool odd_rings; /* where the input put them */
	struct rps_msg held[HELD_MAX];
	unsigned int num_held;
	unsigned int heard; /* since the poll began */
};

/* Where the driver believes that its rings are. */
struct ring_parts {
	uint8_t *desc;
	uint8_t *avail;
	uint8_t *used;
};

static struct ring_parts parts_of(const struct dev_fuzz *fuzz,
				  unsigned int queue)
{
	const struct rps_vring_addrs *addrs = &fuzz->link.params.ring[queue];

	return (struct ring_parts){
		.desc = link_at(&fuzz->link, addrs->desc, 1),
		.avail = link_at(&fuzz->link, addrs->avail, 1),
		.used = link_at(&fuzz->link, addrs->used, 1),
	};
}

static enum rps_rx_result heard(struct rps_node *node, struct rps_ept *ept,
				const struct rps_msg *msg, void *priv)
{
	static uint8_t bytes[RPMSG_HDR_BYTES + UINT16_MAX];
	struct dev_fuzz *fuzz = priv;
	const struct vring *ring = &node->dev.rx.ring;
	size_t len_bytes = RPMSG_HDR_BYTES + (size_t)msg->hdr.len_bytes;
	struct model_chain chain;
	struct rps_hdr hdr;

	fuzz->heard++;
	fuzz_require(msg->buf < ring->num);
	fuzz_require(model_walk(&fuzz->link, (const uint8_t *)ring->desc,
				ring->num, msg->buf, &chain));
	fuzz_require(chain.readable && chain.len_bytes >= len_bytes);
	model_read(&fuzz->link, &chain, bytes, len_bytes);
	hdr = link_get_hdr(&fuzz->link, bytes);
	fuzz_require(memcmp(&hdr, &msg->hdr, sizeof(hdr)) == 0);
	fuzz_require(msg->hdr.dst == ept->addr);
	fuzz_require(memcmp(bytes + RPMSG_HDR_BYTES, msg->payload,
			    msg->hdr.len_bytes) == 0);
	if (!fuzz->hold || fuzz->num_held == HELD_MAX)
		return RPS_RX_DONE;
	fuzz->held[fuzz->num_held++] = *msg;
	return RPS_RX_HOLD;
}

static void used_may_change(struct dev_fuzz *fuzz, const struct vdev *vq)
{
	const uint8_t *used = (const uint8_t *)vq->ring.used;

	if (used)
		link_may_change(&fuzz->link, used, 4 + 8u * vq->ring.num + 2);
}

/* What each head of the transmit ring stood for before the device wrote. */
static void walk_all(struct dev_fuzz *fuzz, struct model_chain chain[])
{
	const struct vring *ring = &fuzz->link.device.dev.tx.ring;

	for (uint16_t head = 0; head < ring->num; head++) {
		if (!model_walk(&fuzz->link, (const uint8_t *)ring->desc,
				ring->num, head, &chain[head]))
			chain[head] = (struct model_chain){ 0 };
	}
}

/* The chain that was used last is the one that was written. */
static void chain_may_change(struct dev_fuzz *fuzz,
			     const struct model_chain chain[])
{
	const struct vdev *tx = &fuzz->link.device.dev.tx;
	uint16_t last = (uint16_t)(tx->used_idx - 1) % tx->ring.num;
	uint64_t id = link_get(&fuzz->link, &tx->ring.used->ring[last].id, 4);

	fuzz_require(id < tx->ring.num && chain[id].writable);
	for (unsigned int i = 0; i < chain[id].num_segs; i++) {
		const struct link_desc *seg = &chain[id].seg[i];

		link_may_change(&fuzz->link,
				link_at(&fuzz->link, seg->addr, seg->len_bytes),
				seg->len_bytes);
	}
}

static void check(struct dev_fuzz *fuzz)
{
	const struct vdev *const vq[] = { &fuzz->link.device.dev.rx,
					  &fuzz->link.device.dev.tx };

	link_require_unchanged(&fuzz->link);
	link_require_blameless(&fuzz->link);
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++)
		fuzz_require(!vq[q]->mem ||
			     (uint16_t)(vq[q]->avail_idx - vq[q]->used_idx) <=
				     vq[q]->ring.num);
}

static void poll(struct dev_fuzz *fuzz)
{
	struct rps_dev *dev = &fuzz->link.device.dev;

	fuzz->heard = 0;
	(void)link_poll(&fuzz->link, &fuzz->link.device);
	fuzz_require(fuzz->heard <= dev->rx.ring.num);
	used_may_change(fuzz, &dev->rx);
}

static void send(struct dev_fuzz *fuzz, struct fuzz_input *in)
{
	static const uint8_t payload[2 * LINK_BUF_BYTES];
	struct rps_dev *dev = &fuzz->link.device.dev;
	uint8_t len = fuzz_u8(in) % sizeof(payload);
	static struct model_chain chain[LINK_NUM_MAX];
	int err;

	if (!fuzz->odd_rings)
		walk_all(fuzz, chain);
	err = rps_node_trysend(&fuzz->link.device, LINK_DEVICE_ADDR,
			       LINK_DRIVER_ADDR, payload, len);

	fuzz_require(err == 0 || err == -ENOMEM || err == -EMSGSIZE ||
		     err == -EPIPE || err == -ENOTCONN);
	if (err != -ENOTCONN)
		used_may_change(fuzz, &dev->tx);
	/* Rings that lie over each other change what they say. */
	if (err == 0 && fuzz->odd_rings)
		link_remember(&fuzz->link);
	else if (err == 0)
		chain_may_change(fuzz, chain);
}

static void release(struct dev_fuzz *fuzz)
{
	if (fuzz->num_held == 0)
		return;
	rps_node_release(&fuzz->link.device, &fuzz->held[--fuzz->num_held]);
	used_may_change(fuzz, &fuzz->link.device.dev.rx);
}

static void start(struct dev_fuzz *fuzz)
{
	/* What the driver says may be refused; the next start may not. */
	if (rps_node_start(&fuzz->link.device, &fuzz->link.xport))
		rps_node_stop(&fuzz->link.device);
	link_remember(&fuzz->link);
}

static void restart(struct dev_fuzz *fuzz, struct fuzz_input *in)
{
	unsigned int queue = fuzz_u8(in) % RPS_NUM_QUEUES;
	struct rps_xport_queue *config = &fuzz->link.xport.queue[queue];
	uint8_t num = fuzz_u8(in);

	rps_node_stop(&fuzz->link.device);
	fuzz->num_held = 0;
	fuzz->odd_rings = true;
	config->num = num < 0x80 ? num : (uint16_t)fuzz->link.num;
	config->base = fuzz_u16(in);
	config->addrs.desc = link_take_addr(&fuzz->link, in);
	config->addrs.avail = link_take_addr(&fuzz->link, in);
	config->addrs.used = link_take_addr(&fuzz->link, in);
	start(fuzz);
}

static void offer(struct dev_fuzz *fuzz, unsigned int queue, uint16_t head)
{
	struct ring_parts parts = parts_of(fuzz, queue);
	uint16_t idx = (uint16_t)link_get(&fuzz->link, parts.avail + 2, 2);

	link_put(&fuzz->link, parts.avail + 4 + 2 * (idx % fuzz->link.num), 2,
		 head);
	link_put(&fuzz->link, parts.avail + 2, 2, (uint16_t)(idx + 1));
}

static struct link_desc take_desc(struct dev_fuzz *fuzz, struct fuzz_input *in)
{
	struct link_desc desc = { .addr = link_take_addr(&fuzz->link, in) };

	desc.len_bytes = fuzz_u16(in);
	desc.flags = fuzz_u8(in);
	desc.next = fuzz_u8(in);
	return desc;
}

static void put_desc(struct dev_fuzz *fuzz, struct fuzz_input *in)
{
	unsigned int queue = fuzz_u8(in) % RPS_NUM_QUEUES;
	uint8_t index = fuzz_u8(in);
	struct link_desc desc = take_desc(fuzz, in);

	link_put_desc(&fuzz->link,
		      parts_of(fuzz, queue).desc +
			      16 * (index % fuzz->link.num),
		      &desc);
}

static void put_table(struct dev_fuzz *fuzz, struct fuzz_input *in)
{
	uint8_t index = fuzz_u8(in) % (LINK_SPARE_BYTES / 16);
	struct link_desc desc = take_desc(fuzz, in);

	link_put_desc(&fuzz->link,
		      fuzz->link.part[PART_SPARE].bytes + 16 * index, &desc);
}

/* One buffer of the usual size, offered under a head of the same number. */
static uint8_t *offer_buf(struct dev_fuzz *fuzz, unsigned int queue,
			  uint8_t index, bool device_writes)
{
	uint32_t buf = queue * fuzz->link.num + index % fuzz->link.num;
	struct link_desc desc = {
		.addr.v = fuzz->link.part[PART_BUFS].base.v +
			  LINK_BUF_BYTES * buf,
		.len_bytes = LINK_BUF_BYTES,
		.flags = device_writes ? 2 : 0,
	};

	link_put_desc(&fuzz->link,
		      parts_of(fuzz, queue).desc +
			      16 * (index % fuzz->link.num),
		      &desc);
	offer(fuzz, queue, (uint16_t)(index % fuzz->link.num));
	return fuzz->link.part[PART_BUFS].bytes + LINK_BUF_BYTES * buf;
}

static void message(struct dev_fuzz *fuzz, struct fuzz_input *in)
{
	uint8_t *buf = offer_buf(fuzz, RPS_QUEUE_TX, fuzz_u8(in), false);
	uint8_t dst = fuzz_u8(in);
	struct rps_hdr hdr = { .src = LINK_DRIVER_ADDR,
			       .dst = dst ? LINK_DEVICE_ADDR : RPMSG_NS_ADDR };

	hdr.len_bytes = fuzz_u8(in);
	link_put_hdr(&fuzz->link, buf, &hdr);
	fuzz_bytes(in, buf + RPMSG_HDR_BYTES,
		   hdr.len_bytes < LINK_BUF_BYTES - RPMSG_HDR_BYTES
			   ? hdr.len_bytes
			   : LINK_BUF_BYTES - RPMSG_HDR_BYTES);
}

static void wish(struct dev_fuzz *fuzz, struct fuzz_input *in)
{
	uint8_t *avail = parts_of(fuzz, fuzz_u8(in) % RPS_NUM_QUEUES).avail;

	link_put(&fuzz->link, avail, 2, fuzz_u16(in));
	link_put(&fuzz->link, avail + 4 + 2 * fuzz->link.num, 2, fuzz_u16(in));
}

/* What the driver does; the picture of memory is taken behind it. */
static bool driver_does(struct dev_fuzz *fuzz, enum op op,
			struct fuzz_input *in)
{
	unsigned int queue;

	switch (op) {
	case OP_DESC:
		put_desc(fuzz, in);
		return true;
	case OP_TABLE:
		put_table(fuzz, in);
		return true;
	case OP_AVAIL:
		queue = fuzz_u8(in) % RPS_NUM_QUEUES;
		offer(fuzz, queue, fuzz_u8(in));
		return true;
	case OP_AVAIL_IDX:
		queue = fuzz_u8(in) % RPS_NUM_QUEUES;
		link_put(&fuzz->link, parts_of(fuzz, queue).avail + 2, 2,
			 fuzz_u16(in));
		return true;
	case OP_MESSAGE:
		message(fuzz, in);
		return true;
	case OP_ROOM:
		offer_buf(fuzz, RPS_QUEUE_RX, fuzz_u8(in), true);
		return true;
	case OP_WISH:
		wish(fuzz, in);
		return true;
	case OP_POKE:
		link_poke(&fuzz->link, in);
		return true;
	default:
		return false;
	}
}

static void device_does(struct dev_fuzz *fuzz, enum op op,
			struct fuzz_input *in)
{
	switch (op) {
	case OP_POLL:
		poll(fuzz);
		break;
	case OP_SEND:
		send(fuzz, in);
		break;
	case OP_HOLD:
		fuzz->hold = fuzz_u8(in) & 1;
		break;
	case OP_RELEASE:
		release(fuzz);
		break;
	case OP_RESTART:
		restart(fuzz, in);
		break;
	default:
		break;
	}
}

/* Rings where a driver puts them, nothing offered yet. */
static void honest_rings(struct dev_fuzz *fuzz)
{
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++)
		fuzz->link.xport.queue[q] = (struct rps_xport_queue){
			.num = (uint16_t)fuzz->link.num,
			.addrs = fuzz->link.params.ring[q],
		};
	fuzz->link.xport.features.bits = fuzz->link.features;
	start(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	static struct dev_fuzz fuzz;
	struct fuzz_input in = { data, len_bytes };

	memset(&fuzz, 0, sizeof(fuzz));
	link_open(&fuzz.link, fuzz_u8(&in), heard);
	link_watch(&fuzz.link, RPS_END_DEVICE);
	honest_rings(&fuzz);
	for (unsigned int i = 0; i < OPS_MAX && in.left_bytes > 0; i++) {
		enum op op = (enum op)(fuzz_u8(&in) % NUM_OPS);

		if (driver_does(&fuzz, op, &in))
			continue;
		link_remember(&fuzz.link);
		device_does(&fuzz, op, &in);
		check(&fuzz);
	}
	link_heals(&fuzz.link);
	link_close(&fuzz.link);
	return 0;
}
