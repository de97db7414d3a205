/* SPDX-License-Identifier: BSD-3-Clause */
#include "mark.h"

#include <errno.h>
#include <string.h>

#include <rps/rpmsg.h>

#include "../base/mark.h"

#define DRIVER (1u << RPS_END_DRIVER)
#define DEVICE (1u << RPS_END_DEVICE)
#define BOTH   (DRIVER | DEVICE)

static const struct rps_mark_info info[] = {
#define MARK_EVENT(name, end, event, condition, requirements, what)            \
	{ #name, end, requirements, what },
#define MARK_RESULT(name, end, call, result, requirements, what)               \
	{ #name, end, requirements, what },
#define MARK_CODE(name, end, requirements, what)                               \
	{ #name, end, requirements, what },
#include "../base/marks.def"
#undef MARK_EVENT
#undef MARK_RESULT
#undef MARK_CODE
};

_Static_assert(sizeof(info) / sizeof(info[0]) == NUM_MARKS, "marks.def");
_Static_assert(NUM_MARKS <= RPS_WORLD_MARKS_MAX, "marks.def");

/* --- what conditions may ask */

static bool has(const struct rps_world *w, unsigned int feature_bit)
{
	struct feature_set features = { w->driver_features };

	return feature_has(features, feature_bit);
}

static uint16_t used_idx(const struct rps_world *w, uint64_t queue)
{
	uint64_t at = w->place.used[queue] + 2 - w->arena_base;
	struct virtio16 idx;

	memcpy(&idx, &w->arena[at], sizeof(idx));
	/* The device's view gets its order later. */
	return virtio16_to_cpu(w->driver_mem.order, idx);
}

/* Whether all entries are with the device once avail.idx is @avail_idx. */
static bool is_full(const struct rps_world *w, uint64_t queue,
		    uint64_t avail_idx)
{
	uint16_t lent;

	if (queue >= RPS_NUM_QUEUES)
		return false;
	lent = (uint16_t)(avail_idx - used_idx(w, queue));
	return lent == w->config.num;
}

static uint16_t desc_flags(uint64_t desc)
{
	return (uint16_t)(desc >> 32);
}

static uint32_t hdr_dst(uint64_t src_dst)
{
	return (uint32_t)src_dst;
}

static uint16_t hdr_len(uint64_t rest)
{
	return (uint16_t)(rest >> 16);
}

static uint16_t hdr_flags(uint64_t rest)
{
	return (uint16_t)rest;
}

/* --- counting */

static void reach(struct rps_world *w, unsigned int end, enum rps_mark mark)
{
	w->marks[end][mark]++;
}

void mark_event(struct rps_world *w, unsigned int end, enum rps_event event,
		uint64_t a, uint64_t b, uint64_t c)
{
#define MARK_EVENT(name, ends, on, condition, requirements, what)              \
	if (event == RPS_EVENT_##on && (ends) & (1u << end) && (condition))    \
		reach(w, end, MARK_##name);
#define MARK_RESULT(name, ends, call, result, requirements, what)
#define MARK_CODE(name, ends, requirements, what)
#include "../base/marks.def"
#undef MARK_EVENT
#undef MARK_RESULT
#undef MARK_CODE
}

int mark_result(struct rps_world *w, unsigned int end, enum mark_call call,
		int result)
{
#define MARK_EVENT(name, ends, on, condition, requirements, what)
#define MARK_RESULT(name, ends, of, value, requirements, what)                 \
	if (call == MARK_CALL_##of && result == (value))                       \
		reach(w, end, MARK_##name);
#define MARK_CODE(name, ends, requirements, what)
#include "../base/marks.def"
#undef MARK_EVENT
#undef MARK_RESULT
#undef MARK_CODE
	return result;
}

void rps_mark_reached(const struct rps_mem *mem, enum rps_mark mark)
{
	struct rps_world *w = mem->world;

	reach(w, mem == &w->driver_mem ? RPS_END_DRIVER : RPS_END_DEVICE, mark);
}

uint32_t rps_world_marks(const struct rps_world *world, uint32_t end,
			 uint64_t *reached, uint32_t max)
{
	for (uint32_t i = 0; end < NUM_ENDS && i < NUM_MARKS && i < max; i++)
		reached[i] = world->marks[end][i];
	return NUM_MARKS;
}

bool rps_mark_get(uint32_t number, struct rps_mark_info *out)
{
	if (number >= NUM_MARKS)
		return false;
	*out = info[number];
	return true;
}
