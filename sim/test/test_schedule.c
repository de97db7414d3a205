/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "../world/world_priv.h"
#include "suite_main.h"
#include "world_fixture.h"

START_TEST(a_world_at_rest_makes_no_step)
{
	struct rps_world *world = running_world(&both_ends);
	uint64_t steps = rps_world_steps(world);

	ck_assert_int_eq(rps_world_run(world, WORLD_STEPS), 0);
	ck_assert_uint_eq(rps_world_steps(world), steps);
	rps_world_destroy(world);
}
END_TEST

START_TEST(an_end_that_is_woken_runs_to_the_end_of_its_work)
{
	struct rps_world *world = running_world(&both_ends);

	rps_world_kick(world, 1);
	ck_assert_int_gt(rps_world_run(world, WORLD_STEPS), 0);
	ck_assert_int_eq(rps_world_run(world, WORLD_STEPS), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(too_few_steps_stop_in_the_middle_and_more_go_on)
{
	struct rps_world *world = running_world(&both_ends);

	rps_world_kick(world, 1);
	ck_assert_int_eq(rps_world_run(world, 1), -ETIME);
	ck_assert_int_gt(rps_world_run(world, WORLD_STEPS), 0);
	ck_assert_int_eq(rps_world_run(world, WORLD_STEPS), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(spurious_wakes_change_nothing)
{
	struct rps_world *world = running_world(&both_ends);
	struct rps_iut_stats stats;

	for (unsigned int i = 0; i < 100; i++) {
		rps_world_kick(world, i % 2);
		rps_world_irq(world, i % 2);
		settle(world);
	}
	for (uint32_t end = 0; end < 2; end++) {
		rps_iut_get_stats(world, end, &stats);
		ck_assert(stats.ready);
		ck_assert(!stats.broken);
		ck_assert_uint_eq(stats.dropped, 0);
	}
	rps_world_destroy(world);
}
END_TEST

START_TEST(time_goes_on_only_when_it_is_told_to)
{
	struct rps_world *world = running_world(&both_ends);

	ck_assert_uint_eq(rps_world_now_ns(world), 0);
	settle(world);
	ck_assert_uint_eq(rps_world_now_ns(world), 0);
	ck_assert_int_ge(rps_world_advance(world, 1500, WORLD_STEPS), 0);
	ck_assert_uint_eq(rps_world_now_ns(world), 1500);
	rps_world_destroy(world);
}
END_TEST

static int never_done(struct actor *actor, void *args)
{
	uint64_t *steps = args;

	while (actor->world) {
		++*steps;
		schedule_point(actor->world);
	}
	return 0;
}

START_TEST(an_end_that_never_rests_is_given_up)
{
	struct rps_world *world = running_world(&both_ends);
	uint64_t steps = 0;

	ck_assert_int_eq(world_do(world, RPS_END_DEVICE, never_done, &steps),
			 -ETIME);
	ck_assert_uint_le(steps, MAX_STEPS_PER_CALL);
	ck_assert_int_eq(rps_iut_open(world, RPS_END_DEVICE, "", 30, ANY),
			 -ENODEV);
	/* The other one is as it was. */
	ck_assert_int_ge(rps_iut_open(world, RPS_END_DRIVER, "", 30, ANY), 0);
	rps_world_destroy(world);
}
END_TEST

static int give_result(struct actor *actor, void *args)
{
	const int *result = args;

	(void)actor;
	return *result;
}

START_TEST(a_job_has_the_result_of_its_function)
{
	struct rps_world *world = running_world(&both_ends);
	int result = -_i;

	ck_assert_int_eq(world_do(world, (unsigned int)_i % 2, give_result,
				  &result),
			 result);
	ck_assert_int_eq(world_do(world, 2, give_result, &result), -ENODEV);
	rps_world_destroy(world);
}
END_TEST

/* Both ends have work, so both must move before either one is through. */
static unsigned int changes;
static unsigned int last_end;

static int watch_turns(struct actor *actor, void *args)
{
	(void)args;
	for (unsigned int i = 0; i < 100; i++) {
		changes += last_end != actor->end;
		last_end = actor->end;
		schedule_point(actor->world);
	}
	return 0;
}

START_TEST(ends_take_turns_at_every_step)
{
	struct rps_world *world = running_world(&both_ends);
	struct job job = { .fn = watch_turns };

	changes = 0;
	last_end = RPS_END_DEVICE;
	world->actor[RPS_END_DEVICE].job = &job;
	ck_assert_int_eq(world_do(world, RPS_END_DRIVER, watch_turns, NULL), 0);

	ck_assert(job.done);
	ck_assert_uint_ge(changes, 199);
	rps_world_destroy(world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tcase = tcase_create("schedule");

	tcase_add_test(tcase, a_world_at_rest_makes_no_step);
	tcase_add_test(tcase, an_end_that_is_woken_runs_to_the_end_of_its_work);
	tcase_add_test(tcase, too_few_steps_stop_in_the_middle_and_more_go_on);
	tcase_add_test(tcase, spurious_wakes_change_nothing);
	tcase_add_test(tcase, time_goes_on_only_when_it_is_told_to);
	tcase_add_test(tcase, an_end_that_never_rests_is_given_up);
	tcase_add_loop_test(tcase, a_job_has_the_result_of_its_function, 0, 4);
	tcase_add_test(tcase, ends_take_turns_at_every_step);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
