/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/explore.h>

#include <errno.h>
#include <stdlib.h>

#include <rps/world.h>

#include "suite_main.h"

#define DECISIONS 4096u
#define MUTANTS   200u /* at least as many as there are */

static struct rps_scope parsed(const char *text)
{
	struct rps_scope scope;
	char complaint[128];

	ck_assert_msg(rps_scope_parse(text, &scope, complaint,
				      sizeof(complaint)) == 0,
		      "%s", complaint);
	return scope;
}

static const struct rps_explore_params all = {
	.scheduler = RPS_SCHEDULER_EXHAUSTIVE,
};

/* One in so many, where all of them would take minutes. */
static bool is_in_sample(int number, int one_in)
{
	return long_loop(UINT32_MAX) == UINT32_MAX || number % one_in == 0;
}

/* Everything that is small; what is larger is for make explore. */
static const char *const small[] = {
	"num=1 messages=1,0 model=sc,sc flags",
	"num=1 messages=0,2 model=tso,tso event",
	"num=1 messages=1,1 model=weak,weak event",
	"num=1 messages=2,1 model=sc,sc flags start=0xffff",
	"num=2 messages=1,1 model=tso,weak event start=0xffff be",
	"num=2 messages=2,0 model=weak,weak flags always",
	"num=4 messages=1,1 model=weak,sc event",
	"num=4 messages=2,1 model=weak,weak flags",
	"num=2 messages=3,1 model=weak,weak event batch",
	"num=1 messages=1,1 model=tso,tso flags wait=poll,sleep batch",
	"num=2 messages=1,1 model=weak,weak event wait=sleep,poll",
	"num=1 messages=1,1 model=sc,sc flags wait=poll,poll",
};

START_TEST(our_ends_survive_every_schedule)
{
	struct rps_scope scope = parsed(small[_i]);
	struct rps_explore_params params = all;
	struct rps_explore_result result;

	params.max_schedules = long_loop(1000000);
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0), 0);
	if (result.schedules == params.max_schedules)
		return;
	ck_assert_msg(result.verdict == RPS_EXPLORE_PASS, "%s", result.text);
	ck_assert(result.exhausted);
	ck_assert(!result.bounded);
	ck_assert_uint_eq(result.canary_found, 1);
	ck_assert_uint_eq(result.failures, 0);
	ck_assert_uint_gt(result.complete, 0);
	ck_assert_uint_gt(result.states, result.schedules);
	ck_assert_uint_eq(result.estimate, result.schedules);
	ck_assert_uint_ge(result.rules_met, 50);
	ck_assert_uint_lt(result.rules_met, result.rules_in_all);
}
END_TEST

/* Each point at which an end orders its accesses, left out. */
struct missing {
	const char *mutant[2];
	const char *requirement;
	const char *point;
	bool found[3];    /* by enum rps_model: not where nothing is late */
	const char *same; /* another one that the same barrier serves */
};

/* clang-format off */
static const struct missing missing[] = {
	{ { "slot_after_idx", "none" }, "LAY-021", "publish avail.idx", { true, true, true }, NULL },
	{ { "none", "elem_after_idx" }, "LAY-021", "publish used.idx", { true, true, true }, NULL },
	{ { "avail_idx_plain", "none" }, "LAY-021", "publish avail.idx", { false, false, true }, NULL },
	{ { "none", "used_idx_plain" }, "LAY-021", "publish used.idx", { false, false, true }, NULL },
	{ { "none", "avail_idx_read_plain" }, "LAY-021", "read avail.idx before its entry", { false, false, true }, NULL },
	{ { "used_idx_read_plain", "none" }, "LAY-021", "read used.idx before its entry", { false, false, true }, NULL },
	{ { "kick_without_fence", "none" }, "LAY-022", "fence before reading used.flags or avail_event", { false, true, true }, "fence after asking for interrupts" },
	{ { "none", "notify_without_fence" }, "LAY-022", "fence before reading avail.flags or used_event", { false, true, true }, "fence after asking for kicks" },
	{ { "irq_on_without_fence", "none" }, "LAY-022", "fence after asking for interrupts", { false, true, true }, NULL },
	{ { "none", "kick_on_without_fence" }, "LAY-022", "fence after asking for kicks", { false, true, true }, NULL },
};
/* clang-format on */

