/* SPDX-License-Identifier: BSD-3-Clause */
#include "scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/access.h"
#include "../monitor/monitor_state.h"

#define ARENA_BASE    UINT64_C(0x10000000)
#define RING_ALIGN    16u
#define APPLICATION   30u /* the address of either end's application */
#define BRING_UP_MAX  UINT64_C(100000)
#define LARGEST_ARENA 4096u
/* More than any end needs to take all that fits into its rings. */
#define POLLS_WITHOUT_STEPS 64u

static struct scope *scope_of(const struct actor *actor)
{
	return (struct scope *)(void *)((char *)actor->world -
					offsetof(struct scope, world));
}

/* --- messages: what each of them has in it is known */

static uint32_t payload_bytes(const struct scope *scope, uint32_t number)
{
	return 1 + number % (scope->config.buf_bytes - RPMSG_HDR_BYTES);
}

static void fill_payload(uint8_t *bytes, uint32_t len_bytes, unsigned int end,
			 uint32_t number)
{
	memset(bytes, (int)(0x40 + 0x40 * end + number), len_bytes);
}

static enum rps_rx_result receive(struct rps_node *node, struct rps_ept *ept,
				  const struct rps_msg *msg, void *priv)
{
	struct actor *actor = priv;
	struct scope *scope = scope_of(actor);
	struct scope_end *end = &scope->end[actor->end];
	uint32_t len_bytes = payload_bytes(scope, end->received);
	uint8_t expected[RPS_SCOPE_BUF_MAX];
	uint8_t payload[RPS_SCOPE_BUF_MAX];

	(void)ept;
	if (end->received == end->expected || msg->hdr.len_bytes != len_bytes ||
	    msg->hdr.src != APPLICATION) {
		end->wrong_message = true;
		return RPS_RX_DONE;
	}
	copy_in(node->mem, SEAM_PAYLOAD, payload, msg->payload, len_bytes);
	fill_payload(expected, len_bytes, 1 - actor->end, end->received);
	if (memcmp(payload, expected, len_bytes) != 0)
		end->wrong_message = true;
	end->received++;
	return RPS_RX_DONE;
}

/* --- the life of an end */

