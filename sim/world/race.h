/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data races: two accesses of one piece of memory by different ends, at least
 * one of them a write, that nothing orders (C11 5.1.2.4).  A write that was
 * not released, or a read that nothing was acquired for, is one in every
 * schedule in which both take place, whatever the memory model makes of it.
 */
#ifndef RPS_RACE_H
#define RPS_RACE_H

#include "order.h"

/* One piece: a field, or what begins at one address. */
struct race_cell {
	uint32_t run; /* in which it was last touched; older is never */
	uint32_t offset;
	uint32_t written[ORDER_ENDS]; /* clocks; 0 for never */
	uint32_t read[ORDER_ENDS];
	uint32_t bytes; /* hash of what was last written */
};

struct race_map {
	struct race_cell *cell; /* by offset in memory */
	size_t num_cells;
	struct race_cell **touched; /* in this run */
	size_t num_touched;
	uint32_t run;
	uint64_t bytes; /* hash of what all of them hold */
};

/* Return: 0, or -ENOMEM. */
int race_init(struct race_map *map, size_t memory_bytes);
void race_finish(struct race_map *map);

/* Forgets every access. */
void race_begin(struct race_map *map);

/**
 * race_access() - @end reads or writes what begins at @offset.
 * @bytes: hash of the bytes that are written.
 *
 * Return: 0, or the clock of the other end's access that is not ordered with
 * this one.
 */
uint32_t race_access(struct race_map *map, struct order *order,
		     unsigned int end, size_t offset, bool write,
		     uint32_t bytes);

/* Return: hash of what the cells hold, and of the accesses that could still
 * be part of a race. */
uint64_t race_hash(const struct race_map *map, const struct order *order);

#endif
