/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/world.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../monitor/monitor_state.h"
#include "mark.h"
#include "world_priv.h"

static void observe(void *priv, enum rps_event event, uint64_t a, uint64_t b,
		    uint64_t c);

static int check(const struct rps_world_config *config)
{
	if (config->num == 0 || config->buf_bytes == 0)
		return -EINVAL;
	if (config->buf_bytes > IUT_PAYLOAD_MAX ||
	    config->tx_buf_bytes > IUT_PAYLOAD_MAX)
		return -EINVAL;
	if (config->space_bytes > RPS_WORLD_SPACE_MAX)
		return -EINVAL;
	/* A list, or the other runs, come from somewhere else. */
	if (config->scheduler > RPS_SCHEDULER_PCT)
		return -EINVAL;
	if (config->driver_model > RPS_MODEL_WEAK ||
	    config->device_model > RPS_MODEL_WEAK)
		return -EINVAL;
	return 0;
}

/* Both ends see the same bytes; each has a view of its own. */
int world_views_init(struct rps_world *world)
{
	struct rps_mem *view[NUM_ENDS] = { &world->driver_mem,
					   &world->xport.mem };
	uint32_t mutant[NUM_ENDS] = { world->config.driver_mutant,
				      world->config.device_mutant };

	for (unsigned int end = 0; end < NUM_ENDS; end++) {
		int err = rps_mem_add(view[end],
				      (struct gpa){ world->arena_base },
				      world->arena_bytes, world->arena);

		if (err)
			return err;
		world->probe[end].event = observe;
		world->probe[end].priv = view[end];
		view[end]->probe = &world->probe[end];
		view[end]->world = world;
		view[end]->mutant = mutant[end];
	}
	return 0;
}

int world_add_end(struct rps_world *world, unsigned int end)
{
	world->actor[end].end = end;
	world->actor[end].iut = iut_create(world, end);
	if (!world->actor[end].iut)
		return -ENOMEM;
	return actor_init(world, end, iut_handle);
}

/* Where nothing can be seen late there is nothing to keep track of. */
static int add_ordering(struct rps_world *world)
{
	const struct rps_world_config *config = &world->config;
	/* A tester does what it does at once. */
	enum rps_model driver =
		config->driver ? config->driver_model : RPS_MODEL_SC;
	enum rps_model device =
		config->device ? config->device_model : RPS_MODEL_SC;

	if (driver == RPS_MODEL_SC && device == RPS_MODEL_SC)
		return 0;
	world->ordering = calloc(1, sizeof(*world->ordering));
	if (!world->ordering)
		return -ENOMEM;
	return ordering_init(world->ordering, world, driver, device);
}

static int build(struct rps_world *world)
{
	bool present[NUM_ENDS] = { world->config.driver, world->config.device };
	int err = check(&world->config);

	if (!err)
		err = log_init(&world->log);
	if (!err)
		err = arena_create(world);
	if (!err)
		err = world_views_init(world);
	if (!err)
		err = add_ordering(world);
	for (unsigned int end = 0; !err && end < NUM_ENDS; end++) {
		world->actor[end].end = end;
		if (present[end])
			err = world_add_end(world, end);
	}
	registers_init(world);
	return err;
}

struct rps_world *rps_world_create(const struct rps_world_config *config,
				   int *error)
{
	struct rps_world *world = calloc(1, sizeof(*world));
	int err = -ENOMEM;

	if (world) {
		world->config = *config;
		if (config->tx_buf_bytes == 0)
			world->config.tx_buf_bytes = config->buf_bytes;
		err = build(world);
	}
	if (!err)
		err = world_decider_init(world);
	if (err) {
		rps_world_destroy(world);
		world = NULL;
	}
	if (error)
		*error = err;
	return world;
}

void rps_world_destroy(struct rps_world *world)
{
	if (!world)
		return;
	for (unsigned int end = 0; end < NUM_ENDS; end++)
		actor_finish(&world->actor[end]);
	arena_destroy(world);
	log_finish(&world->log);
	world_decider_finish(world);
	if (world->ordering)
		ordering_finish(world->ordering);
	free(world->ordering);
	free(world);
}

static void feed(struct rps_world *world, const struct rps_record *record)
{
	rps_monitor_feed(world->monitor, record);
	if (world->stop_at_finding && monitor_first(world->monitor))
		world->stopped = true;
}

void world_record(struct rps_world *world, const struct rps_record *record)
{
	if (world->log.record)
		log_add(&world->log, record);
	if (__builtin_expect(world->monitor != NULL, 1))
		feed(world, record);
	if (__builtin_expect(world->sink != NULL, 0))
		world->sink->record(world->sink->priv, record);
}

void rps_world_observe(struct rps_world *world, const struct rps_sink *sink)
{
	world->sink = sink;
}

void rps_world_watch(struct rps_world *world, struct rps_monitor *monitor)
{
	world->monitor = monitor;
}

void world_event(void *priv, enum rps_event event, uint64_t a, uint64_t b,
		 uint64_t c)
{
	const struct rps_mem *mem = priv;
	struct rps_world *world = mem->world;
	struct rps_record record = {
		.step = world->steps,
		.ns = world->now_ns,
		.end = mem == &world->driver_mem ? (uint8_t)RPS_END_DRIVER
						 : (uint8_t)RPS_END_DEVICE,
		.kind = RPS_RECORD_EVENT,
		.what = (uint8_t)event,
		.a = a,
		.b = b,
		.c = c,
	};

	world_record(world, &record);
}

static void observe(void *priv, enum rps_event event, uint64_t a, uint64_t b,
		    uint64_t c)
{
	const struct rps_mem *mem = priv;
	struct rps_world *world = mem->world;

	world_event(priv, event, a, b, c);
	mark_event(world,
		   mem == &world->driver_mem ? RPS_END_DRIVER : RPS_END_DEVICE,
		   event, a, b, c);
}

size_t rps_world_race(const struct rps_world *world, char *buf, size_t size)
{
	const struct race_found *race;

	if (size > 0)
		buf[0] = '\0';
	if (!world->ordering || !world->ordering->race.found)
		return 0;
	race = &world->ordering->race;
	return (size_t)snprintf(buf, size,
				"%s: %s of queue %u by the %s is missing; seen "
				"at %s in step %" PRIu64,
				points_requirement(race->blame),
				points_name(race->blame), race->blame.queue,
				race->blame.end ? "device" : "driver",
				rps_seam_name(race->seam), race->step);
}

uint64_t rps_world_now_ns(const struct rps_world *world)
{
	return world->now_ns;
}

uint64_t rps_world_steps(const struct rps_world *world)
{
	return world->steps;
}

struct rps_xport *rps_world_xport(struct rps_world *world)
{
	return &world->xport;
}

struct rps_mem *rps_world_driver_mem(struct rps_world *world)
{
	return &world->driver_mem;
}

size_t rps_world_log(const struct rps_world *world, char *buf, size_t size)
{
	return log_text(&world->log, buf, size);
}

size_t rps_world_records(const struct rps_world *world, struct rps_record *out,
			 size_t max)
{
	return log_records(&world->log, out, max);
}

void rps_world_log_clear(struct rps_world *world)
{
	world->log.count = 0;
}