static struct rps_scope
with_mutants(const char *text, const char *const mutant[2], unsigned int model)
{
	struct rps_scope scope = parsed(text);

	scope.driver_model = scope.device_model = model;
	scope.driver_mutant = rps_mutant_find(mutant[0]);
	scope.device_mutant = rps_mutant_find(mutant[1]);
	ck_assert(scope.driver_mutant || scope.device_mutant);
	return scope;
}

static bool is_named(const struct missing *row, const char *point)
{
	return strcmp(point, row->point) == 0 ||
	       (row->same && strcmp(point, row->same) == 0);
}

/* Ways to send and to wait.  A batch shows several entries at once. */
static const char *const way[] = {
	"num=1 messages=2,0",
	"num=2 messages=3,1 batch",
	"num=1 messages=2,1 wait=poll,sleep",
	"num=1 messages=2,1 wait=sleep,poll",
	"num=1 messages=1,1 wait=poll,poll batch",
};

#define ROWS ARRAY_SIZE(missing)
#define WAYS ARRAY_SIZE(way)

static void explore_missing(const struct missing *row, const char *scope,
			    unsigned int model, bool event_idx, bool unwatched,
			    struct rps_explore_result *result)
{
	struct rps_scope with = with_mutants(scope, row->mutant, model);

	with.event_idx = event_idx;
	with.unwatched = unwatched;
	ck_assert_int_eq(rps_explore(&with, &all, result, NULL, 0), 0);
	if (result->failures == 0)
		return;
	ck_assert_str_eq(result->requirement, row->requirement);
	ck_assert_msg(is_named(row, result->point), "model %u: %s", model,
		      result->text);
}

/* By what comes of it.  Whoever polls needs no fence, so that where one does
 * not every fence is missed: see below. */
START_TEST(a_missing_point_is_found_and_named)
{
	const struct missing *row = &missing[(unsigned int)_i / 2 % ROWS];
	unsigned int where = (unsigned int)_i / 2 / ROWS;
	bool polled = where > 1;
	struct rps_explore_result result;

	if ((polled && strcmp(row->requirement, "LAY-022") == 0) ||
	    !is_in_sample(_i, 13))
		return;
	for (unsigned int model = 0; model < 3; model++) {
		explore_missing(row, way[where], model, _i % 2, true, &result);
		ck_assert_msg((result.verdict == RPS_EXPLORE_FAIL) ==
				      row->found[model],
			      "%s, model %u: %s", way[where], model,
			      result.text);
	}
}
END_TEST

/* By the rule that it breaks, where nothing has to come of it. */
START_TEST(a_missing_point_is_found_under_every_model_by_the_monitor)
{
	const struct missing *row = &missing[(unsigned int)_i / 2 % ROWS];
	unsigned int where = (unsigned int)_i / 2 / ROWS;
	struct rps_explore_result result;

	if (!is_in_sample(_i, 13))
		return;
	for (unsigned int model = 0; model < 3; model++) {
		explore_missing(row, way[where], model, _i % 2, false, &result);
		ck_assert_msg(result.verdict == RPS_EXPLORE_FAIL,
			      "%s, model %u", way[where], model);
	}
}
END_TEST

/* One end polls, and the other one sleeps for ever. */
struct half_asleep {
	const char *scope;
	unsigned int row; /* of missing[] */
};

static const struct half_asleep half_asleep[] = {
	{ "num=1 messages=2,1 wait=poll,sleep", 6 },
	{ "num=1 messages=1,2 wait=poll,sleep", 6 },
	{ "num=1 messages=2,1 wait=sleep,poll", 7 },
	{ "num=1 messages=1,2 wait=sleep,poll", 7 },
	{ "num=1 messages=2,1 wait=sleep,poll", 8 },
	{ "num=1 messages=1,2 wait=sleep,poll", 8 },
	{ "num=1 messages=2,1 wait=poll,sleep", 9 },
	{ "num=1 messages=1,2 wait=poll,sleep", 9 },
};

