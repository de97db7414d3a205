/* SPDX-License-Identifier: BSD-3-Clause */
#include "../world/order.h"

#include <stdlib.h>

#include "litmus.h"
#include "suite_main.h"

enum { X, Y };

#define ST(place, value)                                                       \
	{                                                                      \
		OP_ST, place, value                                            \
	}
#define REL(place, value)                                                      \
	{                                                                      \
		OP_REL, place, value                                           \
	}
#define LD(place)                                                              \
	{                                                                      \
		OP_LD, place, 0                                                \
	}
#define ACQ(place)                                                             \
	{                                                                      \
		OP_ACQ, place, 0                                               \
	}
#define FULL                                                                   \
	{                                                                      \
		OP_FULL, 0, 0                                                  \
	}
#define WRITE(place, value)                                                    \
	{                                                                      \
		OP_ST_DATA, place, value                                       \
	}
#define READ(place)                                                            \
	{                                                                      \
		OP_LD_DATA, place, 0                                           \
	}

/* Classic programs, and the outcome that tells the models apart: loads of the
 * first, loads of the second, what memory holds in the end. */
struct classic {
	const char *name;
	struct litmus litmus;
	uint64_t outcome;
	bool allowed[3]; /* by enum rps_model */
};

/* clang-format off */
static const struct classic classic[] = {
	{ "MP", { { { ST(X, 1), ST(Y, 1) }, { LD(Y), LD(X) } } }, 0x111011, { false, false, true } },
	{ "MP+rel+acq", { { { ST(X, 1), REL(Y, 1) }, { ACQ(Y), LD(X) } } }, 0x111011, { false, false, false } },
	{ "MP+rel", { { { ST(X, 1), REL(Y, 1) }, { LD(Y), LD(X) } } }, 0x111011, { false, false, true } },
	{ "MP+acq", { { { ST(X, 1), ST(Y, 1) }, { ACQ(Y), LD(X) } } }, 0x111011, { false, false, true } },
	{ "MP+fences", { { { ST(X, 1), FULL, ST(Y, 1) }, { LD(Y), FULL, LD(X) } } }, 0x111011, { false, false, false } },
	{ "SB", { { { ST(X, 1), LD(Y) }, { ST(Y, 1), LD(X) } } }, 0x101011, { false, true, true } },
	{ "SB+fence", { { { ST(X, 1), FULL, LD(Y) }, { ST(Y, 1), LD(X) } } }, 0x101011, { false, true, true } },
	{ "SB+fences", { { { ST(X, 1), FULL, LD(Y) }, { ST(Y, 1), FULL, LD(X) } } }, 0x101011, { false, false, false } },
	{ "SB+rel+acq", { { { REL(X, 1), ACQ(Y) }, { REL(Y, 1), ACQ(X) } } }, 0x101011, { false, true, true } },
	{ "LB", { { { LD(X), ST(Y, 1) }, { LD(Y), ST(X, 1) } } }, 0x111111, { false, false, false } },
	{ "CoRR", { { { ST(X, 1) }, { LD(X), LD(X) } } }, 0x111010, { false, false, false } },
	{ "CoWR", { { { ST(X, 1), LD(X) }, { ST(X, 2) } } }, 0x10120, { false, false, false } },
	{ "2+2W", { { { ST(X, 1), ST(Y, 2) }, { ST(Y, 1), ST(X, 2) } } }, 0x1111, { false, false, true } },
	{ "2+2W+rel", { { { ST(X, 1), REL(Y, 2) }, { ST(Y, 1), REL(X, 2) } } }, 0x1111, { false, false, true } },
	{ "2+2W+fences", { { { ST(X, 1), FULL, ST(Y, 2) }, { ST(Y, 1), FULL, ST(X, 2) } } }, 0x1111, { false, false, false } },
	{ "R", { { { ST(X, 1), ST(Y, 1) }, { ST(Y, 2), LD(X) } } }, 0x11012, { false, true, true } },
	{ "R+fence", { { { ST(X, 1), ST(Y, 1) }, { ST(Y, 2), FULL, LD(X) } } }, 0x11012, { false, false, true } },
	{ "R+fences", { { { ST(X, 1), FULL, ST(Y, 1) }, { ST(Y, 2), FULL, LD(X) } } }, 0x11012, { false, false, false } },
	{ "S", { { { ST(X, 2), ST(Y, 1) }, { LD(Y), ST(X, 1) } } }, 0x11121, { false, false, true } },
	{ "S+rel+acq", { { { ST(X, 2), REL(Y, 1) }, { ACQ(Y), ST(X, 1) } } }, 0x11121, { false, false, false } },
};
/* clang-format on */

static bool has(const struct outcomes *outcomes, uint64_t outcome)
{
	for (unsigned int i = 0; i < outcomes->count; i++) {
		if (outcomes->outcome[i] == outcome)
			return true;
	}
	return false;
}

START_TEST(a_classic_has_the_outcomes_of_its_model)
{
	static struct outcomes outcomes;
	const struct classic *row = &classic[_i];

	for (unsigned int model = 0; model < 3; model++) {
		struct litmus_how how = {
			.model = { (enum rps_model)model,
				   (enum rps_model)model },
			.index = true,
		};

		litmus_run(&row->litmus, &how, &outcomes);
		ck_assert_msg(has(&outcomes, row->outcome) ==
				      row->allowed[model],
			      "%s in model %u: %u outcomes", row->name, model,
			      outcomes.count);
	}
}
END_TEST

