/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/world.h>

#include <errno.h>
#include <stdlib.h>

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
	return 0;
}

/* Both ends see the same bytes; each has a view of its own. */
static int make_views(struct rps_world *world)
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

static int build(struct rps_world *world)
{
	bool present[NUM_ENDS] = { world->config.driver, world->config.device };
	int err = check(&world->config);

	if (!err)
		err = log_init(&world->log);
	if (!err)
		err = arena_create(world);
	if (!err)
		err = make_views(world);
	for (unsigned int end = 0; !err && end < NUM_ENDS; end++) {
		world->actor[end].end = end;
		if (present[end])
			err = actor_init(world, end);
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
	free(world);
}

void world_record(struct rps_world *world, const struct rps_record *record)
{
	log_add(&world->log, record);
	if (__builtin_expect(world->monitor != NULL, 1))
		rps_monitor_feed(world->monitor, record);
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

static void observe(void *priv, enum rps_event event, uint64_t a, uint64_t b,
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
	mark_event(world, record.end, event, a, b, c);
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