START_TEST(a_missing_fence_is_found_between_one_who_polls_and_one_who_sleeps)
{
	const struct half_asleep *half = &half_asleep[_i / 2];
	const struct missing *row = &missing[half->row];
	struct rps_explore_result result;

	if (!is_in_sample(_i, 5))
		return;
	for (unsigned int model = 0; model < 3; model++) {
		explore_missing(row, half->scope, model, _i % 2, true, &result);
		ck_assert_msg((result.verdict == RPS_EXPLORE_FAIL) ==
				      row->found[model],
			      "%s, model %u: %s", half->scope, model,
			      result.text);
	}
}
END_TEST

/* --- what nobody but the monitor can see: every message arrives */

struct unseen {
	const char *scope;
	const char *mutant[2];
	const char *rule;
	const char *requirement;
};

/* clang-format off */
static const struct unseen unseen[] = {
	{ "num=1 messages=2,0", { "none", "tx_used_len" }, "used_len_zero", "LAY-019" },
	{ "num=2 messages=2,1", { "none", "dev_writes_in_message" }, "buffer_read_only", "LAY-015" },
	{ "num=2 messages=2,0", { "none", "dev_silent_returns" }, "returns_told", "FLO-006" },
	{ "num=2 messages=0,2", { "repost_short", "none" }, "repost_full", "FLO-010" },
	{ "num=2 messages=0,2", { "no_kick_after_repost", "none" }, "reposts_told", "FLO-011" },
	{ "num=1 messages=1,1", { "hdr_flags_set", "none" }, "header_flags", "HDR-003" },
	{ "num=1 messages=1,1", { "none", "hdr_reserved_set" }, "header_reserved", "HDR-004" },
	/* before anything is sent, and so in every schedule */
	{ "num=2 messages=0,1", { "driver_ok_first", "none" }, "posted_before_ok", "INI-005" },
	{ "num=2 messages=0,1", { "no_initial_kick", "none" }, "first_kick", "INI-006" },
};
/* clang-format on */

START_TEST(a_broken_rule_is_found_where_no_message_is_lost)
{
	const struct unseen *row = &unseen[_i];

	for (unsigned int model = 0; model < 3; model++) {
		struct rps_scope scope =
			with_mutants(row->scope, row->mutant, model);
		struct rps_explore_result result;

		ck_assert_int_eq(rps_explore(&scope, &all, &result, NULL, 0),
				 0);
		ck_assert_uint_eq(result.verdict, RPS_EXPLORE_FAIL);
		ck_assert_uint_eq(result.kind, RPS_FOUND_RULE);
		ck_assert_str_eq(result.rule, row->rule);
		ck_assert_str_eq(result.requirement, row->requirement);
		ck_assert_ptr_nonnull(strstr(result.text, row->rule));

		scope.unwatched = true;
		ck_assert_int_eq(rps_explore(&scope, &all, &result, NULL, 0),
				 0);
		ck_assert_msg(result.verdict == RPS_EXPLORE_PASS, "%s",
			      result.text);
		ck_assert(result.exhausted);
	}
}
END_TEST

/* Nothing is lost, and nobody ever sleeps. */
START_TEST(ends_that_go_round_for_ever_are_found)
{
	static const char *const mutant[][2] = {
		{ "none", "avail_count_masked" },
		{ "used_count_masked", "none" },
	};

	for (unsigned int model = 0; model < 3; model++) {
		struct rps_scope scope =
			with_mutants("num=1 messages=1,1", mutant[_i], model);
		static struct rps_decision list[DECISIONS];
		struct rps_explore_result result, again;
		struct rps_replay how = { .list = list };

		ck_assert_int_eq(
			rps_explore(&scope, &all, &result, list, DECISIONS), 0);
		ck_assert_uint_eq(result.verdict, RPS_EXPLORE_FAIL);
		ck_assert_uint_eq(result.kind, RPS_FOUND_NO_REST);
		how.count = result.decisions;
		ck_assert_int_eq(rps_explore_replay(&scope, &how, &again), 0);
		ck_assert_uint_eq(again.kind, RPS_FOUND_NO_REST);
	}
}
END_TEST

/* Each error of each end, with everything gone through and with what can be
 * left out left out. */