/* --- any program, against store buffers */

#define PROGRAMS 30u

START_TEST(sc_and_tso_are_what_store_buffers_do)
{
	static struct outcomes outcomes, buffers;
	const bool buffered[2] = { _i & 1, _i & 2 };
	uint32_t programs = long_loop(PROGRAMS * 1000) / 1000;

	for (uint64_t seed = 0; seed < programs; seed++) {
		struct litmus litmus = litmus_any(seed);
		struct litmus_how how = { .hashed = true, .index = true };

		/* With two writers of a place only where both are alike. */
		if (buffered[0] != buffered[1])
			litmus = litmus_one_writer(litmus);
		for (unsigned int p = 0; p < 2; p++)
			how.model[p] =
				buffered[p] ? RPS_MODEL_TSO : RPS_MODEL_SC;
		litmus_run(&litmus, &how, &outcomes);
		litmus_by_buffers(&litmus, buffered, &buffers);
		outcomes_expect_same(&outcomes, &buffers, seed,
				     "with store buffers");
	}
}
END_TEST

/* --- races */

struct race_case {
	const char *name;
	struct litmus litmus;
	bool raced[3]; /* by enum rps_model */
};

/* clang-format off */
static const struct race_case race_case[] = {
	{ "apart", { { { WRITE(X, 1) }, { WRITE(Y, 1) } } }, { false, false, false } },
	{ "both read", { { { READ(X) }, { READ(X) } } }, { false, false, false } },
	{ "at once", { { { WRITE(X, 1) }, { READ(X) } } }, { true, true, true } },
	{ "both write", { { { WRITE(X, 1) }, { WRITE(X, 1) } } }, { true, true, true } },
	/* Reads whatever the flag says: not ordered where it was not set. */
	{ "unasked", { { { WRITE(X, 1), REL(Y, 1) }, { ACQ(Y), READ(X) } } }, { true, true, true } },
};
/* clang-format on */

START_TEST(a_race_is_seen_in_every_model)
{
	static struct outcomes outcomes;
	const struct race_case *row = &race_case[_i];

	for (unsigned int model = 0; model < 3; model++) {
		struct litmus_how how = {
			.model = { (enum rps_model)model,
				   (enum rps_model)model },
			.index = true,
			.reduced = true,
			.hashed = true,
		};

		litmus_run(&row->litmus, &how, &outcomes);
		ck_assert_msg(outcomes.raced == row->raced[model],
			      "%s in model %u", row->name, model);
	}
}
END_TEST

/* --- the order itself */

static struct decider newest = { .scheduler = RPS_SCHEDULER_ROUND_ROBIN };

static uint16_t load(struct order *order, unsigned int end, unsigned int place)
{
	const struct order_store *from;
	bool stopped = false;

	return order_load(order, end, place, ORDER_RELAXED, &newest, &stopped,
			  &from);
}

static void store(struct order *order, unsigned int end, unsigned int place,
		  uint16_t raw)
{
	bool stopped = false;

	(void)order_store(order, end, place, ORDER_RELAXED, raw, &newest,
			  &stopped);
}

static void bind_all(struct order *order, enum rps_model model)
{
	static const uint16_t memory[ORDER_PLACES];

	order_init(order, model, model);
	for (unsigned int p = 0; p < ORDER_PLACES; p++)
		order_bind(order, p, &memory[p], 0);
}

START_TEST(positions_do_not_run_out)
{
	static struct order order;

	bind_all(&order, (enum rps_model)_i);
	for (uint32_t i = 1; i < 200000; i++) {
		store(&order, 0, 3, (uint16_t)i);
		if (i % 1000 == 0)
			ck_assert_uint_eq(load(&order, 1, 3), (uint16_t)i);
	}
}
END_TEST

START_TEST(what_is_no_longer_kept_is_said)
{
	static struct order order;

	bind_all(&order, RPS_MODEL_WEAK);
	for (uint16_t i = 1; i < ORDER_DEPTH; i++)
		store(&order, 0, 3, i);
	(void)load(&order, 1, 3);
	ck_assert(!order.clipped);
	for (uint16_t i = 0; i < ORDER_DEPTH + 1; i++)
		store(&order, 0, 3, i);
	(void)load(&order, 1, 3);
	ck_assert(order.clipped);
}
END_TEST

START_TEST(memory_that_nobody_stored_to_is_seen_at_once)
{
	static struct order order;

	bind_all(&order, RPS_MODEL_WEAK);
	store(&order, 0, 3, 7);
	order_refresh(&order, 3, 7);
	ck_assert_uint_eq(load(&order, 0, 3), 7);
	order_refresh(&order, 3, 9);
	for (unsigned int end = 0; end < 2; end++)
		ck_assert_uint_eq(load(&order, end, 3), 9);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("order");
	TCase *tcase = tcase_create("litmus");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_classic_has_the_outcomes_of_its_model, 0,
			    ARRAY_SIZE(classic));
	tcase_add_loop_test(tcase, sc_and_tso_are_what_store_buffers_do, 0, 4);
	tcase_add_loop_test(tcase, a_race_is_seen_in_every_model, 0,
			    ARRAY_SIZE(race_case));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("order");
	tcase_add_loop_test(tcase, positions_do_not_run_out, 0, 3);
	tcase_add_test(tcase, what_is_no_longer_kept_is_said);
	tcase_add_test(tcase, memory_that_nobody_stored_to_is_seen_at_once);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
