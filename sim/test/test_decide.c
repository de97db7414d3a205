/* SPDX-License-Identifier: BSD-3-Clause */
#include "../world/decide.h"

#include <errno.h>
#include <stdlib.h>

#include "suite_main.h"

#define DRAWS 4000u

static struct decider decider_of(enum rps_scheduler scheduler, uint64_t seed)
{
	struct decider decider = { .scheduler = scheduler, .seed = seed };

	decider_begin(&decider);
	return decider;
}

static uint32_t draw(struct decider *decider, enum rps_choice kind,
		     uint32_t count)
{
	return decide(decider, kind, count, (1u << count) - 1);
}

START_TEST(one_choice_is_no_decision)
{
	struct decider decider = decider_of(RPS_SCHEDULER_RANDOM, 1);

	for (unsigned int i = 0; i < 100; i++)
		ck_assert_uint_eq(draw(&decider, RPS_CHOICE_END, 1), 0);
	ck_assert_uint_eq(decider.num_made, 0);
}
END_TEST

START_TEST(round_robin_changes_over_and_does_nothing_odd)
{
	struct decider decider = decider_of(RPS_SCHEDULER_ROUND_ROBIN, 1);

	ck_assert_uint_eq(draw(&decider, RPS_CHOICE_END, 2), 1);
	ck_assert_uint_eq(draw(&decider, RPS_CHOICE_VALUE, 5), 0);
	ck_assert_uint_eq(draw(&decider, RPS_CHOICE_PLACE, 2), 0);
	ck_assert_uint_eq(draw(&decider, RPS_CHOICE_FAULT, 2), 0);
}
END_TEST

START_TEST(random_takes_each_choice_about_as_often)
{
	struct decider decider = decider_of(RPS_SCHEDULER_RANDOM, 7);
	uint32_t seen[RPS_CHOICES_MAX] = { 0 };
	uint32_t count = (uint32_t)_i;

	for (unsigned int i = 0; i < DRAWS; i++)
		seen[draw(&decider, RPS_CHOICE_VALUE, count)]++;
	for (uint32_t i = 0; i < count; i++)
		ck_assert_uint_gt(seen[i], DRAWS / count / 2);
	for (uint32_t i = count; i < RPS_CHOICES_MAX; i++)
		ck_assert_uint_eq(seen[i], 0);
}
END_TEST

START_TEST(the_same_seed_draws_the_same)
{
	struct decider a = decider_of((enum rps_scheduler)_i, 42);
	struct decider b = decider_of((enum rps_scheduler)_i, 42);
	struct decider c = decider_of((enum rps_scheduler)_i, 43);
	unsigned int different = 0;

	for (unsigned int i = 0; i < DRAWS; i++) {
		uint32_t drawn = draw(&a, RPS_CHOICE_VALUE, 2);

		ck_assert_uint_eq(drawn, draw(&b, RPS_CHOICE_VALUE, 2));
		different += drawn != draw(&c, RPS_CHOICE_VALUE, 2);
	}
	ck_assert_uint_gt(different, 0);
}
END_TEST

START_TEST(a_kind_of_choice_does_not_disturb_the_others)
{
	struct decider a = decider_of(RPS_SCHEDULER_RANDOM, 42);
	struct decider b = decider_of(RPS_SCHEDULER_RANDOM, 42);

	for (unsigned int i = 0; i < DRAWS; i++) {
		(void)draw(&b, RPS_CHOICE_FAULT, 3);
		ck_assert_uint_eq(draw(&a, RPS_CHOICE_END, 2),
				  draw(&b, RPS_CHOICE_END, 2));
	}
}
END_TEST

/* How often the running end changes in @draws decisions, both always ready. */
static uint32_t changes(struct decider *decider, uint32_t draws)
{
	uint32_t changed = 0;

	for (uint32_t i = 0; i < draws; i++) {
		uint32_t choice = draw(decider, RPS_CHOICE_END, 2);

		changed += choice;
		decider->last_end = (decider->last_end + choice) % 2;
	}
	return changed;
}

