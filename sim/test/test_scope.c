/* SPDX-License-Identifier: BSD-3-Clause */
#include "../world/scope.h"

#include <errno.h>

#include "suite_main.h"

static struct rps_scope parsed(const char *text)
{
	struct rps_scope scope;
	char complaint[128];

	ck_assert_msg(rps_scope_parse(text, &scope, complaint,
				      sizeof(complaint)) == 0,
		      "%s", complaint);
	return scope;
}

static struct scope *scope_of(const char *text)
{
	struct rps_scope config = parsed(text);
	int error = -1;
	struct scope *scope = scope_create(&config, &error);

	ck_assert_int_eq(error, 0);
	ck_assert_ptr_nonnull(scope);
	return scope;
}

static const char *const text[] = {
	"num=2 messages=1,1 buf=24 model=sc,sc wait=sleep,sleep "
	"mutant=none,none start=0x0 flags le suppress single watched",
	"num=8 messages=0,8 buf=17 model=weak,tso wait=sleep,poll "
	"mutant=slot_after_idx,elem_after_idx start=0xffff event be always "
	"batch unwatched",
};

START_TEST(a_scope_is_text_and_the_text_is_the_scope)
{
	struct rps_scope scope = parsed(text[_i]);
	char again[256];

	ck_assert_uint_eq(rps_scope_write(&scope, again, sizeof(again)),
			  strlen(text[_i]));
	ck_assert_str_eq(again, text[_i]);
	ck_assert_uint_eq(rps_scope_write(&scope, NULL, 0), strlen(text[_i]));
}
END_TEST

START_TEST(what_is_not_said_is_as_usual)
{
	struct rps_scope scope = parsed(" \n");
	char again[256];

	rps_scope_write(&scope, again, sizeof(again));
	ck_assert_str_eq(again, text[0]);
}
END_TEST

struct refusal {
	const char *text;
	const char *complaint;
};

/* clang-format off */
static const struct refusal refusal[] = {
	{ "num=3", "the queue size is no power of two" },
	{ "num=0", "the queue size is no power of two" },
	{ "num=16", "the queue size is above 8" },
	{ "messages=9,0", "more than 8 messages each way" },
	{ "messages=0,0", "there is no message" },
	{ "buf=16", "a buffer has no room for a header and a byte" },
	{ "buf=65", "a buffer is above 64 bytes" },
	{ "messages=1", "what is 'messages=1'?" },
	{ "messages=1,x", "what is 'messages=1,x'?" },
	{ "model=sc,arm", "what is 'model=sc,arm'?" },
	{ "mutant=none,no_such", "what is 'mutant=none,no_such'?" },
	{ "start=0x10000", "what is 'start=0x10000'?" },
	{ "align=24", "what is 'align=24'?" },
	{ "num=", "what is 'num='?" },
	{ "num=-2", "what is 'num=-2'?" },
	{ "wait=poll,dream", "what is 'wait=poll,dream'?" },
	{ "num=2 sometimes", "what is 'sometimes'?" },
};
/* clang-format on */

START_TEST(a_scope_that_makes_no_sense_is_refused)
{
	struct rps_scope scope;
	char complaint[128];

	ck_assert_int_eq(rps_scope_parse(refusal[_i].text, &scope, complaint,
					 sizeof(complaint)),
			 -EINVAL);
	ck_assert_str_eq(complaint, refusal[_i].complaint);
}
END_TEST

static const char *const mode[] = {
	"num=1 messages=3,3",
	"num=2 messages=3,3 event",
	"num=4 messages=3,3 start=0xfffe event be",
	"num=8 messages=8,8 start=0xffff always",
	"num=1 messages=0,8 buf=17 model=weak,weak",
	"num=1 messages=8,0 buf=64 model=tso,tso event",
	"num=2 messages=3,3 batch",
	"num=4 messages=8,8 batch event model=weak,weak",
	"num=2 messages=3,3 wait=poll,sleep event",
	"num=2 messages=3,3 wait=sleep,poll model=weak,weak batch",
	"num=1 messages=3,3 wait=poll,poll model=tso,tso",
};

static int64_t run(struct scope *scope, enum rps_scheduler scheduler,
		   uint64_t seed)
{
	scope->world.decider.scheduler = scheduler;
	scope->world.decider.seed = seed;
	scope_begin(scope);
	return rps_world_run(&scope->world, 100000);
}

