/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/explore.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/mutant.h"
#include "scope.h"
#include "search.h"

#define STATES_MAX (UINT64_C(1) << 24)
/* Ten times what any schedule of the largest scope takes. */
#define STEPS_MAX      20000u
#define DECISIONS_MAX  32768u
#define PCT_LENGTH     50u
#define PROGRESS_EVERY 1024u /* schedules */
/* Chance finds what is easy to find in so many schedules. */
#define CANARY_SCHEDULES 2000u

/* One exploration. */
struct explorer {
	struct scope *scope;
	const struct rps_explore_params *params;
	struct rps_explore_result *result;
	struct search search;
	struct states terminals;
	struct rps_decision *made; /* DECISIONS_MAX entries */
	struct rps_decision *list; /* the caller's */
	uint32_t max;
	uint64_t longest; /* decisions about ends, for PCT */
	bool cancelled;
	bool spoiled; /* by something that does not count */
};

static const char *const end_name[] = { "driver", "device" };

static const char *const kind_text[RPS_NUM_FOUND] = {
	[RPS_FOUND_NOTHING] = "nothing",
	[RPS_FOUND_RACE] = "both ends touch the same memory at once",
	[RPS_FOUND_SLEEP] = "both ends sleep, and messages are under way",
	[RPS_FOUND_MESSAGE] = "a message is wrong, twice, or out of order",
	[RPS_FOUND_ERROR] = "an end gives up",
	[RPS_FOUND_NO_REST] = "the ends do not come to rest",
	[RPS_FOUND_RULE] = "an end breaks a rule",
};

/* The caller gets the list of the schedule that has just run. */
static void hand_out(struct explorer *explorer)
{
	const struct decider *decider = &explorer->scope->world.decider;
	uint32_t kept = decider->num_made < DECISIONS_MAX ? decider->num_made
							  : DECISIONS_MAX;

	explorer->result->decisions = decider->num_made;
	for (uint32_t i = 0; i < kept && i < explorer->max; i++)
		explorer->list[i] = explorer->made[i];
}

static void tell_rule(struct rps_explore_result *result,
		      const struct scope_finding *finding)
{
	const struct rps_finding *broken = &finding->broken;
	struct rps_rule_info rule = { .name = "" };
	char where[16] = "";

	(void)rps_monitor_rule(broken->rule, &rule);
	if (broken->queue != RPS_NO_QUEUE)
		snprintf(where, sizeof(where), " on queue %u", broken->queue);
	snprintf(result->rule, sizeof(result->rule), "%s", rule.name);
	snprintf(result->text, sizeof(result->text),
		 "the %s breaks rule %s%s: %s; %s: %" PRIu64
		 " expected, %" PRIu64 " observed (%s)",
		 end_name[broken->end], rule.name, where, rule.says,
		 rule.quantity, broken->expected, broken->observed,
		 rule.requirement);
}

static void tell(struct explorer *explorer, const struct scope_finding *finding)
{
	struct rps_explore_result *result = explorer->result;

	result->kind = finding->kind;
	result->end = finding->blame.end;
	result->queue = finding->blame.queue;
	result->step = finding->step;
	snprintf(result->requirement, sizeof(result->requirement), "%s",
		 scope_requirement(finding));
	snprintf(result->point, sizeof(result->point), "%s",
		 points_name(finding->blame));
	if (finding->kind == RPS_FOUND_RULE)
		tell_rule(result, finding);
	else if (finding->kind == RPS_FOUND_NO_REST &&
		 finding->blame.point == POINT_NONE)
		snprintf(result->text, sizeof(result->text), "%s",
			 kind_text[finding->kind]);
	else if (finding->blame.point == POINT_NONE)
		snprintf(result->text, sizeof(result->text), "%s (%s)",
			 kind_text[finding->kind],
			 end_name[finding->blame.end]);
	else
		snprintf(result->text, sizeof(result->text),
			 "%s: the %s does not %s on queue %u (%s)",
			 kind_text[finding->kind], end_name[finding->blame.end],
			 result->point, finding->blame.queue,
			 result->requirement);
	hand_out(explorer);
}

