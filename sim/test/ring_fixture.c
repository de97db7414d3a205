/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "suite_main.h"

#define BUFS_OFFSET 0x8000u
#define BUF_BYTES   64u

/* clang-format off */
const struct ring_mode ring_mode[NUM_RING_MODES] = {
	{ RPS_ORDER_LE,    4 }, { RPS_ORDER_BE,    4 },
	{ RPS_ORDER_LE,   16 }, { RPS_ORDER_BE,   16 },
	{ RPS_ORDER_LE,   64 }, { RPS_ORDER_BE,   64 },
	{ RPS_ORDER_LE, 4096 }, { RPS_ORDER_BE, 4096 },
	{ RPS_ORDER_LE,    0 }, { RPS_ORDER_BE,    0 },
};

const struct need_event_row need_event_row[NUM_NEED_EVENT_ROWS] = {
	{ 0x0000, 0x0001, 0x0000, true  },
	{ 0x0000, 0x0002, 0x0001, false },
	{ 0x0000, 0x0001, 0xffff, true  },
	{ 0xffff, 0x0000, 0xffff, true  },
	{ 0xfffe, 0x0001, 0xfffd, true  },
	{ 0x000a, 0x0006, 0x0005, false },
	{ 0x0005, 0x0006, 0x0005, true  },
	{ 0x0006, 0x0006, 0x0005, false },
	{ 0x0004, 0x0006, 0x0005, false },
	{ 0x7fff, 0x8000, 0x7fff, true  },
	{ 0x0000, 0x0000, 0x0000, false },
	{ 0x0003, 0x8003, 0x8003, false },
	{ 0x0003, 0x8004, 0x0003, true  },
};
/* clang-format on */

static void place(struct ring_fixture *ring, uint32_t align, uint32_t num)
{
	struct gpa base = { RING_GPA };

	if (align) {
		ck_assert_int_eq(
			rps_vring_place(base, num, align, &ring->addrs), 0);
		return;
	}
	ring->addrs.used.v = RING_GPA + 0x104;
	ring->addrs.desc.v = RING_GPA + 0x2010;
	ring->addrs.avail.v = RING_GPA + 0x3002;
}

struct ring_fixture *ring_create(const struct ring_mode *mode,
				 const struct ring_config *config)
{
	struct ring_fixture *ring = aligned_alloc(4096, sizeof(*ring));
	struct vdrv_params drv = {
		.num = config->num,
		.start_idx = config->start_idx,
		.event_idx = config->event_idx,
	};
	struct vdev_params dev = {
		.num = config->num,
		.start_idx = config->start_idx,
		.event_idx = config->event_idx,
		.indirect = config->indirect,
	};

	ck_assert_ptr_nonnull(ring);
	ck_assert_uint_le(config->num, RING_NUM_MAX);
	memset(ring, 0, sizeof(*ring));
	memset(ring->bytes, RING_STALE, sizeof(ring->bytes));
	ring->driver_mem.order = mode->order;
	ck_assert_int_eq(rps_mem_add(&ring->driver_mem,
				     (struct gpa){ RING_GPA }, RING_BYTES,
				     ring->bytes),
			 0);
	ring->device_mem = ring->driver_mem;
	place(ring, mode->align, config->num);
	ck_assert_int_eq(rps_vdrv_init(&ring->drv, &ring->driver_mem,
				       ring->addrs, &drv, ring->slot),
			 0);
	ck_assert_int_eq(rps_vdev_init(&ring->dev, &ring->device_mem,
				       ring->addrs, &dev),
			 0);
	return ring;
}

struct vbuf ring_buf(unsigned int i, bool device_writes)
{
	return (struct vbuf){
		.addr = { RING_GPA + BUFS_OFFSET + (uint64_t)BUF_BYTES * i },
		.len_bytes = BUF_BYTES,
		.device_writes = device_writes,
	};
}

/* A passed assertion of Check costs a system call: too much in long loops. */
static void must(const char *what, int err)
{
	if (err)
		ck_abort_msg("%s: error %d", what, err);
}

void ring_offer(struct ring_fixture *ring, unsigned int i)
{
	struct vbuf buf = ring_buf(i, true);

	must("offer",
	     rps_vdrv_offer(&ring->drv, &buf, 1, (void *)(uintptr_t)i));
}

uint16_t ring_serve(struct ring_fixture *ring, uint32_t len_bytes)
{
	struct vchain chain;

	must("take", rps_vdev_take(&ring->dev, &chain));
	rps_vdev_complete(&ring->dev, chain.head, len_bytes);
	return chain.head;
}

unsigned int ring_reclaim(struct ring_fixture *ring)
{
	struct vdrv_used used;

	must("reclaim", rps_vdrv_reclaim(&ring->drv, &used));
	return (unsigned int)(uintptr_t)used.token;
}

void poke16(struct ring_fixture *ring, struct virtio16 *field, uint16_t value)
{
	field->raw = rps_swap16(ring->driver_mem.order, value);
}

void poke32(struct ring_fixture *ring, struct virtio32 *field, uint32_t value)
{
	field->raw = rps_swap32(ring->driver_mem.order, value);
}

void poke64(struct ring_fixture *ring, struct virtio64 *field, uint64_t value)
{
	field->raw = rps_swap64(ring->driver_mem.order, value);
}

uint16_t peek16(const struct ring_fixture *ring, const struct virtio16 *field)
{
	return rps_swap16(ring->driver_mem.order, field->raw);
}

uint32_t peek32(const struct ring_fixture *ring, const struct virtio32 *field)
{
	return rps_swap32(ring->driver_mem.order, field->raw);
}

uint64_t peek64(const struct ring_fixture *ring, const struct virtio64 *field)
{
	return rps_swap64(ring->driver_mem.order, field->raw);
}

void poke_desc(struct ring_fixture *ring, struct vring_desc *at,
	       const struct ring_desc *desc)
{
	poke64(ring, &at->addr, desc->addr);
	poke32(ring, &at->len, desc->len_bytes);
	poke16(ring, &at->flags, desc->flags);
	poke16(ring, &at->next, desc->next);
}

struct ring_desc peek_desc(const struct ring_fixture *ring,
			   const struct vring_desc *at)
{
	return (struct ring_desc){
		.addr = peek64(ring, &at->addr),
		.len_bytes = peek32(ring, &at->len),
		.flags = peek16(ring, &at->flags),
		.next = peek16(ring, &at->next),
	};
}

void poke_avail(struct ring_fixture *ring, uint16_t head)
{
	struct vring_avail *avail = ring->dev.ring.avail;
	uint16_t idx = peek16(ring, &avail->idx);

	poke16(ring, &avail->ring[idx % ring->dev.ring.num], head);
	poke16(ring, &avail->idx, (uint16_t)(idx + 1));
}

void *ring_at(struct ring_fixture *ring, uint64_t addr)
{
	return ring->bytes + (addr - RING_GPA);
}
