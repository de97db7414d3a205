/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one place where a world asks what is to happen.
 */
#ifndef RPS_WORLD_DECIDE_H
#define RPS_WORLD_DECIDE_H

#include <rps/decide.h>

#include "../base/rng.h"

/* What to do at a decision instead of any choice: end this run here. */
#define DECIDE_STOP UINT32_MAX

#define PCT_CHANGES_MAX 16u

/* Why a replay was refused. */
struct mismatch {
	bool found;
	uint32_t point;             /* number of the decision, from 0 */
	struct rps_decision wanted; /* kind, and how many choices */
	struct rps_decision listed; /* count 0: the list was over */
};

struct decider {
	enum rps_scheduler scheduler;
	uint64_t seed;
	struct rng stream[RPS_NUM_CHOICES];

	/* PCT: the end of lower priority waits while the other can go on. */
	uint32_t last_end;
	uint32_t favoured;
	uint32_t num_changes;
	uint64_t change_at[PCT_CHANGES_MAX]; /* decisions about ends; sorted */
	uint64_t end_decisions;
	uint32_t next_change;
	bool in_vain; /* who ran last has looked for nothing: it leaves */

	/* Replay; a lenient one takes choice 0 where the list does not fit. */
	const struct rps_decision *listed;
	uint32_t num_listed;
	bool lenient;
	struct mismatch mismatch;

	/* What was decided; round robin needs no record. */
	struct rps_decision *made; /* @max_made entries, or NULL */
	uint32_t max_made;
	uint32_t num_made; /* may be more than fit */

	/* Exhaustive: somebody else decides, and is asked about ends even where
	 * only one can go on. Return: as decide(). */
	uint32_t (*choose)(void *priv, enum rps_choice kind, uint32_t count,
			   uint32_t differing);
	void *priv;
};

/* Starts a run; @scheduler, @seed and the lists stay. */
void decider_begin(struct decider *decider);

/* PCT of depth @depth in runs of about @length decisions about ends. */
void decider_pct(struct decider *decider, uint32_t depth, uint64_t length);

/* Why a replay was refused, as a sentence. Return: its bytes, 0 where it was
 * not; @buf gets as much as fits, terminated. */
size_t decider_complaint(const struct decider *decider, char *buf, size_t size);

uint32_t decide_slowly(struct decider *decider, enum rps_choice kind,
		       uint32_t count, uint32_t differing);

/**
 * decide() - take one of @count choices.
 * @differing: bit per choice; those whose bit is clear lead to nothing that
 *             another one would not lead to as well.
 *
 * Return: below @count, or DECIDE_STOP where the run is to end here.
 */
static inline uint32_t decide(struct decider *decider, enum rps_choice kind,
			      uint32_t count, uint32_t differing)
{
	if (count < 2 && (kind != RPS_CHOICE_END ||
			  decider->scheduler != RPS_SCHEDULER_EXHAUSTIVE))
		return 0;
	if (decider->scheduler == RPS_SCHEDULER_ROUND_ROBIN)
		return kind == RPS_CHOICE_END ? 1 : 0;
	return decide_slowly(decider, kind, count, differing);
}

#endif
