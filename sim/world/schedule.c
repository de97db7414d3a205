/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who goes on.  At every access to shared memory the decider is asked whether
 * the running end does, where the other one could go on as well.
 */
#include <errno.h>

#include "world_priv.h"

/* An end that stopped in the middle goes on before it starts anything new. */
static bool ready(const struct actor *actor)
{
	return actor->present && !actor->frozen &&
	       (actor->busy || actor->job || actor->wake);
}

static struct actor *other(struct rps_world *world, const struct actor *actor)
{
	return &world->actor[1 - actor->end];
}

/* The life of an end: one thing after another, for ever. */
static void live(void *arg)
{
	struct actor *actor = arg;

	for (;;) {
		if (actor->wake) {
			uint32_t wake = actor->wake;

			actor->wake = 0;
			if (actor->world->ordering)
				ordering_wake(actor->world, actor->end);
			actor->handle(actor, wake);
		} else if (actor->job) {
			struct job *job = actor->job;

			if (actor->world->ordering)
				ordering_call(actor->world, actor->end);
			actor->in_job = true;
			job->result = job->fn(actor, job->args);
			actor->in_job = false;
			job->done = true;
			actor->job = NULL;
		}
		actor->busy = false;
		fiber_yield(&actor->fiber);
	}
}

int actor_init(struct rps_world *world, unsigned int end,
	       void (*handle)(struct actor *actor, uint32_t wake))
{
	struct actor *actor = &world->actor[end];
	int err = fiber_init(&actor->fiber, live, actor);

	if (err)
		return err;
	actor->world = world;
	actor->handle = handle;
	actor->present = true;
	return 0;
}

void actor_finish(struct actor *actor)
{
	fiber_finish(&actor->fiber);
	iut_destroy(actor->iut);
	actor->iut = NULL;
}

void actor_wake(struct rps_world *world, unsigned int end, uint32_t what)
{
	struct actor *actor = &world->actor[end];

	if (!actor->present)
		return;
	/* A reset overtakes what came before it. */
	if (what & WAKE_STOP)
		actor->wake = 0;
	actor->wake |= what;
}

uint32_t world_choose(struct rps_world *world, enum rps_choice kind,
		      uint32_t count)
{
	uint32_t choice =
		decide(&world->decider, kind, count, (1u << count) - 1);

	if (choice != DECIDE_STOP)
		return choice;
	world->stopped = true;
	return 0;
}

/* Whoever goes through all schedules wants to know of each step. */
static bool asked(const struct rps_world *world, uint32_t candidates)
{
	return candidates == NUM_ENDS ||
	       (candidates > 0 &&
		world->decider.scheduler == RPS_SCHEDULER_EXHAUSTIVE);
}

/* Return: whether it is not @actor that goes on, which ran last. */
static bool hand_over(struct rps_world *world, const struct actor *actor)
{
	bool stays = ready(actor);
	bool leaves = ready(other(world, actor));
	uint32_t candidates = (uint32_t)stays + leaves;
	uint32_t choice = 0;

	if (world->stopped)
		return false;
	if (asked(world, candidates)) {
		world->decider.last_end = actor->end;
		choice = world_choose(world, RPS_CHOICE_END, candidates);
	}
	return leaves && (!stays || choice != 0);
}

void schedule_point(struct rps_world *world)
{
	struct actor *current = world->current;

	world->steps++;
	if (__builtin_expect(world->num_late > 0, 0))
		faults_tick(world);
	if (!current)
		return;
	world->handed_over = hand_over(world, current);
	if (!world->handed_over && !world->stopped &&
	    world->steps < world->steps_limit)
		return;
	fiber_yield(&current->fiber);
}

/* Who goes on where nobody is running. */
static struct actor *next(struct rps_world *world)
{
	struct actor *last = &world->actor[world->last_end];
	struct actor *rest = other(world, last);
	bool handed_over = world->handed_over && ready(rest);

	world->handed_over = false;
	if (handed_over || hand_over(world, last))
		return rest;
	return ready(last) ? last : NULL;
}

int64_t rps_world_run(struct rps_world *world, uint64_t max_steps)
{
	uint64_t first = world->steps;
	struct actor *actor = NULL;

	world->steps_limit = first + max_steps;
	while (!world->stopped &&
	       ((actor = next(world)) || faults_at_rest(world))) {
		if (!actor)
			continue;
		if (world->stopped || world->steps >= world->steps_limit) {
			/* Decided already, whenever it goes on. */
			world->handed_over = actor->end != world->last_end;
			break;
		}
		world->current = actor;
		world->last_end = actor->end;
		actor->busy = true;
		fiber_resume(&actor->fiber);
		world->current = NULL;
	}
	if (world->stopped)
		return -ECANCELED;
	if (actor)
		return -ETIME;
	if (world->monitor)
		rps_monitor_rest(world->monitor);
	return (int64_t)(world->steps - first);
}

int64_t rps_world_advance(struct rps_world *world, uint64_t ns,
			  uint64_t max_steps)
{
	world->now_ns += ns;
	for (unsigned int end = 0; end < NUM_ENDS; end++)
		actor_wake(world, end, WAKE_TIMER);
	return rps_world_run(world, max_steps);
}

int world_do(struct rps_world *world, unsigned int end,
	     int (*fn)(struct actor *actor, void *args), void *args)
{
	struct job job = { .fn = fn, .args = args };
	struct actor *actor;
	int64_t steps;

	if (end >= NUM_ENDS || !world->actor[end].present)
		return -ENODEV;
	actor = &world->actor[end];
	if (actor->job)
		return -EBUSY;
	actor->job = &job;
	steps = rps_world_run(world, MAX_STEPS_PER_CALL);
	if (steps < 0) {
		/* The end never gets the chance to touch our stack again. */
		actor->present = false;
		actor->job = NULL;
		return (int)steps;
	}
	if (!job.done) {
		/* It stopped for good, or for longer than we wait. */
		actor->job = NULL;
		return -ETIME;
	}
	return job.result;
}
