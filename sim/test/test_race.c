/* SPDX-License-Identifier: BSD-3-Clause */
#include "../world/race.h"

#include "suite_main.h"

#define MEMORY_BYTES 64u

struct fixture {
	struct order order;
	struct race_map map;
};

static void set_up(struct fixture *fix)
{
	order_init(&fix->order, RPS_MODEL_WEAK, RPS_MODEL_WEAK);
	ck_assert_int_eq(race_init(&fix->map, MEMORY_BYTES), 0);
}

static uint32_t touch(struct fixture *fix, unsigned int end, bool write)
{
	return race_access(&fix->map, &fix->order, end, 8, write, 1);
}

/* All that the first has done so far is known to the other. */
static void hand_on(struct fixture *fix, unsigned int from)
{
	order_notify(&fix->order, from);
	order_wake(&fix->order, 1 - from);
}

START_TEST(two_accesses_race_where_one_is_a_write)
{
	struct fixture fix;
	bool first = _i & 1, second = _i & 2;

	set_up(&fix);
	ck_assert_uint_eq(touch(&fix, 0, first), 0);
	ck_assert_int_eq(touch(&fix, 1, second) > 0, first || second);
	race_finish(&fix.map);
}
END_TEST

START_TEST(nobody_races_with_oneself)
{
	struct fixture fix;

	set_up(&fix);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_uint_eq(touch(&fix, 1, i % 2), 0);
	race_finish(&fix.map);
}
END_TEST

START_TEST(what_is_handed_on_is_no_race)
{
	struct fixture fix;

	set_up(&fix);
	for (unsigned int i = 0; i < 10; i++) {
		ck_assert_uint_eq(touch(&fix, i % 2, true), 0);
		ck_assert_uint_eq(touch(&fix, i % 2, false), 0);
		hand_on(&fix, i % 2);
	}
	/* Once more behind it, and that is not. */
	ck_assert_uint_eq(touch(&fix, 0, false), 0);
	hand_on(&fix, 0);
	ck_assert_uint_eq(touch(&fix, 0, false), 0);
	ck_assert_uint_gt(touch(&fix, 1, true), 0);
	race_finish(&fix.map);
}
END_TEST

START_TEST(pieces_have_nothing_to_do_with_each_other)
{
	struct fixture fix;

	set_up(&fix);
	for (size_t at = 0; at < MEMORY_BYTES; at++)
		ck_assert_uint_eq(race_access(&fix.map, &fix.order,
					      (unsigned int)at % 2, at, true,
					      0),
				  0);
	race_finish(&fix.map);
}
END_TEST

START_TEST(a_new_run_knows_nothing_of_the_last)
{
	struct fixture fix;

	set_up(&fix);
	ck_assert_uint_eq(touch(&fix, 0, true), 0);
	race_begin(&fix.map);
	ck_assert_uint_eq(touch(&fix, 1, true), 0);
	race_finish(&fix.map);
}
END_TEST

START_TEST(the_hash_tells_what_can_still_race)
{
	struct fixture fix;
	uint64_t clean, written, handed_on;

	set_up(&fix);
	clean = race_hash(&fix.map, &fix.order);
	(void)touch(&fix, 0, true);
	written = race_hash(&fix.map, &fix.order);
	hand_on(&fix, 0);
	handed_on = race_hash(&fix.map, &fix.order);
	ck_assert(clean != written);
	ck_assert(written != handed_on);

	/* Known reads leave nothing behind, in whatever order. */
	(void)touch(&fix, 1, false);
	ck_assert(race_hash(&fix.map, &fix.order) != handed_on);
	hand_on(&fix, 1);
	ck_assert(race_hash(&fix.map, &fix.order) == handed_on);
	race_finish(&fix.map);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("race");
	TCase *tcase = tcase_create("race");

	tcase_add_loop_test(tcase, two_accesses_race_where_one_is_a_write, 0,
			    4);
	tcase_add_test(tcase, nobody_races_with_oneself);
	tcase_add_test(tcase, what_is_handed_on_is_no_race);
	tcase_add_test(tcase, pieces_have_nothing_to_do_with_each_other);
	tcase_add_test(tcase, a_new_run_knows_nothing_of_the_last);
	tcase_add_test(tcase, the_hash_tells_what_can_still_race);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
