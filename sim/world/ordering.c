/* SPDX-License-Identifier: BSD-3-Clause */
#include "ordering.h"

#include <string.h>

#include "world_priv.h"

/* --- where the places lie */

struct place_row {
	bool in_used;     /* else in the available ring */
	uint32_t at;      /* bytes from its start */
	uint32_t per_num; /* and for each entry */
};

static const struct place_row place_row[NUM_PLACE_KINDS] = {
	[PLACE_AVAIL_FLAGS] = { false, 0, 0 },
	[PLACE_AVAIL_IDX] = { false, 2, 0 },
	[PLACE_USED_EVENT] = { false, 4, 2 },
	[PLACE_USED_FLAGS] = { true, 0, 0 },
	[PLACE_USED_IDX] = { true, 2, 0 },
	[PLACE_AVAIL_EVENT] = { true, 4, 8 },
};

static uint8_t *host_of(const struct rps_world *world, uint64_t gpa)
{
	return world->arena + (gpa - world->arena_base);
}

static void bind_places(struct ordering *ordering,
			const struct rps_world *world)
{
	for (unsigned int p = 0; p < ORDER_PLACES; p++) {
		const struct place_row *row = &place_row[p / POINTS_QUEUES];
		unsigned int queue = p % POINTS_QUEUES;
		uint64_t ring = row->in_used ? world->place.used[queue]
					     : world->place.avail[queue];
		const uint8_t *memory =
			host_of(world, ring + row->at +
					       (uint64_t)row->per_num *
						       world->config.num);
		uint16_t raw;

		memcpy(&raw, memory, sizeof(raw));
		order_bind(&ordering->order, p, memory, raw);
	}
}

int ordering_init(struct ordering *ordering, const struct rps_world *world,
		  enum rps_model driver, enum rps_model device)
{
	memset(ordering, 0, sizeof(*ordering));
	order_init(&ordering->order, driver, device);
	ordering->both_sc = driver == RPS_MODEL_SC && device == RPS_MODEL_SC;
	bind_places(ordering, world);
	return race_init(&ordering->races, world->arena_bytes);
}

void ordering_finish(struct ordering *ordering)
{
	race_finish(&ordering->races);
}

void ordering_begin_queue(struct ordering *ordering, unsigned int queue)
{
	points_begin_queue(&ordering->points, queue);
	order_count_anew(&ordering->order, PLACE(PLACE_AVAIL_IDX, queue));
	order_count_anew(&ordering->order, PLACE(PLACE_USED_IDX, queue));
}

/* Return: the place at @at, -1 where it is none. A driver may put its rings
 * elsewhere than where it was expected to. */
static int place_of(struct ordering *ordering, enum seam seam, const void *at)
{
	int kind = place_kind_of(seam);
	unsigned int first;
	uint16_t raw;

	if (kind < 0)
		return -1;
	first = PLACE(kind, 0);
	if (ordering->order.place[first].memory == at)
		return (int)first;
	if (ordering->order.place[first + 1].memory == at)
		return (int)first + 1;
	first += ordering->rebound++ % POINTS_QUEUES;
	memcpy(&raw, at, sizeof(raw));
	order_bind(&ordering->order, first, at, raw);
	return (int)first;
}

/* Buffers to receive in come first, those to send in behind them. */
static unsigned int queue_of(const struct rps_world *world, const void *at)
{
	const struct rps_world_place *place = &world->place;
	uint64_t gpa = world->arena_base +
		       (uint64_t)((const uint8_t *)at - world->arena);
	uint64_t num = world->config.num;

	if (gpa - place->desc[1] < 16 * num ||
	    gpa - place->avail[1] < 6 + 2 * num ||
	    gpa - place->used[1] < 6 + 8 * num)
		return 1;
	if (gpa - place->bufs < place->bufs_bytes)
		return gpa - place->bufs >= place->bufs_bytes / 2;
	return 0;
}

/* --- steps */

static void trail(struct ordering *ordering, unsigned int end, uint64_t value)
{
	if (ordering->trailing)
		ordering->trail[end] = rng_mix(ordering->trail[end] ^ value) +
				       ordering->trail[end];
}

/*
 * Whether the other end may have to go first.  What an end loads where loads
 * may return something old can as well be loaded later: nothing that the other
 * one does takes it away.  A store that may be seen late can as well be made
 * earlier: nobody has to see it.  So some loads, then a fence, a notification
 * or a wake, then some stores are one step (Lipton's reduction), and the other
 * end goes in between only where that begins anew.  Where nothing is late,
 * loads and stores count and fences do nothing.
 */
