/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The explorer: a small world of both reference ends, run in many schedules or
 * in all of them, under a memory model for each end.
 */
#ifndef RPS_EXPLORE_H
#define RPS_EXPLORE_H

#include <rps/decide.h>
#include <rps/record.h>

#define RPS_SCOPE_NUM_MAX      8u
#define RPS_SCOPE_MESSAGES_MAX 8u
#define RPS_SCOPE_BUF_MAX      64u

/* What an end does until it has sent and received everything; then it sleeps. */
enum rps_scope_wait {
	RPS_WAIT_SLEEP, /* looks when it is told to */
	RPS_WAIT_POLL,  /* looks all the time: rps_node_polled() */
};

/**
 * struct rps_scope - what is explored: a scenario of two ends.
 * @num:       entries per ring, and buffers per direction: 1, 2, 4 or 8.
 * @from_driver, @from_device: messages that each end sends, by blocking sends,
 *             while it receives those of the other.
 * @buf_bytes: size of the buffers, 17 to 64.
 * @driver_model, @device_model: enum rps_model.
 * @driver_mutant, @device_mutant: deliberate error (rps_mutant_find()).
 * @start_idx: first ring index: 0xffff wraps in the middle.
 * @event_idx: VIRTIO_F_EVENT_IDX is negotiated.
 * @big_endian: a legacy device of a big endian driver; else VERSION_1.
 * @suppress:  an end that was woken asks not to be told again until it has
 *             looked at everything, as Linux does.
 * @driver_wait, @device_wait: enum rps_scope_wait.
 * @batch:     an end shows its messages together (rps_node_cork()), as far as
 *             there are buffers; else one by one.
 * @unwatched: the monitor (rps/monitor.h) does not look on; else a rule that is
 *             broken ends the schedule.
 *
 * The link is up when it begins: bring-up is the same in all schedules.
 */
struct rps_scope {
	uint32_t num;
	uint32_t from_driver;
	uint32_t from_device;
	uint32_t buf_bytes;
	uint32_t driver_model;
	uint32_t device_model;
	uint32_t driver_mutant;
	uint32_t device_mutant;
	uint32_t driver_wait;
	uint32_t device_wait;
	uint16_t start_idx;
	bool event_idx;
	bool big_endian;
	bool suppress;
	bool batch;
	bool unwatched;
};

/* As text, "num=2 messages=1,1 buf=24 model=weak,tso ...".
 * Return: bytes of the whole text; @buf gets as much as fits, terminated. */
RPS_API size_t rps_scope_write(const struct rps_scope *scope, char *buf,
			       size_t size);

/* The opposite; what the text does not name is as in rps_scope_default().
 * Return: 0, or -EINVAL with a sentence in @complaint. */
RPS_API RPS_CHECKED int rps_scope_parse(const char *text,
					struct rps_scope *scope,
					char *complaint, size_t size);

/* num=2 messages=1,1 buf=24 model=sc,sc wait=sleep,sleep mutant=none,none
 * start=0 flags le suppress single watched */
RPS_API void rps_scope_default(struct rps_scope *scope);

/* Return: NULL for a scope that can be explored, else why not. */
RPS_API const char *rps_scope_complaint(const struct rps_scope *scope);

struct rps_explore_result;

/**
 * struct rps_explore_params - how to explore.
 * @scheduler:     enum rps_scheduler; all but REPLAY.
 * @seed:          of random and PCT; each schedule has one of its own.
 * @pct_depth:     as in struct rps_world_config.
 * @max_schedules: 0 for no bound.
 * @max_states:    of EXHAUSTIVE; 0 for 2^24. A state takes 16 bytes at most.
 * @max_steps:     of one schedule; 0 for 20000.
 * @unreduced:     EXHAUSTIVE makes no use of what cannot make a difference.
 * @unhashed:      EXHAUSTIVE goes through the same state again and again.
 * @count_states:  random and PCT keep the states they saw, to count them.
 * @no_canary:     explore the scope alone.
 * @keep_going:    count failures instead of stopping at the first.
 * @sink:          gets every record of every schedule, or NULL.
 * @only:          a requirement; where something is found that is not about it,
 *                 the rest says nothing. NULL: everything counts.
 * @progress:      called now and then, or NULL. Return: false to stop there.
 */
struct rps_explore_params {
	uint32_t scheduler;
	uint64_t seed;
	uint32_t pct_depth;
	uint64_t max_schedules;
	uint64_t max_states;
	uint32_t max_steps;
	bool unreduced;
	bool unhashed;
	bool count_states;
	bool no_canary;
	bool keep_going;
	const char *only;
	const struct rps_sink *sink;
	bool (*progress)(void *priv, const struct rps_explore_result *so_far);
	void *priv;
};

