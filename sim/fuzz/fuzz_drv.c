/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our driver end in front of a hostile device: used rings, headers and name
 * service messages as the input says, over plain memory.
 *
 * Input: the link's mode, then operations, each a byte of enum op and what it
 * takes.
 */
#include <errno.h>
#include <string.h>

#include "link.h"

enum op {
	OP_MESSAGE, /* into a descriptor's buffer, and returned */
	OP_RETURN,
	OP_USED_IDX,
	OP_WISH, /* used.flags and avail_event */
	OP_POKE,
	OP_POLL,
	OP_SEND,
	OP_BLOCK, /* a send that waits, and one that has waited too long */
	OP_HOLD,
	OP_RELEASE,
	OP_RESTART,
	NUM_OPS
};

#define OPS_MAX      200u
#define NUM_BUFS_MAX LINK_NUM_MAX

struct drv_fuzz {
	struct fuzz_link link; /* first: callbacks get it */
	bool hold;             /* callbacks keep what they get */
	bool held[NUM_BUFS_MAX];
	struct rps_msg held_msg[NUM_BUFS_MAX];
	unsigned int num_held;
	unsigned int heard; /* since the poll began */
};

static struct vring *ring_of(struct drv_fuzz *fuzz, unsigned int queue)
{
	return queue == RPS_QUEUE_RX ? &fuzz->link.driver.drv.rx.ring
				     : &fuzz->link.driver.drv.tx.ring;
}

static enum rps_rx_result heard(struct rps_node *node, struct rps_ept *ept,
				const struct rps_msg *msg, void *priv)
{
	struct drv_fuzz *fuzz = priv;
	const struct rps_drv *drv = &node->drv;
	uint16_t last = (uint16_t)(drv->rx.used_idx - 1 - fuzz->link.behind);
	const struct vring_used_elem *elem =
		&drv->rx.ring.used->ring[last % drv->rx.ring.num];
	uint64_t used_bytes = link_get(&fuzz->link, &elem->len, 4);
	const uint8_t *buf;
	struct rps_hdr hdr;

	fuzz->heard++;
	fuzz_require(msg->buf < drv->num_bufs && !fuzz->held[msg->buf]);
	buf = fuzz->link.part[PART_BUFS].bytes + LINK_BUF_BYTES * msg->buf;
	hdr = link_get_hdr(&fuzz->link, buf);
	fuzz_require(memcmp(&hdr, &msg->hdr, sizeof(hdr)) == 0);
	fuzz_require(msg->hdr.dst == ept->addr);
	fuzz_require(msg->payload == buf + RPMSG_HDR_BYTES);
	if (fuzz->link.behind >= 0) {
		fuzz_require(link_get(&fuzz->link, &elem->id, 4) == msg->buf);
		fuzz_require(used_bytes <= LINK_BUF_BYTES);
		fuzz_require(RPMSG_HDR_BYTES + msg->hdr.len_bytes <=
			     used_bytes);
	}
	if (!fuzz->hold)
		return RPS_RX_DONE;
	fuzz->held[msg->buf] = true;
	fuzz->held_msg[fuzz->num_held++] = *msg;
	return RPS_RX_HOLD;
}

static unsigned int in_flight(const struct vdrv_own *own)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < own->num; i++)
		count += own->buf[i].lent == i;
	return count;
}

/* What the driver has is what it has, and the used rings are not its own. */
static void check(struct drv_fuzz *fuzz)
{
	const struct vdrv *rx = &fuzz->link.driver.drv.rx;
	const struct vdrv *tx = &fuzz->link.driver.drv.tx;
	const struct vring *ring[] = { &rx->ring, &tx->ring };

	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		const uint8_t *start = (const uint8_t *)ring[q]->desc;
		const uint8_t *used = (const uint8_t *)ring[q]->used;

		link_may_change(&fuzz->link, start, (size_t)(used - start));
	}
	link_may_change(&fuzz->link,
			fuzz->link.part[PART_BUFS].bytes +
				fuzz->link.num * LINK_BUF_BYTES,
			fuzz->link.num * LINK_BUF_BYTES);
	link_require_unchanged(&fuzz->link);
	link_require_blameless(&fuzz->link);
	if (!rps_vdrv_is_broken(rx))
		fuzz_require(in_flight(&fuzz->link.driver.drv.rx_own) +
				     fuzz->num_held ==
			     fuzz->link.driver.drv.num_bufs);
}

