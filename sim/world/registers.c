/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's registers: what a virtio transport keeps for a driver.
 * Source: virtio-1.2 2.1, 2.2, 2.4.
 */
#include <errno.h>
#include <string.h>

#include "../base/assert.h"
#include "../base/mark.h"
#include "../base/mutant.h"
#include "../base/probe.h"
#include "world_priv.h"

#define ENDIAN_BIG 1u /* as in uapi/linux/vhost.h; little is 0 */

/* One access to a register is a step as any other. */
static void touch(struct rps_world *world)
{
	if (world->ordering)
		ordering_register(world, RPS_END_DRIVER);
	else
		schedule_point(world);
}

/* A doorbell of @end's peer. */
static void ring_bell(struct rps_world *world, unsigned int end)
{
	if (world->ordering)
		ordering_notify(world, end);
	else
		schedule_point(world);
}

static void reset(struct rps_world *world)
{
	if (world->xport.ready)
		mark(&world->xport.mem, MARK_reset_in_service);
	world->driver_features = 0;
	world->xport.features.bits = 0;
	world->xport.ready = false;
	world->xport.generation++;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++)
		world->xport.queue[q].enabled = false;
	actor_wake(world, RPS_END_DEVICE, WAKE_STOP);
	if (__builtin_expect(world->plan.on, 0))
		faults_after_reset(world);
}

static enum rps_order native_order(const struct rps_world *world)
{
	return world->config.native_be ? RPS_ORDER_BE : RPS_ORDER_LE;
}

static enum rps_order order_of(const struct rps_world *world)
{
	const struct rps_mem *device = &world->xport.mem;
	struct feature_set features = { world->driver_features };
	bool told_be = world->vring_endian[RPS_QUEUE_RX] == ENDIAN_BIG;

	if (mutated(device, MUTANT_told_order_wins) && told_be)
		return RPS_ORDER_BE;
	if (feature_has(features, VIRTIO_F_VERSION_1) ||
	    mutated(device, MUTANT_version_1_assumed))
		return RPS_ORDER_LE;
	if (world->config.told_order)
		return told_be ? RPS_ORDER_BE : RPS_ORDER_LE;
	return native_order(world);
}

/* What the device takes the byte order to be. */
static enum rps_order told_order(const struct rps_world *world)
{
	if (mutated(&world->xport.mem, MUTANT_dev_modern_is_native))
		return native_order(world);
	if (mutated(&world->xport.mem, MUTANT_dev_legacy_is_le))
		return RPS_ORDER_LE;
	return order_of(world);
}

static void start(struct rps_world *world)
{
	world->xport.features.bits = world->driver_features;
	world->xport.mem.order = told_order(world);
	world->xport.ready = world->xport.queue[0].enabled &&
			     world->xport.queue[1].enabled &&
			     world->vring_endian[0] == world->vring_endian[1];
	world->xport.generation++;
	actor_wake(world, RPS_END_DEVICE, WAKE_START);
}

static uint16_t avail_idx(const struct rps_world *world, unsigned int queue)
{
	const struct rps_xport_queue *config = &world->xport.queue[queue];
	const struct virtio16 *idx;

	if (!config->enabled)
		return 0;
	idx = rps_mem_map(&world->xport.mem,
			  (struct gpa){ config->addrs.avail.v + 2 },
			  sizeof(*idx));
	if (!idx)
		return 0;
	return (uint16_t)(virtio16_to_cpu(order_of(world), *idx) -
			  world->config.start_idx);
}

static void note_status(struct rps_world *world, uint8_t status)
{
	uint32_t n = world->num_status_writes++;

	probe(&world->driver_mem, RPS_EVENT_status_write, status, 0, 0);
	if (n >= STATUS_WRITES_MAX)
		return;
	world->status_write[n] = (struct rps_status_write){
		.status = status,
		.avail_idx = { avail_idx(world, 0), avail_idx(world, 1) },
		.kicks = world->xport.queue[0].kicks +
			 world->xport.queue[1].kicks,
	};
}

