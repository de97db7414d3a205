/* SPDX-License-Identifier: BSD-3-Clause */
#include "link.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEATURE(bit) (UINT64_C(1) << (bit))
#define RING_ALIGN   16u
#define POLLS_MAX    64u

/* What happens at the seam is told on behalf of the end that did it. */
static void tell(struct fuzz_link *link, uint32_t end, enum rps_event event,
		 uint64_t a)
{
	if (link->monitor && link->watched == end)
		link->probe.event(link->probe.priv, event, a, 0, 0);
}

static uint32_t device_id(void *bus)
{
	(void)bus;
	return VIRTIO_ID_RPMSG;
}

static uint8_t get_status(void *bus)
{
	struct fuzz_link *link = bus;

	return link->status;
}

static void set_status(void *bus, uint8_t status)
{
	struct fuzz_link *link = bus;

	tell(link, RPS_END_DRIVER, RPS_EVENT_status_write, status);
	link->status = status;
}

static uint64_t get_features(void *bus)
{
	struct fuzz_link *link = bus;

	return link->features;
}

static void set_features(void *bus, uint64_t features)
{
	struct fuzz_link *link = bus;

	tell(link, RPS_END_DRIVER, RPS_EVENT_features_write, features);
	/* The driver end offers no indirect tables; the input may. */
	link->xport.features.bits =
		features | (link->features & FEATURE(VIRTIO_F_INDIRECT_DESC));
}

static uint32_t queue_num_max(void *bus, unsigned int queue)
{
	struct fuzz_link *link = bus;

	(void)queue;
	return link->num;
}

static void set_queue(void *bus, unsigned int queue, uint32_t num,
		      struct rps_vring_addrs addrs)
{
	struct fuzz_link *link = bus;

	link->xport.queue[queue] = (struct rps_xport_queue){
		.num = (uint16_t)num,
		.enabled = true,
		.addrs = addrs,
	};
}

static void kick(void *bus, unsigned int queue)
{
	fuzz_require(queue < RPS_NUM_QUEUES);
	tell(bus, RPS_END_DRIVER, RPS_EVENT_kick, queue);
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
	struct fuzz_link *link =
		(void *)((char *)xport - offsetof(struct fuzz_link, xport));

	fuzz_require(queue < RPS_NUM_QUEUES);
	tell(link, RPS_END_DEVICE, RPS_EVENT_notify, queue);
}

static const struct rps_xport_ops xport_ops = { .notify = notify };

static void add_part(struct fuzz_link *link, unsigned int index,
		     uint32_t len_bytes)
{
	struct link_part_of *part = &link->part[index];

	part->base.v = UINT64_C(0x10000000) * (index + 1);
	part->len_bytes = len_bytes;
	part->bytes = calloc(1, len_bytes);
	part->before = malloc(len_bytes);
	fuzz_require(part->bytes && part->before);
	fuzz_require(rps_mem_add(&link->mem, part->base, len_bytes,
				 part->bytes) == 0);
}

static void init_node(struct fuzz_link *link, struct rps_node *node,
		      enum rps_role role, rps_rx_fn rx)
{
	struct rps_node_params params = {
		.role = role,
		.ept_slots = link->ept_slot[role],
		.num_ept_slots = LINK_EPTS,
		.chan_slots = link->chan_slot[role],
		.num_chan_slots = LINK_CHANS,
	};

	rps_node_init(node, &params);
	link->ept[role] = (struct rps_ept){
		.addr = role == RPS_ROLE_DRIVER ? LINK_DRIVER_ADDR
						: LINK_DEVICE_ADDR,
		.dst = RPMSG_ADDR_ANY,
		.rx = rx,
		.priv = link,
	};
	fuzz_require(rps_node_create_ept(node, &link->ept[role]) == 0);
}

static uint64_t features_of(uint8_t mode)
{
	return (mode & LINK_BIG_ENDIAN ? 0 : FEATURE(VIRTIO_F_VERSION_1)) |
	       (mode & LINK_EVENT_IDX ? FEATURE(VIRTIO_F_EVENT_IDX) : 0) |
	       (mode & LINK_INDIRECT ? FEATURE(VIRTIO_F_INDIRECT_DESC) : 0) |
	       (mode & LINK_NS ? FEATURE(VIRTIO_RPMSG_F_NS) : 0);
}

void link_open(struct fuzz_link *link, uint8_t mode, rps_rx_fn rx)
{
	static const uint8_t entries[] = { 1, 2, 8, LINK_NUM_MAX };
	struct rps_vring_layout layout;

	memset(link, 0, sizeof(*link));
	link->mode = mode;
	link->num = entries[mode & 3];
	link->features = features_of(mode);
	fuzz_require(rps_vring_layout(link->num, RING_ALIGN, &layout) == 0);
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		add_part(link, q, (uint32_t)layout.total);
		fuzz_require(rps_vring_place(link->part[q].base, link->num,
					     RING_ALIGN,
					     &link->params.ring[q]) == 0);
	}
	add_part(link, PART_SPARE, LINK_SPARE_BYTES);
	add_part(link, PART_BUFS, 2 * link->num * LINK_BUF_BYTES);

	link->mem.order = mode & LINK_BIG_ENDIAN ? RPS_ORDER_BE : RPS_ORDER_LE;
	link->xport.mem = link->mem;
	link->xport.ops = &xport_ops;
	link->params.num = link->num;
	link->params.bufs = link->part[PART_BUFS].base;
	link->params.buf_bytes = LINK_BUF_BYTES;
	link->params.native = link->mem.order;
	init_node(link, &link->driver, RPS_ROLE_DRIVER, rx);
	init_node(link, &link->device, RPS_ROLE_DEVICE, rx);
}

