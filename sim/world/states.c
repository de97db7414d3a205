/* SPDX-License-Identifier: BSD-3-Clause */
#include "states.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 4096u

int states_init(struct states *states, uint64_t max)
{
	states->slot = calloc(SLOTS_FIRST, sizeof(*states->slot));
	states->num_slots = SLOTS_FIRST;
	states->count = 0;
	states->max = max;
	return states->slot ? 0 : -ENOMEM;
}

void states_finish(struct states *states)
{
	free(states->slot);
	states->slot = NULL;
}

void states_clear(struct states *states)
{
	memset(states->slot, 0, states->num_slots * sizeof(*states->slot));
	states->count = 0;
}

/* A state is never 0, whatever its hash. */
static uint64_t key_of(uint64_t hash)
{
	uint64_t key = hash & ~(uint64_t)STATES_NOTE_MAX;

	return key ? key : STATES_NOTE_MAX + 1;
}

static uint64_t *place_of(const struct states *states, uint64_t key)
{
	uint64_t at = (key >> 2) & (states->num_slots - 1);

	while (states->slot[at] &&
	       (states->slot[at] & ~(uint64_t)STATES_NOTE_MAX) != key)
		at = (at + 1) & (states->num_slots - 1);
	return &states->slot[at];
}

static int grow(struct states *states)
{
	struct states larger = *states;

	larger.num_slots *= 2;
	larger.slot = calloc(larger.num_slots, sizeof(*larger.slot));
	if (!larger.slot)
		return -ENOMEM;
	for (uint64_t i = 0; i < states->num_slots; i++) {
		uint64_t state = states->slot[i];

		if (state)
			*place_of(&larger, state & ~(uint64_t)STATES_NOTE_MAX) =
				state;
	}
	free(states->slot);
	*states = larger;
	return 0;
}

int states_find(struct states *states, uint64_t hash, uint64_t **slot)
{
	uint64_t key = key_of(hash);

	*slot = place_of(states, key);
	if (**slot)
		return 1;
	if (states->count == states->max)
		return -ENOSPC;
	/* Never more than two thirds full. */
	if (states->count * 3 >= states->num_slots * 2) {
		if (grow(states))
			return -ENOMEM;
		*slot = place_of(states, key);
	}
	**slot = key;
	states->count++;
	return 0;
}
