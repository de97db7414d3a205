/* SPDX-License-Identifier: BSD-3-Clause */
#include "../world/states.h"

#include <errno.h>

#include "../base/rng.h"
#include "suite_main.h"

#define MANY 100000u

START_TEST(a_state_is_new_once)
{
	struct states states;
	uint64_t *slot;
	uint32_t many = long_loop(MANY);

	ck_assert_int_eq(states_init(&states, MANY), 0);
	for (unsigned int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < many; i++)
			ck_assert_int_eq(states_find(&states, rng_mix(i),
						     &slot),
					 (int)round);
	}
	ck_assert_uint_eq(states.count, many);
	states_finish(&states);
}
END_TEST

START_TEST(a_note_stays_with_its_state)
{
	struct states states;
	uint64_t *slot;
	uint32_t many = long_loop(MANY);

	ck_assert_int_eq(states_init(&states, MANY), 0);
	for (uint64_t i = 0; i < many; i++) {
		ck_assert_int_eq(states_find(&states, rng_mix(i), &slot), 0);
		ck_assert_uint_eq(states_note(slot), 0);
		states_set_note(slot, i % 4);
	}
	for (uint64_t i = 0; i < many; i++) {
		ck_assert_int_eq(states_find(&states, rng_mix(i), &slot), 1);
		ck_assert_uint_eq(states_note(slot), i % 4);
	}
	states_finish(&states);
}
END_TEST

START_TEST(zero_is_a_hash_like_others)
{
	struct states states;
	uint64_t *slot;

	ck_assert_int_eq(states_init(&states, 4), 0);
	ck_assert_int_eq(states_find(&states, 0, &slot), 0);
	ck_assert_int_eq(states_find(&states, 0, &slot), 1);
	states_finish(&states);
}
END_TEST

START_TEST(there_are_no_more_than_wanted)
{
	struct states states;
	uint64_t *slot;

	ck_assert_int_eq(states_init(&states, 3), 0);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_eq(states_find(&states, rng_mix(i), &slot), 0);
	ck_assert_int_eq(states_find(&states, rng_mix(3), &slot), -ENOSPC);
	ck_assert_int_eq(states_find(&states, rng_mix(2), &slot), 1);
	states_clear(&states);
	ck_assert_int_eq(states_find(&states, rng_mix(3), &slot), 0);
	states_finish(&states);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("states");
	TCase *tcase = tcase_create("states");

	tcase_add_test(tcase, a_state_is_new_once);
	tcase_add_test(tcase, a_note_stays_with_its_state);
	tcase_add_test(tcase, zero_is_a_hash_like_others);
	tcase_add_test(tcase, there_are_no_more_than_wanted);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
