/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/drv.h>

#include <errno.h>
#include <string.h>

#include "../base/access.h"
#include "../base/assert.h"
#include "../base/mutant.h"
#include "../base/probe.h"
#include "probe_msg.h"

/* All that this driver understands; what else is offered stays clear. */
#define DRIVER_FEATURES                                                        \
	((UINT64_C(1) << VIRTIO_RPMSG_F_NS) |                                  \
	 (UINT64_C(1) << VIRTIO_F_EVENT_IDX) |                                 \
	 (UINT64_C(1) << VIRTIO_F_VERSION_1) |                                 \
	 (UINT64_C(1) << VIRTIO_F_ACCESS_PLATFORM))

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void add_status(struct rps_drv *drv, uint8_t bits)
{
	uint8_t status = drv->ops->get_status(drv->bus);

	if (mutated(drv->mem, MUTANT_status_not_cumulative))
		status = 0;
	drv->ops->set_status(drv->bus, (uint8_t)(status | bits));
}

/* Bit 1 means other things to other people: only where it was agreed on. */
static uint64_t understood(const struct rps_drv *drv)
{
	uint64_t bufsz = UINT64_C(1) << VIRTIO_RPMSG_F_BUFSZ;

	if (drv->params.bufsz || mutated(drv->mem, MUTANT_bufsz_unasked))
		return DRIVER_FEATURES | bufsz;
	return DRIVER_FEATURES;
}

/* Features decide the byte order of everything that follows. */
static int negotiate(struct rps_drv *drv)
{
	uint64_t offered = drv->ops->get_features(drv->bus);

	if (mutated(drv->mem, MUTANT_version_1_assumed))
		offered |= UINT64_C(1) << VIRTIO_F_VERSION_1;
	drv->features.bits = offered & understood(drv);
	if (mutated(drv->mem, MUTANT_features_copied))
		drv->ops->set_features(drv->bus, offered);
	else if (mutated(drv->mem, MUTANT_vendor_bit_taken))
		drv->ops->set_features(drv->bus,
				       drv->features.bits | (offered & 2));
	else
		drv->ops->set_features(drv->bus, drv->features.bits);
	drv->mem->order = drv->params.native;
	if (mutated(drv->mem, MUTANT_legacy_is_le))
		drv->mem->order = RPS_ORDER_LE;
	if (!feature_has(drv->features, VIRTIO_F_VERSION_1))
		return 0;

	drv->mem->order = RPS_ORDER_LE;
	if (mutated(drv->mem, MUTANT_modern_is_native))
		drv->mem->order = drv->params.native;
	add_status(drv, VIRTIO_STATUS_FEATURES_OK);
	if (mutated(drv->mem, MUTANT_features_ok_unchecked))
		return 0;
	if (!(drv->ops->get_status(drv->bus) & VIRTIO_STATUS_FEATURES_OK))
		return -ENOTSUP;
	return 0;
}

/* What was set aside is all there is: smaller sizes are fine. */
static int agree_on_sizes(struct rps_drv *drv)
{
	struct rps_drv_params *params = &drv->params;
	uint8_t wire[RPS_BUFSZ_BYTES];
	struct rps_bufsz sizes;
	int err;

	if (params->tx_buf_bytes == 0)
		params->tx_buf_bytes = params->buf_bytes;
	if (!feature_has(drv->features, VIRTIO_RPMSG_F_BUFSZ))
		return 0;
	err = drv->ops->read_space(drv->bus, 0, wire, sizeof(wire));
	if (!err)
		err = rps_bufsz_unpack(drv->mem->order, wire, &sizes);
	if (err)
		return err;
	if (mutated(drv->mem, MUTANT_bufsz_sides_swapped))
		sizes = (struct rps_bufsz){ sizes.to_device_bytes,
					    sizes.to_driver_bytes };
	if (sizes.to_driver_bytes > params->buf_bytes ||
	    sizes.to_device_bytes > params->tx_buf_bytes)
		return -EINVAL;
	params->buf_bytes = sizes.to_driver_bytes;
	params->tx_buf_bytes = sizes.to_device_bytes;
	return 0;
}

