/* SPDX-License-Identifier: BSD-3-Clause */
#include "fault_plan.h"

#include <errno.h>
#include <string.h>

#include "../base/rng.h"

#define NEXT_FLAG 1u /* VRING_DESC_F_NEXT; the ring is above this layer */

static bool is_made_of_calls(enum fault_kind kind)
{
	return kind == FAULT_STORM || kind == FAULT_CHURN || kind == FAULT_FULL;
}

static bool is_aimed_at(const struct fault_row *row, uint32_t end)
{
	return row->judged & (1u << end);
}

static struct fault *add(struct fault_plan *plan, uint32_t number,
			 uint32_t judged)
{
	struct fault *fault;

	if (!plan->on) {
		plan->num_armed = 0;
		plan->num_shots = 0;
		plan->kinds = 0;
	}
	if (plan->num_armed == FAULT_ARMED_MAX)
		return NULL;
	fault = &plan->armed[plan->num_armed++];
	*fault = (struct fault){
		.row = &fault_row[number],
		.number = number,
		.judged = judged,
	};
	plan->on = true;
	plan->kinds |= 1u << fault_row[number].kind;
	return fault;
}

int fault_arm(struct fault_plan *plan, uint32_t number, uint32_t judged,
	      uint32_t nth)
{
	struct fault *fault;

	if (number == 0 || number >= NUM_FAULTS || judged >= FAULT_ENDS ||
	    !is_aimed_at(&fault_row[number], judged))
		return -EINVAL;
	if (is_made_of_calls(fault_row[number].kind))
		return -ENOTSUP;
	fault = add(plan, number, judged);
	if (!fault)
		return -ENOSPC;
	fault->nth = nth;
	return 0;
}

static const struct fault_swarm *swarm_called(const char *name)
{
	for (unsigned int i = 0; i < NUM_SWARMS; i++) {
		if (strcmp(fault_swarm[i].name, name) == 0)
			return &fault_swarm[i];
	}
	return NULL;
}

int fault_arm_swarm(struct fault_plan *plan, const char *profile,
		    uint32_t judged, uint64_t seed)
{
	const struct fault_swarm *swarm = swarm_called(profile);
	int count = 0;

	if (!swarm || judged >= FAULT_ENDS)
		return -EINVAL;
	for (uint32_t number = 1; number < NUM_FAULTS; number++) {
		const struct fault_row *row = &fault_row[number];
		struct rng stream = rng_named(seed, row->name);
		struct fault *fault;

		if (!(swarm->kinds & (1u << row->kind)) ||
		    !is_aimed_at(row, judged) ||
		    rng_below(&stream, swarm->one_of))
			continue;
		fault = add(plan, number, judged);
		if (!fault)
			return -ENOSPC;
		fault->one_in = 1u << rng_below(&stream, swarm->rates);
		fault->stream = stream;
		count++;
	}
	return count;
}

void fault_disarm(struct fault_plan *plan)
{
	plan->on = false;
}

uint32_t fault_queue(uint32_t end, enum fault_side side)
{
	/* Queue 0 takes messages to the driver, who is end 0. */
	return side == SIDE_IN ? end : 1 - end;
}

static bool has_place(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_STORE:
	case FAULT_REWRITE:
	case FAULT_SPURIOUS:
	case FAULT_PAUSE:
	case FAULT_DIE:
	case FAULT_RESET:
		return true;
	case FAULT_LOSE:
	case FAULT_LATE:
	case FAULT_TWICE:
	case FAULT_DIRTY:
	case FAULT_STORM:
	case FAULT_CHURN:
	case FAULT_FULL:
		break;
	}
	return false;
}

/* A spurious notification is of its queue, but comes at any message; a reset
 * is of all queues. */
static bool has_queue(enum fault_kind kind)
{
	return kind != FAULT_SPURIOUS && kind != FAULT_DIRTY;
}

static bool is_at(const struct fault *fault, const struct fault_spot *spot)
{
	const struct fault_place *place = &fault_place[fault->row->field];

	if (place->seam != spot->seam)
		return false;
	if (place->seam == SEAM_PAYLOAD && !spot->ns)
		return false;
	return place->at + place->bytes <= spot->len_bytes;
}

static bool is_about(const struct fault *fault, const struct fault_spot *spot)
{
	const struct fault_row *row = fault->row;

	if (row->kind != spot->kind || fault->judged != spot->end)
		return false;
	if (has_queue(row->kind) &&
	    fault_queue(fault->judged, row->side) != spot->queue)
		return false;
	return !has_place(row->kind) || is_at(fault, spot);
}

static bool strikes(struct fault_plan *plan, struct fault *fault)
{
	uint32_t occasion = fault->seen++;
	bool now = occasion == fault->nth;

	/* A lie at every occasion can keep two ends busy for ever: one returns
	 * what the other one offers again. */
	if (fault->one_in)
		now = fault->fired < SWARM_STRIKES_MAX &&
		      rng_below(&fault->stream, fault->one_in) == 0;
	if (!now)
		return false;
	fault->fired++;
	if (plan->num_shots < FAULT_SHOTS_MAX)
		plan->shot[plan->num_shots] = (struct rps_shot){
			fault->number,
			fault->judged,
			occasion,
		};
	plan->num_shots++;
	return true;
}

