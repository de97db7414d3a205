/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/world.h>

#include <errno.h>
#include <string.h>

#include "suite_main.h"
#include "world_fixture.h"

#define MARKS_MAX 128u

/* How often an end came to the mark of that name. */
static uint64_t reached(const struct rps_world *world, uint32_t end,
			const char *name)
{
	uint64_t counts[MARKS_MAX];
	uint32_t num = rps_world_marks(world, end, counts, MARKS_MAX);
	struct rps_mark_info info;

	for (uint32_t i = 0; i < num && rps_mark_get(i, &info); i++) {
		if (strcmp(info.name, name) == 0)
			return counts[i];
	}
	ck_abort_msg("there is no mark %s", name);
	return 0;
}

START_TEST(the_table_can_be_read)
{
	uint64_t counts[MARKS_MAX];
	struct rps_world *world = world_of(&both_ends);
	uint32_t num = rps_world_marks(world, RPS_END_DRIVER, NULL, 0);
	struct rps_mark_info info;

	ck_assert_uint_gt(num, 50);
	ck_assert_uint_le(num, MARKS_MAX);
	for (uint32_t i = 0; i < num; i++) {
		ck_assert(rps_mark_get(i, &info));
		ck_assert_uint_ge(info.ends, 1);
		ck_assert_uint_le(info.ends, 3);
	}
	ck_assert(!rps_mark_get(num, &info));
	ck_assert_uint_eq(rps_world_marks(world, 0, counts, MARKS_MAX), num);
	for (uint32_t i = 0; i < num; i++)
		ck_assert_uint_eq(counts[i], 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(events_count_at_the_end_that_they_are_of)
{
	struct rps_world *world = running_world(&both_ends);
	int to = open_at(world, RPS_END_DEVICE, 30);
	int from = open_at(world, RPS_END_DRIVER, 40);

	ck_assert_int_ge(to, 0);
	ck_assert_uint_eq(reached(world, RPS_END_DEVICE, "read_empty"), 0);
	ck_assert_int_eq(
		rps_iut_trysend(world, RPS_END_DRIVER, from, 30, NULL, 0), 0);
	settle(world);

	ck_assert_uint_eq(reached(world, RPS_END_DEVICE, "read_empty"), 1);
	ck_assert_uint_eq(reached(world, RPS_END_DRIVER, "read_empty"), 0);
	ck_assert_uint_eq(reached(world, RPS_END_DRIVER, "written_empty"), 1);
	ck_assert_uint_eq(reached(world, RPS_END_DEVICE, "nobody_there"), 0);
	ck_assert_int_eq(
		rps_iut_trysend(world, RPS_END_DRIVER, from, 31, "x", 1), 0);
	settle(world);
	ck_assert_uint_eq(reached(world, RPS_END_DEVICE, "nobody_there"), 1);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_ring_is_full_when_all_entries_are_out)
{
	struct rps_world_config config = both_ends;
	struct rps_world *world;

	config.start_idx = (uint16_t)_i;
	config.native_be = _i > 0;
	config.features = _i ? F_NS : config.features;
	world = running_world(&config);

	/* All receive buffers are posted, and no send buffer. */
	ck_assert_uint_eq(reached(world, RPS_END_DRIVER, "ring_full"), 1);
	ck_assert_uint_eq(reached(world, RPS_END_DRIVER,
				  "avail_wraps_on_queue_0"),
			  _i == 0xfffe);
	ck_assert_uint_eq(
		reached(world, RPS_END_DRIVER, "avail_wraps_on_queue_1"), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(results_of_calls_count)
{
	struct rps_world *world = running_world(&both_ends);
	int ept = open_at(world, RPS_END_DRIVER, 40);
	static const uint8_t large[4096];

	ck_assert_int_eq(rps_iut_open(world, RPS_END_DRIVER, "x", 40, ANY),
			 -EADDRINUSE);
	ck_assert_int_eq(rps_iut_trysend(world, RPS_END_DRIVER, ept, ANY, "x",
					 1),
			 -EINVAL);
	ck_assert_int_eq(rps_iut_trysend(world, RPS_END_DRIVER, ept, 30, large,
					 sizeof(large)),
			 -EMSGSIZE);

	ck_assert_uint_eq(reached(world, RPS_END_DRIVER, "address_in_use"), 1);
	ck_assert_uint_eq(reached(world, RPS_END_DRIVER, "to_any"), 1);
	ck_assert_uint_eq(reached(world, RPS_END_DRIVER, "too_long"), 1);
	ck_assert_uint_eq(reached(world, RPS_END_DEVICE, "too_long"), 0);
	ck_assert_uint_eq(reached(world, RPS_END_DRIVER, "no_buffer"), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(lines_that_say_so_count)
{
	struct rps_world *world = running_world(&both_ends);

	ck_assert_uint_eq(reached(world, RPS_END_DEVICE, "reset_in_service"),
			  0);
	rps_iut_remove(world);
	ck_assert_uint_eq(reached(world, RPS_END_DEVICE, "reset_in_service"),
			  1);
	rps_world_destroy(world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mark");
	TCase *tcase = tcase_create("marks");

	tcase_add_test(tcase, the_table_can_be_read);
	tcase_add_test(tcase, events_count_at_the_end_that_they_are_of);
	tcase_add_loop_test(tcase, a_ring_is_full_when_all_entries_are_out, 0,
			    1);
	tcase_add_loop_test(tcase, a_ring_is_full_when_all_entries_are_out,
			    0xfffe, 0xffff);
	tcase_add_test(tcase, results_of_calls_count);
	tcase_add_test(tcase, lines_that_say_so_count);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