/* Where the device finds what we find at @addr. */
static struct gpa bus_addr(const struct rps_drv *drv, struct gpa addr)
{
	if (feature_has(drv->features, VIRTIO_F_ACCESS_PLATFORM))
		addr.v += drv->params.bus_offset;
	return addr;
}

static struct gpa buf_bus_addr(const struct rps_drv *drv, struct gpa addr)
{
	if (mutated(drv->mem, MUTANT_cpu_addr_written))
		return addr;
	return bus_addr(drv, addr);
}

static int set_up_queue(struct rps_drv *drv, struct vdrv *vq,
			unsigned int queue, struct vdrv_slot *slots)
{
	uint32_t max = drv->ops->queue_num_max(drv->bus, queue);
	const struct rps_vring_addrs *ring = &drv->params.ring[queue];
	struct rps_vring_addrs on_bus = {
		.desc = bus_addr(drv, ring->desc),
		.avail = bus_addr(drv, ring->avail),
		.used = bus_addr(drv, ring->used),
	};
	struct vdrv_params params = {
		.queue = queue,
		.num = min32(drv->params.num, max),
		.start_idx = drv->params.start_idx,
		.event_idx = feature_has(drv->features, VIRTIO_F_EVENT_IDX),
	};
	int err;

	if (mutated(drv->mem, MUTANT_event_idx_forgotten))
		params.event_idx = false;
	if (max == 0)
		return -ENODEV;
	err = rps_vdrv_init(vq, drv->mem, *ring, &params, slots);
	if (err)
		return err;
	drv->ops->set_queue(drv->bus, queue, params.num, on_bus);
	return 0;
}

/* Receive buffers come first, send buffers behind them. */
static struct gpa rx_addr(const struct rps_drv *drv, uint16_t buf)
{
	if (mutated(drv->mem, MUTANT_buffers_interleaved))
		buf *= 2;
	return (struct gpa){ drv->params.bufs.v +
			     (uint64_t)buf * drv->params.buf_bytes };
}

static struct gpa tx_addr(const struct rps_drv *drv, uint16_t buf)
{
	if (mutated(drv->mem, MUTANT_buffers_interleaved))
		return (struct gpa){ rx_addr(drv, buf).v +
				     drv->params.buf_bytes };
	return (struct gpa){ rx_addr(drv, drv->num_bufs).v +
			     (uint64_t)buf * drv->params.tx_buf_bytes };
}

static void *token_of(uint16_t buf)
{
	return (void *)(uintptr_t)buf;
}

static uint16_t buf_of(const void *token)
{
	return (uint16_t)(uintptr_t)token;
}

static void offer_rx(struct rps_drv *drv, uint16_t buf, uint32_t len_bytes)
{
	struct vbuf vbuf = {
		.addr = buf_bus_addr(drv, rx_addr(drv, buf)),
		.len_bytes = len_bytes,
		.device_writes = true,
	};
	int err = rps_vdrv_offer(&drv->rx, &vbuf, 1, token_of(buf));

	/* There are never more buffers than entries; broken is no bug. */
	rps_assert(err == 0 || err == -EPIPE);
}

static uint32_t first_len(const struct rps_drv *drv)
{
	if (mutated(drv->mem, MUTANT_posted_short))
		return drv->params.buf_bytes - RPMSG_HDR_BYTES;
	return drv->params.buf_bytes;
}