static void poll(struct drv_fuzz *fuzz)
{
	/* Nobody adds anything: one round takes all, the next finds nothing. */
	for (unsigned int round = 0; round < 2; round++) {
		bool more;

		fuzz->heard = 0;
		more = link_poll(&fuzz->link, &fuzz->link.driver);
		fuzz_require(fuzz->heard <= fuzz->link.num);
		if (!more)
			return;
	}
	fuzz_require(!link_poll(&fuzz->link, &fuzz->link.driver));
}

static void return_buffer(struct drv_fuzz *fuzz, unsigned int queue,
			  uint32_t id, uint32_t len_bytes)
{
	struct vring *ring = ring_of(fuzz, queue);
	uint16_t idx = (uint16_t)link_get(&fuzz->link, &ring->used->idx, 2);
	struct vring_used_elem *elem = &ring->used->ring[idx % ring->num];

	link_put(&fuzz->link, &elem->id, 4, id);
	link_put(&fuzz->link, &elem->len, 4, len_bytes);
	link_put(&fuzz->link, &ring->used->idx, 2, (uint16_t)(idx + 1));
}

static uint32_t take_dst(struct fuzz_input *in)
{
	static const uint32_t known[] = { LINK_DRIVER_ADDR, RPMSG_NS_ADDR,
					  RPMSG_ADDR_ANY, LINK_DEVICE_ADDR };
	uint8_t choice = fuzz_u8(in);

	return choice < 4 ? known[choice] : fuzz_u32(in);
}

/* A message as a device would send it, but for its lengths. */
static void message(struct drv_fuzz *fuzz, struct fuzz_input *in)
{
	struct vring *ring = ring_of(fuzz, RPS_QUEUE_RX);
	uint8_t id = fuzz_u8(in);
	struct link_desc desc =
		link_get_desc(&fuzz->link, &ring->desc[id % ring->num]);
	struct rps_hdr hdr = { .src = LINK_DEVICE_ADDR, .dst = take_dst(in) };
	uint8_t *buf = link_at(&fuzz->link, desc.addr, LINK_BUF_BYTES);
	int8_t more = (int8_t)fuzz_u8(in);

	hdr.len_bytes = fuzz_u16(in);
	if (buf) {
		link_put_hdr(&fuzz->link, buf, &hdr);
		fuzz_bytes(in, buf + RPMSG_HDR_BYTES,
			   hdr.len_bytes < LINK_BUF_BYTES - RPMSG_HDR_BYTES
				   ? hdr.len_bytes
				   : LINK_BUF_BYTES - RPMSG_HDR_BYTES);
	}
	return_buffer(fuzz, RPS_QUEUE_RX, id,
		      RPMSG_HDR_BYTES + hdr.len_bytes + (uint32_t)more);
}

static void wish(struct drv_fuzz *fuzz, struct fuzz_input *in)
{
	struct vring *ring = ring_of(fuzz, fuzz_u8(in) % RPS_NUM_QUEUES);

	link_put(&fuzz->link, &ring->used->flags, 2, fuzz_u16(in));
	link_put(&fuzz->link, ring->avail_event, 2, fuzz_u16(in));
}