START_TEST(the_monitor_overlooks_nothing_by_what_is_left_out)
{
	static const struct rps_explore_params how[] = {
		{ .scheduler = RPS_SCHEDULER_EXHAUSTIVE, .no_canary = true },
		{ .scheduler = RPS_SCHEDULER_EXHAUSTIVE,
		  .no_canary = true,
		  .unreduced = true },
		{ .scheduler = RPS_SCHEDULER_EXHAUSTIVE,
		  .no_canary = true,
		  .unhashed = true },
	};
	struct rps_explore_result result[ARRAY_SIZE(how)];
	struct rps_scope scope = parsed("num=1 messages=1,1 event");
	struct rps_mutant_info info;
	uint32_t mutant = 1 + (uint32_t)_i / 6;

	if (!is_in_sample(_i, 41))
		return;
	if (!rps_mutant_get(mutant, &info))
		return;
	scope.driver_model = scope.device_model = (uint32_t)_i % 3;
	if (_i / 3 % 2)
		scope.device_mutant = mutant;
	else
		scope.driver_mutant = mutant;
	for (unsigned int i = 0; i < ARRAY_SIZE(how); i++) {
		/* Errors that keep the link down. */
		if (rps_explore(&scope, &how[i], &result[i], NULL, 0))
			return;
		/* Without states nobody knows that it was here before. */
		if (result[0].kind == RPS_FOUND_NO_REST && how[i].unhashed)
			continue;
		ck_assert_msg(result[i].verdict == result[0].verdict,
			      "%s in way %u: %s; %s", info.name, i,
			      result[i].text, result[0].text);
		ck_assert_msg(strcmp(result[i].rule, result[0].rule) == 0,
			      "%s in way %u: %s; %s", info.name, i,
			      result[i].text, result[0].text);
	}
}
END_TEST

START_TEST(every_point_of_both_ends_is_in_that_table)
{
	const char *point;

	for (uint32_t i = 0; (point = rps_explore_point(i)); i++) {
		unsigned int seen = 0;

		for (unsigned int row = 0; row < ARRAY_SIZE(missing); row++)
			seen += strcmp(point, missing[row].point) == 0;
		ck_assert_msg(seen > 0, "%s", point);
	}
	ck_assert_ptr_nonnull(rps_explore_point(7));
	ck_assert_ptr_null(rps_explore_point(8));
}
END_TEST

/* --- replay */

struct failure {
	struct rps_scope scope;
	struct rps_explore_result result;
	struct rps_decision list[DECISIONS];
};

/* A lost wake-up, found in one way or another. */
static struct failure *some_failure(uint32_t scheduler, bool unwatched)
{
	struct failure *failure = calloc(1, sizeof(*failure));
	struct rps_explore_params params = {
		.scheduler = scheduler,
		.seed = 1,
		.pct_depth = 4,
		.max_schedules = 200000,
		.no_canary = true,
	};

	ck_assert_ptr_nonnull(failure);
	failure->scope = parsed("num=1 messages=2,1 model=tso,tso event "
				"mutant=none,kick_on_without_fence");
	failure->scope.unwatched = unwatched;
	ck_assert_int_eq(rps_explore(&failure->scope, &params, &failure->result,
				     failure->list, DECISIONS),
			 0);
	ck_assert_uint_eq(failure->result.verdict, RPS_EXPLORE_FAIL);
	ck_assert_uint_le(failure->result.decisions, DECISIONS);
	return failure;
}

static const uint32_t finder[] = { RPS_SCHEDULER_EXHAUSTIVE,
				   RPS_SCHEDULER_RANDOM, RPS_SCHEDULER_PCT };

static int replay(const struct rps_scope *scope,
		  const struct rps_decision *list, uint32_t count, bool lenient,
		  uint64_t stop_at, const struct rps_sink *sink,
		  struct rps_explore_result *result)
{
	const struct rps_replay how = {
		.list = list,
		.count = count,
		.lenient = lenient,
		.stop_at = stop_at,
		.sink = sink,
	};

	return rps_explore_replay(scope, &how, result);
}

/* What was made out of half a list is a whole one. */
START_TEST(the_decisions_of_a_replay_are_a_list_of_their_own)
{
	struct failure *failure = some_failure(RPS_SCHEDULER_RANDOM, true);
	static struct rps_decision made[DECISIONS];
	struct rps_explore_result lenient, again;
	struct rps_replay how = {
		.list = failure->list,
		.count = failure->result.decisions / 2,
		.lenient = true,
		.made = made,
		.max = DECISIONS,
	};

	ck_assert_int_eq(rps_explore_replay(&failure->scope, &how, &lenient),
			 0);
	ck_assert_uint_ge(lenient.decisions, how.count);
	ck_assert_int_eq(replay(&failure->scope, made, lenient.decisions, false,
				0, NULL, &again),
			 0);
	ck_assert_uint_eq(again.steps, lenient.steps);
	ck_assert_str_eq(again.text, lenient.text);
	free(failure);
}
END_TEST

