/* SPDX-License-Identifier: BSD-3-Clause */
#include "vu_driver.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

#define BUFS_OFFSET 0x20000u
#define BUF_BYTES   512u

static uint32_t device_id(void *bus)
{
	(void)bus;
	return VIRTIO_ID_RPMSG;
}

static uint8_t get_status(void *bus)
{
	struct vu_driver *driver = bus;

	return driver->status;
}

static void run_rings(struct vu_driver *driver)
{
	struct vu_frontend *fe = &driver->fe;

	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		vuf_tell_fd(fe, VHOST_USER_SET_VRING_KICK, i, fe->kick[i]);
		vuf_tell_fd(fe, VHOST_USER_SET_VRING_CALL, i, fe->call[i]);
		vuf_tell_state(fe, VHOST_USER_SET_VRING_ENABLE, i, 1);
	}
}

static void set_status(void *bus, uint8_t status)
{
	struct vu_driver *driver = bus;
	uint8_t before = driver->status;

	driver->status = status;
	if (status & ~before & VIRTIO_STATUS_DRIVER_OK)
		run_rings(driver);
	if (before & ~status & VIRTIO_STATUS_DRIVER_OK)
		vuf_stop_like_qemu(&driver->fe);
}

static uint64_t get_features(void *bus)
{
	struct vu_driver *driver = bus;

	return vuf_ask(&driver->fe, VHOST_USER_GET_FEATURES) &
	       ~(1ull << VHOST_USER_F_PROTOCOL_FEATURES);
}

static void set_features(void *bus, uint64_t features)
{
	struct vu_driver *driver = bus;

	vuf_tell_u64(&driver->fe, VHOST_USER_SET_FEATURES,
		     features | 1ull << VHOST_USER_F_PROTOCOL_FEATURES);
}

static uint32_t queue_num_max(void *bus, unsigned int queue)
{
	(void)bus;
	(void)queue;
	return VUF_RING_NUM;
}

static uint64_t user_of(struct gpa addr)
{
	return addr.v - VUF_GUEST_BASE + VUF_USER_BASE;
}

static void set_queue(void *bus, unsigned int queue, uint32_t num,
		      struct rps_vring_addrs addrs)
{
	struct vu_driver *driver = bus;
	struct vuf_msg msg = { .request = VHOST_USER_SET_VRING_ADDR,
			       .size = sizeof(msg.payload.addr) };

	msg.payload.addr.index = queue;
	msg.payload.addr.desc = user_of(addrs.desc);
	msg.payload.addr.avail = user_of(addrs.avail);
	msg.payload.addr.used = user_of(addrs.used);
	vuf_tell_state(&driver->fe, VHOST_USER_SET_VRING_NUM, queue, num);
	vuf_tell_state(&driver->fe, VHOST_USER_SET_VRING_BASE, queue, 0);
	vuf_tell(&driver->fe, &msg);
}

static void kick(void *bus, unsigned int queue)
{
	struct vu_driver *driver = bus;
	const uint64_t one = 1;

	ck_assert_int_eq(write(driver->fe.kick[queue], &one, sizeof(one)), 8);
}

static const struct rps_vbus_ops ops = {
	.device_id = device_id,
	.get_status = get_status,
	.set_status = set_status,
	.get_features = get_features,
	.set_features = set_features,
	.queue_num_max = queue_num_max,
	.set_queue = set_queue,
	.kick = kick,
};

void vud_open(struct vu_driver *driver, struct rps_vu *vu)
{
	struct rps_node_params params = {
		.role = RPS_ROLE_DRIVER,
		.ept_slots = driver->ept_slot,
		.num_ept_slots = VUD_EPTS,
		.chan_slots = driver->chan_slot,
		.num_chan_slots = VUD_CHANS,
	};
	struct gpa base = { VUF_GUEST_BASE };
	struct vuf_msg table;

	memset(driver, 0, sizeof(*driver));
	vuf_open(&driver->fe, vu);
	vuf_negotiate(&driver->fe, 0, 1ull << VHOST_USER_PROTOCOL_F_REPLY_ACK);
	table = vuf_mem_table(&driver->fe);
	vuf_tell(&driver->fe, &table);
	ck_assert_int_eq(rps_mem_add(&driver->mem, base, VUF_MEM_BYTES,
				     driver->fe.mem),
			 0);
	rps_node_init(&driver->node, &params);
}

void vud_close(struct vu_driver *driver)
{
	vuf_close(&driver->fe);
}

void vud_start(struct vu_driver *driver, uint32_t num)
{
	struct rps_drv_params params = {
		.num = num,
		.bufs = { VUF_GUEST_BASE + BUFS_OFFSET },
		.buf_bytes = BUF_BYTES,
		.native = RPS_ORDER_HOST,
	};

	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++)
		ck_assert_int_eq(
			rps_vring_place((struct gpa){ VUF_GUEST_BASE +
						      i * VUF_RING_BYTES },
					num, 4096, &params.ring[i]),
			0);
	/* Rings begin as zeroes, also at the second start. */
	memset(driver->fe.mem, 0, BUFS_OFFSET);
	ck_assert_int_eq(rps_node_probe(&driver->node, &driver->mem, &ops,
					driver, &params),
			 0);
}

void vud_stop(struct vu_driver *driver)
{
	rps_node_stop(&driver->node);
}