static uint64_t hash_words(uint64_t hash, const void *bytes, size_t len_bytes)
{
	const uint8_t *byte = bytes;
	uint64_t word = 0;

	for (; len_bytes >= 8; len_bytes -= 8, byte += 8) {
		memcpy(&word, byte, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	if (len_bytes > 0) {
		word = 0;
		memcpy(&word, byte, len_bytes);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	}
	return rng_mix(hash);
}

/* Everything that an end knows.  What it never reads again may be left out,
 * and what is always the same: addresses, sizes and the like do no harm. */
static uint64_t hash_end(const struct scope_end *end)
{
	const struct rps_node *node = &end->node;
	const struct rps_drv *drv = &node->drv;
	const struct rps_dev *dev = &node->dev;
	uint64_t hash =
		(uint64_t)end->sending | (uint64_t)end->send.waiting << 1 |
		(uint64_t)end->wrong_message << 2 |
		(uint64_t)node->polled << 3 | (uint64_t)end->sent << 16 |
		(uint64_t)end->received << 32 | node->num_dropped << 48 |
		(uint64_t)node->num_waiting << 56;

	if (node->role == RPS_ROLE_DRIVER) {
		size_t used = offsetof(struct rps_drv, tx_free) +
			      RPS_SCOPE_NUM_MAX * sizeof(drv->tx_free[0]);
		size_t own = RPS_SCOPE_NUM_MAX * sizeof(drv->rx_own.buf[0]);

		hash = hash_words(hash, drv, used);
		hash = hash_words(hash, drv->rx_own.buf, own);
		hash = hash_words(hash, drv->tx_own.buf, own);
		return rng_mix(hash ^ drv->tx_waiters);
	}
	hash = hash_words(hash, &dev->xport,
			  offsetof(struct rps_dev, unused) -
				  offsetof(struct rps_dev, xport) +
				  RPS_SCOPE_NUM_MAX * sizeof(dev->unused[0]));
	return hash_words(hash, &dev->num_unused,
			  sizeof(*dev) - offsetof(struct rps_dev, num_unused));
}

/* Where an end is in its life when all that it has seen is in its memory. */
enum {
	LIFE_ASLEEP = 1,
	LIFE_POLL,
	LIFE_SEND,
	LIFE_LOOK,
	LIFE_VAIN,
};

static void forget(struct actor *actor, uint32_t where)
{
	struct scope *scope = scope_of(actor);

	if (scope->ordering.trailing)
		scope->ordering.trail[actor->end] =
			rng_mix(hash_end(&scope->end[actor->end]) ^ where);
}

static uint32_t to_send(const struct scope *scope, unsigned int end)
{
	return scope->end[1 - end].expected - scope->end[end].sent;
}

static void send_each(struct actor *actor)
{
	struct scope *scope = scope_of(actor);
	struct scope_end *end = &scope->end[actor->end];

	while (to_send(scope, actor->end) > 0) {
		int err;

		forget(actor, LIFE_SEND);
		if (end->sending) {
			err = rps_send_poll(&end->send, 0);
		} else {
			uint32_t len_bytes = payload_bytes(scope, end->sent);

			fill_payload(end->payload, len_bytes, actor->end,
				     end->sent);
			end->send = (struct rps_send){
				.node = &end->node,
				.src = APPLICATION,
				.dst = APPLICATION,
				.payload = end->payload,
				.len_bytes = len_bytes,
			};
			err = rps_send_begin(&end->send, 0);
		}
		end->sending = err == -EAGAIN;
		if (err) {
			end->send_error = err == -EAGAIN ? 0 : err;
			return;
		}
		end->sent++;
	}
}

static void send_messages(struct actor *actor)
{
	struct scope *scope = scope_of(actor);
	struct rps_node *node = &scope->end[actor->end].node;
	bool batch = scope->config.batch && to_send(scope, actor->end) > 0;

	if (batch)
		rps_node_cork(node);
	send_each(actor);
	if (batch)
		rps_node_uncork(node);
}

/* The rest of the round looks at everything: no need to be told again. */
static void ask_for_quiet(const struct actor *actor, uint32_t wake)
{
	const struct scope *scope = scope_of(actor);
	struct rps_node *node = &scope_of(actor)->end[actor->end].node;

	if (!scope->config.suppress)
		return;
	if (actor->end == RPS_END_DRIVER && wake & WAKE_QUEUE(RPS_QUEUE_RX))
		rps_vdrv_irq_off(&node->drv.rx);
	if (actor->end == RPS_END_DEVICE && wake & WAKE_QUEUE(RPS_QUEUE_TX))
		rps_vdev_kick_off(&node->dev.rx);
}

static bool is_broken(const struct scope_end *end)
{
	const struct rps_node *node = &end->node;

	if (node->role == RPS_ROLE_DRIVER)
		return rps_vdrv_is_broken(&node->drv.rx) ||
		       rps_vdrv_is_broken(&node->drv.tx);
	return rps_vdev_is_broken(&node->dev.rx) ||
	       rps_vdev_is_broken(&node->dev.tx);
}

static bool has_finished(const struct scope *scope, unsigned int e)
{
	const struct scope_end *end = &scope->end[e];

	return to_send(scope, e) == 0 && end->received >= end->expected;
}

/* Until there is nothing to wait for, or nothing works any more. */
static void poll_all_the_time(struct actor *actor)
{
	struct scope *scope = scope_of(actor);
	struct scope_end *end = &scope->end[actor->end];

	rps_node_polled(&end->node, true);
	while (end->node.ready && !end->send_error &&
	       !has_finished(scope, actor->end)) {
		uint32_t before = end->received + end->sent;

		forget(actor, LIFE_LOOK);
		(void)rps_node_poll(&end->node);
		send_messages(actor);
		if (is_broken(end))
			break;
		if (end->received + end->sent > before)
			continue;
		/* Loads alone are no step that anybody could come between. */
		actor->world->decider.in_vain = true;
		forget(actor, LIFE_VAIN);
		schedule_point(actor->world);
	}
	rps_node_polled(&end->node, false);
}

static bool polls(const struct scope *scope, unsigned int end)
{
	return scope->link_is_up &&
	       (end == RPS_END_DRIVER
			? scope->config.driver_wait
			: scope->config.device_wait) == RPS_WAIT_POLL;
}

static void handle(struct actor *actor, uint32_t wake)
{
	struct scope_end *end = &scope_of(actor)->end[actor->end];
	unsigned int polls_so_far = 0;

	if (wake & WAKE_STOP)
		rps_node_stop(&end->node);
	if (wake & WAKE_START) {
		if (rps_node_start(&end->node, &actor->world->xport))
			rps_node_stop(&end->node);
	}
	if (!end->node.ready)
		return;
	if (polls(scope_of(actor), actor->end))
		poll_all_the_time(actor);
	else
		ask_for_quiet(actor, wake);
	do {
		forget(actor, LIFE_POLL);
		/* An end that polls for ever without a look at memory would
		 * never come to a step at which it can be stopped. */
		if (++polls_so_far > POLLS_WITHOUT_STEPS)
			schedule_point(actor->world);
	} while (rps_node_poll(&end->node));
	if (scope_of(actor)->link_is_up)
		send_messages(actor);
	forget(actor, LIFE_ASLEEP);
}

/* --- bring-up */

static int probe_driver(struct actor *actor, void *unused)
{
	struct scope *scope = scope_of(actor);
	struct rps_world *world = &scope->world;
	struct scope_end *end = &scope->end[actor->end];
	struct rps_drv_params params = {
		.num = scope->config.num,
		.bufs = { world->place.bufs },
		.buf_bytes = scope->config.buf_bytes,
		.native = world->config.native_be ? RPS_ORDER_BE : RPS_ORDER_LE,
		.start_idx = scope->config.start_idx,
	};

	(void)unused;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		params.ring[q].desc.v = world->place.desc[q];
		params.ring[q].avail.v = world->place.avail[q];
		params.ring[q].used.v = world->place.used[q];
	}
	return rps_node_probe(&end->node, &world->driver_mem, &world_vbus_ops,
			      world, &params);
}

static int make_arena(struct scope *scope)
{
	struct rps_world *world = &scope->world;
	struct rps_world_place *place = &world->place;
	uint64_t next = ARENA_BASE;
	uint64_t bufs_bytes =
		2ull * scope->config.num * scope->config.buf_bytes;

	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		struct rps_vring_layout layout;
		int err = rps_vring_layout(scope->config.num, RING_ALIGN,
					   &layout);

		if (err)
			return err;
		place->desc[q] = next;
		place->avail[q] = next + layout.avail;
		place->used[q] = next + layout.used;
		next += layout.legacy_total;
	}
	place->bufs = next;
	place->bufs_bytes = bufs_bytes;
	next += bufs_bytes;

	world->arena_base = ARENA_BASE;
	world->arena_bytes = (size_t)(next - ARENA_BASE + RING_ALIGN - 1) &
			     ~(size_t)(RING_ALIGN - 1);
	world->arena = aligned_alloc(RING_ALIGN, world->arena_bytes);
	scope->fresh_arena = malloc(world->arena_bytes);
	if (!world->arena || !scope->fresh_arena)
		return -ENOMEM;
	memset(world->arena, 0, world->arena_bytes);
	return 0;
}

