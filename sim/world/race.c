/* SPDX-License-Identifier: BSD-3-Clause */
#include "race.h"

#include <errno.h>
#include <stdlib.h>

#include "../base/assert.h"

int race_init(struct race_map *map, size_t memory_bytes)
{
	map->cell = calloc(memory_bytes, sizeof(*map->cell));
	map->touched = calloc(memory_bytes, sizeof(*map->touched));
	map->num_cells = memory_bytes;
	map->run = 0;
	race_begin(map);
	return map->cell && map->touched ? 0 : -ENOMEM;
}

void race_finish(struct race_map *map)
{
	free(map->cell);
	free(map->touched);
	map->cell = NULL;
	map->touched = NULL;
}

void race_begin(struct race_map *map)
{
	map->run++;
	map->num_touched = 0;
	map->bytes = 0;
}

static struct race_cell *touch(struct race_map *map, size_t offset)
{
	struct race_cell *cell = &map->cell[offset];

	rps_assert(offset < map->num_cells);
	if (cell->run == map->run)
		return cell;
	*cell = (struct race_cell){
		.run = map->run,
		.offset = (uint32_t)offset,
	};
	map->touched[map->num_touched++] = cell;
	return cell;
}

static uint64_t hash_bytes(const struct race_cell *cell)
{
	return rng_mix((uint64_t)cell->offset << 32 | cell->bytes);
}

uint32_t race_access(struct race_map *map, struct order *order, unsigned int e,
		     size_t offset, bool write, uint32_t bytes)
{
	struct order_end *end = &order->end[e];
	struct race_cell *cell = touch(map, offset);
	uint32_t unordered = 0;

	if (cell->written[1 - e] > end->known)
		unordered = cell->written[1 - e];
	if (write && cell->read[1 - e] > end->known)
		unordered = cell->read[1 - e];
	/* A release makes the clock tick: what comes before it has less. */
	end->dirty = true;
	if (!write) {
		cell->read[e] = end->clock + 1;
		return unordered;
	}
	if (cell->written[0] || cell->written[1])
		map->bytes ^= hash_bytes(cell);
	cell->written[e] = end->clock + 1;
	cell->bytes = bytes;
	map->bytes ^= hash_bytes(cell);
	return unordered;
}

uint64_t race_hash(const struct race_map *map, const struct order *order)
{
	uint64_t hash = map->bytes;

	for (size_t i = 0; i < map->num_touched; i++) {
		const struct race_cell *cell = map->touched[i];

		/* What the other end knows of is in order for ever. */
		for (unsigned int e = 0; e < ORDER_ENDS; e++) {
			uint32_t known = order->end[1 - e].known;
			uint32_t read = cell->read[e] > known
						? cell->read[e] - known
						: 0;
			uint32_t written = cell->written[e] > known
						   ? cell->written[e] - known
						   : 0;

			/* A sum, since the order of first touches is no
			 * matter. */
			if (read | written)
				hash += rng_mix(
					((uint64_t)cell->offset << 1 | e) ^
					rng_mix((uint64_t)read << 32 |
						written));
		}
	}
	return hash;
}
