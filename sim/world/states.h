/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A set of states that were seen, by their hashes.  62 bits of a hash are
 * kept: of ten million states two are taken for one with a probability of
 * about one in a hundred thousand.
 */
#ifndef RPS_STATES_H
#define RPS_STATES_H

#include <rps/api.h>

#define STATES_NOTE_MAX 3u

struct states {
	uint64_t *slot;     /* hash, with a note in its low bits; 0: free */
	uint64_t num_slots; /* a power of two */
	uint64_t count;
	uint64_t max;
};

/* Return: 0, or -ENOMEM. */
int states_init(struct states *states, uint64_t max);
void states_finish(struct states *states);

/* Forgets them all. */
void states_clear(struct states *states);

/**
 * states_find() - look a state up, and keep it.
 * @slot: where its note is, until the next call.
 *
 * Return: 1 where it was there; 0 where it is new, with the note 0; -ENOSPC
 * where there are @max already; -ENOMEM.
 */
int states_find(struct states *states, uint64_t hash, uint64_t **slot);

static inline unsigned int states_note(const uint64_t *slot)
{
	return *slot & STATES_NOTE_MAX;
}

static inline void states_set_note(uint64_t *slot, unsigned int note)
{
	*slot = (*slot & ~(uint64_t)STATES_NOTE_MAX) | note;
}

#endif