START_TEST(pct_changes_over_less_often_than_its_depth)
{
	uint32_t depth = (uint32_t)_i;
	uint32_t most = 0;

	for (uint64_t seed = 0; seed < 100; seed++) {
		struct decider decider = decider_of(RPS_SCHEDULER_PCT, seed);
		uint32_t changed;

		decider_pct(&decider, depth, 200);
		changed = changes(&decider, 200);
		/* The first one is no change where the other end had begun. */
		ck_assert_uint_le(changed, depth);
		most = changed > most ? changed : most;
	}
	ck_assert_uint_eq(most, depth);
}
END_TEST

static const struct rps_decision list[] = {
	{ RPS_CHOICE_END, 2, 0 },   { RPS_CHOICE_END, 2, 0 },
	{ RPS_CHOICE_VALUE, 3, 2 }, { RPS_CHOICE_END, 2, 1 },
	{ RPS_CHOICE_FAULT, 2, 1 }, { RPS_CHOICE_PLACE, 16, 15 },
};

static struct decider replayer(bool lenient)
{
	struct decider decider = {
		.scheduler = RPS_SCHEDULER_REPLAY,
		.listed = list,
		.num_listed = ARRAY_SIZE(list),
		.lenient = lenient,
	};

	decider_begin(&decider);
	return decider;
}

START_TEST(a_list_is_followed_and_written_again)
{
	struct decider decider = replayer(false);
	struct rps_decision made[ARRAY_SIZE(list)];

	decider.made = made;
	decider.max_made = ARRAY_SIZE(made);
	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++)
		ck_assert_uint_eq(draw(&decider, list[i].kind, list[i].count),
				  list[i].choice);
	ck_assert_uint_eq(decider.num_made, ARRAY_SIZE(list));
	ck_assert_mem_eq(made, list, sizeof(list));
}
END_TEST

struct misfit {
	uint32_t point; /* decisions that fit before it */
	struct rps_decision asked;
	const char *complaint;
};

/* clang-format off */
static const struct misfit misfit[] = {
	{ 0, { RPS_CHOICE_VALUE, 2, 0 }, "decision 0 is about 2 values here, and the list has 2 ends there" },
	{ 2, { RPS_CHOICE_VALUE, 4, 0 }, "decision 2 is about 4 values here, and the list has 3 values there" },
	{ 6, { RPS_CHOICE_END, 2, 0 },   "decision 6 is about 2 ends here, and the list is over there" },
};
/* clang-format on */

START_TEST(a_list_that_does_not_fit_is_refused_where_it_does_not)
{
	struct decider decider = replayer(false);
	const struct misfit *row = &misfit[_i];
	char text[128];

	for (uint32_t i = 0; i < row->point; i++)
		(void)draw(&decider, list[i].kind, list[i].count);
	ck_assert_uint_eq(decider_complaint(&decider, text, sizeof(text)), 0);

	ck_assert_uint_eq(draw(&decider, row->asked.kind, row->asked.count),
			  DECIDE_STOP);
	ck_assert_uint_eq(decider_complaint(&decider, text, sizeof(text)),
			  strlen(row->complaint));
	ck_assert_str_eq(text, row->complaint);
}
END_TEST

START_TEST(a_lenient_replay_takes_the_first_choice_instead)
{
	struct decider decider = replayer(true);
	const struct misfit *row = &misfit[_i];

	for (uint32_t i = 0; i < row->point; i++)
		(void)draw(&decider, list[i].kind, list[i].count);
	/* Decision 2 is choice 2 of 3, which is there among 4 too. */
	ck_assert_uint_eq(draw(&decider, row->asked.kind, row->asked.count),
			  row->point == 2 ? 2 : 0);
	ck_assert(!decider.mismatch.found);
}
END_TEST

/* --- text */

static const char good[] = "rpmsg-cts decisions 1\n"
			   "scenario num=2 messages=1,1\n"
			   "e0/2*2 v2/3 e1/2 f1/2 p15/16\n"
			   "end 6 ";