static void send(struct drv_fuzz *fuzz, struct fuzz_input *in)
{
	static const uint8_t payload[LINK_BUF_BYTES];
	uint8_t len = fuzz_u8(in) % (LINK_BUF_BYTES + 1);
	int err = rps_node_trysend(&fuzz->link.driver, LINK_DRIVER_ADDR,
				   fuzz_u32(in), payload, len);

	fuzz_require(err == 0 || err == -ENOMEM || err == -EMSGSIZE ||
		     err == -EPIPE || err == -EINVAL);
	fuzz_require(err != -EMSGSIZE ||
		     len > LINK_BUF_BYTES - RPMSG_HDR_BYTES);
}

static void block(struct drv_fuzz *fuzz)
{
	struct rps_send wait = {
		.node = &fuzz->link.driver,
		.src = LINK_DRIVER_ADDR,
		.dst = LINK_DEVICE_ADDR,
	};

	if (rps_send_begin(&wait, 1) == -EAGAIN)
		fuzz_require(rps_send_poll(&wait, 1 + RPS_SEND_TIMEOUT_NS) !=
			     -EAGAIN);
	fuzz_require(fuzz->link.driver.drv.tx_waiters == 0);
}

static void release(struct drv_fuzz *fuzz)
{
	if (fuzz->num_held == 0)
		return;
	fuzz->num_held--;
	fuzz->held[fuzz->held_msg[fuzz->num_held].buf] = false;
	rps_node_release(&fuzz->link.driver, &fuzz->held_msg[fuzz->num_held]);
}

static void forget_held(struct drv_fuzz *fuzz)
{
	memset(fuzz->held, 0, sizeof(fuzz->held));
	fuzz->num_held = 0;
}

static void restart(struct drv_fuzz *fuzz)
{
	rps_node_stop(&fuzz->link.driver);
	forget_held(fuzz);
	link_probe(&fuzz->link);
	link_remember(&fuzz->link);
}

/* What the device does; the picture of memory is taken behind it. */
static bool device_does(struct drv_fuzz *fuzz, enum op op,
			struct fuzz_input *in)
{
	unsigned int queue;
	uint32_t id;

	switch (op) {
	case OP_MESSAGE:
		message(fuzz, in);
		return true;
	case OP_RETURN:
		queue = fuzz_u8(in) % RPS_NUM_QUEUES;
		id = fuzz_u32(in);
		return_buffer(fuzz, queue, id, fuzz_u32(in));
		return true;
	case OP_USED_IDX:
		queue = fuzz_u8(in) % RPS_NUM_QUEUES;
		link_put(&fuzz->link, &ring_of(fuzz, queue)->used->idx, 2,
			 fuzz_u16(in));
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

static void driver_does(struct drv_fuzz *fuzz, enum op op,
			struct fuzz_input *in)
{
	switch (op) {
	case OP_POLL:
		poll(fuzz);
		break;
	case OP_SEND:
		send(fuzz, in);
		break;
	case OP_BLOCK:
		block(fuzz);
		break;
	case OP_HOLD:
		fuzz->hold = fuzz_u8(in) & 1;
		break;
	case OP_RELEASE:
		release(fuzz);
		break;
	case OP_RESTART:
		restart(fuzz);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	static struct drv_fuzz fuzz;
	struct fuzz_input in = { data, len_bytes };

	memset(&fuzz, 0, sizeof(fuzz));
	link_open(&fuzz.link, fuzz_u8(&in), heard);
	link_watch(&fuzz.link, RPS_END_DRIVER);
	fuzz_require(
		rps_node_serve(&fuzz.link.driver, "a", heard, &fuzz.link) == 0);
	link_probe(&fuzz.link);
	for (unsigned int i = 0; i < OPS_MAX && in.left_bytes > 0; i++) {
		enum op op = (enum op)(fuzz_u8(&in) % NUM_OPS);

		if (device_does(&fuzz, op, &in))
			continue;
		link_remember(&fuzz.link);
		driver_does(&fuzz, op, &in);
		check(&fuzz);
	}
	forget_held(&fuzz);
	link_heals(&fuzz.link);
	link_close(&fuzz.link);
	return 0;
}
