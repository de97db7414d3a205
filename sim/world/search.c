/* SPDX-License-Identifier: BSD-3-Clause */
#include "search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define END_BIT(end) ((uint8_t)(1u << (end)))

int search_init(struct search *search, const struct search_world *of,
		uint64_t max_states)
{
	memset(search, 0, sizeof(*search));
	search->of = *of;
	search->reduced = true;
	search->hashed = true;
	search->frame = calloc(SEARCH_FRAMES_MAX, sizeof(*search->frame));
	if (!search->frame)
		return -ENOMEM;
	return states_init(&search->states, max_states);
}

void search_finish(struct search *search)
{
	free(search->frame);
	search->frame = NULL;
	states_finish(&search->states);
}

/* --- steps that do not touch each other */

static bool dependent(uint32_t a, uint32_t b)
{
	const uint32_t places = (1u << ORDER_PLACES) - 1;
	uint32_t loads_a = a & places, stores_a = a >> ORDER_PLACES & places;
	uint32_t loads_b = b & places, stores_b = b >> ORDER_PLACES & places;

	if ((loads_a & stores_b) || (stores_a & (loads_b | stores_b)))
		return true;
	if (a & b & DONE_FENCE)
		return true;
	return (a & DONE_NOTIFY && b & DONE_WAKE) ||
	       (a & DONE_WAKE && b & DONE_NOTIFY);
}

/* What the step of the open frame has done; who still sleeps after it. */
static uint8_t close_step(struct search *search, uint32_t *footprint)
{
	struct ordering *ordering = search->of.world->ordering;
	uint32_t done = ordering->done;
	struct frame *frame;
	unsigned int rest;

	ordering->done = 0;
	if (search->open == 0)
		return 0;
	frame = &search->frame[search->open - 1];
	search->open = 0;
	frame->footprint[frame->end] |= done;
	rest = 1u - frame->end;
	if (!search->reduced ||
	    !((frame->slept | frame->gone) & END_BIT(rest)) ||
	    dependent(frame->footprint[rest], done))
		return 0;
	*footprint = frame->footprint[rest];
	return END_BIT(rest);
}

/* --- where decisions are made */

static bool can_go_on(const struct rps_world *world, unsigned int end)
{
	const struct actor *actor = &world->actor[end];

	return actor->busy || actor->wake;
}

/* Choices are relative to the end that ran last. */
static uint32_t choice_of(const struct frame *frame, unsigned int last)
{
	return frame->count == NUM_ENDS && frame->end != last;
}

static void pick_end(struct search *search, struct frame *frame)
{
	unsigned int last = search->of.world->decider.last_end;

	frame->end = (uint8_t)(frame->todo & END_BIT(last) ? last : 1 - last);
	frame->todo &= (uint8_t)~END_BIT(frame->end);
	frame->choice = choice_of(frame, last);
}

/* Whether the run can go on from @first, where it was like this before, to here
 * for ever, though everybody gets a turn. */
static bool is_fair(const struct search *search, uint32_t first)
{
	uint8_t waits = (uint8_t)(END_BIT(0) | END_BIT(1));

	for (uint32_t i = first; i < search->depth; i++) {
		const struct frame *frame = &search->frame[i];

		if (frame->kind == RPS_CHOICE_VALUE &&
		    frame->choice > frame->newest)
			return false;
		if (frame->kind == RPS_CHOICE_END)
			waits = (uint8_t)(waits & frame->enabled &
					  ~END_BIT(frame->end));
	}
	return waits == 0;
}

static bool goes_round(const struct search *search, uint64_t state)
{
	for (uint32_t i = search->depth; i-- > 0;) {
		const struct frame *frame = &search->frame[i];

		if (frame->kind == RPS_CHOICE_END && frame->state == state)
			return is_fair(search, i);
	}
	return false;
}

/* Return: bits of the ends to go through from a state, 0 for none. */
static uint8_t look_up(struct search *search, struct frame *frame)
{
	uint8_t enabled = frame->enabled;
	uint8_t slept = frame->slept;
	uint64_t *slot;
	int found;
	uint8_t before;

	if (!search->hashed)
		return enabled & (uint8_t)~slept;
	frame->state = search->of.hash(search->of.priv);
	found = states_find(&search->states, frame->state, &slot);
	if (found < 0) {
		search->full = true;
		return 0;
	}
	if (!found) {
		states_set_note(slot, slept);
		return enabled & (uint8_t)~slept;
	}
	search->circles = goes_round(search, frame->state);
	if (search->circles)
		return 0;
	before = (uint8_t)states_note(slot);
	states_set_note(slot, before & slept);
	return enabled & before & (uint8_t)~slept;
}