static size_t write_list(char *text, size_t size)
{
	return rps_decisions_write(list, ARRAY_SIZE(list), "num=2 messages=1,1",
				   text, size);
}

START_TEST(a_list_is_text_and_the_text_is_the_list)
{
	struct rps_decision parsed[ARRAY_SIZE(list)];
	struct rps_decisions_text out;
	char text[256];

	ck_assert_uint_eq(write_list(text, sizeof(text)), strlen(text));
	ck_assert_int_eq(strncmp(text, good, strlen(good)), 0);

	ck_assert_int_eq(
		rps_decisions_parse(text, parsed, ARRAY_SIZE(parsed), &out), 0);
	ck_assert_uint_eq(out.count, ARRAY_SIZE(list));
	ck_assert_mem_eq(parsed, list, sizeof(list));
	ck_assert_str_eq(out.scenario, "num=2 messages=1,1");
	ck_assert_str_eq(out.complaint, "");
}
END_TEST

START_TEST(an_empty_list_is_a_list)
{
	struct rps_decisions_text out;
	char text[256];

	ck_assert_uint_gt(rps_decisions_write(NULL, 0, "", text, sizeof(text)),
			  0);
	ck_assert_int_eq(rps_decisions_parse(text, NULL, 0, &out), 0);
	ck_assert_uint_eq(out.count, 0);
	ck_assert_str_eq(out.scenario, "");
}
END_TEST

START_TEST(long_lists_come_in_short_lines)
{
	static struct rps_decision many[5000];
	static struct rps_decision parsed[ARRAY_SIZE(many)];
	static char text[65536];
	struct rps_decisions_text out;
	size_t line_chars = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct rps_decision){ RPS_CHOICE_VALUE, 7,
						 (uint8_t)(i % 7) };
	ck_assert_uint_lt(rps_decisions_write(many, ARRAY_SIZE(many), "s", text,
					      sizeof(text)),
			  sizeof(text));
	for (const char *at = text; *at; at++) {
		line_chars = *at == '\n' ? 0 : line_chars + 1;
		ck_assert_uint_le(line_chars, 72);
	}
	ck_assert_int_eq(
		rps_decisions_parse(text, parsed, ARRAY_SIZE(parsed), &out), 0);
	ck_assert_mem_eq(parsed, many, sizeof(many));
}
END_TEST

START_TEST(a_text_that_does_not_fit_is_cut_and_its_length_is_known)
{
	char text[256];
	char cut[30];
	size_t whole = write_list(text, sizeof(text));

	ck_assert_uint_eq(write_list(cut, sizeof(cut)), whole);
	ck_assert_uint_eq(strlen(cut), sizeof(cut) - 1);
	ck_assert_int_eq(strncmp(cut, text, sizeof(cut) - 1), 0);
	ck_assert_uint_eq(write_list(NULL, 0), whole);
}
END_TEST

START_TEST(a_cut_text_is_never_taken_for_a_list)
{
	struct rps_decision parsed[ARRAY_SIZE(list)];
	struct rps_decisions_text out;
	char text[256];
	size_t whole = write_list(text, sizeof(text));

	for (size_t len = 0; len < whole; len++) {
		text[len] = '\0';
		ck_assert_int_lt(rps_decisions_parse(text, parsed,
						     ARRAY_SIZE(parsed), &out),
				 0);
		ck_assert_str_ne(out.complaint, "");
		(void)write_list(text, sizeof(text));
	}
}
END_TEST

START_TEST(a_changed_text_is_never_taken_for_the_list)
{
	struct rps_decision parsed[ARRAY_SIZE(list)];
	struct rps_decisions_text out;
	char text[256];
	size_t whole = write_list(text, sizeof(text));

	for (size_t at = 0; at < whole; at++) {
		text[at] ^= 1;
		ck_assert_int_lt(rps_decisions_parse(text, parsed,
						     ARRAY_SIZE(parsed), &out),
				 0);
		text[at] ^= 1;
	}
}
END_TEST

