/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an armed fault does to this world: it changes what lands, stands at the
 * notification doors, and stops ends.
 */
#include <errno.h>
#include <string.h>

#include <rps/rpmsg.h>

#include "../base/assert.h"
#include "../base/probe.h"
#include "world_priv.h"

#define NO_QUEUE 2u

enum direction {
	READ,
	WRITTEN,
};

static uint32_t end_of(const struct rps_world *world, const struct rps_mem *mem)
{
	return mem == &world->driver_mem ? RPS_END_DRIVER : RPS_END_DEVICE;
}

static uint64_t gpa_of(const struct rps_world *world, const void *at)
{
	return world->arena_base +
	       (uint64_t)((const uint8_t *)at - world->arena);
}

static uint32_t ring_of(const struct rps_world *world, uint64_t gpa)
{
	const struct rps_world_place *place = &world->place;
	uint32_t num = world->config.num;

	for (uint32_t q = 0; q < RPS_NUM_QUEUES; q++) {
		if (gpa - place->desc[q] < 16ull * num ||
		    gpa - place->avail[q] < 6 + 2ull * num ||
		    gpa - place->used[q] < 6 + 8ull * num)
			return q;
	}
	return NO_QUEUE;
}

/* An occasion at @at, for the end that has to bear what the peer stores, or
 * what it reads itself. */
static struct fault_spot spot_at(const struct rps_world *world,
				 enum fault_kind kind, uint32_t judged,
				 enum seam seam, const void *at,
				 size_t len_bytes)
{
	bool message = seam == SEAM_HDR || seam == SEAM_PAYLOAD;

	return (struct fault_spot){
		.kind = kind,
		.end = judged,
		.queue = message ? fault_queue(judged, SIDE_IN)
				 : ring_of(world, gpa_of(world, at)),
		.seam = seam,
		.len_bytes = (uint32_t)len_bytes,
	};
}

static struct fault_ground ground_at(const struct rps_world *world,
				     const struct rps_mem *mem,
				     const struct fault_spot *spot,
				     const void *at)
{
	struct fault_ground ground = {
		.order = mem->order,
		.num = world->config.num,
		.buf_bytes = world->config.buf_bytes,
		.memory_end = world->arena_base + world->arena_bytes,
	};

	if (spot->seam == SEAM_DESC_NEXT && spot->queue != NO_QUEUE)
		ground.self = (uint32_t)((gpa_of(world, at) -
					  world->place.desc[spot->queue]) /
					 sizeof(struct vring_desc));
	return ground;
}

static struct rps_mem *view_of(struct rps_world *world, uint32_t end)
{
	return end == RPS_END_DRIVER ? &world->driver_mem : &world->xport.mem;
}

/* Everything that struck since @before, for the log. */
static void tell(struct rps_world *world, uint32_t before)
{
	const struct fault_plan *plan = &world->plan;

	for (uint32_t i = before; i < plan->num_shots && i < FAULT_SHOTS_MAX;
	     i++)
		probe(view_of(world, plan->shot[i].judged),
		      RPS_EVENT_fault_fire, plan->shot[i].fault,
		      plan->shot[i].nth, 0);
}

static const struct fault *strike(struct rps_world *world,
				  const struct fault_spot *spot)
{
	uint32_t before = world->plan.num_shots;
	const struct fault *fault = fault_strike(&world->plan, spot);

	if (fault)
		tell(world, before);
	return fault;
}

static void change(struct rps_world *world, const struct rps_mem *mem,
		   const struct fault_spot *spot, const void *at,
		   uint8_t *bytes)
{
	struct fault_ground ground = ground_at(world, mem, spot, at);
	uint32_t before = world->plan.num_shots;

	if (fault_change(&world->plan, spot, &ground, bytes))
		tell(world, before);
}

/* --- notifications */

static void arrive(struct rps_world *world, struct late *late)
{
	late->waits = false;
	world->num_late--;
	actor_wake(world, late->end, WAKE_QUEUE(late->queue));
}