static uint32_t stop(struct search *search)
{
	search->pruned = true;
	return DECIDE_STOP;
}

static uint32_t choose_end(struct search *search, uint32_t count)
{
	uint32_t footprint = 0;
	uint8_t slept = close_step(search, &footprint);
	struct frame *frame = &search->frame[search->depth];

	if (search->depth < search->num_frames) {
		search->open = ++search->depth;
		return frame->choice;
	}
	if (search->num_frames == SEARCH_FRAMES_MAX) {
		search->full = true;
		return stop(search);
	}
	memset(frame, 0, sizeof(*frame));
	frame->kind = RPS_CHOICE_END;
	frame->count = count;
	for (unsigned int end = 0; end < NUM_ENDS; end++) {
		if (can_go_on(search->of.world, end))
			frame->enabled |= END_BIT(end);
	}
	frame->slept = slept & frame->enabled;
	frame->footprint[0] = frame->footprint[1] = 0;
	if (frame->slept)
		frame->footprint[frame->slept >> 1] = footprint;
	frame->todo = look_up(search, frame);
	if (frame->todo == 0)
		return stop(search);
	pick_end(search, frame);
	search->open = ++search->depth;
	search->num_frames++;
	return frame->choice;
}

static uint32_t lowest(uint32_t bits)
{
	return (uint32_t)__builtin_ctz(bits);
}

static uint32_t choose_other(struct search *search, enum rps_choice kind,
			     uint32_t count, uint32_t differing)
{
	struct frame *frame = &search->frame[search->depth];

	if (search->depth < search->num_frames) {
		search->depth++;
		return frame->choice;
	}
	if (search->num_frames == SEARCH_FRAMES_MAX) {
		search->full = true;
		return stop(search);
	}
	memset(frame, 0, sizeof(*frame));
	frame->kind = kind;
	frame->count = count;
	frame->left = search->reduced ? differing : (1u << count) - 1;
	frame->newest = lowest(differing);
	frame->choice = lowest(frame->left);
	frame->left &= ~(1u << frame->choice);
	search->depth++;
	search->num_frames++;
	return frame->choice;
}

static uint32_t choose(void *priv, enum rps_choice kind, uint32_t count,
		       uint32_t differing)
{
	struct search *search = priv;

	if (kind == RPS_CHOICE_END)
		return choose_end(search, count);
	return choose_other(search, kind, count, differing);
}

/* --- runs */

void search_begin_run(struct search *search)
{
	struct decider *decider = &search->of.world->decider;

	search->of.begin(search->of.priv);
	decider->scheduler = RPS_SCHEDULER_EXHAUSTIVE;
	decider->choose = choose;
	decider->priv = search;
	search->of.world->ordering->trailing = search->hashed;
	search->of.world->ordering->grain =
		search->reduced ? GRAIN_REDUCED : GRAIN_SYNC;
	search->depth = 0;
	search->open = 0;
	search->pruned = false;
	search->circles = false;
}

/* Return: whether the decision has another choice. */
static bool turn(struct frame *frame)
{
	if (frame->kind != RPS_CHOICE_END) {
		if (frame->left == 0)
			return false;
		frame->choice = lowest(frame->left);
		frame->left &= ~(1u << frame->choice);
		return true;
	}
	frame->gone |= END_BIT(frame->end);
	if (frame->todo == 0)
		return false;
	/* There are two ends: what is left is the other one. */
	frame->todo = 0;
	frame->end = 1u - frame->end;
	frame->choice = 1 - frame->choice;
	return true;
}

bool search_next(struct search *search)
{
	uint32_t footprint;

	(void)close_step(search, &footprint);
	while (search->num_frames > 0) {
		if (turn(&search->frame[search->num_frames - 1]))
			return true;
		search->num_frames--;
	}
	return false;
}

/* The part of the whole that lies behind us, if choices were alike. */
uint64_t search_estimate(const struct search *search, uint64_t runs)
{
	double part = 1.0;
	double behind = 0.0;

	for (uint32_t i = 0; i < search->num_frames; i++) {
		const struct frame *frame = &search->frame[i];
		uint32_t left =
			frame->kind == RPS_CHOICE_END
				? (uint32_t)__builtin_popcount(frame->todo)
				: (uint32_t)__builtin_popcount(frame->left);
		uint32_t made = 1 + (uint32_t)__builtin_popcount(frame->gone);
		uint32_t all = frame->kind == RPS_CHOICE_END ? made + left
							     : frame->count;

		behind += part * (double)(all - left - 1) / (double)all;
		part /= (double)all;
	}
	if (search->num_frames == 0)
		return runs;
	behind += part / 2;
	if (behind * 1e18 < (double)runs)
		return UINT64_MAX;
	return (uint64_t)((double)runs / behind);
}