START_TEST(one_schedule_of_a_seed_is_a_list)
{
	struct rps_scope scope = parsed("num=2 messages=1,1 model=weak,weak");
	static struct rps_decision list[DECISIONS];
	struct rps_explore_params params = {
		.scheduler = RPS_SCHEDULER_RANDOM,
		.seed = 3,
		.max_schedules = 1,
		.no_canary = true,
	};
	struct rps_explore_result first, again;

	ck_assert_int_eq(rps_explore(&scope, &params, &first, list, DECISIONS),
			 0);
	ck_assert_uint_gt(first.decisions, 0);
	ck_assert_int_eq(replay(&scope, list, first.decisions, false, 0, NULL,
				&again),
			 0);
	ck_assert_uint_eq(again.steps, first.steps);
}
END_TEST

static void note_place(void *priv, const struct rps_record *record)
{
	unsigned int *places = priv;

	if (record->kind == RPS_RECORD_EVENT &&
	    record->what == RPS_EVENT_ring_place)
		++*places;
}

START_TEST(a_replay_tells_where_the_rings_are)
{
	struct rps_scope scope = parsed("num=2 messages=1,0");
	struct rps_explore_result result;
	unsigned int places = 0;
	const struct rps_sink sink = { note_place, &places };

	ck_assert_int_eq(replay(&scope, NULL, 0, true, 0, &sink, &result), 0);
	ck_assert_uint_eq(places, 6);
}
END_TEST

START_TEST(a_failure_is_the_same_when_it_is_replayed)
{
	struct failure *failure = some_failure(finder[_i / 2], _i % 2);
	struct rps_explore_result again;

	ck_assert_int_eq(replay(&failure->scope, failure->list,
				failure->result.decisions, false, 0, NULL,
				&again),
			 0);
	ck_assert_uint_eq(again.verdict, RPS_EXPLORE_FAIL);
	ck_assert_str_eq(again.text, failure->result.text);
	ck_assert_str_eq(again.rule, failure->result.rule);
	ck_assert_uint_eq(again.step, failure->result.step);
	ck_assert_uint_eq(again.kind,
			  _i % 2 ? RPS_FOUND_SLEEP : RPS_FOUND_RULE);
	free(failure);
}
END_TEST

START_TEST(a_list_of_another_scope_is_refused)
{
	struct failure *failure = some_failure(RPS_SCHEDULER_RANDOM, true);
	struct rps_scope other = parsed("num=4 messages=1,0");
	struct rps_explore_result again;

	ck_assert_int_eq(replay(&other, failure->list,
				failure->result.decisions, false, 0, NULL,
				&again),
			 -EPROTO);
	ck_assert_str_ne(again.text, "");
	/* One that is too long is one of something else, too. */
	failure->list[failure->result.decisions] =
		(struct rps_decision){ RPS_CHOICE_END, 2, 0 };
	ck_assert_int_eq(replay(&failure->scope, failure->list,
				failure->result.decisions + 1, false, 0, NULL,
				&again),
			 -EPROTO);
	free(failure);
}
END_TEST

/* What a shrinker does: leave out whatever the failure does not need. */
START_TEST(decisions_can_be_left_out)
{
	struct failure *failure = some_failure(RPS_SCHEDULER_RANDOM, true);
	struct rps_explore_result again;
	uint32_t needed = 0, were = 0;

	for (uint32_t i = 0; i < failure->result.decisions; i++) {
		uint8_t kept = failure->list[i].choice;

		were += kept != 0;
		failure->list[i].choice = 0;
		ck_assert_int_eq(replay(&failure->scope, failure->list,
					failure->result.decisions, true, 0,
					NULL, &again),
				 0);
		if (again.kind == failure->result.kind)
			continue;
		failure->list[i].choice = kept;
		needed += kept != 0;
	}
	ck_assert_uint_gt(needed, 0);
	ck_assert_uint_lt(needed, were);
	free(failure);
}
END_TEST