/* A device takes any subset of what it offered, and nothing else (2.2.2). */
static bool features_are_fine(const struct rps_world *world)
{
	if (world->config.refuse_features)
		return false;
	return !(world->driver_features & ~rps_world_offered(world)) ||
	       mutated(&world->xport.mem, MUTANT_any_features_ok);
}

void rps_world_set_status(struct rps_world *world, uint8_t status)
{
	uint8_t old = world->status;

	touch(world);
	note_status(world, status);
	if (status == 0) {
		world->status = 0;
		reset(world);
		return;
	}
	if (!features_are_fine(world))
		status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
	world->status = status;
	if (status & ~old & VIRTIO_STATUS_DRIVER_OK)
		start(world);
}

uint8_t rps_world_get_status(const struct rps_world *world)
{
	return world->status;
}

static uint64_t through_transport(const struct rps_world *world,
				  uint64_t features)
{
	return world->config.low_features ? (uint32_t)features : features;
}

uint64_t rps_world_offered(const struct rps_world *world)
{
	return through_transport(world, world->config.features);
}

/* Whoever asks for bus addresses sees the memory there and nowhere else. */
static void map_for_device(struct rps_world *world)
{
	struct feature_set features = { world->driver_features };
	bool bus = feature_has(features, VIRTIO_F_ACCESS_PLATFORM);

	world->xport.mem.region[0].base.v =
		world->arena_base + (bus ? world->config.bus_offset : 0);
}

void rps_world_accept(struct rps_world *world, uint64_t features)
{
	touch(world);
	probe(&world->driver_mem, RPS_EVENT_features_write, features, 0, 0);
	world->driver_features = through_transport(world, features);
	map_for_device(world);
}

uint64_t rps_world_accepted(const struct rps_world *world)
{
	return world->driver_features;
}

void rps_world_set_queue(struct rps_world *world, uint32_t queue, uint32_t num,
			 uint64_t desc, uint64_t avail, uint64_t used)
{
	struct rps_xport_queue *config = &world->xport.queue[queue];

	touch(world);
	/* A size must not be cut until it fits: 0 is one that all refuse. */
	config->num = num <= RPS_VRING_NUM_MAX ? (uint16_t)num : 0;
	config->base = world->config.start_idx;
	config->addrs.desc.v = desc;
	config->addrs.avail.v = avail;
	config->addrs.used.v = used;
	config->enabled = true;
	if (world->ordering)
		ordering_begin_queue(world->ordering, queue);
}

void rps_world_kick(struct rps_world *world, uint32_t queue)
{
	rps_assert(queue < RPS_NUM_QUEUES);
	ring_bell(world, RPS_END_DRIVER);
	probe(&world->driver_mem, RPS_EVENT_kick, queue, 0, 0);
	world->xport.queue[queue].kicks++;
	if (!world->xport.ready &&
	    mutated(&world->xport.mem, MUTANT_dev_starts_when_kicked))
		start(world);
	if (__builtin_expect(world->plan.on, 0) &&
	    faults_hold_back(world, RPS_END_DEVICE, queue))
		return;
	actor_wake(world, RPS_END_DEVICE, WAKE_QUEUE(queue));
}

uint32_t rps_world_device_id(const struct rps_world *world)
{
	if (world->config.device_id)
		return world->config.device_id;
	return rps_dev_id(&world->xport);
}

int rps_world_set_vring_endian(struct rps_world *world, uint32_t queue,
			       uint32_t order)
{
	rps_assert(queue < RPS_NUM_QUEUES);
	if (!world->config.told_order)
		return -ENOTTY;
	if (order > ENDIAN_BIG)
		return -EINVAL;
	if (world->status & VIRTIO_STATUS_DRIVER_OK)
		return -EBUSY;
	if (!mutated(&world->xport.mem, MUTANT_told_order_ignored))
		world->vring_endian[queue] = order;
	return 0;
}

