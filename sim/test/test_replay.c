/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "suite_main.h"
#include "world_fixture.h"

#define DECISIONS 4096u

/* What a run of a few messages leaves behind. */
struct run {
	char *log;
	struct rps_decision made[DECISIONS];
	uint32_t count;
};

static void finish(struct run *run)
{
	free(run->log);
	run->log = NULL;
}

static void keep(struct run *run, struct rps_world *world)
{
	size_t size = rps_world_log(world, NULL, 0) + 1;

	run->count = (uint32_t)rps_world_decisions(world, run->made, DECISIONS);
	ck_assert_uint_le(run->count, DECISIONS);
	run->log = malloc(size);
	ck_assert_ptr_nonnull(run->log);
	rps_world_log(world, run->log, size);
}

/* Both ends send three messages, with both awake at once. */
static void exchange(struct rps_world *world)
{
	int handle[2];

	for (uint32_t end = 0; end < 2; end++)
		handle[end] = open_at(world, end, 30);
	for (unsigned int i = 0; i < 3; i++) {
		for (uint32_t end = 0; end < 2; end++) {
			rps_world_kick(world, 1);
			rps_world_irq(world, 0);
			ck_assert_int_eq(rps_iut_trysend(world, end,
							 handle[end], 30,
							 "hello", 5),
					 0);
		}
	}
	settle(world);
	for (uint32_t end = 0; end < 2; end++) {
		for (unsigned int i = 0; i < 3; i++)
			expect_text(world, end, handle[end], "hello");
	}
}

static struct rps_world_config scheduled(uint32_t scheduler, uint64_t seed)
{
	struct rps_world_config config = both_ends;

	config.scheduler = scheduler;
	config.seed = seed;
	config.pct_depth = 3;
	config.pct_length = 100;
	return config;
}

static void run_once(struct run *run, uint32_t scheduler, uint64_t seed)
{
	struct rps_world_config config = scheduled(scheduler, seed);
	struct rps_world *world = running_world(&config);

	exchange(world);
	keep(run, world);
	rps_world_destroy(world);
}

START_TEST(a_seed_gives_one_run_and_another_seed_another)
{
	struct run run[3];

	run_once(&run[0], (uint32_t)_i, 5);
	run_once(&run[1], (uint32_t)_i, 5);
	run_once(&run[2], (uint32_t)_i, 6);

	ck_assert_uint_gt(run[0].count, 0);
	ck_assert_str_eq(run[0].log, run[1].log);
	ck_assert_str_ne(run[0].log, run[2].log);
	for (unsigned int i = 0; i < 3; i++)
		finish(&run[i]);
}
END_TEST

START_TEST(round_robin_makes_no_decisions_and_knows_no_seed)
{
	struct run run[2];

	for (unsigned int i = 0; i < 2; i++)
		run_once(&run[i], RPS_SCHEDULER_ROUND_ROBIN, i);
	ck_assert_uint_eq(run[0].count, 0);
	ck_assert_str_eq(run[0].log, run[1].log);
	for (unsigned int i = 0; i < 2; i++)
		finish(&run[i]);
}
END_TEST

START_TEST(what_was_decided_can_be_done_again)
{
	struct rps_world_config config = both_ends;
	struct run first, again;
	struct rps_world *world;

	run_once(&first, (uint32_t)_i, 5);
	world = world_of(&config);
	ck_assert_int_eq(
		rps_world_replay(world, first.made, first.count, false), 0);
	ck_assert_int_eq(rps_iut_probe(world), 0);
	exchange(world);

	ck_assert_uint_eq(rps_world_mismatch(world, NULL, 0), 0);
	keep(&again, world);
	rps_world_destroy(world);
	ck_assert_str_eq(first.log, again.log);
	finish(&first);
	finish(&again);
}
END_TEST

START_TEST(a_list_of_something_else_stops_the_world)
{
	static const struct rps_decision nonsense = { RPS_CHOICE_FAULT, 2, 1 };
	struct rps_world *world = running_world(&both_ends);
	char why[128];

	ck_assert_int_eq(rps_world_replay(world, &nonsense, 1, false), 0);
	rps_world_kick(world, 1);
	rps_world_irq(world, 0);

	ck_assert_int_eq(rps_world_run(world, WORLD_STEPS), -ECANCELED);
	ck_assert_uint_gt(rps_world_mismatch(world, why, sizeof(why)), 0);
	ck_assert_str_eq(why, "decision 0 is about 2 ends here, and the list "
			      "has 2 faults there");
	/* Nothing moves any more, and nobody waits for it to. */
	ck_assert_int_eq(rps_world_run(world, WORLD_STEPS), -ECANCELED);
	ck_assert_int_eq(rps_iut_open(world, 0, "", 30, ANY), -ECANCELED);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_lenient_replay_goes_on_without_a_list)
{
	struct rps_world *world = running_world(&both_ends);

	ck_assert_int_eq(rps_world_replay(world, NULL, 0, true), 0);
	exchange(world);
	ck_assert_uint_eq(rps_world_mismatch(world, NULL, 0), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_world_is_not_made_with_a_scheduler_it_cannot_have)
{
	struct rps_world_config config = scheduled((uint32_t)_i, 1);
	int error = 0;

	ck_assert_ptr_null(rps_world_create(&config, &error));
	ck_assert_int_eq(error, -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay");
	TCase *tcase = tcase_create("replay");

	tcase_add_loop_test(tcase,
			    a_seed_gives_one_run_and_another_seed_another,
			    RPS_SCHEDULER_RANDOM, RPS_SCHEDULER_PCT + 1);
	tcase_add_test(tcase, round_robin_makes_no_decisions_and_knows_no_seed);
	tcase_add_loop_test(tcase, what_was_decided_can_be_done_again,
			    RPS_SCHEDULER_RANDOM, RPS_SCHEDULER_PCT + 1);
	tcase_add_test(tcase, a_list_of_something_else_stops_the_world);
	tcase_add_test(tcase, a_lenient_replay_goes_on_without_a_list);
	tcase_add_loop_test(tcase,
			    a_world_is_not_made_with_a_scheduler_it_cannot_have,
			    RPS_SCHEDULER_REPLAY, RPS_SCHEDULER_EXHAUSTIVE + 2);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
