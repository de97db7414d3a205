/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The points at which ring code must order its accesses, and which of them was
 * missing where something went wrong.  Told from what the ends did alone.
 */
#ifndef RPS_POINTS_H
#define RPS_POINTS_H

#include <rps/api.h>

#include "../base/seam.h"
#include "order.h"

#define POINTS_QUEUES 2u

/* Which ordering; driver and device have each of them. */
enum point {
	POINT_NONE,
	POINT_PUBLISH,    /* its index behind what that announces */
	POINT_READ_FIRST, /* the other's index before what that announces */
	POINT_FENCE_WISH, /* its index before the other's wish is read */
	POINT_FENCE_LOOK, /* its own wish before the last look */
	POINT_NOTIFY,     /* the other one was not told, though it asked */
	NUM_POINTS
};

/* Places that order.h follows: a kind of field for each queue. */
enum place_kind {
	PLACE_AVAIL_FLAGS,
	PLACE_AVAIL_IDX,
	PLACE_USED_EVENT,
	PLACE_USED_FLAGS,
	PLACE_USED_IDX,
	PLACE_AVAIL_EVENT,
	NUM_PLACE_KINDS
};

#define PLACE(kind, queue) ((unsigned int)(kind)*POINTS_QUEUES + (queue))

/* Return: the kind of place that a seam touches, -1 for none. */
int place_kind_of(enum seam seam);

/* Whether a place says what its writer wants to be told. */
bool points_is_wish(unsigned int place);

/* What an end did on a queue. */
struct points_queue {
	uint32_t published;     /* entries that its index tells of */
	uint32_t slots_written; /* entries behind that index */
	uint32_t slots_read;    /* entries of the other one */
	uint32_t looked;        /* as many as it saw in the other's index */
	uint32_t cover;         /* what that one released */
	uint64_t published_at;
	uint64_t wish_read_at;
	uint64_t wished_at;
	bool bare_wish; /* decided by the other's wish without a fence first */
	bool bare_look; /* looked without a fence behind its own wish */
};

struct points {
	struct points_queue queue[ORDER_ENDS][POINTS_QUEUES];
	uint64_t now;
	uint64_t fenced_at[ORDER_ENDS];
};

/* Somebody set the queue up: nothing was published yet. */
void points_begin_queue(struct points *points, unsigned int queue);

void points_load(struct points *points, unsigned int end, unsigned int place,
		 const struct order_store *from);
/* @entries: new ones that an index tells of, which may be shown together. */
void points_store(struct points *points, unsigned int end, unsigned int place,
		  uint32_t entries);
void points_fence(struct points *points, unsigned int end);
void points_data(struct points *points, unsigned int end, enum seam seam,
		 unsigned int queue, bool write);

/* Whose fault it is, and which. */
struct blame {
	enum point point;
	unsigned int end;
	unsigned int queue;
};

/* @end has just touched what the other one did at its clock @unordered. */
struct blame points_blame_race(const struct points *points, unsigned int end,
			       enum seam seam, unsigned int queue, bool write,
			       uint32_t unordered);

/* All is quiet, and @end has not read what the other one has published. */
bool points_overlooked(const struct points *points, unsigned int end,
		       unsigned int queue);
struct blame points_blame_sleep(const struct points *points, unsigned int end,
				unsigned int queue);

/* "publish avail.idx" and the like; LAY-021 or LAY-022. */
const char *points_name(struct blame blame);
const char *points_requirement(struct blame blame);

#endif