static int set_up_buffers(struct rps_drv *drv)
{
	uint32_t num = min32(drv->rx.ring.num, drv->tx.ring.num);
	uint64_t bytes;

	drv->num_bufs = (uint16_t)min32(num, RPS_DRV_BUFS_MAX);
	bytes = (uint64_t)drv->num_bufs *
		((uint64_t)drv->params.buf_bytes + drv->params.tx_buf_bytes);
	if (drv->params.buf_bytes <= RPMSG_HDR_BYTES ||
	    drv->params.tx_buf_bytes <= RPMSG_HDR_BYTES)
		return -EINVAL;
	if (!rps_mem_map(drv->mem, drv->params.bufs, bytes))
		return -EINVAL;

	for (uint16_t i = 0; i < drv->num_bufs; i++)
		drv->tx_free[i] = (uint16_t)(drv->num_bufs - 1 - i);
	drv->num_tx_free = drv->num_bufs;
	if (mutated(drv->mem, MUTANT_driver_ok_first))
		return 0;
	for (uint16_t i = 0; i < drv->num_bufs; i++)
		offer_rx(drv, i, first_len(drv));
	return 0;
}

static int bring_up(struct rps_drv *drv)
{
	bool swapped = mutated(drv->mem, MUTANT_queues_swapped);
	unsigned int rx = swapped ? RPS_QUEUE_TX : RPS_QUEUE_RX;
	unsigned int tx = swapped ? RPS_QUEUE_RX : RPS_QUEUE_TX;
	int err;

	if (drv->ops->device_id(drv->bus) != VIRTIO_ID_RPMSG &&
	    !mutated(drv->mem, MUTANT_any_device_id))
		return -ENODEV;
	add_status(drv, VIRTIO_STATUS_DRIVER);
	err = negotiate(drv);
	if (!err)
		err = agree_on_sizes(drv);
	if (!err)
		err = set_up_queue(drv, &drv->rx, rx, drv->params.rx_slots);
	if (!err)
		err = set_up_queue(drv, &drv->tx, tx, drv->params.tx_slots);
	if (!err)
		err = set_up_buffers(drv);
	return err;
}

int rps_drv_probe(struct rps_drv *drv, struct rps_mem *mem,
		  const struct rps_vbus_ops *ops, void *bus,
		  const struct rps_drv_params *params)
{
	int err;

	memset(drv, 0, sizeof(*drv));
	drv->mem = mem;
	drv->ops = ops;
	drv->bus = bus;
	drv->params = *params;

	ops->set_status(bus, 0);
	add_status(drv, VIRTIO_STATUS_ACKNOWLEDGE);
	err = bring_up(drv);
	if (err) {
		add_status(drv, VIRTIO_STATUS_FAILED);
		return err;
	}

	rps_vdrv_irq_off(&drv->tx);
	add_status(drv, VIRTIO_STATUS_DRIVER_OK);
	drv->ready = true;
	if (mutated(drv->mem, MUTANT_driver_ok_first)) {
		for (uint16_t i = 0; i < drv->num_bufs; i++)
			offer_rx(drv, i, drv->params.buf_bytes);
	}
	if (!mutated(drv->mem, MUTANT_no_initial_kick))
		rps_drv_rx_kick(drv);
	return 0;
}

void rps_drv_remove(struct rps_drv *drv)
{
	drv->ops->set_status(drv->bus, 0);
	drv->ready = false;
	probe(drv->mem, RPS_EVENT_ring_stop, drv->rx.queue, 0, 0);
	probe(drv->mem, RPS_EVENT_ring_stop, drv->tx.queue, 0, 0);
}

/* Why a message is dropped; the numbers appear in traces. */
enum drop {
	DROP_USED_SHORT = 1, /* used.len does not hold a header */
	DROP_USED_LONG,      /* used.len is more than the buffer */
	DROP_HDR_LONG,       /* hdr.len is more than was written */
};

static int drop(struct rps_drv *drv, uint16_t buf, enum drop why)
{
	probe(drv->mem, RPS_EVENT_message_drop, why, 0, 0);
	if (!mutated(drv->mem, MUTANT_bad_buffer_lost))
		offer_rx(drv, buf, drv->params.buf_bytes);
	return -EBADMSG;
}

/* Our own memory says where the buffer is, not the peer's. */
static struct gpa received_at(struct rps_drv *drv, uint16_t buf)
{
	if (mutated(drv->mem, MUTANT_desc_addr_read_back))
		return (struct gpa){ load64(drv->mem, SEAM_DESC_ADDR,
					    &drv->rx.ring.desc[buf].addr) };
	return rx_addr(drv, buf);
}

