/* SPDX-License-Identifier: BSD-3-Clause */
#include "litmus.h"

#include <stdlib.h>

#include "../base/access.h"
#include "../world/search.h"
#include "suite_main.h"

#define ARENA_BYTES 64u
#define ARENA_BASE  UINT64_C(0x1000)
#define DATA_AT     32u
#define STEPS_MAX   1000u

static void add_outcome(struct outcomes *out, uint64_t outcome)
{
	unsigned int at = 0;

	while (at < out->count && out->outcome[at] < outcome)
		at++;
	if (at < out->count && out->outcome[at] == outcome)
		return;
	ck_assert_uint_lt(out->count, LITMUS_OUTCOMES_MAX);
	memmove(&out->outcome[at + 1], &out->outcome[at],
		(out->count - at) * sizeof(out->outcome[0]));
	out->outcome[at] = outcome;
	out->count++;
}

/* --- in a world */

struct lab {
	struct rps_world world;
	struct ordering ordering;
	const struct litmus *litmus;
	const struct litmus_how *how;
	uint64_t loaded[2]; /* 4 bits a load */
	uint16_t arena[ARENA_BYTES / 2];
};

static struct lab *lab_of(const struct actor *actor)
{
	return (struct lab *)(void *)((char *)actor->world -
				      offsetof(struct lab, world));
}

static struct virtio16 *place_at(struct lab *lab, unsigned int place)
{
	enum place_kind kind =
		lab->how->index ? PLACE_AVAIL_IDX : PLACE_USED_EVENT;

	return (struct virtio16 *)(void *)lab->ordering.order
		.place[PLACE(kind, place)]
		.memory;
}

static void run_op(struct lab *lab, const struct rps_mem *mem, unsigned int end,
		   const struct litmus_op *op)
{
	enum seam seam = lab->how->index ? SEAM_AVAIL_IDX : SEAM_USED_EVENT;
	struct virtio16 *at = place_at(lab, op->place);
	uint16_t *data = &lab->arena[DATA_AT / 2 + op->place];
	uint16_t value = op->value;

	switch ((enum litmus_kind)op->kind) {
	case OP_END:
		return;
	case OP_ST:
		store16(view_of(mem), seam, at, value);
		return;
	case OP_REL:
		publish16(view_of(mem), seam, at, value);
		return;
	case OP_FULL:
		fence_full(mem);
		return;
	case OP_ST_DATA:
		copy_out(mem, SEAM_PAYLOAD, data, &value, sizeof(value));
		return;
	case OP_LD:
		value = load16(view_of(mem), seam, at);
		break;
	case OP_ACQ:
		value = acquire16(view_of(mem), seam, at);
		break;
	case OP_LD_DATA:
		copy_in(mem, SEAM_PAYLOAD, &value, data, sizeof(value));
		break;
	}
	lab->loaded[end] = lab->loaded[end] << 4 | value;
}

static void run_program(struct actor *actor, uint32_t wake)
{
	struct lab *lab = lab_of(actor);
	const struct rps_mem *view[2] = { &lab->world.driver_mem,
					  &lab->world.xport.mem };

	(void)wake;
	for (unsigned int i = 0; i < LITMUS_OPS; i++)
		run_op(lab, view[actor->end], actor->end,
		       &lab->litmus->op[actor->end][i]);
}

/* Two places of one kind, on the two queues of a ring. */
static void set_up(struct lab *lab)
{
	struct rps_world *world = &lab->world;

	world->config.num = 1;
	world->arena = (uint8_t *)lab->arena;
	world->arena_bytes = ARENA_BYTES;
	world->arena_base = ARENA_BASE;
	for (unsigned int q = 0; q < 2; q++) {
		world->place.avail[q] = ARENA_BASE + 8 * q;
		world->place.used[q] = ARENA_BASE + 16 + 8 * q;
	}
	world->place.bufs = ARENA_BASE + DATA_AT;
	world->place.bufs_bytes = ARENA_BYTES - DATA_AT;
	ck_assert_int_eq(world_views_init(world), 0);
	ck_assert_int_eq(ordering_init(&lab->ordering, world,
				       lab->how->model[0], lab->how->model[1]),
			 0);
	world->ordering = &lab->ordering;
	for (unsigned int end = 0; end < 2; end++) {
		world->actor[end].end = end;
		ck_assert_int_eq(actor_init(world, end, run_program), 0);
	}
}

