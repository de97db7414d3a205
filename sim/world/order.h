/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory order: which stores a load may return, and what is known after it.
 *
 * Each place that one end writes while the other looks at it (indices, flags,
 * events) keeps its last stores.  Each end has a view: the oldest store of
 * each place that it may still see.  A release store carries the view of its
 * writer, an acquire load takes it over, and full fences meet in one view that
 * all of them add to and take from.  What an end can see is what C11 allows it
 * to, without values out of thin air; no store goes in front of a load of the
 * same end.  The models are strengths of every access:
 *
 *   SC     between two full fences
 *   TSO    every store releases, every load acquires; a store may be seen late
 *          until a full fence, as in a store buffer
 *   WEAK   as the code says
 *
 * With two ends and one writer for each place, as rings have it, TSO is that
 * of x86.  Notifications and registers are doorbells behind a write barrier: a
 * woken end sees all that was stored before it was woken, and the waker learns
 * nothing.  (Linux' writel() and eventfd_write() give at least that.)
 *
 * All else (descriptors, ring entries, headers, payloads) must not be touched
 * by both at once, whatever the model: race.h.  There a clock per end counts
 * its releases, and an end knows of the other's clock what it has acquired.
 */
#ifndef RPS_ORDER_H
#define RPS_ORDER_H

#include <rps/decide.h>

#include "decide.h"

#define ORDER_ENDS   2u
#define ORDER_PLACES 12u
#define ORDER_DEPTH  RPS_CHOICES_MAX /* stores of a place that are kept */

/* By place: position in the order of its stores; 16 entries for the machine. */
struct order_view {
	uint16_t at[16];
};

/* How an access is ordered by the code. */
enum order_strength {
	ORDER_RELAXED,
	ORDER_SYNC, /* acquire load, release store */
};

struct order_store {
	uint16_t raw;
	uint8_t end;
	uint32_t cover;   /* its writer's clock, as far as this releases it */
	uint32_t ordinal; /* which one it was, counted from order_count_anew();
			     see order_announce() */
	struct order_view view;
};

struct order_place {
	const void *memory;
	uint16_t newest; /* position of the newest store */
	uint16_t count;  /* kept, at most ORDER_DEPTH */
	uint32_t ordinal;
	struct order_store store[ORDER_DEPTH]; /* by position % ORDER_DEPTH */
};

struct order_end {
	enum rps_model model;
	struct order_view now;      /* what it sees */
	struct order_view acquired; /* what a fence would let it see */
	struct order_view released; /* what it saw at its last fence */
	uint32_t clock;
	bool dirty;              /* touched data since the clock ticked */
	uint32_t known;          /* the other's clock, as far as acquired */
	uint32_t known_at_fence; /* what a fence would let it know */
	uint32_t cover_at_fence; /* its clock at its last fence */
	uint32_t cover_of_wake;  /* to be acquired with the next wake */
	struct order_view wake;
	bool woken;
};

struct order {
	struct order_end end[ORDER_ENDS];
	struct order_view fences; /* what all fences have met */
	struct order_place place[ORDER_PLACES];
	bool clipped; /* a store that could have been returned was not kept */
};

void order_init(struct order *order, enum rps_model driver,
		enum rps_model device);

/* @place is at @memory from now on, where @raw is, and everybody knows. */
void order_bind(struct order *order, unsigned int place, const void *memory,
		uint16_t raw);

/* As @fresh, which was settled: less to copy than all of it. */
void order_go_back(struct order *order, const struct order *fresh);

/* The next store of @place is the first. */
void order_count_anew(struct order *order, unsigned int place);

/* Everybody knows everything: the beginning of what is looked into. */
void order_settle(struct order *order);

/* Nobody's access changed memory: as order_bind(), if @raw is news. */
void order_refresh(struct order *order, unsigned int place, uint16_t raw);

/* Return: the value that the decider takes of those that @end may see;
 * *@store is where it comes from. Sets *@stopped where the decider stops. */
uint16_t order_load(struct order *order, unsigned int end, unsigned int place,
		    enum order_strength strength, struct decider *decider,
		    bool *stopped, const struct order_store **store);

/* Return: the value that memory has afterwards. */
uint16_t order_store(struct order *order, unsigned int end, unsigned int place,
		     enum order_strength strength, uint16_t raw,
		     struct decider *decider, bool *stopped);

static inline const struct order_store *order_newest(const struct order *order,
						     unsigned int place)
{
	const struct order_place *at = &order->place[place];

	return &at->store[at->newest % ORDER_DEPTH];
}

/* What @place got last, as its newest, stands for so many stores. */
static inline void order_announce(struct order *order, unsigned int place,
				  uint32_t count)
{
	struct order_place *at = &order->place[place];

	at->ordinal += count - 1;
	at->store[at->newest % ORDER_DEPTH].ordinal = at->ordinal;
}

void order_fence(struct order *order, unsigned int end);

/* @end notifies the other one, which takes it up when it is woken. */
void order_notify(struct order *order, unsigned int end);
void order_wake(struct order *order, unsigned int end);

/* @end sees and knows all there is: it comes from outside. */
void order_catch_up(struct order *order, unsigned int end);

/* Return: two orders of the same hash have the same future. */
uint64_t order_hash(const struct order *order);

#endif
