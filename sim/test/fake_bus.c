/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_bus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "suite_main.h"

#define RING_OFFSET 0x4000u /* from one ring to the next */
#define BUFS_OFFSET 0x10000u

const struct bus_config bus_default = {
	.features = BUS_FEATURE(VIRTIO_RPMSG_F_NS) |
		    BUS_FEATURE(VIRTIO_F_VERSION_1),
	.device_id = VIRTIO_ID_RPMSG,
	.num_max = { 4, 4 },
	.num = 4,
	.buf_bytes = BUS_BUF_BYTES,
};

__attribute__((format(printf, 2, 3))) static void note(struct fake_bus *bus,
						       const char *format, ...)
{
	size_t len = strlen(bus->log);
	va_list args;

	/* Bringing up is what matters; long traffic goes unrecorded. */
	if (len + sizeof(", ") >= BUS_LOG_BYTES)
		return;
	if (len > 0)
		len += (size_t)snprintf(bus->log + len, BUS_LOG_BYTES - len,
					", ");
	va_start(args, format);
	vsnprintf(bus->log + len, BUS_LOG_BYTES - len, format, args);
	va_end(args);
}

static uint32_t get_device_id(void *priv)
{
	struct fake_bus *bus = priv;

	return bus->config.device_id;
}

static uint8_t get_status(void *priv)
{
	struct fake_bus *bus = priv;

	return bus->status;
}

static void set_status(void *priv, uint8_t status)
{
	struct fake_bus *bus = priv;

	note(bus, "status %u", status);
	if (bus->config.refuse_features)
		status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
	bus->status = status;
	bus->xport.ready = status & VIRTIO_STATUS_DRIVER_OK;
}

static uint64_t get_features(void *priv)
{
	struct fake_bus *bus = priv;

	return bus->config.features;
}

static void set_features(void *priv, uint64_t features)
{
	struct fake_bus *bus = priv;
	bool modern = features & BUS_FEATURE(VIRTIO_F_VERSION_1);

	note(bus, "features 0x%" PRIx64, features);
	bus->accepted = features;
	bus->xport.features.bits = features;
	if (features & BUS_FEATURE(VIRTIO_F_ACCESS_PLATFORM))
		bus->xport.mem.region[0].base.v += bus->config.bus_offset;
	bus->xport.mem.order =
		bus->config.native_be && !modern ? RPS_ORDER_BE : RPS_ORDER_LE;
}

static int read_space(void *priv, uint32_t offset, void *to, uint32_t len_bytes)
{
	struct fake_bus *bus = priv;

	if (offset > bus->config.space_bytes ||
	    len_bytes > bus->config.space_bytes - offset)
		return -EINVAL;
	memcpy(to, &bus->config.space[offset], len_bytes);
	return 0;
}

static uint32_t queue_num_max(void *priv, unsigned int queue)
{
	struct fake_bus *bus = priv;

	return bus->config.num_max[queue];
}

static void set_queue(void *priv, unsigned int queue, uint32_t num,
		      struct rps_vring_addrs addrs)
{
	struct fake_bus *bus = priv;

	note(bus, "queue %u of %u", queue, num);
	bus->xport.queue[queue] = (struct rps_xport_queue){
		.num = (uint16_t)num,
		.base = bus->config.start_idx,
		.enabled = true,
		.addrs = addrs,
	};
}

static void kick(void *priv, unsigned int queue)
{
	struct fake_bus *bus = priv;

	bus->kicks[queue]++;
	note(bus, "kick %u", queue);
}

const struct rps_vbus_ops fake_bus_ops = {
	.device_id = get_device_id,
	.get_status = get_status,
	.set_status = set_status,
	.get_features = get_features,
	.set_features = set_features,
	.read_space = read_space,
	.queue_num_max = queue_num_max,
	.set_queue = set_queue,
	.kick = kick,
};

static void notify(struct rps_xport *xport, unsigned int queue)
{
	void *at = (uint8_t *)xport - offsetof(struct fake_bus, xport);
	struct fake_bus *bus = at;

	bus->irqs[queue]++;
}

static const struct rps_xport_ops xport_ops = { .notify = notify };

struct fake_bus *bus_create(const struct bus_config *config)
{
	struct fake_bus *bus =
		aligned_alloc(4096, sizeof(*bus) + 4096 - sizeof(*bus) % 4096);
	struct rps_drv_params *params = &bus->params;

	ck_assert_ptr_nonnull(bus);
	memset(bus, 0, sizeof(*bus));
	bus->config = *config;
	ck_assert_int_eq(rps_mem_add(&bus->mem, (struct gpa){ BUS_GPA },
				     BUS_BYTES, bus->bytes),
			 0);
	bus->xport.mem = bus->mem;
	bus->xport.ops = &xport_ops;
	params->num = config->num;
	params->bufs.v = BUS_GPA + BUFS_OFFSET;
	params->buf_bytes = config->buf_bytes;
	params->tx_buf_bytes = config->tx_buf_bytes;
	params->bus_offset = config->bus_offset;
	params->bufsz = config->bufsz;
	params->native = config->native_be ? RPS_ORDER_BE : RPS_ORDER_LE;
	params->start_idx = config->start_idx;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++)
		ck_assert_int_eq(
			rps_vring_place(
				(struct gpa){ BUS_GPA + RING_OFFSET * q },
				BUS_NUM_MAX, 4096, &params->ring[q]),
			0);
	return bus;
}

void *bus_at(struct fake_bus *bus, uint64_t addr)
{
	return bus->bytes + (addr - BUS_GPA);
}
