/* SPDX-License-Identifier: BSD-3-Clause */
#include "../world/fiber.h"

#include "suite_main.h"

#define DEPTH 100

struct counter {
	struct fiber fiber;
	unsigned int steps;
	uint64_t deep; /* made on the fiber's own stack */
};

static void count(void *arg)
{
	struct counter *counter = arg;

	for (;;) {
		counter->steps++;
		fiber_yield(&counter->fiber);
	}
}

START_TEST(a_fiber_goes_on_where_it_stopped)
{
	struct counter counter = { .steps = 0 };

	ck_assert_int_eq(fiber_init(&counter.fiber, count, &counter), 0);
	ck_assert_uint_eq(counter.steps, 0);
	for (unsigned int i = 1; i <= 1000; i++) {
		fiber_resume(&counter.fiber);
		ck_assert_uint_eq(counter.steps, i);
	}
	fiber_finish(&counter.fiber);
}
END_TEST

START_TEST(fibers_do_not_disturb_each_other)
{
	struct counter counter[3] = { 0 };

	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(
			fiber_init(&counter[i].fiber, count, &counter[i]), 0);
	for (unsigned int i = 0; i < 300; i++)
		fiber_resume(&counter[i % 3].fiber);

	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_uint_eq(counter[i].steps, 100);
		fiber_finish(&counter[i].fiber);
	}
}
END_TEST

/* Fills frame after frame, yields at the bottom, and adds them all up. */
static uint64_t dig(struct counter *counter, unsigned int depth)
{
	volatile uint8_t frame[512];
	uint64_t sum = 0;

	for (unsigned int i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)depth;
	if (depth == 0)
		fiber_yield(&counter->fiber);
	else
		sum = dig(counter, depth - 1);
	for (unsigned int i = 0; i < sizeof(frame); i++)
		sum += frame[i];
	return sum;
}

static void dig_deep(void *arg)
{
	struct counter *counter = arg;

	counter->deep = dig(counter, DEPTH);
	for (;;)
		fiber_yield(&counter->fiber);
}

START_TEST(a_deep_stack_survives_a_yield)
{
	struct counter counter = { .deep = 0 };

	ck_assert_int_eq(fiber_init(&counter.fiber, dig_deep, &counter), 0);
	fiber_resume(&counter.fiber);
	ck_assert_uint_eq(counter.deep, 0);
	fiber_resume(&counter.fiber);

	ck_assert_uint_eq(counter.deep, 512 * DEPTH * (DEPTH + 1) / 2);
	fiber_finish(&counter.fiber);
}
END_TEST

static void count_to_three(void *arg)
{
	struct counter *counter = arg;

	counter->steps = 0;
	for (;;) {
		(void)dig(counter, counter->steps++ % 3);
		fiber_yield(&counter->fiber);
	}
}

START_TEST(a_fiber_can_begin_again_from_the_middle)
{
	struct counter counter = { .steps = 0 };

	ck_assert_int_eq(fiber_init(&counter.fiber, count_to_three, &counter),
			 0);
	fiber_restart(&counter.fiber);
	for (unsigned int i = 1; i < 100; i++) {
		for (unsigned int resumes = 0; resumes < i; resumes++)
			fiber_resume(&counter.fiber);
		ck_assert_uint_eq(counter.steps, (i + 1) / 2);
		fiber_restart(&counter.fiber);
	}
	fiber_finish(&counter.fiber);
}
END_TEST

START_TEST(finishing_takes_what_never_began)
{
	struct fiber fiber = { .stack = NULL };
	struct counter counter = { .steps = 0 };

	fiber_finish(&fiber);
	ck_assert_int_eq(fiber_init(&counter.fiber, count, &counter), 0);
	fiber_finish(&counter.fiber);
	fiber_finish(&counter.fiber);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fiber");
	TCase *tcase = tcase_create("fiber");

	tcase_add_test(tcase, a_fiber_goes_on_where_it_stopped);
	tcase_add_test(tcase, fibers_do_not_disturb_each_other);
	tcase_add_test(tcase, a_deep_stack_survives_a_yield);
	tcase_add_test(tcase, a_fiber_can_begin_again_from_the_middle);
	tcase_add_test(tcase, finishing_takes_what_never_began);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
