/* SPDX-License-Identifier: BSD-3-Clause */
#include "world_fixture.h"

#include "suite_main.h"

const struct rps_world_config both_ends = {
	.seed = 1,
	.features = F_NS | F_VERSION_1,
	.num = 4,
	.align = 4096,
	.buf_bytes = 512,
	.device_id = 7,
	.driver = true,
	.device = true,
};

struct rps_world *world_of(const struct rps_world_config *config)
{
	int error = -1;
	struct rps_world *world = rps_world_create(config, &error);

	ck_assert_ptr_nonnull(world);
	ck_assert_int_eq(error, 0);
	return world;
}

struct rps_world *running_world(const struct rps_world_config *config)
{
	struct rps_world *world = world_of(config);

	ck_assert_int_eq(rps_iut_probe(world), 0);
	return world;
}

struct rps_tdrv *play_driver(struct rps_world *world,
			     const struct rps_world_config *config)
{
	struct rps_tdrv *tdrv =
		rps_tdrv_create(rps_world_driver_mem(world), config->num);
	struct rps_tdrv_setup setup = { .native_be = config->native_be };
	struct rps_world_place place;

	ck_assert_ptr_nonnull(tdrv);
	rps_world_place(world, &place);
	rps_world_set_status(world, 0);
	rps_world_set_status(world, 3);
	rps_world_accept(world, rps_world_offered(world));
	setup.features = rps_world_accepted(world);
	for (uint32_t q = 0; q < 2; q++) {
		setup.desc[q] = place.desc[q];
		setup.avail[q] = place.avail[q];
		setup.used[q] = place.used[q];
		rps_world_set_queue(world, q, config->num, place.desc[q],
				    place.avail[q], place.used[q]);
	}
	ck_assert_int_eq(rps_tdrv_init(tdrv, &setup), 0);
	rps_world_set_status(world, 7);
	settle(world);
	return tdrv;
}

bool kick(struct rps_world *world, struct rps_tdrv *tdrv, uint32_t queue)
{
	bool needed = rps_tdrv_kick_needed(tdrv, queue);

	if (needed)
		rps_world_kick(world, queue);
	return needed;
}

void settle(struct rps_world *world)
{
	ck_assert_int_ge(rps_world_run(world, WORLD_STEPS), 0);
}

int open_at(struct rps_world *world, uint32_t end, uint32_t addr)
{
	int handle = rps_iut_open(world, end, "", addr, ANY);

	ck_assert_int_ge(handle, 0);
	return handle;
}

void expect_text(struct rps_world *world, uint32_t end, int handle,
		 const char *expected)
{
	char text[512] = "";
	uint32_t src;
	int len =
		rps_iut_recv(world, end, handle, &src, text, sizeof(text) - 1);

	ck_assert_int_eq(len, (int)strlen(expected));
	ck_assert_str_eq(text, expected);
}