static void event(void *priv, enum rps_event what, uint64_t a, uint64_t b,
		  uint64_t c)
{
	struct fuzz_link *link = priv;
	const struct rps_record record = {
		.a = a,
		.b = b,
		.c = c,
		.end = (uint8_t)link->watched,
		.kind = RPS_RECORD_EVENT,
		.what = (uint8_t)what,
	};

	rps_monitor_feed(link->monitor, &record);
}

void link_watch(struct fuzz_link *link, uint32_t end)
{
	const struct rps_monitor_config config = {
		.judged = 1u << end,
		.observed = 1u << end,
		.num_max = LINK_NUM_MAX,
	};

	if (!(link->mode & LINK_WATCHED))
		return;
	link->watched = end;
	link->monitor = rps_monitor_create(&config);
	fuzz_require(link->monitor != NULL);
	link->probe = (struct rps_probe){ .event = event, .priv = link };
	if (end == RPS_END_DRIVER)
		link->mem.probe = &link->probe;
	else
		link->xport.mem.probe = &link->probe;
}

void link_require_blameless(const struct fuzz_link *link)
{
	struct rps_finding found;
	struct rps_rule_info rule;

	if (!link->monitor ||
	    rps_monitor_findings(link->monitor, &found, 1) == 0)
		return;
	fuzz_require(rps_monitor_rule(found.rule, &rule));
	fprintf(stderr, "fuzz: %s: %" PRIu64 ", not %" PRIu64 ", queue %u\n",
		rule.name, found.observed, found.expected, found.queue);
	fuzz_require(rps_monitor_findings(link->monitor, NULL, 0) == 0);
}

void link_close(struct fuzz_link *link)
{
	rps_node_stop(&link->driver);
	rps_node_stop(&link->device);
	link_require_blameless(link);
	rps_monitor_destroy(link->monitor);
	for (unsigned int i = 0; i < NUM_PARTS; i++) {
		free(link->part[i].bytes);
		free(link->part[i].before);
	}
}

void link_probe(struct fuzz_link *link)
{
	fuzz_require(rps_node_probe(&link->driver, &link->mem, &bus_ops, link,
				    &link->params) == 0);
}

static uint16_t taken(const struct rps_node *node)
{
	return node->role == RPS_ROLE_DRIVER ? node->drv.rx.used_idx
					     : node->dev.rx.avail_idx;
}

bool link_poll(struct fuzz_link *link, struct rps_node *node)
{
	struct rps_in in[LINK_NUM_MAX];
	unsigned int num_done = 0;
	uint16_t before = taken(node);
	unsigned int count;
	bool all;

	link->behind = 0;
	if (!(link->mode & LINK_ARRAYS))
		return rps_node_poll(node);
	count = rps_node_receive(node, in, LINK_NUM_MAX);
	fuzz_require(count <= LINK_NUM_MAX);
	all = (uint16_t)(taken(node) - before) == count;
	for (unsigned int i = 0; i < count; i++) {
		struct rps_ept *ept = in[i].ept;

		link->behind = all ? (int)(count - 1 - i) : -1;
		if (ept->rx(node, ept, &in[i].msg, ept->priv) == RPS_RX_DONE)
			in[num_done++] = in[i];
	}
	return rps_node_done(node, in, num_done);
}

static enum rps_rx_result count(struct rps_node *node, struct rps_ept *ept,
				const struct rps_msg *msg, void *priv)
{
	struct fuzz_link *link = priv;

	(void)node;
	(void)ept;
	fuzz_require(msg->hdr.len_bytes == 1 && msg->payload[0] == 0x5a);
	link->heard++;
	return RPS_RX_DONE;
}

void link_heals(struct fuzz_link *link)
{
	const uint8_t payload = 0x5a;

	rps_node_stop(&link->device);
	rps_node_stop(&link->driver);
	for (unsigned int i = 0; i < NUM_PARTS; i++)
		memset(link->part[i].bytes, 0xee, link->part[i].len_bytes);
	link->ept[RPS_ROLE_DRIVER].rx = count;
	link->ept[RPS_ROLE_DEVICE].rx = count;
	link->heard = 0;

	link_probe(link);
	fuzz_require(rps_node_start(&link->device, &link->xport) == 0);
	fuzz_require(rps_node_trysend(&link->driver, LINK_DRIVER_ADDR,
				      LINK_DEVICE_ADDR, &payload, 1) == 0);
	fuzz_require(rps_node_trysend(&link->device, LINK_DEVICE_ADDR,
				      LINK_DRIVER_ADDR, &payload, 1) == 0);
	for (unsigned int polls = 0; link->heard < 2; polls++) {
		fuzz_require(polls < POLLS_MAX);
		(void)rps_node_poll(&link->device);
		(void)rps_node_poll(&link->driver);
	}
}