static void make_end(struct scope *scope, unsigned int end)
{
	struct scope_end *mine = &scope->end[end];
	struct rps_node_params params = {
		.role = end == RPS_END_DRIVER ? RPS_ROLE_DRIVER
					      : RPS_ROLE_DEVICE,
		.ept_slots = mine->ept_slot,
		.num_ept_slots = 1,
	};

	rps_node_init(&mine->node, &params);
	mine->ept = (struct rps_ept){
		.addr = APPLICATION,
		.dst = APPLICATION,
		.rx = receive,
		.priv = &scope->world.actor[end],
	};
	/* There is room for it, and nobody else has the address. */
	(void)!rps_node_create_ept(&mine->node, &mine->ept);
}

static void configure(struct scope *scope)
{
	const struct rps_scope *config = &scope->config;
	uint64_t features =
		config->big_endian ? 0 : UINT64_C(1) << VIRTIO_F_VERSION_1;

	if (config->event_idx)
		features |= UINT64_C(1) << VIRTIO_F_EVENT_IDX;
	scope->world.config = (struct rps_world_config){
		.features = features,
		.num = config->num,
		.buf_bytes = config->buf_bytes,
		.tx_buf_bytes = config->buf_bytes,
		.device_id = VIRTIO_ID_RPMSG,
		.driver_mutant = config->driver_mutant,
		.device_mutant = config->device_mutant,
		.start_idx = config->start_idx,
		.native_be = config->big_endian,
		.driver = true,
		.device = true,
	};
	scope->end[RPS_END_DRIVER].expected = config->from_device;
	scope->end[RPS_END_DEVICE].expected = config->from_driver;
}