static bool begins_step(struct ordering *ordering, unsigned int end,
			enum op_kind kind)
{
	bool pinned = ordering->pinned[end];

	if (ordering->grain != GRAIN_REDUCED)
		return true;
	if (ordering->order.end[end].model == RPS_MODEL_SC)
		return kind != OP_FENCE || !ordering->both_sc;
	ordering->pinned[end] = kind != OP_LOAD;
	return pinned && kind != OP_STORE;
}

static void step(struct rps_world *world, unsigned int end, enum op_kind kind,
		 unsigned int place)
{
	struct ordering *ordering = world->ordering;

	/* Whoever comes from outside comes while all is quiet. */
	if (!world->current)
		order_catch_up(&ordering->order, end);
	else
		world->current->op = OP(kind, place);
	if (begins_step(ordering, end, kind) || world->stopped)
		schedule_point(world);
	else
		world->steps++;
	trail(ordering, end, OP(kind, place));
}

/* An end that is sequential among late ones has a fence around each access. */
static uint32_t fences_around(const struct ordering *ordering, unsigned int end)
{
	bool sc = ordering->order.end[end].model == RPS_MODEL_SC;

	return sc && !ordering->both_sc ? DONE_FENCE : 0;
}

static uint32_t hash_bytes(const void *bytes, size_t len_bytes)
{
	const uint8_t *byte = bytes;
	uint64_t hash = len_bytes;

	for (; len_bytes >= 8; len_bytes -= 8, byte += 8) {
		uint64_t word;

		memcpy(&word, byte, sizeof(word));
		hash = rng_mix(hash ^ word);
	}
	for (size_t i = 0; i < len_bytes; i++)
		hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
	return (uint32_t)(hash ^ hash >> 32);
}

static void note_race(struct rps_world *world, unsigned int end, enum seam seam,
		      unsigned int queue, bool write, uint32_t unordered)
{
	struct ordering *ordering = world->ordering;

	if (ordering->race.found)
		return;
	ordering->race = (struct race_found){
		.found = true,
		.blame = points_blame_race(&ordering->points, end, seam, queue,
					   write, unordered),
		.seam = seam,
		.step = world->steps,
	};
	if (ordering->stop_at_race)
		world->stopped = true;
}

/* Everything that is not a place of order.h. */
static void touch_data(struct rps_world *world, unsigned int end,
		       enum seam seam, const void *at, bool write,
		       uint32_t bytes)
{
	struct ordering *ordering = world->ordering;
	unsigned int queue = queue_of(world, at);
	uint32_t unordered;

	if (!world->current)
		order_catch_up(&ordering->order, end);
	points_data(&ordering->points, end, seam, queue, write);
	unordered = race_access(&ordering->races, &ordering->order, end,
				(size_t)((const uint8_t *)at - world->arena),
				write, bytes);
	if (unordered)
		note_race(world, end, seam, queue, write, unordered);
	if (!write)
		trail(ordering, end, bytes);
}

static void data_step(struct rps_world *world)
{
	if (world->current)
		world->current->op = OP(OP_OTHER, 0);
	if (world->ordering->grain == GRAIN_ACCESS)
		schedule_point(world);
	else
		world->steps++;
}

/* --- accesses */

static uint16_t load_place(struct rps_world *world, unsigned int end,
			   bool acquire, unsigned int place, const void *at)
{
	struct ordering *ordering = world->ordering;
	const struct order_store *from;
	uint16_t raw;

	step(world, end, OP_LOAD, place);
	order_refresh(&ordering->order, place, *(const uint16_t *)at);
	raw = order_load(&ordering->order, end, place,
			 acquire ? ORDER_SYNC : ORDER_RELAXED, &world->decider,
			 &world->stopped, &from);
	points_load(&ordering->points, end, place, from);
	ordering->done |= DONE_LOAD(place) | fences_around(ordering, end);
	trail(ordering, end, raw);
	return raw;
}

uint64_t ordering_load(struct rps_world *world, unsigned int end, bool acquire,
		       enum seam seam, const void *at, unsigned int len_bytes)
{
	int place = place_of(world->ordering, seam, at);
	uint64_t raw;

