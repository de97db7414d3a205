/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world's memory: rings, buffers and spare room, with guards around each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world_priv.h"

#define ARENA_BASE  UINT64_C(0x10000000)
#define GUARD_BYTES UINT64_C(4096)
#define SPARE_BYTES UINT64_C(65536)
#define SPLIT_ALIGN 4096u /* distance of the parts of a split-up ring */
#define GUARD_FILL  0x5a
#define ROUND       4096u

static uint64_t round_up(uint64_t value)
{
	return (value + ROUND - 1) & ~(uint64_t)(ROUND - 1);
}

/* Hands out pieces from low to high addresses, a guard behind each. */
struct carver {
	uint64_t next;
};

static uint64_t carve(struct carver *carver, uint64_t bytes)
{
	uint64_t at = carver->next;

	carver->next = at + round_up(bytes) + GUARD_BYTES;
	return at;
}

static int place_ring(struct rps_world *world, struct carver *carver,
		      unsigned int queue)
{
	struct rps_world_place *place = &world->place;
	uint32_t align = world->config.align;
	struct rps_vring_layout layout;
	uint64_t base;
	int err;

	err = rps_vring_layout(world->config.num, align ? align : 4, &layout);
	if (err)
		return err;
	if (align) {
		base = carve(carver, layout.legacy_total);
		place->desc[queue] = base;
		place->avail[queue] = base + layout.avail;
		place->used[queue] = base + layout.used;
		return 0;
	}
	/* In an order that no formula gives. */
	place->used[queue] = carve(carver, layout.total - layout.used);
	place->desc[queue] = carve(carver, layout.avail);
	place->avail[queue] = carve(carver, layout.used - layout.avail);
	return 0;
}

static void fill(struct rps_world *world, uint64_t at, uint64_t bytes)
{
	memset(world->arena + (at - world->arena_base), world->config.dirty,
	       bytes);
}

/* Everything that is not a guard starts as the configuration says. */
static void fill_pieces(struct rps_world *world)
{
	const struct rps_world_place *place = &world->place;
	uint32_t num = world->config.num;

	memset(world->arena, GUARD_FILL, world->arena_bytes);
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		fill(world, place->desc[q], 16ull * num);
		fill(world, place->avail[q], 6 + 2ull * num);
		fill(world, place->used[q], 6 + 8ull * num);
	}
	fill(world, place->bufs, place->bufs_bytes);
	fill(world, place->spare, place->spare_bytes);
}

int arena_create(struct rps_world *world)
{
	struct rps_world_place *place = &world->place;
	struct carver carver = { ARENA_BASE + GUARD_BYTES };
	uint32_t num = world->config.num;
	uint64_t bufs = num < RPS_DRV_BUFS_MAX ? num : RPS_DRV_BUFS_MAX;

	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		int err = place_ring(world, &carver, q);

		if (err)
			return err;
	}
	place->bufs_bytes = bufs * ((uint64_t)world->config.buf_bytes +
				    world->config.tx_buf_bytes);
	place->bufs = carve(&carver, place->bufs_bytes);
	place->spare_bytes = SPARE_BYTES;
	place->spare = carve(&carver, SPARE_BYTES);

	world->arena_base = ARENA_BASE;
	world->arena_bytes = carver.next - ARENA_BASE;
	world->arena = aligned_alloc(SPLIT_ALIGN, world->arena_bytes);
	if (!world->arena)
		return -ENOMEM;
	fill_pieces(world);
	return 0;
}

void arena_destroy(struct rps_world *world)
{
	free(world->arena);
	world->arena = NULL;
}

/* Return: how many of the @bytes bytes from @base on are left at @at. */
static uint64_t left(uint64_t at, uint64_t base, uint64_t bytes)
{
	return at - base < bytes ? bytes - (at - base) : 0;
}

/* Return: how many bytes from @at on anybody may write. */
static uint64_t writable(const struct rps_world *world, uint64_t at)
{
	const struct rps_world_place *place = &world->place;
	uint64_t num = world->config.num;
	uint64_t bytes = left(at, place->bufs, place->bufs_bytes) +
			 left(at, place->spare, place->spare_bytes);

	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++)
		bytes += left(at, place->desc[q], 16 * num) +
			 left(at, place->avail[q], 6 + 2 * num) +
			 left(at, place->used[q], 6 + 8 * num);
	return bytes;
}

/* Return: how many bytes from @at on are as they were filled, in steps. */
static uint64_t untouched(const struct rps_world *world, uint64_t at)
{
	uint8_t filled[64];
	uint64_t end = at;

	memset(filled, GUARD_FILL, sizeof(filled));
	while (world->arena_bytes - end >= sizeof(filled) &&
	       memcmp(world->arena + end, filled, sizeof(filled)) == 0)
		end += sizeof(filled);
	while (end < world->arena_bytes && world->arena[end] == GUARD_FILL)
		end++;
	return end - at;
}

bool rps_world_guards_intact(const struct rps_world *world)
{
	uint64_t at = 0;

	while ((at += untouched(world, at)) < world->arena_bytes) {
		uint64_t bytes = writable(world, world->arena_base + at);

		if (bytes == 0)
			return false;
		at += bytes;
	}
	return true;
}

void rps_world_place(const struct rps_world *world, struct rps_world_place *out)
{
	*out = world->place;
}