static int bring_up(struct scope *scope)
{
	struct rps_world *world = &scope->world;
	struct job job = { .fn = probe_driver };
	int64_t steps;

	world->last_end = RPS_END_DEVICE;
	world->decider.scheduler = RPS_SCHEDULER_ROUND_ROBIN;
	world->actor[RPS_END_DRIVER].job = &job;
	steps = rps_world_run(world, BRING_UP_MAX);
	if (steps < 0)
		return (int)steps;
	if (job.result)
		return job.result;
	return scope->end[RPS_END_DEVICE].node.ready ? 0 : -ENODEV;
}

/* Events cost as much as accesses: none where nobody listens. */
void scope_observe(struct scope *scope, const struct rps_sink *sink)
{
	struct rps_world *world = &scope->world;
	bool listens = sink || scope->monitor;

	world->sink = sink;
	world->probe[0].event = world->probe[1].event = world_event;
	world->driver_mem.probe = listens ? &world->probe[0] : NULL;
	world->xport.mem.probe = listens ? &world->probe[1] : NULL;
}

static int watch(struct scope *scope)
{
	const uint32_t both = 1u << RPS_END_DRIVER | 1u << RPS_END_DEVICE;
	const struct rps_monitor_config config = {
		.judged = both,
		.observed = both,
		.num_max = scope->config.num,
		.num_endpoints = 2,
		.accesses = true,
	};

	if (scope->config.unwatched)
		return 0;
	scope->monitor = rps_monitor_create(&config);
	scope->world.monitor = scope->monitor;
	return scope->monitor ? 0 : -ENOMEM;
}

static int build(struct scope *scope)
{
	struct rps_world *world = &scope->world;
	int err;

	configure(scope);
	err = make_arena(scope);
	if (!err)
		err = world_views_init(world);
	if (!err)
		err = watch(scope);
	scope_observe(scope, NULL);
	for (unsigned int end = 0; !err && end < NUM_ENDS; end++) {
		world->actor[end].end = end;
		make_end(scope, end);
		err = actor_init(world, end, handle);
	}
	if (err)
		return err;
	registers_init(world);
	err = ordering_init(&scope->ordering, world,
			    (enum rps_model)scope->config.driver_model,
			    (enum rps_model)scope->config.device_model);
	if (err)
		return err;
	world->ordering = &scope->ordering;
	return bring_up(scope);
}

/* What the ends did on the way up is the same in every schedule: it is no
 * finding of the first, and yet it is one. */
static int keep_monitor(struct scope *scope)
{
	const struct rps_finding *first;

	if (!scope->monitor)
		return 0;
	first = monitor_first(scope->monitor);
	if (first) {
		scope->up_broke = true;
		scope->up_finding = *first;
	}
	monitor_forgive(scope->monitor);
	scope->world.stop_at_finding = true;
	return monitor_keep(scope->monitor);
}

/* What every schedule begins with. */
static int freeze(struct scope *scope)
{
	struct rps_world *world = &scope->world;
	int err = keep_monitor(scope);

	if (err)
		return err;
	order_settle(&scope->ordering.order);
	scope->ordering.race.found = false;
	scope->ordering.grain = GRAIN_REDUCED;
	scope->ordering.stop_at_race = true;
	scope->link_is_up = true;
	/* Both are awake, so that one may look while the other sends. */
	for (unsigned int end = 0; end < NUM_ENDS; end++)
		world->actor[end].wake = WAKE_TIMER;
	world->steps = 0;
	world->last_end = RPS_END_DRIVER;
	memcpy(scope->fresh_arena, world->arena, world->arena_bytes);
	scope->fresh = malloc(sizeof(*scope));
	if (!scope->fresh)
		return -ENOMEM;
	memcpy(scope->fresh, scope, sizeof(*scope));
	return 0;
}