struct refusal {
	const char *text;
	int error;
	const char *complaint;
};

/* clang-format off */
static const struct refusal refusal[] = {
	{ "", -EPROTO, "line 1: not a list of decisions" },
	{ "rpmsg-cts decisions 2\nscenario s\nend 0 0\n", -EPROTO, "line 1: version 2, and this program reads version 1" },
	{ "rpmsg-cts decisions 1\n", -EINVAL, "line 2: no scenario" },
	{ "rpmsg-cts decisions 1\nscenario s\nx0/2\n", -EINVAL, "line 3: no decision" },
	{ "rpmsg-cts decisions 1\nscenario s\ne2/2\n", -EINVAL, "line 3: no decision" },
	{ "rpmsg-cts decisions 1\nscenario s\ne0/1\n", -EINVAL, "line 3: no decision" },
	{ "rpmsg-cts decisions 1\nscenario s\ne0/99\n", -EINVAL, "line 3: no decision" },
	{ "rpmsg-cts decisions 1\nscenario s\ne0/2*0\n", -EINVAL, "line 3: no decision" },
	{ "rpmsg-cts decisions 1\nscenario s\ne0/2;\n", -EINVAL, "line 3: no space behind a decision" },
	{ "rpmsg-cts decisions 1\nscenario s\ne0/2*9\n", -ENOSPC, "line 3: too many decisions" },
	{ "rpmsg-cts decisions 1\nscenario s\ne0/2\n", -ENODATA, "line 4: ends too early: it was cut off" },
	{ "rpmsg-cts decisions 1\nscenario s\nend 1 0\n", -EBADMSG, "line 4: it was changed: its end does not fit" },
	{ "rpmsg-cts decisions 1\nscenario s\nend 0 0\n", -EBADMSG, "line 4: it was changed: its end does not fit" },
};
/* clang-format on */

START_TEST(a_bad_text_is_refused_with_its_line)
{
	const struct refusal *row = &refusal[_i];
	struct rps_decision parsed[4];
	struct rps_decisions_text out;

	ck_assert_int_eq(rps_decisions_parse(row->text, parsed,
					     ARRAY_SIZE(parsed), &out),
			 row->error);
	ck_assert_str_eq(out.complaint, row->complaint);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("decide");
	TCase *tcase = tcase_create("schedulers");

	tcase_add_test(tcase, one_choice_is_no_decision);
	tcase_add_test(tcase, round_robin_changes_over_and_does_nothing_odd);
	tcase_add_loop_test(tcase, random_takes_each_choice_about_as_often, 2,
			    RPS_CHOICES_MAX + 1);
	tcase_add_loop_test(tcase, the_same_seed_draws_the_same,
			    RPS_SCHEDULER_RANDOM, RPS_SCHEDULER_PCT + 1);
	tcase_add_test(tcase, a_kind_of_choice_does_not_disturb_the_others);
	tcase_add_loop_test(tcase, pct_changes_over_less_often_than_its_depth,
			    1, 6);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("replay");
	tcase_add_test(tcase, a_list_is_followed_and_written_again);
	tcase_add_loop_test(
		tcase, a_list_that_does_not_fit_is_refused_where_it_does_not, 0,
		ARRAY_SIZE(misfit));
	tcase_add_loop_test(tcase,
			    a_lenient_replay_takes_the_first_choice_instead, 0,
			    ARRAY_SIZE(misfit));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("text");
	tcase_add_test(tcase, a_list_is_text_and_the_text_is_the_list);
	tcase_add_test(tcase, an_empty_list_is_a_list);
	tcase_add_test(tcase, long_lists_come_in_short_lines);
	tcase_add_test(tcase,
		       a_text_that_does_not_fit_is_cut_and_its_length_is_known);
	tcase_add_test(tcase, a_cut_text_is_never_taken_for_a_list);
	tcase_add_test(tcase, a_changed_text_is_never_taken_for_the_list);
	tcase_add_loop_test(tcase, a_bad_text_is_refused_with_its_line, 0,
			    ARRAY_SIZE(refusal));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