static int note_terminal(struct explorer *explorer)
{
	uint64_t hash = scope_outcome(explorer->scope);
	uint64_t *slot;
	int found = states_find(&explorer->terminals, hash, &slot);

	if (found < 0)
		return found;
	if (!found)
		explorer->result->terminal_hash += rng_mix(hash);
	explorer->result->terminals = explorer->terminals.count;
	return 0;
}

static bool counts(const struct explorer *explorer,
		   const struct scope_finding *finding)
{
	const char *only = explorer->params->only;

	if (finding->kind == RPS_FOUND_NOTHING)
		return false;
	return !only || strcmp(only, scope_requirement(finding)) == 0;
}

/* Return: 0, or a negative error; what was found is in the result. */
static int run_once(struct explorer *explorer)
{
	struct rps_explore_result *result = explorer->result;
	struct scope *scope = explorer->scope;
	uint64_t max_steps = explorer->params->max_steps
				     ? explorer->params->max_steps
				     : STEPS_MAX;
	int64_t status = rps_world_run(&scope->world, max_steps);
	struct scope_finding finding =
		scope_judge(scope, explorer->search.circles ? -ELOOP : status);
	const struct decider *decider = &scope->world.decider;

	result->schedules++;
	result->steps += scope->world.steps;
	result->bounded |= scope->ordering.order.clipped;
	if (decider->num_made > result->deepest)
		result->deepest = decider->num_made;
	if (counts(explorer, &finding) && result->failures++ == 0)
		tell(explorer, &finding);
	else if (finding.kind != RPS_FOUND_NOTHING && result->failures == 0)
		explorer->spoiled = true;
	if (status < 0)
		return 0;
	result->complete++;
	return note_terminal(explorer);
}

static bool goes_on(struct explorer *explorer)
{
	const struct rps_explore_params *params = explorer->params;
	struct rps_explore_result *result = explorer->result;

	if (explorer->spoiled || (result->failures > 0 && !params->keep_going))
		return false;
	if (params->max_schedules > 0 &&
	    result->schedules >= params->max_schedules)
		return false;
	if (params->progress && result->schedules % PROGRESS_EVERY == 0) {
		result->estimate =
			search_estimate(&explorer->search, result->schedules);
		explorer->cancelled = !params->progress(params->priv, result);
	}
	return !explorer->cancelled;
}

static int run_all(struct explorer *explorer)
{
	struct search *search = &explorer->search;
	bool more = true;
	int err = 0;

	search->reduced = !explorer->params->unreduced;
	search->hashed = !explorer->params->unhashed;
	while (!err && more && !search->full && goes_on(explorer)) {
		search_begin_run(search);
		err = run_once(explorer);
		explorer->result->states = search->states.count;
		more = search_next(search);
	}
	explorer->result->exhausted = !more && !search->full;
	explorer->result->estimate =
		search_estimate(search, explorer->result->schedules);
	return err;
}

/* One schedule after another, each by a seed of its own. */
static int run_many(struct explorer *explorer)
{
	const struct rps_explore_params *params = explorer->params;
	struct decider *decider = &explorer->scope->world.decider;
	uint64_t length = PCT_LENGTH;
	int err = 0;

	decider->scheduler = (enum rps_scheduler)params->scheduler;
	for (uint64_t i = 0; !err && goes_on(explorer); i++) {
		decider->seed = rng_mix(params->seed + i);
		scope_begin(explorer->scope);
		if (decider->scheduler == RPS_SCHEDULER_PCT)
			decider_pct(decider, params->pct_depth, length);
		err = run_once(explorer);
		length = decider->end_decisions > length
				 ? decider->end_decisions
				 : length;
		if (decider->scheduler == RPS_SCHEDULER_ROUND_ROBIN)
			break;
	}
	return err;
}

/* A rule that nobody came to says nothing. */
static void count_rules(struct explorer *explorer)
{
	const struct rps_monitor *monitor = explorer->scope->monitor;
	struct rps_explore_result *result = explorer->result;
	struct rps_rule_info info;

	for (uint32_t rule = 0; monitor && rps_monitor_rule(rule, &info);
	     rule++) {
		result->rules_in_all++;
		result->rules_met += rps_monitor_exercised(monitor, rule, 0) ||
				     rps_monitor_exercised(monitor, rule, 1);
	}
}