struct scope *scope_create(const struct rps_scope *config, int *error)
{
	struct scope *scope = calloc(1, sizeof(*scope));
	int err = -ENOMEM;

	if (scope) {
		scope->config = *config;
		err = build(scope);
	}
	if (!err)
		err = freeze(scope);
	*error = err;
	if (!err)
		return scope;
	scope_destroy(scope);
	return NULL;
}

void scope_destroy(struct scope *scope)
{
	if (!scope)
		return;
	for (unsigned int end = 0; end < NUM_ENDS; end++)
		fiber_finish(&scope->world.actor[end].fiber);
	ordering_finish(&scope->ordering);
	rps_monitor_destroy(scope->monitor);
	free(scope->world.arena);
	free(scope->fresh_arena);
	free(scope->fresh);
	free(scope);
}

/* All of it, but for what the node's role does not use, and bytes that nobody
 * gathers here. */
static void restore_end(struct scope_end *end, const struct scope_end *fresh)
{
	bool drives = fresh->node.role == RPS_ROLE_DRIVER;
	size_t from = drives ? offsetof(struct scope_end, node.drv) +
				       sizeof(end->node.drv)
			     : offsetof(struct scope_end, node.dev.gather);
	size_t to = drives ? offsetof(struct scope_end, node.poll)
			   : offsetof(struct scope_end, node.dev.xport);

	memcpy(end, fresh, from);
	memcpy((uint8_t *)end + to, (const uint8_t *)fresh + to,
	       sizeof(*end) - to);
}

static void begin_end(struct scope *scope, unsigned int end)
{
	const struct actor *fresh = &scope->fresh->world.actor[end];
	struct actor *actor = &scope->world.actor[end];

	restore_end(&scope->end[end], &scope->fresh->end[end]);
	if (actor->busy)
		fiber_restart(&actor->fiber);
	actor->busy = false;
	actor->wake = fresh->wake;
	actor->op = 0;
	scope->ordering.trail[end] = hash_end(&scope->end[end]);
}

void scope_begin(struct scope *scope)
{
	struct rps_world *world = &scope->world;
	struct ordering *ordering = &scope->ordering;

	memcpy(world->arena, scope->fresh_arena, world->arena_bytes);
	order_go_back(&ordering->order, &scope->fresh->ordering.order);
	ordering->points = scope->fresh->ordering.points;
	ordering->race.found = false;
	ordering->done = 0;
	race_begin(&ordering->races);
	if (scope->monitor)
		monitor_go_back(scope->monitor);
	for (unsigned int end = 0; end < NUM_ENDS; end++)
		begin_end(scope, end);
	world->current = NULL;
	world->handed_over = false;
	world->stopped = false;
	world->last_end = RPS_END_DRIVER;
	world->steps = 0;
	decider_begin(&world->decider);
}

uint64_t scope_hash(const struct scope *scope)
{
	uint64_t hash = order_hash(&scope->ordering.order) ^
			rng_mix(race_hash(&scope->ordering.races,
					  &scope->ordering.order));

	for (unsigned int end = 0; end < NUM_ENDS; end++) {
		const struct actor *actor = &scope->world.actor[end];
		uint64_t stands = (uint64_t)actor->wake << 32 |
				  (uint64_t)actor->busy << 16 |
				  (actor->busy ? actor->op : 0);

		hash = rng_mix(hash ^ scope->ordering.trail[end]);
		hash = rng_mix(hash ^ stands);
	}
	if (scope->monitor)
		hash = rng_mix(hash ^ monitor_hash(scope->monitor));
	return hash;
}

uint64_t scope_outcome(const struct scope *scope)
{
	uint64_t hash =
		hash_words(0, scope->world.arena, scope->world.arena_bytes);

	for (unsigned int end = 0; end < NUM_ENDS; end++)
		hash = rng_mix(hash ^ ((uint64_t)scope->end[end].sent << 32 |
				       scope->end[end].received));
	return hash;
}

/* --- verdict */