static void send_late(struct rps_world *world, uint32_t end, uint32_t queue,
		      uint64_t steps)
{
	for (unsigned int i = 0; i < LATE_MAX; i++) {
		struct late *late = &world->late[i];

		if (late->waits)
			continue;
		*late = (struct late){
			.waits = true,
			.end = end,
			.queue = queue,
			.due = world->steps + steps,
		};
		world->num_late++;
		return;
	}
	/* More on their way than there is room for: this one is on time. */
	actor_wake(world, end, WAKE_QUEUE(queue));
}

bool faults_hold_back(struct rps_world *world, uint32_t end, uint32_t queue)
{
	struct fault_spot spot = { .end = end, .queue = queue };
	const struct fault *fault;

	spot.kind = FAULT_LOSE;
	if (strike(world, &spot))
		return true;
	spot.kind = FAULT_LATE;
	fault = strike(world, &spot);
	if (fault) {
		send_late(world, end, queue, fault->row->value);
		return true;
	}
	spot.kind = FAULT_TWICE;
	fault = strike(world, &spot);
	if (fault)
		send_late(world, end, queue, fault->row->value);
	return false;
}

void faults_tick(struct rps_world *world)
{
	for (unsigned int i = 0; i < LATE_MAX; i++) {
		struct late *late = &world->late[i];

		if (late->waits && late->due <= world->steps)
			arrive(world, late);
	}
}

static struct late *earliest(struct rps_world *world)
{
	struct late *first = NULL;

	for (unsigned int i = 0; i < LATE_MAX; i++) {
		struct late *late = &world->late[i];

		if (late->waits && (!first || late->due < first->due))
			first = late;
	}
	return first;
}

bool faults_at_rest(struct rps_world *world)
{
	struct late *late = world->num_late > 0 ? earliest(world) : NULL;

	if (late)
		arrive(world, late);
	return late;
}

/* --- ends that stop */

/* Only who runs can stop; another end's fiber is none of ours to yield. */
static bool runs(const struct rps_world *world, uint32_t end)
{
	return world->current && world->current->end == end;
}

static void stop(struct rps_world *world, struct fault_spot spot)
{
	struct actor *actor = world->current;

	spot.kind = FAULT_DIE;
	if (strike(world, &spot)) {
		actor->present = false;
		fiber_yield(&actor->fiber);
		/* A dead end does not go on. */
		rps_assert(actor->present);
	}
	/* What the upper tester asked for lies on its stack, and will be gone
	 * when the end goes on. */
	spot.kind = FAULT_PAUSE;
	if (!actor->in_job && strike(world, &spot)) {
		actor->frozen = true;
		fiber_yield(&actor->fiber);
	}
}

/* What happens at the peer's store, besides what lands. */
static void disturb(struct rps_world *world, uint32_t peer,
		    struct fault_spot spot)
{
	const struct fault *fault;

	spot.kind = FAULT_SPURIOUS;
	fault = strike(world, &spot);
	if (fault)
		actor_wake(world, spot.end,
			   WAKE_QUEUE(fault_queue(spot.end, fault->row->side)));
	spot.kind = FAULT_RESET;
	if (strike(world, &spot))
		rps_world_set_status(world, 0);
	if (runs(world, peer))
		stop(world, spot);
}

/* --- what lands */

static bool is_ns(const struct rps_mem *mem, const void *bytes)
{
	struct rpmsg_hdr hdr;

	memcpy(&hdr, bytes, sizeof(hdr));
	return virtio32_to_cpu(mem->order, hdr.dst) == RPMSG_NS_ADDR;
}

void faults_store(struct rps_world *world, const struct rps_mem *mem,
		  enum seam seam, const void *at, uint8_t *bytes,
		  size_t len_bytes)
{
	uint32_t end = end_of(world, mem);
	struct fault_spot spot =
		spot_at(world, FAULT_STORE, 1 - end, seam, at, len_bytes);

	if (seam == SEAM_HDR && len_bytes == RPMSG_HDR_BYTES)
		world->is_ns[end][WRITTEN] = is_ns(mem, bytes);
	spot.ns = world->is_ns[end][WRITTEN];
	disturb(world, end, spot);
	change(world, mem, &spot, at, bytes);
}

