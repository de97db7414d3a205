/* SPDX-License-Identifier: BSD-3-Clause */
#include "decide.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../base/assert.h"

/* Of this many loads that could return something old, one does under PCT. */
#define PCT_STALE_ODDS 4u

void decider_begin(struct decider *decider)
{
	for (uint32_t kind = 0; kind < RPS_NUM_CHOICES; kind++)
		decider->stream[kind] = rng_stream(decider->seed, kind);
	decider->num_made = 0;
	decider->end_decisions = 0;
	decider->next_change = 0;
	decider->num_changes = 0;
	decider->in_vain = false;
	decider->last_end = 0;
	decider->mismatch.found = false;
}

void decider_pct(struct decider *decider, uint32_t depth, uint64_t length)
{
	struct rng rng = rng_stream(decider->seed, RPS_NUM_CHOICES);
	uint32_t changes = depth > 0 ? depth - 1 : 0;

	if (changes > PCT_CHANGES_MAX)
		changes = PCT_CHANGES_MAX;
	decider->favoured = rng_below(&rng, 2);
	decider->num_changes = changes;
	for (uint32_t i = 0; i < changes; i++) {
		uint64_t at = rng_next(&rng) % (length > 0 ? length : 1);
		uint32_t place = i;

		for (; place > 0 && decider->change_at[place - 1] > at; place--)
			decider->change_at[place] =
				decider->change_at[place - 1];
		decider->change_at[place] = at;
	}
}

/* Choices are relative to the end that ran last, priorities are not. */
static uint32_t pct_end(struct decider *decider)
{
	uint64_t now = decider->end_decisions++;
	uint32_t choice;

	while (decider->next_change < decider->num_changes &&
	       decider->change_at[decider->next_change] <= now) {
		decider->favoured = 1 - decider->last_end;
		decider->next_change++;
	}
	choice = decider->favoured != decider->last_end || decider->in_vain;
	decider->in_vain = false;
	return choice;
}

static uint32_t pct(struct decider *decider, enum rps_choice kind,
		    uint32_t count)
{
	struct rng *rng = &decider->stream[kind];

	if (kind == RPS_CHOICE_END)
		return pct_end(decider);
	return rng_below(rng, PCT_STALE_ODDS) == 0 ? rng_below(rng, count) : 0;
}

static uint32_t replay(struct decider *decider, enum rps_choice kind,
		       uint32_t count)
{
	uint32_t point = decider->num_made;
	struct rps_decision listed = { 0 };

	if (point < decider->num_listed)
		listed = decider->listed[point];
	if (decider->lenient)
		return listed.kind == kind && listed.choice < count
			       ? listed.choice
			       : 0;
	if (listed.kind == kind && listed.count == count)
		return listed.choice;
	if (!decider->mismatch.found)
		decider->mismatch = (struct mismatch){
			.found = true,
			.point = point,
			.wanted = { (uint8_t)kind, (uint8_t)count, 0 },
			.listed = listed,
		};
	return DECIDE_STOP;
}

static uint32_t made_by(struct decider *decider, enum rps_choice kind,
			uint32_t count, uint32_t differing)
{
	switch (decider->scheduler) {
	case RPS_SCHEDULER_ROUND_ROBIN:
		break;
	case RPS_SCHEDULER_RANDOM:
		return rng_below(&decider->stream[kind], count);
	case RPS_SCHEDULER_PCT:
		return pct(decider, kind, count);
	case RPS_SCHEDULER_REPLAY:
		return replay(decider, kind, count);
	case RPS_SCHEDULER_EXHAUSTIVE:
		return decider->choose(decider->priv, kind, count, differing);
	}
	return kind == RPS_CHOICE_END ? 1 : 0;
}

uint32_t decide_slowly(struct decider *decider, enum rps_choice kind,
		       uint32_t count, uint32_t differing)
{
	uint32_t choice;

	rps_assert(count <= RPS_CHOICES_MAX);
	choice = made_by(decider, kind, count, differing);
	if (choice == DECIDE_STOP || count < 2)
		return choice;
	if (decider->num_made < decider->max_made)
		decider->made[decider->num_made] =
			(struct rps_decision){ (uint8_t)kind, (uint8_t)count,
					       (uint8_t)choice };
	decider->num_made++;
	return choice;
}

static const char *const kind_name[RPS_NUM_CHOICES] = {
	[RPS_CHOICE_END] = "ends",
	[RPS_CHOICE_VALUE] = "values",
	[RPS_CHOICE_PLACE] = "places",
	[RPS_CHOICE_FAULT] = "faults",
};

size_t decider_complaint(const struct decider *decider, char *buf, size_t size)
{
	const struct mismatch *mismatch = &decider->mismatch;
	char listed[64] = "the list is over";

	if (size > 0)
		buf[0] = '\0';
	if (!mismatch->found)
		return 0;
	if (mismatch->listed.count > 0)
		snprintf(listed, sizeof(listed), "the list has %u %s",
			 mismatch->listed.count,
			 kind_name[mismatch->listed.kind]);
	return (size_t)snprintf(buf, size,
				"decision %" PRIu32
				" is about %u %s here, and %s there",
				mismatch->point, mismatch->wanted.count,
				kind_name[mismatch->wanted.kind], listed);
}