/* Queues that an end must look at while it sleeps. */
static bool must_look(const struct scope_end *end, unsigned int e,
		      unsigned int queue)
{
	bool receives = e == RPS_END_DRIVER ? queue == RPS_QUEUE_RX
					    : queue == RPS_QUEUE_TX;

	return receives || end->sending;
}

/* Who sleeps although the other one has published something. */
static struct scope_finding find_sleeper(struct scope *scope)
{
	struct scope_finding finding = { .kind = RPS_FOUND_SLEEP };
	const struct points *points = &scope->ordering.points;

	for (unsigned int e = 0; e < NUM_ENDS; e++) {
		for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
			/* Who is up and about looks by itself. */
			if (scope->world.actor[e].busy ||
			    !must_look(&scope->end[e], e, q) ||
			    !points_overlooked(points, e, q))
				continue;
			finding.blame = points_blame_sleep(points, e, q);
			if (finding.blame.point != POINT_NOTIFY)
				return finding;
		}
	}
	return finding;
}

/* Rules that say what an ordering point says. */
static const struct {
	const char *rule;
	enum point point;
} point_of[] = {
	{ "entry_before_idx", POINT_PUBLISH },
	{ "idx_release", POINT_PUBLISH },
	{ "idx_before_entry", POINT_READ_FIRST },
	{ "decide_fence", POINT_FENCE_WISH },
	{ "arm_fence", POINT_FENCE_LOOK },
};

static struct scope_finding rule_finding(const struct rps_finding *broken)
{
	struct scope_finding finding = {
		.kind = RPS_FOUND_RULE,
		.blame = { POINT_NONE, broken->end, broken->queue },
		.step = broken->step,
		.broken = *broken,
	};
	struct rps_rule_info info;

	if (!rps_monitor_rule(broken->rule, &info))
		return finding;
	for (size_t i = 0; i < sizeof(point_of) / sizeof(point_of[0]); i++) {
		if (strcmp(info.name, point_of[i].rule) == 0)
			finding.blame.point = point_of[i].point;
	}
	return finding;
}

const char *scope_requirement(const struct scope_finding *finding)
{
	struct rps_rule_info info;

	if (finding->kind == RPS_FOUND_RULE &&
	    rps_monitor_rule(finding->broken.rule, &info))
		return info.requirement;
	return points_requirement(finding->blame);
}

static struct scope_finding judge_ends(struct scope *scope, int64_t status)
{
	struct scope_finding finding = { .step = scope->world.steps };

	for (unsigned int e = 0; e < NUM_ENDS; e++) {
		finding.blame.end = e;
		finding.kind = RPS_FOUND_MESSAGE;
		if (scope->end[e].wrong_message)
			return finding;
		finding.kind = RPS_FOUND_ERROR;
		if (scope->end[e].send_error || is_broken(&scope->end[e]) ||
		    scope->end[e].node.num_dropped > 0)
			return finding;
	}
	finding.kind = RPS_FOUND_NOTHING;
	finding.blame.end = 0;
	if (status == -ETIME || status == -ELOOP) {
		finding = find_sleeper(scope);
		finding.kind = RPS_FOUND_NO_REST;
	}
	if (status < 0)
		return finding;
	for (unsigned int e = 0; e < NUM_ENDS; e++) {
		if (scope->end[e].received < scope->end[e].expected)
			return find_sleeper(scope);
	}
	return finding;
}

/* A race comes first: all else may follow from it. */
static struct scope_finding judge(struct scope *scope, int64_t status)
{
	const struct race_found *race = &scope->ordering.race;
	const struct rps_finding *broken =
		scope->monitor ? monitor_first(scope->monitor) : NULL;
	struct scope_finding finding;

	if (race->found)
		return (struct scope_finding){ .kind = RPS_FOUND_RACE,
					       .blame = race->blame,
					       .step = race->step };
	if (broken)
		return rule_finding(broken);
	finding = judge_ends(scope, status);
	if (finding.kind == RPS_FOUND_NOTHING && scope->up_broke && status >= 0)
		return rule_finding(&scope->up_finding);
	return finding;
}

struct scope_finding scope_judge(struct scope *scope, int64_t status)
{
	struct scope_finding finding = judge(scope, status);

	if (finding.step == 0)
		finding.step = scope->world.steps;
	return finding;
}
