/* SPDX-License-Identifier: BSD-3-Clause */
#include "order.h"

#include <string.h>

#include "../base/rng.h"

/* Positions are counted down before they wrap. */
#define POSITION_MAX 60000u
#define VIEW_PLACES  16u

static void join(struct order_view *view, const struct order_view *other)
{
	for (unsigned int i = 0; i < VIEW_PLACES; i++)
		view->at[i] =
			view->at[i] > other->at[i] ? view->at[i] : other->at[i];
}

static void raise_to(uint32_t *value, uint32_t other)
{
	*value = *value > other ? *value : other;
}

void order_init(struct order *order, enum rps_model driver,
		enum rps_model device)
{
	memset(order, 0, sizeof(*order));
	order->end[0].model = driver;
	order->end[1].model = device;
}

static struct order_store *kept(struct order_place *place, uint16_t position)
{
	return &place->store[position % ORDER_DEPTH];
}

/* --- all that has positions of a place in it */

typedef uint16_t (*shift_fn)(uint16_t position, uint16_t from);

static void shift_all(struct order *order, unsigned int place, shift_fn shift,
		      uint16_t from)
{
	order->fences.at[place] = shift(order->fences.at[place], from);
	for (unsigned int e = 0; e < ORDER_ENDS; e++) {
		struct order_end *end = &order->end[e];
		struct order_view *view[] = { &end->now, &end->acquired,
					      &end->released, &end->wake };

		for (unsigned int i = 0; i < sizeof(view) / sizeof(view[0]);
		     i++)
			view[i]->at[place] = shift(view[i]->at[place], from);
	}
	for (unsigned int p = 0; p < ORDER_PLACES; p++) {
		for (unsigned int i = 0; i < ORDER_DEPTH; i++) {
			uint16_t *at = &order->place[p].store[i].view.at[place];

			*at = shift(*at, from);
		}
	}
}

static uint16_t count_down(uint16_t position, uint16_t by)
{
	return position > by ? (uint16_t)(position - by) : 0;
}

/* One more position at @from: those from there on move up. */
static uint16_t make_room(uint16_t position, uint16_t from)
{
	return position >= from ? (uint16_t)(position + 1) : position;
}

static uint16_t all_of_it(uint16_t position, uint16_t newest)
{
	(void)position;
	return newest;
}

/* A multiple of the depth, so that stores stay where they are kept. */
static void keep_positions_small(struct order *order, unsigned int p)
{
	struct order_place *place = &order->place[p];
	uint16_t by = (POSITION_MAX / 2) / ORDER_DEPTH * ORDER_DEPTH;

	if (place->newest < POSITION_MAX)
		return;
	place->newest = (uint16_t)(place->newest - by);
	shift_all(order, p, count_down, by);
}

void order_bind(struct order *order, unsigned int p, const void *memory,
		uint16_t raw)
{
	struct order_place *place = &order->place[p];
	struct order_store *store;

	place->memory = memory;
	place->newest++;
	place->count = 1;
	keep_positions_small(order, p);
	shift_all(order, p, all_of_it, place->newest);
	store = kept(place, place->newest);
	memset(store, 0, sizeof(*store));
	store->raw = raw;
	store->ordinal = place->ordinal;
	store->view.at[p] = place->newest;
}

void order_count_anew(struct order *order, unsigned int p)
{
	struct order_place *place = &order->place[p];

	place->ordinal = 0;
	kept(place, place->newest)->ordinal = 0;
}

void order_settle(struct order *order)
{
	for (unsigned int p = 0; p < ORDER_PLACES; p++) {
		struct order_place *place = &order->place[p];

		if (place->count > 0)
			order_bind(order, p, place->memory,
				   kept(place, place->newest)->raw);
	}
	for (unsigned int e = 0; e < ORDER_ENDS; e++)
		order->end[e] = (struct order_end){
			.model = order->end[e].model,
			.now = order->end[e].now,
		};
}

void order_go_back(struct order *order, const struct order *fresh)
{
	memcpy(order->end, fresh->end, sizeof(order->end));
	order->fences = fresh->fences;
	order->clipped = fresh->clipped;
	for (unsigned int p = 0; p < ORDER_PLACES; p++) {
		const struct order_place *from = &fresh->place[p];
		struct order_place *place = &order->place[p];
		uint32_t newest = from->newest % ORDER_DEPTH;

		place->memory = from->memory;
		place->newest = from->newest;
		place->count = from->count;
		place->ordinal = from->ordinal;
		place->store[newest] = from->store[newest];
	}
}

void order_refresh(struct order *order, unsigned int p, uint16_t raw)
{
	struct order_place *place = &order->place[p];

	if (place->count == 0 || kept(place, place->newest)->raw != raw)
		order_bind(order, p, place->memory, raw);
}

/* --- fences */

static void meet(struct order *order, struct order_end *end)
{
	join(&end->now, &end->acquired);
	join(&end->now, &order->fences);
	order->fences = end->now;
}

