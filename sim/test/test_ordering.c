/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "suite_main.h"
#include "world_fixture.h"

struct mode {
	uint32_t scheduler;
	uint32_t model[2];
	uint64_t features;
};

/* clang-format off */
static const struct mode mode[] = {
	{ RPS_SCHEDULER_ROUND_ROBIN, { RPS_MODEL_TSO,  RPS_MODEL_TSO },  F_NS },
	{ RPS_SCHEDULER_ROUND_ROBIN, { RPS_MODEL_WEAK, RPS_MODEL_WEAK }, F_NS | F_EVENT_IDX },
	{ RPS_SCHEDULER_RANDOM,      { RPS_MODEL_WEAK, RPS_MODEL_WEAK }, F_NS | F_VERSION_1 },
	{ RPS_SCHEDULER_RANDOM,      { RPS_MODEL_TSO,  RPS_MODEL_WEAK }, F_NS | F_EVENT_IDX },
	{ RPS_SCHEDULER_RANDOM,      { RPS_MODEL_SC,   RPS_MODEL_TSO },  F_NS },
	{ RPS_SCHEDULER_PCT,         { RPS_MODEL_WEAK, RPS_MODEL_SC },   F_NS | F_EVENT_IDX },
};
/* clang-format on */

static struct rps_world_config config_of(int i, uint64_t seed)
{
	struct rps_world_config config = both_ends;

	config.seed = seed;
	config.scheduler = mode[i].scheduler;
	config.driver_model = mode[i].model[0];
	config.device_model = mode[i].model[1];
	config.features = mode[i].features;
	config.pct_depth = 3;
	return config;
}

/* Messages both ways, with both ends awake. */
static void exchange(struct rps_world *world)
{
	int handle[2];

	for (uint32_t end = 0; end < 2; end++)
		handle[end] = open_at(world, end, 30);
	for (unsigned int i = 0; i < 10; i++) {
		for (uint32_t end = 0; end < 2; end++) {
			rps_world_kick(world, 1);
			rps_world_irq(world, 0);
			ck_assert_int_eq(rps_iut_trysend(world, end,
							 handle[end], 30,
							 "hello", 5),
					 0);
			expect_text(world, 1 - end, handle[1 - end], "hello");
		}
	}
}

START_TEST(our_ends_do_not_care_how_late_things_are_seen)
{
	uint32_t seeds = long_loop(2000) / 100;

	for (uint64_t seed = 0; seed < seeds; seed++) {
		struct rps_world_config config = config_of(_i, seed);
		struct rps_world *world = running_world(&config);

		exchange(world);
		ck_assert_uint_eq(rps_world_race(world, NULL, 0), 0);
		rps_world_destroy(world);
	}
}
END_TEST

struct error_case {
	const char *mutant;
	uint32_t sender;
	const char *text;
};

/* clang-format off */
static const struct error_case error_case[] = {
	{ "avail_idx_plain", RPS_END_DRIVER, "LAY-021: publish avail.idx of queue 1 by the driver is missing" },
	{ "used_idx_read_plain", RPS_END_DEVICE, "LAY-021: read used.idx before its entry of queue 0 by the driver is missing" },
};
/* clang-format on */

START_TEST(a_race_is_told_with_the_point_that_is_missing)
{
	const struct error_case *row = &error_case[_i];
	char text[256] = "";

	for (uint64_t seed = 0; seed < 100 && !*text; seed++) {
		struct rps_world_config config = config_of(2, seed);
		struct rps_world *world;
		int handle[2];

		config.driver_mutant = rps_mutant_find(row->mutant);
		ck_assert_uint_ne(config.driver_mutant, 0);
		world = running_world(&config);
		for (uint32_t end = 0; end < 2; end++)
			handle[end] = open_at(world, end, 30);
		for (unsigned int i = 0; i < 8; i++) {
			rps_world_kick(world, 0);
			rps_world_irq(world, 0);
			if (row->sender == RPS_END_DRIVER)
				rps_world_kick(world, 1);
			(void)!rps_iut_trysend(world, row->sender,
					       handle[row->sender], 30, "hi",
					       2);
		}
		(void)rps_world_race(world, text, sizeof(text));
		rps_world_destroy(world);
	}
	ck_assert_msg(strncmp(text, row->text, strlen(row->text)) == 0, "%s",
		      text);
}
END_TEST

START_TEST(a_tester_sees_what_is_there)
{
	struct rps_world_config config = config_of(2, 1);
	struct rps_world_place place;
	struct rps_tester *tester;
	struct rps_tester_buf buf;
	struct rps_world *world;

	config.device = false;
	world = world_of(&config);
	rps_world_place(world, &place);
	tester = rps_tester_create(rps_world_xport(world));
	ck_assert_int_eq(rps_iut_probe(world), 0);
	ck_assert_int_eq(rps_tester_attach(tester), 0);
	for (unsigned int i = 0; i < config.num; i++)
		ck_assert_int_eq(rps_tester_take(tester, 0, &buf), 0);
	ck_assert_int_eq(rps_tester_take(tester, 0, &buf), -EAGAIN);
	ck_assert_uint_eq(rps_world_race(world, NULL, 0), 0);
	rps_tester_destroy(tester);
	rps_world_destroy(world);
}
END_TEST

START_TEST(there_are_three_models)
{
	struct rps_world_config config = both_ends;

	config.driver_model = RPS_MODEL_WEAK + 1;
	ck_assert_ptr_null(rps_world_create(&config, NULL));
	config.driver_model = 0;
	config.device_model = RPS_MODEL_WEAK + 1;
	ck_assert_ptr_null(rps_world_create(&config, NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ordering");
	TCase *tcase = tcase_create("worlds");

	tcase_add_loop_test(tcase,
			    our_ends_do_not_care_how_late_things_are_seen, 0,
			    ARRAY_SIZE(mode));
	tcase_add_loop_test(tcase,
			    a_race_is_told_with_the_point_that_is_missing, 0,
			    ARRAY_SIZE(error_case));
	tcase_add_test(tcase, a_tester_sees_what_is_there);
	tcase_add_test(tcase, there_are_three_models);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