static uint32_t verdict_of(const struct explorer *explorer)
{
	const struct rps_explore_result *result = explorer->result;

	if (result->failures > 0)
		return RPS_EXPLORE_FAIL;
	if (explorer->cancelled || explorer->spoiled)
		return RPS_EXPLORE_INCONC;
	if (explorer->params->scheduler != RPS_SCHEDULER_EXHAUSTIVE)
		return RPS_EXPLORE_PASS;
	return result->exhausted && !result->bounded ? RPS_EXPLORE_PASS
						     : RPS_EXPLORE_INCONC;
}

static void begin(void *scope)
{
	scope_begin(scope);
}

static uint64_t hash(const void *scope)
{
	return scope_hash(scope);
}

static int begin_search(struct explorer *explorer, uint64_t max_states)
{
	const struct search_world of = {
		.world = &explorer->scope->world,
		.priv = explorer->scope,
		.begin = begin,
		.hash = hash,
	};

	return search_init(&explorer->search, &of, max_states);
}

static int explore(const struct rps_scope *scope,
		   const struct rps_explore_params *params,
		   struct rps_explore_result *result, struct rps_decision *list,
		   uint32_t max)
{
	struct explorer explorer = {
		.params = params,
		.result = result,
		.list = list,
		.max = max,
	};
	uint64_t max_states =
		params->max_states ? params->max_states : STATES_MAX;
	int err;

	memset(result, 0, sizeof(*result));
	result->max_states = max_states;
	explorer.scope = scope_create(scope, &err);
	if (!explorer.scope)
		return err;
	explorer.made = calloc(DECISIONS_MAX, sizeof(*explorer.made));
	explorer.scope->world.decider.made = explorer.made;
	explorer.scope->world.decider.max_made = DECISIONS_MAX;
	scope_observe(explorer.scope, params->sink);
	err = explorer.made ? begin_search(&explorer, max_states) : -ENOMEM;
	if (!err)
		err = states_init(&explorer.terminals, max_states);
	if (!err)
		err = params->scheduler == RPS_SCHEDULER_EXHAUSTIVE
			      ? run_all(&explorer)
			      : run_many(&explorer);
	result->verdict = verdict_of(&explorer);
	result->cancelled = explorer.cancelled;
	count_rules(&explorer);
	if (!err && result->failures == 0)
		hand_out(&explorer);
	states_finish(&explorer.terminals);
	search_finish(&explorer.search);
	free(explorer.made);
	scope_destroy(explorer.scope);
	return err;
}

/* Errors that are there to be found: entries behind their index, by what comes
 * of it, and a word of a header that no end looks at, by the monitor. */
static struct rps_scope canary_of(const struct rps_scope *scope, bool watched)
{
	struct rps_scope wrong = *scope;

	wrong.driver_mutant = wrong.device_mutant = MUTANT_none;
	wrong.unwatched = !watched;
	if (scope->from_driver > 0)
		wrong.driver_mutant = watched ? MUTANT_hdr_reserved_set
					      : MUTANT_slot_after_idx;
	else
		wrong.device_mutant = watched ? MUTANT_hdr_reserved_set
					      : MUTANT_elem_after_idx;
	return wrong;
}

static int try_canary(const struct rps_scope *scope, bool watched,
		      const struct rps_explore_params *params,
		      struct rps_explore_result *result)
{
	struct rps_scope wrong = canary_of(scope, watched);
	struct rps_explore_params with = *params;
	struct rps_explore_result found;
	int err;

	with.keep_going = false;
	with.only = NULL;
	with.sink = NULL;
	if (with.max_schedules > 0 && with.max_schedules < CANARY_SCHEDULES)
		with.max_schedules = CANARY_SCHEDULES;
	err = explore(&wrong, &with, &found, NULL, 0);
	if (err)
		return err;
	result->canary_found = found.failures > 0;
	rps_scope_write(&wrong, result->canary, sizeof(result->canary));
	if (!result->canary_found)
		result->verdict = RPS_EXPLORE_ERROR;
	return 0;
}

int rps_explore(const struct rps_scope *scope,
		const struct rps_explore_params *params,
		struct rps_explore_result *result, struct rps_decision *list,
		uint32_t max)
{
	int err;

	if (rps_scope_complaint(scope) ||
	    params->scheduler == RPS_SCHEDULER_REPLAY ||
	    params->scheduler > RPS_SCHEDULER_EXHAUSTIVE)
		return -EINVAL;
	err = explore(scope, params, result, list, max);
	result->canary_found = 2;
	if (err || params->no_canary || result->cancelled)
		return err;
	err = try_canary(scope, false, params, result);
	if (!err && !scope->unwatched && result->canary_found)
		err = try_canary(scope, true, params, result);
	return err;
}