static void begin(void *priv)
{
	struct lab *lab = priv;
	struct rps_world *world = &lab->world;

	memset(lab->arena, 0, sizeof(lab->arena));
	order_init(&lab->ordering.order, lab->how->model[0],
		   lab->how->model[1]);
	for (unsigned int p = 0; p < ORDER_PLACES; p++) {
		unsigned int kind = p / POINTS_QUEUES;
		unsigned int at = (p % POINTS_QUEUES) * 4;

		/* avail.idx and used_event; the others are not touched. */
		at += kind == PLACE_USED_EVENT ? 3 : 1;
		order_bind(&lab->ordering.order, p, &lab->arena[at], 0);
	}
	order_settle(&lab->ordering.order);
	race_begin(&lab->ordering.races);
	lab->ordering.done = 0;
	world->stopped = false;
	world->handed_over = false;
	world->last_end = 0;
	world->steps = 0;
	for (unsigned int end = 0; end < 2; end++) {
		lab->loaded[end] = 1;
		lab->ordering.trail[end] = 0;
		world->actor[end].wake = 1;
		if (world->actor[end].busy)
			fiber_restart(&world->actor[end].fiber);
		world->actor[end].busy = false;
	}
	decider_begin(&world->decider);
}

static uint64_t hash(const void *priv)
{
	const struct lab *lab = priv;
	uint64_t sum =
		order_hash(&lab->ordering.order) ^
		rng_mix(race_hash(&lab->ordering.races, &lab->ordering.order));

	for (unsigned int end = 0; end < 2; end++) {
		const struct actor *actor = &lab->world.actor[end];

		sum = rng_mix(sum ^ lab->ordering.trail[end]);
		sum = rng_mix(sum ^ ((uint64_t)actor->wake << 32 |
				     (uint64_t)actor->busy << 16 |
				     (actor->busy ? actor->op : 0)));
	}
	return sum;
}

static uint64_t outcome_of(struct lab *lab)
{
	uint64_t outcome = lab->loaded[0];

	for (uint64_t rest = lab->loaded[1]; rest; rest >>= 4)
		outcome <<= 4;
	outcome |= lab->loaded[1];
	for (unsigned int place = 0; place < LITMUS_PLACES; place++)
		outcome = outcome << 4 | place_at(lab, place)->raw;
	return outcome;
}

void litmus_run(const struct litmus *litmus, const struct litmus_how *how,
		struct outcomes *out)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	struct search_world of = {
		.world = lab ? &lab->world : NULL,
		.priv = lab,
		.begin = begin,
		.hash = hash,
	};
	struct search search;

	ck_assert_ptr_nonnull(lab);
	lab->litmus = litmus;
	lab->how = how;
	set_up(lab);
	ck_assert_int_eq(search_init(&search, &of, 1u << 20), 0);
	search.reduced = how->reduced;
	search.hashed = how->hashed;
	memset(out, 0, sizeof(*out));
	do {
		int64_t status;

		search_begin_run(&search);
		lab->ordering.race.found = false;
		status = rps_world_run(&lab->world, STEPS_MAX);
		ck_assert(status >= 0 || search.pruned);
		out->raced |= lab->ordering.race.found;
		out->runs++;
		if (status >= 0)
			add_outcome(out, outcome_of(lab));
	} while (search_next(&search));
	search_finish(&search);
	for (unsigned int end = 0; end < 2; end++)
		fiber_finish(&lab->world.actor[end].fiber);
	ordering_finish(&lab->ordering);
	free(lab);
}

/* --- by store buffers alone */

struct machine {
	const struct litmus *litmus;
	const bool *buffered;
	struct outcomes *out;
};

struct state {
	unsigned int next[2];
	struct litmus_op buffer[2][LITMUS_OPS];
	unsigned int waiting[2];
	uint8_t memory[LITMUS_PLACES];
	uint64_t loaded[2];
};