/* The clock ticks only where there is something to tell apart, so that it
 * says how far an end has come and not how often it looked. */
static uint32_t release(struct order_end *end)
{
	if (end->dirty)
		end->clock++;
	end->dirty = false;
	return end->clock;
}

void order_fence(struct order *order, unsigned int e)
{
	struct order_end *end = &order->end[e];

	meet(order, end);
	end->released = end->now;
	raise_to(&end->known, end->known_at_fence);
	end->cover_at_fence = release(end);
}

void order_notify(struct order *order, unsigned int e)
{
	struct order_end *from = &order->end[e];
	struct order_end *to = &order->end[1 - e];

	join(&to->wake, &from->now);
	raise_to(&to->cover_of_wake, release(from));
	to->woken = true;
}

void order_wake(struct order *order, unsigned int e)
{
	struct order_end *end = &order->end[e];

	if (!end->woken)
		return;
	end->woken = false;
	join(&end->now, &end->wake);
	join(&end->acquired, &end->now);
	raise_to(&end->known, end->cover_of_wake);
}

void order_catch_up(struct order *order, unsigned int e)
{
	struct order_end *end = &order->end[e];

	for (unsigned int p = 0; p < ORDER_PLACES; p++)
		end->now.at[p] = order->place[p].newest;
	raise_to(&end->known, release(&order->end[1 - e]));
}

/* --- loads */

/* How many stores @end may see at @place, the newest included. */
static uint32_t visible(struct order *order, const struct order_end *end,
			unsigned int p)
{
	struct order_place *place = &order->place[p];
	uint32_t count = 1u + place->newest - end->now.at[p];

	if (count > place->count) {
		order->clipped = true;
		count = place->count;
	}
	return count;
}

/* Of stores in a row with one value the oldest binds its reader least: what
 * can happen after the others can happen after it as well. */
static uint32_t differing(struct order_place *place, uint32_t count)
{
	uint32_t bits = 1u << (count - 1);

	for (uint32_t i = 0; i + 1 < count; i++) {
		uint16_t position = (uint16_t)(place->newest - i);

		if (kept(place, position)->raw !=
		    kept(place, (uint16_t)(position - 1))->raw)
			bits |= 1u << i;
	}
	return bits;
}

static uint32_t take(struct decider *decider, enum rps_choice kind,
		     uint32_t count, uint32_t bits, bool *stopped)
{
	uint32_t choice = decide(decider, kind, count, bits);

	if (choice != DECIDE_STOP)
		return choice;
	*stopped = true;
	return 0;
}

uint16_t order_load(struct order *order, unsigned int e, unsigned int p,
		    enum order_strength strength, struct decider *decider,
		    bool *stopped, const struct order_store **from)
{
	struct order_end *end = &order->end[e];
	struct order_place *place = &order->place[p];
	const struct order_store *store;
	uint32_t count;
	uint32_t choice = 0;

	if (end->model == RPS_MODEL_SC)
		meet(order, end);
	count = visible(order, end, p);
	if (count > 1)
		choice = take(decider, RPS_CHOICE_VALUE, count,
			      differing(place, count), stopped);
	store = kept(place, (uint16_t)(place->newest - choice));
	*from = store;
	end->now.at[p] = (uint16_t)(place->newest - choice);
	if (store->end == e)
		return store->raw;

	join(&end->acquired, &store->view);
	raise_to(&end->known_at_fence, store->cover);
	if (strength == ORDER_SYNC || end->model != RPS_MODEL_WEAK) {
		join(&end->now, &store->view);
		raise_to(&end->known, store->cover);
	}
	return store->raw;
}

/* --- stores */

/* A store of the other end that @end has not seen may come behind its own. */
static uint16_t choose_position(struct order *order,
				const struct order_end *end, unsigned int p,
				struct decider *decider, bool *stopped)
{
	struct order_place *place = &order->place[p];
	uint32_t count = 1;

	if (end->model == RPS_MODEL_WEAK)
		count = visible(order, end, p);
	if (count == 1)
		return (uint16_t)(place->newest + 1);
	return (uint16_t)(place->newest + 1 -
			  take(decider, RPS_CHOICE_PLACE, count,
			       (1u << count) - 1, stopped));
}

static struct order_store *insert(struct order *order, unsigned int p,
				  uint16_t position)
{
	struct order_place *place = &order->place[p];

	if (position <= place->newest) {
		for (uint16_t at = place->newest; at >= position; at--)
			*kept(place, (uint16_t)(at + 1)) = *kept(place, at);
		shift_all(order, p, make_room, position);
	}
	place->newest++;
	if (place->count < ORDER_DEPTH)
		place->count++;
	return kept(place, position);
}

uint16_t order_store(struct order *order, unsigned int e, unsigned int p,
		     enum order_strength strength, uint16_t raw,
		     struct decider *decider, bool *stopped)
{
	struct order_end *end = &order->end[e];
	struct order_place *place = &order->place[p];
	struct order_store *store;
	uint16_t position;