/* A list must fit to its end, unless the run was stopped before it. */
static int judge_replay(struct explorer *explorer, uint64_t stop_at)
{
	struct rps_explore_result *result = explorer->result;
	const struct decider *decider = &explorer->scope->world.decider;
	bool stopped = result->kind == RPS_FOUND_NO_REST && stop_at > 0;
	bool left_over = decider->num_made < decider->num_listed;

	if (stopped) {
		result->failures = 0;
		result->kind = RPS_FOUND_NOTHING;
		result->text[0] = '\0';
		result->verdict = RPS_EXPLORE_INCONC;
		return 0;
	}
	result->verdict = verdict_of(explorer);
	if (decider->lenient)
		return 0;
	if (decider->mismatch.found) {
		decider_complaint(decider, result->text, sizeof(result->text));
		return -EPROTO;
	}
	if (!left_over)
		return 0;
	snprintf(result->text, sizeof(result->text),
		 "the run is over after %" PRIu32 " decisions, and the list "
		 "has %" PRIu32,
		 decider->num_made, decider->num_listed);
	return -EPROTO;
}

/* The link is up when a schedule begins: a reader is told where the rings are. */
static void tell_rings(const struct scope *scope, const struct rps_sink *sink)
{
	const struct rps_world_place *place = &scope->world.place;

	for (unsigned int q = 0; sink && q < RPS_NUM_QUEUES; q++) {
		const uint64_t parts[] = { place->desc[q], place->avail[q],
					   place->used[q] };
		struct rps_record record = {
			.kind = RPS_RECORD_EVENT,
			.end = RPS_END_DRIVER,
			.what = RPS_EVENT_ring_start,
			.a = q,
			.b = scope->config.num,
			.c = scope->config.start_idx,
		};

		sink->record(sink->priv, &record);
		record.what = RPS_EVENT_ring_place;
		for (unsigned int part = 0; part < 3; part++) {
			record.b = part;
			record.c = parts[part];
			sink->record(sink->priv, &record);
		}
	}
}

int rps_explore_replay(const struct rps_scope *scope,
		       const struct rps_replay *replay,
		       struct rps_explore_result *result)
{
	struct rps_explore_params params = { 0 };
	struct explorer explorer = {
		.params = &params,
		.result = result,
		.list = replay->made,
		.max = replay->max,
	};
	struct decider *decider;
	int err;

	memset(result, 0, sizeof(*result));
	result->canary_found = 2;
	if (rps_scope_complaint(scope))
		return -EINVAL;
	explorer.scope = scope_create(scope, &err);
	if (!explorer.scope)
		return err;
	decider = &explorer.scope->world.decider;
	decider->scheduler = RPS_SCHEDULER_REPLAY;
	decider->listed = replay->list;
	decider->num_listed = replay->count;
	decider->lenient = replay->lenient;
	explorer.made = calloc(DECISIONS_MAX, sizeof(*explorer.made));
	decider->made = explorer.made;
	decider->max_made = DECISIONS_MAX;
	scope_observe(explorer.scope, replay->sink);
	tell_rings(explorer.scope, replay->sink);
	scope_begin(explorer.scope);
	if (replay->stop_at > 0)
		params.max_steps = (uint32_t)replay->stop_at;
	err = explorer.made ? states_init(&explorer.terminals, 1) : -ENOMEM;
	if (!err)
		err = run_once(&explorer);
	if (!err)
		hand_out(&explorer);
	if (!err)
		err = judge_replay(&explorer, replay->stop_at);
	free(explorer.made);
	states_finish(&explorer.terminals);
	scope_destroy(explorer.scope);
	return err;
}

const char *rps_explore_point(uint32_t number)
{
	struct blame blame = {
		.point = (enum point)(number / NUM_ENDS + POINT_PUBLISH),
		.end = number % NUM_ENDS,
	};

	return blame.point <= POINT_FENCE_LOOK ? points_name(blame) : NULL;
}