enum rps_explore_verdict {
	RPS_EXPLORE_PASS,   /* nothing found, in all schedules or in those asked
			       for */
	RPS_EXPLORE_FAIL,   /* something found */
	RPS_EXPLORE_INCONC, /* nothing found before a bound was met */
	RPS_EXPLORE_ERROR,  /* the canary was not found: nothing is proven */
};

enum rps_explore_kind {
	RPS_FOUND_NOTHING,
	RPS_FOUND_RACE,    /* memory touched by both ends at once */
	RPS_FOUND_SLEEP,   /* both ends sleep, and there is something to do */
	RPS_FOUND_MESSAGE, /* a message is wrong, twice, or out of order */
	RPS_FOUND_ERROR,   /* an end gave up: its queue is broken, or a send
			       failed */
	RPS_FOUND_NO_REST, /* more steps than @max_steps */
	RPS_FOUND_RULE,    /* an end broke a rule of the monitor's */
	RPS_NUM_FOUND
};

/**
 * struct rps_explore_result - what came of it.
 * @schedules: complete ones, and those that were left where nothing new could
 *             come.
 * @complete:  those that came to rest.
 * @states:    different ones, 0 where nobody counted.
 * @terminals: different states at rest; @terminal_hash is a hash of them all.
 * @steps:     of all schedules.
 * @deepest:   decisions of the longest schedule.
 * @estimate:  schedules of the whole scope, about; of EXHAUSTIVE only.
 * @max_states: states with which EXHAUSTIVE would have stopped.
 * @failures:  schedules in which something was found.
 * @exhausted: there is no other schedule.
 * @bounded:   an older store might have been returned that was not kept.
 * @cancelled: @progress said so; canaries were left out.
 * @canary_found: 1, or 0; 2 where there was no canary.
 * @canary:    the scope of the one that was not found, or else of the last.
 * @rules_met: rules of the monitor that some schedule came to, of
 *             @rules_in_all; 0 where it did not look on.
 * @kind, @requirement, @point, @rule, @text: the first failure: enum
 *             rps_explore_kind, "LAY-021", "publish avail.idx", "idx_release",
 *             and a sentence.
 * @end, @queue, @step: whose it is, where, and when.
 * @decisions: of the schedule that @list is of.
 */
struct rps_explore_result {
	uint64_t schedules;
	uint64_t complete;
	uint64_t states;
	uint64_t terminals;
	uint64_t terminal_hash;
	uint64_t steps;
	uint64_t estimate;
	uint64_t max_states;
	uint64_t failures;
	uint64_t step;
	uint32_t deepest;
	uint32_t verdict;
	uint32_t kind;
	uint32_t end;
	uint32_t queue;
	uint32_t decisions;
	uint32_t canary_found;
	uint32_t rules_met;
	uint32_t rules_in_all;
	bool exhausted;
	bool bounded;
	bool cancelled;
	char requirement[12];
	char point[64];
	char rule[32];
	char text[256];
	char canary[256];
};

/**
 * rps_explore() - run a scope in many schedules, or in all.
 * @list: gets the first @max decisions of the schedule that failed first, or of
 *        the last one where none failed.
 *
 * Return: 0 with @result; -EINVAL where rps_scope_complaint() has something to
 * say, or for a scheduler that does not explore; -ENOMEM.
 */
RPS_API RPS_CHECKED int rps_explore(const struct rps_scope *scope,
				    const struct rps_explore_params *params,
				    struct rps_explore_result *result,
				    struct rps_decision *list, uint32_t max);

/**
 * struct rps_replay - which schedule is run again, and what is wanted of it.
 * @list:    @count decisions.
 * @lenient: choice 0 where the list does not fit or is over, so that decisions
 *           can be left out; else such a list is refused.
 * @stop_at: step after which to stop, 0 for none.
 * @sink:    gets each record, or NULL; first of all, where the rings are.
 * @made:    gets the first @max decisions that were made.
 */
struct rps_replay {
	const struct rps_decision *list;
	struct rps_decision *made;
	const struct rps_sink *sink;
	uint64_t stop_at;
	uint32_t count;
	uint32_t max;
	bool lenient;
};

/**
 * rps_explore_replay() - one schedule again.
 *
 * Return: 0 with @result, of this schedule alone, @result->decisions being all
 * that were made; -EINVAL as rps_explore(); -EPROTO where the list does not
 * fit, with a sentence in @result->text; -ENOMEM.
 */
RPS_API RPS_CHECKED int rps_explore_replay(const struct rps_scope *scope,
					   const struct rps_replay *replay,
					   struct rps_explore_result *result);

/* "publish avail.idx" and so on. Return: NULL past the last one; numbers start
 * at 0, each ordering point of each end once. */
RPS_API const char *rps_explore_point(uint32_t number);

#endif