const void *faults_copy_out(struct rps_world *world, const struct rps_mem *mem,
			    enum seam seam, const void *at, const void *from,
			    size_t len_bytes, uint8_t *room)
{
	if (len_bytes > FAULT_COPY_MAX)
		return from;
	memcpy(room, from, len_bytes);
	faults_store(world, mem, seam, at, room, len_bytes);
	return room;
}

void faults_after_read(struct rps_world *world, const struct rps_mem *mem,
		       enum seam seam, const void *at, const void *bytes,
		       size_t len_bytes)
{
	uint32_t end = end_of(world, mem);
	struct fault_spot spot =
		spot_at(world, FAULT_REWRITE, end, seam, at, len_bytes);

	if (seam == SEAM_HDR && len_bytes == RPMSG_HDR_BYTES)
		world->is_ns[end][READ] = is_ns(mem, bytes);
	spot.ns = world->is_ns[end][READ];
	/* The memory is not the reader's to change, but it is ours. */
	change(world, mem, &spot, at,
	       world->arena + ((const uint8_t *)at - world->arena));
}

/* --- a reset */

static void fill(struct rps_world *world, uint64_t at, uint64_t bytes,
		 uint64_t value)
{
	memset(world->arena + (at - world->arena_base), (int)value, bytes);
}

void faults_after_reset(struct rps_world *world)
{
	const struct rps_world_place *place = &world->place;
	uint32_t num = world->config.num;
	const struct fault *fault = NULL;

	for (uint32_t end = 0; !fault && end < NUM_ENDS; end++) {
		struct fault_spot spot = { .kind = FAULT_DIRTY, .end = end };

		fault = strike(world, &spot);
	}
	if (!fault)
		return;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		fill(world, place->desc[q], 16ull * num, fault->row->value);
		fill(world, place->avail[q], 6 + 2ull * num, fault->row->value);
		fill(world, place->used[q], 6 + 8ull * num, fault->row->value);
	}
	fill(world, place->bufs, place->bufs_bytes, fault->row->value);
}

/* --- by call */

int rps_world_arm(struct rps_world *world, uint32_t fault, uint32_t judged,
		  uint32_t nth)
{
	return fault_arm(&world->plan, fault, judged, nth);
}

int rps_world_swarm(struct rps_world *world, const char *profile,
		    uint32_t judged, uint64_t seed)
{
	return fault_arm_swarm(&world->plan, profile, judged, seed);
}

void rps_world_disarm(struct rps_world *world)
{
	fault_disarm(&world->plan);
	while (faults_at_rest(world))
		;
	for (unsigned int end = 0; end < NUM_ENDS; end++)
		world->actor[end].frozen = false;
}

bool rps_world_is_armed(const struct rps_world *world, uint32_t fault)
{
	const struct fault_plan *plan = &world->plan;

	for (uint32_t i = 0; i < plan->num_armed; i++) {
		if (plan->armed[i].number == fault)
			return true;
	}
	return false;
}

uint32_t rps_world_fired(const struct rps_world *world, uint32_t fault)
{
	return fault_fired(&world->plan, fault);
}

uint32_t rps_world_shots(const struct rps_world *world, struct rps_shot *out,
			 uint32_t max)
{
	const struct fault_plan *plan = &world->plan;

	for (uint32_t i = 0;
	     i < max && i < plan->num_shots && i < FAULT_SHOTS_MAX; i++)
		out[i] = plan->shot[i];
	return plan->num_shots;
}

bool rps_world_is_alive(const struct rps_world *world, uint32_t end)
{
	return end < NUM_ENDS && world->actor[end].present;
}

int rps_world_revive(struct rps_world *world, uint32_t end)
{
	struct actor *actor;

	if (end >= NUM_ENDS || !world->actor[end].iut)
		return -EINVAL;
	actor = &world->actor[end];
	actor_finish(actor);
	memset(actor, 0, sizeof(*actor));
	return world_add_end(world, end);
}