static void count_record(void *priv, const struct rps_record *record)
{
	uint64_t *last = priv;

	*last = record->step;
}

START_TEST(a_replay_can_stop_at_a_step)
{
	struct failure *failure = some_failure(RPS_SCHEDULER_RANDOM, true);
	struct rps_explore_result again;
	uint64_t last = 0;
	const struct rps_sink sink = { count_record, &last };

	ck_assert_int_eq(replay(&failure->scope, failure->list,
				failure->result.decisions, false, 20, &sink,
				&again),
			 0);
	ck_assert_uint_eq(again.verdict, RPS_EXPLORE_INCONC);
	ck_assert_uint_le(last, 40);
	free(failure);
}
END_TEST

/* --- bounds */

static bool stop(void *priv, const struct rps_explore_result *so_far)
{
	uint64_t *seen = priv;

	*seen = so_far->schedules;
	return so_far->schedules == 0;
}

START_TEST(an_exploration_can_be_cancelled)
{
	uint64_t seen = 0;
	struct rps_scope scope = parsed("num=4 messages=3,3 model=weak,weak");
	struct rps_explore_params params = all;
	struct rps_explore_result result;

	params.progress = stop;
	params.priv = &seen;
	params.no_canary = true;
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0), 0);
	ck_assert_uint_eq(result.verdict, RPS_EXPLORE_INCONC);
	ck_assert_uint_eq(seen, result.schedules);
	ck_assert(result.cancelled);
	ck_assert(!result.exhausted);
	/* Who is in a hurry does not wait for canaries. */
	params.no_canary = false;
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0), 0);
	ck_assert_uint_eq(seen, result.schedules);
	ck_assert_uint_eq(result.canary_found, 2);
	ck_assert_uint_gt(result.estimate, result.schedules);
}
END_TEST

START_TEST(a_scope_that_is_too_large_is_not_passed)
{
	struct rps_scope scope = parsed("num=2 messages=2,2 model=weak,weak");
	struct rps_explore_params params = all;
	struct rps_explore_result result;

	if (_i == 0)
		params.max_states = 100;
	else
		params.max_schedules = 100;
	params.no_canary = true;
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0), 0);
	ck_assert_uint_eq(result.verdict, RPS_EXPLORE_INCONC);
	ck_assert(!result.exhausted);
	ck_assert_uint_le(result.schedules, 100);
	ck_assert_uint_gt(result.estimate, result.schedules);
}
END_TEST

START_TEST(an_exploration_without_its_canary_is_no_proof)
{
	struct rps_scope scope = parsed("num=2 messages=1,0");
	struct rps_explore_params params = all;
	struct rps_explore_result result;

	/* So few steps that nothing can be found. */
	params.max_schedules = 1;
	params.scheduler = RPS_SCHEDULER_ROUND_ROBIN;
	scope.from_driver = 0;
	scope.from_device = 1;
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0), 0);
	ck_assert_uint_eq(result.canary_found, 0);
	ck_assert_uint_eq(result.verdict, RPS_EXPLORE_ERROR);
	ck_assert_str_ne(result.canary, "");
}
END_TEST

START_TEST(failures_can_be_counted)
{
	struct rps_scope scope = parsed("num=1 messages=1,1 "
					"mutant=slot_after_idx,none");
	struct rps_explore_params params = all;
	struct rps_explore_result result;

	params.keep_going = true;
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0), 0);
	ck_assert_uint_gt(result.failures, 1);
	ck_assert(result.exhausted);
	ck_assert_uint_eq(result.verdict, RPS_EXPLORE_FAIL);
}
END_TEST

START_TEST(what_others_got_wrong_is_no_verdict)
{
	struct rps_scope scope = parsed("num=1 messages=2,0 model=weak,weak "
					"mutant=kick_without_fence,none");
	struct rps_explore_params params = all;
	struct rps_explore_result result;

	params.only = "LAY-021";
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0), 0);
	ck_assert_uint_eq(result.verdict, RPS_EXPLORE_INCONC);
	ck_assert_uint_eq(result.failures, 0);
	ck_assert(!result.exhausted);
	params.only = "LAY-022";
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0), 0);
	ck_assert_uint_eq(result.verdict, RPS_EXPLORE_FAIL);
}
END_TEST