	keep_positions_small(order, p);
	if (end->model == RPS_MODEL_SC)
		meet(order, end);
	/* What lies before it in memory was there when it came. */
	if (end->model == RPS_MODEL_TSO && kept(place, place->newest)->end != e)
		join(&end->acquired, &kept(place, place->newest)->view);
	position = choose_position(order, end, p, decider, stopped);
	store = insert(order, p, position);
	end->now.at[p] = position;

	store->raw = raw;
	store->end = (uint8_t)e;
	store->ordinal = ++place->ordinal;
	if (strength == ORDER_SYNC || end->model != RPS_MODEL_WEAK) {
		store->view = end->now;
		store->cover = release(end);
	} else {
		store->view = end->released;
		store->view.at[p] = position;
		store->cover = end->cover_at_fence;
	}
	if (end->model == RPS_MODEL_SC)
		meet(order, end);
	return kept(place, place->newest)->raw;
}

/* --- hash: positions and clocks count only as far as somebody can still tell
 * the difference */

static uint64_t mix_in(uint64_t hash, uint64_t value)
{
	return rng_mix(hash ^ (value + UINT64_C(0x9e3779b97f4a7c15)));
}

static uint16_t lag(const struct order *order, const struct order_view *view,
		    unsigned int p)
{
	return (uint16_t)(order->place[p].newest - view->at[p]);
}

/* An end that sees everything learns nothing from any view. */
static bool lags(const struct order *order, const struct order_end *end)
{
	uint16_t sum = 0;

	for (unsigned int p = 0; p < ORDER_PLACES; p++)
		sum |= lag(order, &end->now, p);
	return sum != 0;
}

/* What @view would show to @reader. */
static uint64_t hash_gain(const struct order *order, uint64_t hash,
			  const struct order_view *view,
			  const struct order_end *reader)
{
	for (unsigned int p = 0; p < ORDER_PLACES; p++) {
		if (view->at[p] > reader->now.at[p])
			hash = mix_in(hash,
				      (uint64_t)p << 32 | lag(order, view, p));
	}
	return hash;
}

/* How much of a clock is news to an end that knows @known of it. */
static uint64_t above(uint32_t value, uint32_t known)
{
	return value > known ? value - known : 0;
}

static uint64_t hash_end(const struct order *order, uint64_t hash,
			 unsigned int e)
{
	const struct order_end *end = &order->end[e];
	const struct order_end *other = &order->end[1 - e];
	uint64_t wake = end->woken ? above(end->cover_of_wake, end->known) : 0;

	hash = mix_in(hash, above(end->clock, other->known) << 32 |
				    above(end->known_at_fence, end->known));
	hash = mix_in(hash, above(end->cover_at_fence, other->known) << 32 |
				    wake << 2 | (uint64_t)end->woken << 1 |
				    end->dirty);
	if (lags(order, end)) {
		hash = hash_gain(order, mix_in(hash, 1), &end->acquired, end);
		hash = hash_gain(order, mix_in(hash, 2), &order->fences, end);
		hash = hash_gain(order, mix_in(hash, 3), &other->released, end);
		if (end->woken)
			hash = hash_gain(order, mix_in(hash, 4), &end->wake,
					 end);
	}
	return hash;
}

static uint64_t hash_store(const struct order *order, uint64_t hash,
			   const struct order_store *store, bool lagging)
{
	const struct order_end *reader = &order->end[1 - store->end];

	hash = mix_in(hash, above(store->cover, reader->known) << 17 |
				    (uint64_t)store->end << 16 | store->raw);
	return lagging ? hash_gain(order, hash, &store->view, reader) : hash;
}

static uint64_t hash_place(const struct order *order, uint64_t hash,
			   unsigned int p, const bool lagging[])
{
	const struct order_place *place = &order->place[p];
	uint16_t behind[] = { lag(order, &order->end[0].now, p),
			      lag(order, &order->end[1].now, p) };
	uint16_t most = behind[0] > behind[1] ? behind[0] : behind[1];

	if (most > 0)
		hash = mix_in(hash, (uint64_t)behind[0] << 16 | behind[1]);
	for (uint16_t i = 0; i <= most && i < place->count; i++) {
		const struct order_store *store =
			&place->store[(place->newest - i) % ORDER_DEPTH];

		hash = hash_store(order, hash, store, lagging[1 - store->end]);
	}
	return hash;
}

uint64_t order_hash(const struct order *order)
{
	bool lagging[] = { lags(order, &order->end[0]),
			   lags(order, &order->end[1]) };
	uint64_t hash = 0;

	for (unsigned int p = 0; p < ORDER_PLACES; p++) {
		if (order->place[p].count > 0)
			hash = hash_place(order, mix_in(hash, p), p, lagging);
	}
	for (unsigned int e = 0; e < ORDER_ENDS; e++)
		hash = hash_end(order, hash, e);
	return hash;
}