static struct rps_hdr unpack(const struct rps_drv *drv,
			     const struct rpmsg_hdr *wire, uint32_t used_bytes)
{
	enum rps_order order = drv->mem->order;
	struct rps_hdr hdr = rps_hdr_unpack(order, wire);

	if (hdr.len_bytes > used_bytes - RPMSG_HDR_BYTES &&
	    mutated(drv->mem, MUTANT_other_order_guessed))
		return rps_hdr_unpack(order == RPS_ORDER_LE ? RPS_ORDER_BE
							    : RPS_ORDER_LE,
				      wire);
	return hdr;
}

int rps_drv_rx(struct rps_drv *drv, struct rps_msg *msg)
{
	struct rpmsg_hdr wire;
	struct vdrv_used used;
	uint8_t *bytes;
	uint16_t buf;
	int err = rps_vdrv_reclaim(&drv->rx, &used);

	if (err)
		return err;
	buf = buf_of(used.token);
	if (used.len_bytes < RPMSG_HDR_BYTES &&
	    !mutated(drv->mem, MUTANT_used_short_accepted))
		return drop(drv, buf, DROP_USED_SHORT);
	if (used.len_bytes > drv->params.buf_bytes &&
	    !mutated(drv->mem, MUTANT_used_long_accepted))
		return drop(drv, buf, DROP_USED_LONG);

	bytes = rps_mem_map(drv->mem, received_at(drv, buf),
			    drv->params.buf_bytes);
	/* Never, but for an address that a deliberate error took elsewhere. */
	if (!bytes)
		return drop(drv, buf, DROP_USED_LONG);
	copy_in(drv->mem, SEAM_HDR, &wire, bytes, sizeof(wire));
	msg->hdr = unpack(drv, &wire, used.len_bytes);
	probe_header(drv->mem, RPS_EVENT_header_read, rx_addr(drv, buf),
		     &msg->hdr);
	if (msg->hdr.len_bytes > used.len_bytes - RPMSG_HDR_BYTES &&
	    !mutated(drv->mem, MUTANT_hdr_long_accepted))
		return drop(drv, buf, DROP_HDR_LONG);
	if (mutated(drv->mem, MUTANT_hdr_len_reread)) {
		copy_in(drv->mem, SEAM_HDR, &wire, bytes, sizeof(wire));
		msg->hdr = rps_hdr_unpack(drv->mem->order, &wire);
	}
	/* Even a deliberate error of ours stays inside the buffer. */
	msg->hdr.len_bytes = (uint16_t)min32(
		msg->hdr.len_bytes, drv->params.buf_bytes - RPMSG_HDR_BYTES);
	msg->payload = bytes + RPMSG_HDR_BYTES;
	msg->buf = buf;
	msg->gathered = false;
	return 0;
}

void rps_drv_rx_done(struct rps_drv *drv, const struct rps_msg *msg)
{
	if (mutated(drv->mem, MUTANT_repost_short))
		offer_rx(drv, msg->buf, RPMSG_HDR_BYTES + msg->hdr.len_bytes);
	else
		offer_rx(drv, msg->buf, drv->params.buf_bytes);
}

void rps_drv_rx_kick(struct rps_drv *drv)
{
	if (rps_vdrv_kick_needed(&drv->rx))
		drv->ops->kick(drv->bus, drv->rx.queue);
}

bool rps_drv_rx_rearm(struct rps_drv *drv)
{
	return rps_vdrv_irq_on(&drv->rx);
}