static const char *const by_chance[] = {
	"num=2 messages=3,3 model=weak,weak event start=0xfffe",
	"num=1 messages=3,3 model=tso,tso wait=poll,sleep",
	"num=2 messages=3,3 model=weak,sc wait=poll,poll batch",
};

START_TEST(chance_passes_what_is_right)
{
	static const uint32_t chance[] = { RPS_SCHEDULER_RANDOM,
					   RPS_SCHEDULER_PCT };
	struct rps_scope scope = parsed(by_chance[_i / 2]);
	struct rps_explore_params params = {
		.scheduler = chance[_i % 2],
		.seed = 3,
		.pct_depth = 3,
		.max_schedules = long_loop(3000),
	};
	struct rps_explore_result first, again;

	ck_assert_int_eq(rps_explore(&scope, &params, &first, NULL, 0), 0);
	ck_assert_msg(first.verdict == RPS_EXPLORE_PASS, "%s", first.text);
	ck_assert_uint_eq(first.schedules, params.max_schedules);
	ck_assert_int_eq(rps_explore(&scope, &params, &again, NULL, 0), 0);
	ck_assert_uint_eq(first.steps, again.steps);
	ck_assert_uint_eq(first.terminal_hash, again.terminal_hash);
}
END_TEST

START_TEST(what_cannot_be_explored_is_refused)
{
	struct rps_scope scope = parsed("num=2");
	struct rps_explore_params params = all;
	struct rps_explore_result result;

	scope.num = 3;
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0),
			 -EINVAL);
	ck_assert_int_eq(replay(&scope, NULL, 0, true, 0, NULL, &result),
			 -EINVAL);
	scope.num = 2;
	params.scheduler = RPS_SCHEDULER_REPLAY;
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0),
			 -EINVAL);
	params.scheduler = RPS_SCHEDULER_EXHAUSTIVE + 1;
	ck_assert_int_eq(rps_explore(&scope, &params, &result, NULL, 0),
			 -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("explore");
	TCase *tcase = tcase_create("all schedules");

	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, our_ends_survive_every_schedule, 0,
			    ARRAY_SIZE(small));
	tcase_add_loop_test(tcase, a_missing_point_is_found_and_named, 0,
			    (int)(2 * ROWS * WAYS));
	tcase_add_loop_test(
		tcase,
		a_missing_fence_is_found_between_one_who_polls_and_one_who_sleeps,
		0, 2 * ARRAY_SIZE(half_asleep));
	tcase_add_test(tcase, every_point_of_both_ends_is_in_that_table);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("monitor");
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(
		tcase,
		a_missing_point_is_found_under_every_model_by_the_monitor, 0,
		2 * ARRAY_SIZE(missing));
	tcase_add_loop_test(tcase,
			    a_broken_rule_is_found_where_no_message_is_lost, 0,
			    ARRAY_SIZE(unseen));
	tcase_add_loop_test(tcase, ends_that_go_round_for_ever_are_found, 0, 2);
	tcase_add_loop_test(tcase,
			    the_monitor_overlooks_nothing_by_what_is_left_out,
			    0, (int)(6 * MUTANTS));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("replay");
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, a_failure_is_the_same_when_it_is_replayed, 0,
			    2 * ARRAY_SIZE(finder));
	tcase_add_test(tcase, a_list_of_another_scope_is_refused);
	tcase_add_test(tcase,
		       the_decisions_of_a_replay_are_a_list_of_their_own);
	tcase_add_test(tcase, one_schedule_of_a_seed_is_a_list);
	tcase_add_test(tcase, a_replay_tells_where_the_rings_are);
	tcase_add_test(tcase, decisions_can_be_left_out);
	tcase_add_test(tcase, a_replay_can_stop_at_a_step);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("bounds");
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, an_exploration_can_be_cancelled);
	tcase_add_loop_test(tcase, a_scope_that_is_too_large_is_not_passed, 0,
			    2);
	tcase_add_test(tcase, an_exploration_without_its_canary_is_no_proof);
	tcase_add_test(tcase, failures_can_be_counted);
	tcase_add_test(tcase, what_others_got_wrong_is_no_verdict);
	tcase_add_loop_test(tcase, chance_passes_what_is_right, 0,
			    2 * ARRAY_SIZE(by_chance));
	tcase_add_test(tcase, what_cannot_be_explored_is_refused);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