START_TEST(every_message_arrives)
{
	struct scope *scope = scope_of(mode[_i]);
	uint32_t seeds = long_loop(1000);

	for (uint64_t seed = 0; seed < seeds; seed++) {
		int64_t status = run(scope,
				     seed ? RPS_SCHEDULER_RANDOM
					  : RPS_SCHEDULER_ROUND_ROBIN,
				     seed);

		ck_assert_int_gt(status, 0);
		ck_assert_int_eq(scope_judge(scope, status).kind,
				 RPS_FOUND_NOTHING);
		for (unsigned int e = 0; e < 2; e++)
			ck_assert_uint_eq(scope->end[e].received,
					  scope->end[e].expected);
	}
	scope_destroy(scope);
}
END_TEST

START_TEST(a_run_leaves_nothing_for_the_next)
{
	struct scope *scope = scope_of(mode[_i]);
	uint64_t outcome[2], steps[2];

	for (unsigned int i = 0; i < 2; i++) {
		(void)run(scope, RPS_SCHEDULER_RANDOM, 7);
		outcome[i] = scope_outcome(scope);
		steps[i] = scope->world.steps;
		/* Another one in between, and one that is left half way. */
		(void)run(scope, RPS_SCHEDULER_RANDOM, 8);
		scope_begin(scope);
		(void)rps_world_run(&scope->world, 20);
	}
	ck_assert(outcome[0] == outcome[1]);
	ck_assert_uint_eq(steps[0], steps[1]);
	scope_destroy(scope);
}
END_TEST

START_TEST(a_run_that_does_not_end_is_judged_as_that)
{
	struct scope *scope = scope_of(mode[0]);

	scope_begin(scope);
	ck_assert_int_eq(scope_judge(scope, -ETIME).kind, RPS_FOUND_NO_REST);
	/* A run that was stopped says nothing, but for what it found. */
	ck_assert_int_eq(scope_judge(scope, -ECANCELED).kind,
			 RPS_FOUND_NOTHING);
	scope->end[1].wrong_message = true;
	ck_assert_int_eq(scope_judge(scope, -ECANCELED).kind,
			 RPS_FOUND_MESSAGE);
	scope_destroy(scope);
}
END_TEST

struct wrong {
	const char *mutants;
	enum rps_explore_kind kind;
};

/* clang-format off */
static const struct wrong wrong[] = {
	{ "mutant=none,none messages=3,3", RPS_FOUND_NOTHING },
	{ "mutant=slot_after_idx,none unwatched", RPS_FOUND_RACE },
	{ "mutant=slot_after_idx,none", RPS_FOUND_RULE },
	{ "mutant=none,dev_silent_returns num=1 messages=2,0 unwatched", RPS_FOUND_SLEEP },
	{ "mutant=none,dev_silent_returns num=1 messages=2,0", RPS_FOUND_RULE },
	{ "mutant=none,used_len_payload unwatched", RPS_FOUND_ERROR },
	{ "mutant=none,used_len_payload", RPS_FOUND_RULE },
};
/* clang-format on */

START_TEST(what_goes_wrong_has_its_kind)
{
	struct scope *scope = scope_of(wrong[_i].mutants);
	enum rps_explore_kind worst = RPS_FOUND_NOTHING;

	for (uint64_t seed = 0; seed < 200 && worst == RPS_FOUND_NOTHING;
	     seed++)
		worst = scope_judge(scope,
				    run(scope, RPS_SCHEDULER_RANDOM, seed))
				.kind;
	ck_assert_int_eq(worst, wrong[_i].kind);
	scope_destroy(scope);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scope");
	TCase *tcase = tcase_create("text");

	tcase_add_loop_test(tcase, a_scope_is_text_and_the_text_is_the_scope, 0,
			    ARRAY_SIZE(text));
	tcase_add_test(tcase, what_is_not_said_is_as_usual);
	tcase_add_loop_test(tcase, a_scope_that_makes_no_sense_is_refused, 0,
			    ARRAY_SIZE(refusal));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("runs");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, every_message_arrives, 0, ARRAY_SIZE(mode));
	tcase_add_loop_test(tcase, a_run_leaves_nothing_for_the_next, 0,
			    ARRAY_SIZE(mode));
	tcase_add_test(tcase, a_run_that_does_not_end_is_judged_as_that);
	tcase_add_loop_test(tcase, what_goes_wrong_has_its_kind, 0,
			    ARRAY_SIZE(wrong));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