/* A buffer of ours, taken back from the device if need be. */
static int take_tx(struct rps_drv *drv, uint16_t *buf)
{
	struct vdrv_used used;
	int err;

	if (drv->num_tx_free > 0) {
		*buf = drv->tx_free[--drv->num_tx_free];
		return 0;
	}
	/* used.len says nothing here: the device writes nothing. */
	err = rps_vdrv_reclaim(&drv->tx, &used);
	if (err == -EAGAIN && (mutated(drv->mem, MUTANT_lent_buffer_reused) ||
			       mutated(drv->mem, MUTANT_overfull))) {
		*buf = 0;
		return 0;
	}
	if (err == -EAGAIN)
		return -ENOMEM;
	if (err)
		return -EPIPE;
	if (used.len_bytes != 0 && mutated(drv->mem, MUTANT_tx_used_len_fatal))
		return -EPIPE;
	*buf = buf_of(used.token);
	return 0;
}

static uint32_t send_room(const struct rps_drv *drv)
{
	if (mutated(drv->mem, MUTANT_rx_size_for_tx))
		return drv->params.buf_bytes - RPMSG_HDR_BYTES;
	if (mutated(drv->mem, MUTANT_header_counted_twice))
		return drv->params.tx_buf_bytes - 2 * RPMSG_HDR_BYTES;
	return drv->params.tx_buf_bytes - RPMSG_HDR_BYTES;
}

/* One buffer; a deliberate error makes a chain of a long one. */
static int offer_tx(struct rps_drv *drv, struct vbuf vbuf, uint16_t buf)
{
	struct vbuf part[2] = { vbuf, vbuf };

	if (vbuf.len_bytes < 480 ||
	    !mutated(drv->mem, MUTANT_long_message_chained))
		return rps_vdrv_offer(&drv->tx, &vbuf, 1, token_of(buf));
	part[0].len_bytes = RPMSG_HDR_BYTES;
	part[1].addr.v += RPMSG_HDR_BYTES;
	part[1].len_bytes -= RPMSG_HDR_BYTES;
	return rps_vdrv_offer(&drv->tx, part, 2, token_of(buf));
}

int rps_drv_send(struct rps_drv *drv, const struct rps_hdr *hdr,
		 const void *payload)
{
	uint32_t room_bytes = send_room(drv);
	struct rpmsg_hdr wire = rps_hdr_pack(drv->mem->order, hdr);
	struct vbuf vbuf = { .len_bytes = RPMSG_HDR_BYTES + hdr->len_bytes };
	uint8_t *bytes;
	uint16_t buf;
	int err;

	if (mutated(drv->mem, MUTANT_hdr_len_counts_header))
		wire.len = cpu_to_virtio16(drv->mem->order,
					   (uint16_t)vbuf.len_bytes);
	if (hdr->len_bytes > room_bytes)
		return -EMSGSIZE;
	err = take_tx(drv, &buf);
	if (err)
		return err;

	vbuf.addr = buf_bus_addr(drv, tx_addr(drv, buf));
	bytes = rps_mem_map(drv->mem, tx_addr(drv, buf), vbuf.len_bytes);
	copy_out(drv->mem, SEAM_HDR, bytes, &wire, sizeof(wire));
	probe_header(drv->mem, RPS_EVENT_header_write, vbuf.addr, hdr);
	/* Nothing to copy may come without an address to copy it from. */
	if (hdr->len_bytes > 0)
		copy_out(drv->mem, SEAM_PAYLOAD, bytes + RPMSG_HDR_BYTES,
			 payload, hdr->len_bytes);
	err = offer_tx(drv, vbuf, buf);
	if (err)
		return -EPIPE;
	if (rps_vdrv_kick_needed(&drv->tx))
		drv->ops->kick(drv->bus, drv->tx.queue);
	return 0;
}

void rps_drv_tx_wait_begin(struct rps_drv *drv)
{
	/* What rps_vdrv_irq_on() says is found out by the next attempt. */
	if (drv->tx_waiters++ == 0)
		(void)!rps_vdrv_irq_on(&drv->tx);
}

void rps_drv_tx_wait_end(struct rps_drv *drv)
{
	rps_assert(drv->tx_waiters > 0);
	if (--drv->tx_waiters == 0)
		rps_vdrv_irq_off(&drv->tx);
}
