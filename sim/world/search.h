/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Going through all schedules of a world, depth first: each run follows the
 * one before it up to the last decision that has another choice left.
 *
 * What cannot make a difference is left out.  A state that was seen before is
 * not gone through again.  And where two ends do things that do not touch each
 * other, one order stands for both: after all that begins with an end's step,
 * that end sleeps until the other one does something that its step depends on
 * (sleep sets; where a state is met again, what slept then and does not now is
 * made up for).
 *
 * A run that comes back to a state of its own goes round for ever.  That is
 * found where nobody else could have ended it: each end that could go on did,
 * and each load returned the newest value.
 */
#ifndef RPS_SEARCH_H
#define RPS_SEARCH_H

#include "states.h"
#include "world_priv.h"

#define SEARCH_FRAMES_MAX 32768u

/* A decision, and what is left of it; or a step that was none. */
struct frame {
	enum rps_choice kind;
	uint32_t count;
	uint32_t choice;
	uint32_t left;   /* bit per choice that is still to be made */
	uint32_t newest; /* choices up to this one are the newest value */
	/* Of ends, by number: */
	uint8_t end;     /* that goes on */
	uint8_t enabled; /* bits */
	uint8_t todo;
	uint8_t slept;                /* when this was reached */
	uint8_t gone;                 /* all of it was gone through */
	uint32_t footprint[NUM_ENDS]; /* of their steps, DONE_... */
	uint64_t state;               /* its hash, where an end is chosen */
};

/* What is gone through. */
struct search_world {
	struct rps_world *world; /* with ordering */
	void *priv;
	/* Everything as it was in the beginning. */
	void (*begin)(void *priv);
	/* Hash of all that decides what can happen from here on. */
	uint64_t (*hash)(const void *priv);
};

struct search {
	struct search_world of;
	struct frame *frame; /* SEARCH_FRAMES_MAX entries */
	uint32_t num_frames;
	uint32_t depth; /* frames that this run has passed */
	uint32_t open;  /* 1 + the frame whose end is making its step */
	struct states states;
	bool reduced;
	bool hashed;
	bool full;    /* no room for another state */
	bool pruned;  /* this run was left because nothing new could come */
	bool circles; /* and because it would never end */
};

/* Return: 0, or -ENOMEM. */
int search_init(struct search *search, const struct search_world *of,
		uint64_t max_states);
void search_finish(struct search *search);

/* Before each run; rps_world_run() is to follow. */
void search_begin_run(struct search *search);

/* After each run. Return: whether there is another one. */
bool search_next(struct search *search);

/* Return: how many runs there are in all, after @runs of them; about. */
uint64_t search_estimate(const struct search *search, uint64_t runs);

#endif