uint8_t *link_at(const struct fuzz_link *link, struct gpa addr,
		 uint64_t len_bytes)
{
	for (unsigned int i = 0; i < NUM_PARTS; i++) {
		const struct link_part_of *part = &link->part[i];

		if (addr.v >= part->base.v &&
		    addr.v < part->base.v + part->len_bytes &&
		    len_bytes <= part->base.v + part->len_bytes - addr.v)
			return part->bytes + (addr.v - part->base.v);
	}
	return NULL;
}

struct gpa link_take_addr(const struct fuzz_link *link, struct fuzz_input *in)
{
	uint8_t part = fuzz_u8(in);

	if (part >= NUM_PARTS)
		return (struct gpa){ fuzz_u64(in) };
	return (struct gpa){ link->part[part].base.v + fuzz_u16(in) };
}

void link_poke(struct fuzz_link *link, struct fuzz_input *in)
{
	struct link_part_of *part = &link->part[fuzz_u8(in) % NUM_PARTS];
	uint16_t offset = fuzz_u16(in);

	part->bytes[offset % part->len_bytes] = fuzz_u8(in);
}

uint64_t link_get(const struct fuzz_link *link, const void *at,
		  unsigned int len_bytes)
{
	const uint8_t *byte = at;
	uint64_t value = 0;

	for (unsigned int i = 0; i < len_bytes; i++)
		value = value << 8 |
			byte[link->mode & LINK_BIG_ENDIAN ? i
							  : len_bytes - 1 - i];
	return value;
}

void link_put(const struct fuzz_link *link, void *at, unsigned int len_bytes,
	      uint64_t value)
{
	uint8_t *byte = at;

	for (unsigned int i = 0; i < len_bytes; i++) {
		byte[link->mode & LINK_BIG_ENDIAN ? len_bytes - 1 - i : i] =
			(uint8_t)value;
		value >>= 8;
	}
}

struct rps_hdr link_get_hdr(const struct fuzz_link *link, const uint8_t *bytes)
{
	return (struct rps_hdr){
		.src = (uint32_t)link_get(link, bytes, 4),
		.dst = (uint32_t)link_get(link, bytes + 4, 4),
		.reserved = (uint32_t)link_get(link, bytes + 8, 4),
		.len_bytes = (uint16_t)link_get(link, bytes + 12, 2),
		.flags = (uint16_t)link_get(link, bytes + 14, 2),
	};
}

void link_put_hdr(const struct fuzz_link *link, uint8_t *bytes,
		  const struct rps_hdr *hdr)
{
	link_put(link, bytes, 4, hdr->src);
	link_put(link, bytes + 4, 4, hdr->dst);
	link_put(link, bytes + 8, 4, hdr->reserved);
	link_put(link, bytes + 12, 2, hdr->len_bytes);
	link_put(link, bytes + 14, 2, hdr->flags);
}

struct link_desc link_get_desc(const struct fuzz_link *link, const void *at)
{
	const uint8_t *bytes = at;

	return (struct link_desc){
		.addr.v = link_get(link, bytes, 8),
		.len_bytes = (uint32_t)link_get(link, bytes + 8, 4),
		.flags = (uint16_t)link_get(link, bytes + 12, 2),
		.next = (uint16_t)link_get(link, bytes + 14, 2),
	};
}

void link_put_desc(const struct fuzz_link *link, void *at,
		   const struct link_desc *desc)
{
	uint8_t *bytes = at;

	link_put(link, bytes, 8, desc->addr.v);
	link_put(link, bytes + 8, 4, desc->len_bytes);
	link_put(link, bytes + 12, 2, desc->flags);
	link_put(link, bytes + 14, 2, desc->next);
}

void link_remember(struct fuzz_link *link)
{
	for (unsigned int i = 0; i < NUM_PARTS; i++)
		memcpy(link->part[i].before, link->part[i].bytes,
		       link->part[i].len_bytes);
}

void link_may_change(struct fuzz_link *link, const void *at, size_t len_bytes)
{
	for (unsigned int i = 0; i < NUM_PARTS; i++) {
		struct link_part_of *part = &link->part[i];
		size_t offset =
			(size_t)((uintptr_t)at - (uintptr_t)part->bytes);

		if (offset < part->len_bytes)
			memcpy(part->before + offset, part->bytes + offset,
			       len_bytes);
	}
}

void link_require_unchanged(const struct fuzz_link *link)
{
	for (unsigned int i = 0; i < NUM_PARTS; i++)
		fuzz_require(memcmp(link->part[i].before, link->part[i].bytes,
				    link->part[i].len_bytes) == 0);
}
