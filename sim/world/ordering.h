/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory order in a world: what an access of an end becomes where stores may
 * be seen late, and what is watched meanwhile.
 */
#ifndef RPS_ORDERING_H
#define RPS_ORDERING_H

#include "order.h"
#include "points.h"
#include "race.h"

struct rps_world;

/* What an end is about to do, where the other one may go first. */
enum op_kind {
	OP_WAKE = 1, /* take up what it was woken for */
	OP_LOAD,
	OP_STORE,
	OP_FENCE,
	OP_NOTIFY,
	OP_OTHER,
};

#define OP(kind, place) ((uint16_t)((kind) << 8 | (place)))
#define OP_KIND(op)     ((op) >> 8)
#define OP_PLACE(op)    ((op)&0xffu)

/* How finely the ends are taken apart. */
enum grain {
	GRAIN_ACCESS, /* between any two accesses */
	GRAIN_SYNC, /* where places of order.h, fences and notifications are */
	GRAIN_REDUCED, /* of these, where it makes a difference */
};

/* The first race of a run. */
struct race_found {
	bool found;
	struct blame blame;
	enum seam seam;
	uint64_t step;
};

struct ordering {
	struct order order;
	struct points points;
	struct race_map races;
	struct race_found race;
	enum grain grain;
	bool stop_at_race;
	bool both_sc;
	bool pinned[ORDER_ENDS];    /* its next load or fence is a new step */
	bool trailing;              /* keep what follows, for state hashes */
	uint64_t trail[ORDER_ENDS]; /* hash of what an end has seen */
	uint32_t done; /* bits of what was done since this was cleared */
	unsigned int rebound;
};

/* Bits of struct ordering's @done. */
#define DONE_LOAD(place)  (1u << (place))
#define DONE_STORE(place) (1u << (ORDER_PLACES + (place)))
#define DONE_FENCE        (1u << 24)
#define DONE_NOTIFY       (1u << 25)
#define DONE_WAKE         (1u << 26)

/* Return: 0, or -ENOMEM. */
int ordering_init(struct ordering *ordering, const struct rps_world *world,
		  enum rps_model driver, enum rps_model device);
void ordering_finish(struct ordering *ordering);

/* A queue was set up: its indices are counted from here on. */
void ordering_begin_queue(struct ordering *ordering, unsigned int queue);

/* Accesses of an end; each is a step. */
uint64_t ordering_load(struct rps_world *world, unsigned int end, bool acquire,
		       enum seam seam, const void *at, unsigned int len_bytes);
void ordering_store(struct rps_world *world, unsigned int end, bool release,
		    enum seam seam, void *at, unsigned int len_bytes,
		    uint64_t raw);
void ordering_copy_in(struct rps_world *world, unsigned int end, enum seam seam,
		      void *to, const void *from, size_t len_bytes);
void ordering_copy_out(struct rps_world *world, unsigned int end,
		       enum seam seam, void *to, const void *from,
		       size_t len_bytes);
void ordering_fence(struct rps_world *world, unsigned int end);

/* @end writes a doorbell of the other one; a register is one with a fence. */
void ordering_notify(struct rps_world *world, unsigned int end);
void ordering_register(struct rps_world *world, unsigned int end);

/* @end takes up what it was woken for, or is called from outside. */
void ordering_wake(struct rps_world *world, unsigned int end);
void ordering_call(struct rps_world *world, unsigned int end);

#endif