uint64_t rps_world_space_reads(const struct rps_world *world)
{
	return world->space_reads;
}

void rps_world_irq(struct rps_world *world, uint32_t queue)
{
	rps_assert(queue < RPS_NUM_QUEUES);
	ring_bell(world, RPS_END_DEVICE);
	probe(&world->xport.mem, RPS_EVENT_notify, queue, 0, 0);
	world->irqs[queue]++;
	if (__builtin_expect(world->plan.on, 0) &&
	    faults_hold_back(world, RPS_END_DRIVER, queue))
		return;
	actor_wake(world, RPS_END_DRIVER, WAKE_QUEUE(queue));
}

uint64_t rps_world_kicks(const struct rps_world *world, uint32_t queue)
{
	rps_assert(queue < RPS_NUM_QUEUES);
	return world->xport.queue[queue].kicks;
}

uint64_t rps_world_irqs(const struct rps_world *world, uint32_t queue)
{
	rps_assert(queue < RPS_NUM_QUEUES);
	return world->irqs[queue];
}

uint32_t rps_world_status_writes(const struct rps_world *world,
				 struct rps_status_write *out, uint32_t max)
{
	uint32_t kept = world->num_status_writes < STATUS_WRITES_MAX
				? world->num_status_writes
				: STATUS_WRITES_MAX;

	for (uint32_t i = 0; i < max && i < kept; i++)
		out[i] = world->status_write[i];
	return world->num_status_writes;
}

/* --- the same registers as the two ends see them */

static uint32_t vbus_device_id(void *bus)
{
	return rps_world_device_id(bus);
}

static int vbus_read_space(void *bus, uint32_t offset, void *to,
			   uint32_t len_bytes)
{
	struct rps_world *world = bus;
	uint32_t space_bytes = world->config.space_bytes;

	touch(world);
	world->space_reads++;
	if (offset > space_bytes || len_bytes > space_bytes - offset)
		return -EINVAL;
	memcpy(to, &world->config.space[offset], len_bytes);
	return 0;
}

static uint8_t vbus_get_status(void *bus)
{
	return rps_world_get_status(bus);
}

static void vbus_set_status(void *bus, uint8_t status)
{
	rps_world_set_status(bus, status);
}

static uint64_t vbus_get_features(void *bus)
{
	return rps_world_offered(bus);
}

static void vbus_set_features(void *bus, uint64_t features)
{
	rps_world_accept(bus, features);
}

static uint32_t vbus_queue_num_max(void *bus, unsigned int queue)
{
	const struct rps_world *world = bus;

	return queue < RPS_NUM_QUEUES ? world->config.num : 0;
}

static void vbus_set_queue(void *bus, unsigned int queue, uint32_t num,
			   struct rps_vring_addrs addrs)
{
	rps_world_set_queue(bus, queue, num, addrs.desc.v, addrs.avail.v,
			    addrs.used.v);
}

static void vbus_kick(void *bus, unsigned int queue)
{
	rps_world_kick(bus, queue);
}

const struct rps_vbus_ops world_vbus_ops = {
	.device_id = vbus_device_id,
	.get_status = vbus_get_status,
	.set_status = vbus_set_status,
	.get_features = vbus_get_features,
	.set_features = vbus_set_features,
	.read_space = vbus_read_space,
	.queue_num_max = vbus_queue_num_max,
	.set_queue = vbus_set_queue,
	.kick = vbus_kick,
};

static void xport_notify(struct rps_xport *xport, unsigned int queue)
{
	void *world = (char *)xport - offsetof(struct rps_world, xport);

	rps_world_irq(world, queue);
}

static const struct rps_xport_ops world_xport_ops = {
	.notify = xport_notify,
};

void registers_init(struct rps_world *world)
{
	world->xport.ops = &world_xport_ops;
}
