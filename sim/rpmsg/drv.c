/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/drv.h>

#include <string.h>

#include "drv_path.h"

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

static int set_up_queue(struct rps_drv *drv, struct vdrv *vq,
			unsigned int queue)
{
	uint32_t max = drv->ops->queue_num_max(drv->bus, queue);
	const struct rps_vring_addrs *ring = &drv->params.ring[queue];
	struct rps_vring_addrs on_bus = {
		.desc = { ring->desc.v + drv->bus_offset },
		.avail = { ring->avail.v + drv->bus_offset },
		.used = { ring->used.v + drv->bus_offset },
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
	err = rps_vdrv_init(vq, drv->mem, *ring, &params, NULL);
	if (err)
		return err;
	drv->ops->set_queue(drv->bus, queue, params.num, on_bus);
	return 0;
}

static uint32_t first_len(const struct rps_drv *drv)
{
	if (mutated(drv->mem, MUTANT_posted_short))
		return drv->params.buf_bytes - RPMSG_HDR_BYTES;
	return drv->params.buf_bytes;
}

static void post_all(struct rps_drv *drv, uint32_t len_bytes)
{
	struct view view = view_of(drv->mem);

	for (uint16_t i = 0; i < drv->num_bufs; i++)
		drv_stage_rx(drv, view, i, len_bytes);
	vdrv_publish(&drv->rx, view);
}

/* Of a buffer that takes a payload. */
static bool is_size(uint32_t len_bytes)
{
	return len_bytes > RPMSG_HDR_BYTES && len_bytes <= INT32_MAX;
}

static int set_up_buffers(struct rps_drv *drv)
{
	uint32_t num = min32(drv->rx.ring.num, drv->tx.ring.num);
	uint64_t bytes;

	drv->num_bufs = (uint16_t)min32(num, RPS_DRV_BUFS_MAX);
	bytes = (uint64_t)drv->num_bufs *
		((uint64_t)drv->params.buf_bytes + drv->params.tx_buf_bytes);
	if (!is_size(drv->params.buf_bytes) ||
	    !is_size(drv->params.tx_buf_bytes))
		return -EINVAL;
	drv->rx_room = drv->params.buf_bytes - RPMSG_HDR_BYTES;
	drv->tx_room =
		min32(drv->params.tx_buf_bytes - RPMSG_HDR_BYTES, UINT16_MAX);
	drv->rx_step = drv->params.buf_bytes;
	drv->tx_step = drv->params.tx_buf_bytes;
	vdrv_own_init(&drv->rx_own, drv->num_bufs);
	vdrv_own_init(&drv->tx_own, drv->num_bufs);
	drv->tx_offset = drv->num_bufs * drv->rx_step;
	drv->bufs = rps_mem_map(drv->mem, drv->params.bufs, bytes);
	if (!drv->bufs)
		return -EINVAL;
	drv->tx_bufs = drv->bufs + drv->tx_offset;

	for (uint16_t i = 0; i < drv->num_bufs; i++)
		drv->tx_free[i] = (uint16_t)(drv->num_bufs - 1 - i);
	drv->num_tx_free = drv->num_bufs;
	if (mutated(drv->mem, MUTANT_driver_ok_first))
		return 0;
	post_all(drv, first_len(drv));
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
	if (feature_has(drv->features, VIRTIO_F_ACCESS_PLATFORM))
		drv->bus_offset = drv->params.bus_offset;
	if (!err)
		err = agree_on_sizes(drv);
	if (!err)
		err = set_up_queue(drv, &drv->rx, rx);
	if (!err)
		err = set_up_queue(drv, &drv->tx, tx);
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
	if (mutated(drv->mem, MUTANT_driver_ok_first))
		post_all(drv, drv->params.buf_bytes);
	if (!mutated(drv->mem, MUTANT_no_initial_kick))
		rps_drv_flush(drv);
	drv->ready = true;
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
enum drv_drop {
	DROP_USED_SHORT = 1, /* used.len does not hold a header */
	DROP_USED_LONG,      /* used.len is more than the buffer */
	DROP_HDR_LONG,       /* hdr.len is more than was written */
};

/* The buffer is offered again.
 * Return: -EBADMSG. */
static int drop(struct rps_drv *drv, uint16_t buf, enum drv_drop why)
{
	probe(drv->mem, RPS_EVENT_message_drop, why, 0, 0);
	if (!mutated(drv->mem, MUTANT_bad_buffer_lost))
		drv_stage_rx(drv, view_of(drv->mem), buf,
			     drv->params.buf_bytes);
	return -EBADMSG;
}

/* Our own memory says where the buffer is, not the peer's. */
static uint8_t *received_at(struct rps_drv *drv, uint16_t buf)
{
	if (mutated(drv->mem, MUTANT_desc_addr_read_back)) {
		uint64_t addr = load64(view_of(drv->mem), SEAM_DESC_ADDR,
				       &drv->rx.ring.desc[buf].addr);

		return rps_mem_map(drv->mem, (struct gpa){ addr },
				   drv->params.buf_bytes);
	}
	return drv->bufs + drv_rx_offset(drv, buf);
}

/* A deliberate error: used.len again, which says how long the message is. */
static void reread_len(const struct rps_drv *drv, struct rps_hdr *hdr)
{
	const struct vring *ring = &drv->rx.ring;
	uint32_t entry = (uint16_t)(drv->rx.used_idx - 1) & ring->mask;
	uint32_t len_bytes = load32(view_of(drv->mem), SEAM_USED_LEN,
				    &ring->used->ring[entry].len);

	hdr->len_bytes =
		(uint16_t)min32(len_bytes - RPMSG_HDR_BYTES, UINT16_MAX);
}

/* The header of what was received, as far as it can be believed. */
static int read_header(struct rps_drv *drv, uint16_t buf, const uint8_t *bytes,
		       uint32_t used_bytes, struct rps_hdr *hdr)
{
	uint32_t room = drv->params.buf_bytes - RPMSG_HDR_BYTES;
	struct view view = view_of(drv->mem);

	hdr_read(view, order_of(view), bytes, used_bytes - RPMSG_HDR_BYTES,
		 hdr);
	probe_header(drv->mem, RPS_EVENT_header_read,
		     drv_addr(drv, drv_rx_offset(drv, buf)), hdr);
	if (hdr->len_bytes > used_bytes - RPMSG_HDR_BYTES &&
	    !mutated(drv->mem, MUTANT_hdr_long_accepted))
		return drop(drv, buf, DROP_HDR_LONG);
	if (mutated(drv->mem, MUTANT_hdr_len_reread))
		hdr_read(view, order_of(view), bytes, UINT64_MAX, hdr);
	if (mutated(drv->mem, MUTANT_used_len_reread))
		reread_len(drv, hdr);
	/* Even a deliberate error of ours stays inside the buffer. */
	if (hdr->len_bytes > room)
		hdr->len_bytes = (uint16_t)room;
	return 0;
}

/* What is not as it is as a rule, or may be so by a deliberate error. */
static int rx_odd(struct rps_drv *drv, uint16_t buf, uint32_t used_bytes,
		  struct rps_msg *msg)
{
	uint8_t *bytes;
	int err;

	if (used_bytes < RPMSG_HDR_BYTES &&
	    !mutated(drv->mem, MUTANT_used_short_accepted))
		return drop(drv, buf, DROP_USED_SHORT);
	if (used_bytes > drv->params.buf_bytes &&
	    !mutated(drv->mem, MUTANT_used_long_accepted))
		return drop(drv, buf, DROP_USED_LONG);
	bytes = received_at(drv, buf);
	/* Only where a deliberate error took it elsewhere. */
	if (!bytes)
		return drop(drv, buf, DROP_USED_LONG);
	err = read_header(drv, buf, bytes, used_bytes, &msg->hdr);
	if (err)
		return err;
	msg->payload = bytes + RPMSG_HDR_BYTES;
	msg->buf = buf;
	msg->gathered = false;
	return 0;
}

/* Deliberate errors that are made in rx_odd(). */
static bool rx_is_spoiled(const struct rps_mem *mem)
{
	return mutated(mem, MUTANT_used_short_accepted) ||
	       mutated(mem, MUTANT_used_long_accepted) ||
	       mutated(mem, MUTANT_desc_addr_read_back) ||
	       mutated(mem, MUTANT_hdr_long_accepted) ||
	       mutated(mem, MUTANT_hdr_len_reread) ||
	       mutated(mem, MUTANT_used_len_reread);
}

int rps_drv_rx(struct rps_drv *drv, struct rps_msg *msg)
{
	uint32_t used_bytes;
	uint32_t buf;
	int err = vdrv_next_used(&drv->rx, &drv->rx_own, &buf, &used_bytes);

	if (err)
		return err;
	drv_rx_keep(drv, (uint16_t)buf);
	if (!rx_is_spoiled(drv->mem) &&
	    drv_rx_usual(drv, view_of(drv->mem), buf, used_bytes, msg))
		return 0;
	return rx_odd(drv, (uint16_t)buf, used_bytes, msg);
}

void rps_drv_rx_done(struct rps_drv *drv, const struct rps_msg *msg)
{
	uint32_t len_bytes = drv->params.buf_bytes;

	if (mutated(drv->mem, MUTANT_repost_short))
		len_bytes = RPMSG_HDR_BYTES + msg->hdr.len_bytes;
	drv_stage_rx(drv, view_of(drv->mem), msg->buf, len_bytes);
}

void drv_kick_rx(struct rps_drv *drv)
{
	drv_kick(drv, &drv->rx);
}

bool drv_kick_both(struct rps_drv *drv, bool tx)
{
	drv_kick(drv, &drv->rx);
	if (tx)
		drv_kick(drv, &drv->tx);
	return vdrv_missed(&drv->rx, view_of(drv->mem), true);
}

void rps_drv_flush(struct rps_drv *drv)
{
	drv_tell(drv, view_of(drv->mem), vdrv_has_event_idx(&drv->tx), false);
}

bool rps_drv_settle(struct rps_drv *drv)
{
	return drv_settle(drv, view_of(drv->mem), false);
}

/* Return: number of a buffer to be filled, or as rps_drv_stage(). */
static int reclaim_tx(struct rps_drv *drv)
{
	struct view view = view_of(drv->mem);
	uint32_t used_bytes = 0;
	uint32_t buf;
	int err;

	if (drv->num_tx_free > 0)
		return drv->tx_free[--drv->num_tx_free];
	err = vdrv_next_used(&drv->tx, &drv->tx_own, &buf, &used_bytes);
	/* Whoever waits wants to be told: ask again, and look again. */
	if (err == -EAGAIN && drv->tx_waiters > 0 &&
	    vdrv_irq_ask(&drv->tx, view, false, false)) {
		if (!mutated(drv->mem, MUTANT_irq_on_without_fence))
			fence_full(drv->mem);
		if (vdrv_missed(&drv->tx, view, true))
			err = vdrv_next_used(&drv->tx, &drv->tx_own, &buf,
					     &used_bytes);
	}
	if (err == -EAGAIN && (mutated(drv->mem, MUTANT_lent_buffer_reused) ||
			       mutated(drv->mem, MUTANT_overfull)))
		return 0;
	if (err == -EAGAIN)
		return -ENOMEM;
	if (err)
		return -EPIPE;
	if (rps_vdrv_in_flight(&drv->tx) + 1 == drv->num_bufs &&
	    mutated(drv->mem, MUTANT_full_ring_leaks))
		return reclaim_tx(drv);
	vdrv_keep_own(&drv->tx_own, (uint16_t)buf);
	if (used_bytes != 0 && mutated(drv->mem, MUTANT_tx_used_len_fatal))
		return -EPIPE;
	return (int)buf;
}

int drv_stage_chained(struct rps_drv *drv, uint16_t buf,
		      const struct vbuf *vbuf)
{
	uint16_t other = buf ^ (drv->tx.ring.num / 2);
	struct vring_desc *table = drv->tx.ring.desc;
	struct view view = view_of(drv->mem);
	struct vbuf part[2] = { *vbuf, *vbuf };

	part[0].len_bytes = RPMSG_HDR_BYTES;
	part[1].addr.v += RPMSG_HDR_BYTES;
	part[1].len_bytes -= RPMSG_HDR_BYTES;
	if (vdrv_stage_own(&drv->tx, &drv->tx_own, view, buf, &part[0]))
		return -EPIPE;
	vdrv_write_desc(view, &table[buf], &part[0], VRING_DESC_F_NEXT, other);
	vdrv_write_desc(view, &table[other], &part[1], 0, 0);
	return 0;
}

int rps_drv_stage(struct rps_drv *drv, const struct rps_hdr *hdr,
		  const void *payload)
{
	struct view view = view_of(drv->mem);
	uint8_t *bytes;
	int buf;
	int err;

	if (hdr->len_bytes > drv_send_room(drv))
		return -EMSGSIZE;
	buf = reclaim_tx(drv);
	if (buf < 0)
		return buf;
	bytes = drv_tx_at(drv, (uint32_t)buf);
	drv_write_hdr(drv, view, (uint32_t)buf, bytes, hdr);
	/* Shown by nobody before the payload is in its place too. */
	err = drv_stage_tx(drv, view, (uint16_t)buf, hdr);
	copy_out_any(view.mem, SEAM_PAYLOAD, bytes + RPMSG_HDR_BYTES, payload,
		     hdr->len_bytes);
	return err;
}

int rps_drv_send(struct rps_drv *drv, const struct rps_hdr *hdr,
		 const void *payload)
{
	int err = rps_drv_stage(drv, hdr, payload);

	if (!err)
		drv_tell_tx(drv, view_of(drv->mem));
	return err;
}

int rps_drv_get(struct rps_drv *drv, struct rps_room *room)
{
	int buf = reclaim_tx(drv);

	if (buf < 0)
		return buf;
	room->buf = (uint16_t)buf;
	room->addr = drv_addr(drv, drv_tx_offset(drv, room->buf)).v;
	room->payload = drv_tx_at(drv, room->buf) + RPMSG_HDR_BYTES;
	room->room_bytes = drv_send_room(drv);
	return 0;
}

void rps_drv_unget(struct rps_drv *drv, const struct rps_room *room)
{
	rps_assert(drv->num_tx_free < drv->num_bufs);
	drv->tx_free[drv->num_tx_free++] = room->buf;
}

int rps_drv_stage_room(struct rps_drv *drv, const struct rps_room *room,
		       const struct rps_hdr *hdr)
{
	struct view view = view_of(drv->mem);
	int err;

	if (hdr->len_bytes > drv_send_room(drv))
		return -EMSGSIZE;
	drv_write_hdr(drv, view, room->buf, drv_tx_at(drv, room->buf), hdr);
	err = drv_stage_tx(drv, view, room->buf, hdr);
	if (err)
		rps_drv_unget(drv, room);
	return err;
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
