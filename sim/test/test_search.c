/* SPDX-License-Identifier: BSD-3-Clause */
#include "../world/search.h"

#include "litmus.h"
#include "suite_main.h"

#define PROGRAMS 30u

/* Each pair of models, with the places as wishes and as indices of a ring. */
START_TEST(nothing_is_lost_by_what_is_left_out)
{
	static struct outcomes all, some;
	struct litmus_how how = {
		.model = { (enum rps_model)(_i % 3),
			   (enum rps_model)(_i / 3 % 3) },
		.index = _i / 9 % 2,
	};
	uint32_t programs = long_loop(PROGRAMS * 1000) / 1000;

	for (uint64_t seed = 0; seed < programs; seed++) {
		struct litmus litmus = litmus_one_writer(litmus_any(seed));

		how.reduced = how.hashed = false;
		litmus_run(&litmus, &how, &all);
		how.hashed = true;
		litmus_run(&litmus, &how, &some);
		outcomes_expect_same(&all, &some, seed, "with states");
		how.reduced = true;
		litmus_run(&litmus, &how, &some);
		outcomes_expect_same(&all, &some, seed, "with states, reduced");
		how.hashed = false;
		litmus_run(&litmus, &how, &some);
		outcomes_expect_same(&all, &some, seed, "reduced");
		ck_assert_uint_le(some.runs, all.runs);
	}
}
END_TEST

static const struct litmus two_writers = {
	{ { { OP_ST, 0, 1 }, { OP_LD, 1, 0 } },
	  { { OP_ST, 1, 1 }, { OP_LD, 0, 0 } } },
};

START_TEST(what_makes_no_difference_is_gone_through_once)
{
	static struct outcomes outcomes;
	struct litmus_how how = {
		.model = { RPS_MODEL_WEAK, RPS_MODEL_WEAK },
	};
	uint64_t all;

	litmus_run(&two_writers, &how, &outcomes);
	all = outcomes.runs;
	how.reduced = how.hashed = true;
	litmus_run(&two_writers, &how, &outcomes);
	ck_assert_uint_lt(outcomes.runs, all);
	ck_assert_uint_eq(outcomes.count, 4);
}
END_TEST

START_TEST(a_search_that_is_over_needs_no_estimate)
{
	const struct search search = { .num_frames = 0 };

	ck_assert_uint_eq(search_estimate(&search, 17), 17);
}
END_TEST

/* Two decisions with two choices: a quarter is behind us after the first. */
START_TEST(an_estimate_is_what_is_left_of_each_decision)
{
	struct frame frame[2] = {
		{ .kind = RPS_CHOICE_VALUE, .count = 2, .left = 2 },
		{ .kind = RPS_CHOICE_VALUE, .count = 2, .left = 0 },
	};
	const struct search search = { .frame = frame, .num_frames = 2 };

	ck_assert_uint_eq(search_estimate(&search, 3), 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search");
	TCase *tcase = tcase_create("search");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, nothing_is_lost_by_what_is_left_out, 0, 18);
	tcase_add_test(tcase, what_makes_no_difference_is_gone_through_once);
	tcase_add_test(tcase, a_search_that_is_over_needs_no_estimate);
	tcase_add_test(tcase, an_estimate_is_what_is_left_of_each_decision);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