	if (place >= 0)
		return load_place(world, end, acquire, (unsigned int)place, at);
	data_step(world);
	raw = read_raw(at, len_bytes);
	touch_data(world, end, seam, at, false, hash_bytes(&raw, sizeof(raw)));
	return raw;
}

/* The same wish again: who reads the first store instead of the second knows
 * less and can do all that it could do otherwise. */
static bool changes_nothing(const struct ordering *ordering, unsigned int end,
			    unsigned int place, uint16_t raw)
{
	const struct order_store *newest =
		order_newest(&ordering->order, place);

	return ordering->grain == GRAIN_REDUCED && points_is_wish(place) &&
	       newest->end == end && newest->raw == raw;
}

/* How many entries an index tells of that its last store did not. */
static uint32_t entries_of(const struct rps_world *world, unsigned int end,
			   unsigned int place, uint16_t raw)
{
	const struct rps_mem *mem =
		end == RPS_END_DRIVER ? &world->driver_mem : &world->xport.mem;
	uint16_t old = order_newest(&world->ordering->order, place)->raw;

	if (points_is_wish(place))
		return 1;
	return (uint16_t)(rps_swap16(mem->order, raw) -
			  rps_swap16(mem->order, old));
}

static void store_place(struct rps_world *world, unsigned int end, bool release,
			unsigned int place, void *at, uint16_t raw)
{
	struct ordering *ordering = world->ordering;
	uint32_t entries;

	step(world, end, OP_STORE, place);
	order_refresh(&ordering->order, place, *(const uint16_t *)at);
	entries = entries_of(world, end, place, raw);
	points_store(&ordering->points, end, place, entries);
	if (changes_nothing(ordering, end, place, raw))
		return;
	*(uint16_t *)at = order_store(&ordering->order, end, place,
				      release ? ORDER_SYNC : ORDER_RELAXED, raw,
				      &world->decider, &world->stopped);
	if (!points_is_wish(place))
		order_announce(&ordering->order, place, entries);
	ordering->done |= DONE_STORE(place) | fences_around(ordering, end);
}

void ordering_store(struct rps_world *world, unsigned int end, bool release,
		    enum seam seam, void *at, unsigned int len_bytes,
		    uint64_t raw)
{
	int place = place_of(world->ordering, seam, at);

	if (place >= 0) {
		store_place(world, end, release, (unsigned int)place, at,
			    (uint16_t)raw);
		return;
	}
	data_step(world);
	touch_data(world, end, seam, at, true, hash_bytes(&raw, sizeof(raw)));
	write_raw(at, len_bytes, raw);
}

void ordering_copy_in(struct rps_world *world, unsigned int end, enum seam seam,
		      void *to, const void *from, size_t len_bytes)
{
	data_step(world);
	memcpy(to, from, len_bytes);
	touch_data(world, end, seam, from, false, hash_bytes(to, len_bytes));
}

void ordering_copy_out(struct rps_world *world, unsigned int end,
		       enum seam seam, void *to, const void *from,
		       size_t len_bytes)
{
	data_step(world);
	touch_data(world, end, seam, to, true, hash_bytes(from, len_bytes));
	memcpy(to, from, len_bytes);
}

void ordering_fence(struct rps_world *world, unsigned int end)
{
	struct ordering *ordering = world->ordering;

	step(world, end, OP_FENCE, 0);
	order_fence(&ordering->order, end);
	points_fence(&ordering->points, end);
	ordering->done |= DONE_FENCE;
}

void ordering_notify(struct rps_world *world, unsigned int end)
{
	step(world, end, OP_NOTIFY, 0);
	order_notify(&world->ordering->order, end);
	world->ordering->done |= DONE_NOTIFY;
}

void ordering_register(struct rps_world *world, unsigned int end)
{
	step(world, end, OP_NOTIFY, 0);
	order_fence(&world->ordering->order, end);
	order_notify(&world->ordering->order, end);
	world->ordering->done |= DONE_NOTIFY | DONE_FENCE;
}

void ordering_wake(struct rps_world *world, unsigned int end)
{
	order_wake(&world->ordering->order, end);
	world->ordering->done |= DONE_WAKE;
	world->ordering->pinned[end] = true;
	trail(world->ordering, end, OP(OP_WAKE, 0));
}

void ordering_call(struct rps_world *world, unsigned int end)
{
	order_catch_up(&world->ordering->order, end);
}
