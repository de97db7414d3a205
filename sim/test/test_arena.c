/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "../world/world_priv.h"
#include "suite_main.h"
#include "world_fixture.h"

#define DIRTY 0xd1

/* Aligned as one piece, or in three. */
static const uint32_t align[] = { 4, 16, 64, 4096, 0 };

static struct rps_world *empty_world(uint32_t num, uint32_t ring_align)
{
	struct rps_world_config config = both_ends;

	config.num = num;
	config.align = ring_align;
	config.dirty = DIRTY;
	config.driver = false;
	config.device = false;
	return world_of(&config);
}

static uint8_t *byte_at(struct rps_world *world, uint64_t addr)
{
	return world->arena + (addr - world->arena_base);
}

struct piece {
	uint64_t at;
	uint64_t bytes;
};

#define NUM_PIECES 8

static void pieces_of(const struct rps_world *world, struct piece *piece)
{
	struct rps_world_place place;
	uint64_t num = world->config.num;

	rps_world_place(world, &place);
	for (unsigned int q = 0; q < 2; q++) {
		*piece++ = (struct piece){ place.desc[q], 16 * num };
		*piece++ = (struct piece){ place.avail[q], 6 + 2 * num };
		*piece++ = (struct piece){ place.used[q], 6 + 8 * num };
	}
	*piece++ = (struct piece){ place.bufs, place.bufs_bytes };
	*piece++ = (struct piece){ place.spare, place.spare_bytes };
}

START_TEST(pieces_are_disjoint_and_start_dirty)
{
	struct rps_world *world = empty_world(8, align[_i]);
	struct piece piece[NUM_PIECES];

	pieces_of(world, piece);
	for (unsigned int i = 0; i < NUM_PIECES; i++) {
		for (unsigned int j = 0; j < i; j++)
			ck_assert(piece[i].at + piece[i].bytes <= piece[j].at ||
				  piece[j].at + piece[j].bytes <= piece[i].at);
		for (uint64_t at = 0; at < piece[i].bytes; at++)
			ck_assert_uint_eq(*byte_at(world, piece[i].at + at),
					  DIRTY);
	}
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_byte_beside_any_piece_is_guarded)
{
	struct rps_world *world = empty_world(8, align[_i]);
	struct piece piece[NUM_PIECES];
	uint64_t num_guards = 0;

	ck_assert(rps_world_guards_intact(world));
	pieces_of(world, piece);
	for (unsigned int i = 0; i < NUM_PIECES; i++) {
		uint8_t *last =
			byte_at(world, piece[i].at + piece[i].bytes - 1);

		*last ^= 1;
		ck_assert(rps_world_guards_intact(world));
		/* Parts of a tight ring touch each other. */
		if (last[1] == DIRTY)
			continue;
		last[1] ^= 1;
		ck_assert(!rps_world_guards_intact(world));
		last[1] ^= 1;
		num_guards++;
	}
	ck_assert_uint_ge(num_guards, 4);
	/* However much of the pieces was written. */
	for (unsigned int i = 0; i < NUM_PIECES; i++)
		memset(byte_at(world, piece[i].at), 0, piece[i].bytes);
	ck_assert(rps_world_guards_intact(world));
	for (unsigned int i = 0; i < NUM_PIECES; i++) {
		uint8_t *before = byte_at(world, piece[i].at) - 1;

		if (*before == 0)
			continue;
		*before ^= 1;
		ck_assert(!rps_world_guards_intact(world));
		*before ^= 1;
	}
	rps_world_destroy(world);
}
END_TEST

START_TEST(the_first_and_the_last_byte_are_guards)
{
	struct rps_world *world = empty_world(8, align[_i]);
	uint8_t *edge[] = { world->arena,
			    world->arena + world->arena_bytes - 1 };

	for (unsigned int i = 0; i < 2; i++) {
		*edge[i] ^= 1;
		ck_assert(!rps_world_guards_intact(world));
		*edge[i] ^= 1;
	}
	ck_assert(rps_world_guards_intact(world));
	rps_world_destroy(world);
}
END_TEST

struct size_row {
	uint32_t num;
	uint64_t bufs_bytes;
};

static const struct size_row size_row[] = {
	{ 1, 1024 },     { 4, 4096 },       { 256, 262144 },
	{ 512, 262144 }, { 32768, 262144 },
};

START_TEST(there_are_two_buffers_an_entry_but_not_more_than_512)
{
	struct rps_world *world = empty_world(size_row[_i].num, 4096);
	struct rps_world_place place;

	rps_world_place(world, &place);

	ck_assert_uint_eq(place.bufs_bytes, size_row[_i].bufs_bytes);
	rps_world_destroy(world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arena");
	TCase *tcase = tcase_create("arena");

	tcase_add_loop_test(tcase, pieces_are_disjoint_and_start_dirty, 0,
			    ARRAY_SIZE(align));
	tcase_add_loop_test(tcase, a_byte_beside_any_piece_is_guarded, 0,
			    ARRAY_SIZE(align));
	tcase_add_loop_test(tcase, the_first_and_the_last_byte_are_guards, 0,
			    ARRAY_SIZE(align));
	tcase_add_loop_test(
		tcase, there_are_two_buffers_an_entry_but_not_more_than_512, 0,
		ARRAY_SIZE(size_row));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