static void flush_one(struct state *state, unsigned int p)
{
	state->memory[state->buffer[p][0].place] = state->buffer[p][0].value;
	state->waiting[p]--;
	memmove(&state->buffer[p][0], &state->buffer[p][1],
		state->waiting[p] * sizeof(state->buffer[p][0]));
}

/* Return: false where the program has to wait for its buffer. */
static bool step(const struct machine *machine, struct state *state,
		 unsigned int p)
{
	const struct litmus_op *op = &machine->litmus->op[p][state->next[p]];
	uint8_t value = state->memory[op->place];

	switch ((enum litmus_kind)op->kind) {
	case OP_ST:
	case OP_REL:
		if (machine->buffered[p])
			state->buffer[p][state->waiting[p]++] = *op;
		else
			state->memory[op->place] = op->value;
		break;
	case OP_LD:
	case OP_ACQ:
		for (unsigned int i = 0; i < state->waiting[p]; i++) {
			if (state->buffer[p][i].place == op->place)
				value = state->buffer[p][i].value;
		}
		state->loaded[p] = state->loaded[p] << 4 | value;
		break;
	case OP_FULL:
		if (state->waiting[p] > 0)
			return false;
		break;
	case OP_END:
	case OP_ST_DATA:
	case OP_LD_DATA:
		break;
	}
	state->next[p]++;
	return true;
}

static void go_on(const struct machine *machine, const struct state *from)
{
	bool over = true;

	for (unsigned int p = 0; p < 2; p++) {
		struct state state = *from;

		if (state.waiting[p] > 0) {
			over = false;
			flush_one(&state, p);
			go_on(machine, &state);
		}
		state = *from;
		if (state.next[p] < LITMUS_OPS) {
			over = false;
			if (step(machine, &state, p))
				go_on(machine, &state);
		}
	}
	if (over) {
		uint64_t outcome = from->loaded[0];

		for (uint64_t rest = from->loaded[1]; rest; rest >>= 4)
			outcome <<= 4;
		outcome |= from->loaded[1];
		for (unsigned int place = 0; place < LITMUS_PLACES; place++)
			outcome = outcome << 4 | from->memory[place];
		add_outcome(machine->out, outcome);
	}
}

void litmus_by_buffers(const struct litmus *litmus, const bool buffered[2],
		       struct outcomes *out)
{
	const struct machine machine = { litmus, buffered, out };
	const struct state state = { .loaded = { 1, 1 } };

	memset(out, 0, sizeof(*out));
	go_on(&machine, &state);
}

/* --- programs by chance */

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % below;
}

struct litmus litmus_any(uint64_t seed)
{
	static const uint8_t kinds[] = { OP_ST, OP_REL, OP_LD, OP_ACQ,
					 OP_FULL };
	struct litmus litmus;
	uint64_t state = seed * 2 + 1;

	(void)draw(&state, 2);
	for (unsigned int p = 0; p < 2; p++) {
		for (unsigned int i = 0; i < LITMUS_OPS; i++)
			litmus.op[p][i] = (struct litmus_op){
				.kind = kinds[draw(&state, sizeof(kinds))],
				.place = (uint8_t)draw(&state, 2),
				.value = (uint8_t)(1 + draw(&state, 3)),
			};
		litmus.op[p][LITMUS_OPS - 1].kind =
			draw(&state, 2) ? OP_END : OP_LD;
	}
	return litmus;
}

struct litmus litmus_one_writer(struct litmus litmus)
{
	for (unsigned int p = 0; p < 2; p++) {
		for (unsigned int i = 0; i < LITMUS_OPS; i++) {
			struct litmus_op *op = &litmus.op[p][i];

			if (op->kind == OP_ST || op->kind == OP_REL)
				op->place = (uint8_t)p;
		}
	}
	return litmus;
}

void outcomes_expect_same(const struct outcomes *a, const struct outcomes *b,
			  uint64_t seed, const char *what)
{
	ck_assert_msg(a->count == b->count &&
			      memcmp(a->outcome, b->outcome,
				     a->count * sizeof(a->outcome[0])) == 0,
		      "program %u: %u outcomes, %u %s", (unsigned int)seed,
		      a->count, b->count, what);
}