const struct fault *fault_strike(struct fault_plan *plan,
				 const struct fault_spot *spot)
{
	const struct fault *first = NULL;

	if (!(plan->kinds & (1u << spot->kind)))
		return NULL;
	for (uint32_t i = 0; i < plan->num_armed; i++) {
		struct fault *fault = &plan->armed[i];

		if (is_about(fault, spot) && strikes(plan, fault) && !first)
			first = fault;
	}
	return first;
}

static uint64_t get(const struct fault_place *place, enum rps_order order,
		    const uint8_t *record)
{
	const uint8_t *at = record + place->at;
	uint16_t half;
	uint32_t word;
	uint64_t whole;

	if (place->bytes == 2) {
		memcpy(&half, at, sizeof(half));
		return rps_swap16(order, half);
	}
	if (place->bytes == 4) {
		memcpy(&word, at, sizeof(word));
		return rps_swap32(order, word);
	}
	memcpy(&whole, at, sizeof(whole));
	return rps_swap64(order, whole);
}

static void put(const struct fault_place *place, enum rps_order order,
		uint8_t *record, uint64_t value)
{
	uint8_t *at = record + place->at;
	uint16_t half = rps_swap16(order, (uint16_t)value);
	uint32_t word = rps_swap32(order, (uint32_t)value);
	uint64_t whole = rps_swap64(order, value);

	if (place->bytes == 2)
		memcpy(at, &half, sizeof(half));
	else if (place->bytes == 4)
		memcpy(at, &word, sizeof(word));
	else
		memcpy(at, &whole, sizeof(whole));
}

static uint64_t changed(const struct fault *fault,
			const struct fault_ground *ground, uint64_t value)
{
	uint64_t operand = fault->row->value;

	switch (fault->row->how) {
	case HOW_SET:
	case HOW_FILL:
		break;
	case HOW_ADD:
		return value + operand;
	case HOW_XOR:
		return value ^ operand;
	case HOW_NUM:
		return ground->num + operand;
	case HOW_JUMP:
		return value + ground->num + operand;
	case HOW_BUF:
		return ground->buf_bytes + operand;
	case HOW_END:
		return ground->memory_end + operand;
	case HOW_SELF:
		return ground->self;
	case HOW_PREVIOUS:
		return fault->previous;
	}
	return operand;
}

static void change(struct fault *fault, const struct fault_ground *ground,
		   uint8_t *record)
{
	const struct fault_place *place = &fault_place[fault->row->field];

	if (fault->row->how == HOW_FILL)
		memset(record + place->at, (int)fault->row->value,
		       place->bytes);
	else
		put(place, ground->order, record,
		    changed(fault, ground, get(place, ground->order, record)));
}

/* A next that nobody follows would be no fault: the descriptor gets NEXT, and
 * what is stored into desc.next behind that is the fault's. */
static bool change_chain(struct fault_plan *plan, struct fault *fault,
			 const struct fault_spot *spot,
			 const struct fault_ground *ground, uint8_t *record)
{
	const struct fault_place *flags = &fault_place[FIELD_DESC_FLAGS];

	if (spot->seam == SEAM_DESC_NEXT && fault->begun) {
		fault->begun = false;
		change(fault, ground, record);
		return false; /* counted already */
	}
	if (spot->seam != SEAM_DESC_FLAGS || !strikes(plan, fault))
		return false;
	fault->begun = true;
	put(flags, ground->order, record,
	    get(flags, ground->order, record) | NEXT_FLAG);
	return true;
}

static bool is_chain(const struct fault *fault, const struct fault_spot *spot)
{
	return fault->row->field == FIELD_DESC_NEXT &&
	       fault->row->kind == spot->kind && fault->judged == spot->end &&
	       fault_queue(fault->judged, fault->row->side) == spot->queue;
}

bool fault_change(struct fault_plan *plan, const struct fault_spot *spot,
		  const struct fault_ground *ground, uint8_t *record)
{
	bool any = false;

	if (!(plan->kinds & (1u << spot->kind)))
		return false;
	for (uint32_t i = 0; i < plan->num_armed; i++) {
		struct fault *fault = &plan->armed[i];
		bool now;

		if (is_chain(fault, spot)) {
			any |= change_chain(plan, fault, spot, ground, record);
			continue;
		}
		if (!is_about(fault, spot))
			continue;
		now = strikes(plan, fault);
		if (now)
			change(fault, ground, record);
		if (fault->row->how == HOW_PREVIOUS)
			fault->previous = get(&fault_place[fault->row->field],
					      ground->order, record);
		any |= now;
	}
	return any;
}

uint32_t fault_fired(const struct fault_plan *plan, uint32_t number)
{
	uint32_t fired = 0;

	for (uint32_t i = 0; i < plan->num_armed; i++) {
		if (plan->armed[i].number == number)
			fired += plan->armed[i].fired;
	}
	return fired;
}
