/* SPDX-License-Identifier: BSD-3-Clause */
#include "link.h"

#include <string.h>

#include "../base/assert.h"

#define BIT(bit) (UINT64_C(1) << (bit))

static uint32_t device_id(void *bus)
{
	(void)bus;
	return VIRTIO_ID_RPMSG;
}

static uint8_t get_status(void *bus)
{
	return ((struct link *)bus)->status;
}

static void set_status(void *bus, uint8_t status)
{
	((struct link *)bus)->status = status;
}

static uint64_t get_features(void *bus)
{
	return ((struct link *)bus)->features;
}

static void set_features(void *bus, uint64_t features)
{
	((struct link *)bus)->xport.features.bits = features;
}

static uint32_t queue_num_max(void *bus, unsigned int queue)
{
	(void)bus;
	return queue < RPS_NUM_QUEUES ? LINK_NUM : 0;
}

static void set_queue(void *bus, unsigned int queue, uint32_t num,
		      struct rps_vring_addrs addrs)
{
	struct link *link = bus;

	link->xport.queue[queue] = (struct rps_xport_queue){
		.num = (uint16_t)num,
		.enabled = true,
		.addrs = addrs,
	};
}

static void kick(void *bus, unsigned int queue)
{
	(void)queue;
	((struct link *)bus)->kicks++;
}

static const struct rps_vbus_ops bus_ops = {
	.device_id = device_id,
	.get_status = get_status,
	.set_status = set_status,
	.get_features = get_features,
	.set_features = set_features,
	.queue_num_max = queue_num_max,
	.set_queue = set_queue,
	.kick = kick,
};

static void notify(struct rps_xport *xport, unsigned int queue)
{
	void *at = (uint8_t *)xport - offsetof(struct link, xport);
	struct link *link = at;

	(void)queue;
	link->irqs++;
}

static const struct rps_xport_ops xport_ops = { .notify = notify };

static void init_end(struct link_end *end, enum rps_role role, rps_rx_fn rx,
		     void *priv)
{
	struct rps_node_params params = {
		.role = role,
		.ept_slots = end->ept_slot,
		.num_ept_slots = LINK_EPTS,
		.chan_slots = end->chan_slot,
		.num_chan_slots = 1,
	};

	rps_node_init(&end->node, &params);
	for (unsigned int i = 0; i < LINK_EPTS; i++) {
		int err;

		end->ept[i] = (struct rps_ept){
			.addr = RPMSG_ADDR_ANY,
			.dst = RPMSG_ADDR_ANY,
			.rx = rx,
			.priv = priv,
		};
		err = rps_node_create_ept(&end->node, &end->ept[i]);
		rps_assert(err == 0);
	}
}

static struct rps_drv_params drv_params(void)
{
	struct rps_drv_params params = {
		.num = LINK_NUM,
		.bufs = { LINK_GPA + LINK_BUFS },
		.buf_bytes = LINK_BUF_BYTES,
		.native = RPS_ORDER_HOST,
	};

	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		int err = rps_vring_place(
			(struct gpa){ LINK_GPA + q * LINK_RINGS }, LINK_NUM,
			4096, &params.ring[q]);

		rps_assert(err == 0);
	}
	return params;
}

void link_up(struct link *link, bool event_idx, rps_rx_fn rx, void *priv)
{
	struct rps_drv_params params;
	int err;

	memset(link, 0, sizeof(*link));
	link->features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RPMSG_F_NS);
	if (event_idx)
		link->features |= BIT(VIRTIO_F_EVENT_IDX);
	err = rps_mem_add(&link->mem, (struct gpa){ LINK_GPA }, LINK_BYTES,
			  link->bytes);
	rps_assert(err == 0);
	link->xport.mem = link->mem;
	link->xport.ops = &xport_ops;
	init_end(&link->driver, RPS_ROLE_DRIVER, rx, priv);
	init_end(&link->device, RPS_ROLE_DEVICE, rx, priv);

	params = drv_params();
	err = rps_node_probe(&link->driver.node, &link->mem, &bus_ops, link,
			     &params);
	rps_assert(err == 0);
	err = rps_node_start(&link->device.node, &link->xport);
	rps_assert(err == 0);
}
