/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A simulated world with both reference ends: the input is what their users
 * do, and after that the list of decisions.  Whatever is decided, messages
 * arrive once and in order, and the list replays to the same log.
 *
 * Input: a byte of enum mode_bit, first ring index (two bytes), number of
 * operations, an operation and its argument each, then one byte a decision.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../world/world_priv.h"
#include "fuzz.h"

#define OPS_MAX       32u
#define STEPS_MAX     UINT64_C(200000)
#define QUEUE_MAX     64u
#define ADDR          30u
#define NOBODY        99u
#define BUF_BYTES     64u
#define DECISIONS_MAX 65536u

enum mode_bit {
	MODE_BIG_ENDIAN = 0x04, /* legacy, on a big-endian processor */
	MODE_EVENT_IDX = 0x08,
	MODE_NS = 0x10,
	MODE_SCATTERED = 0x20, /* rings in three places */
	MODE_REPLAY = 0x40,
};

enum op {
	DO_SEND,      /* @arg: bit 0 the end, the rest a length */
	DO_SEND_AWAY, /* to an address that nobody has */
	DO_RECEIVE,
	DO_WAKE, /* both, with nothing to be told */
	DO_HOLD,
	DO_RELEASE,
	DO_BLOCK, /* a send that waits */
	DO_ADVANCE,
	DO_ANNOUNCE,
	DO_RESTART,
	NUM_OPS
};

struct side {
	int handle;
	unsigned int sent[QUEUE_MAX]; /* to this side, not yet read */
	unsigned int num_sent;
	int waiting; /* handle of a blocking send, or -1 */
	unsigned int waiting_number;
	bool hold;
	uint64_t lost; /* messages to nobody */
};

struct world_fuzz {
	struct rps_world *world;
	struct fuzz_input decisions;
	uint8_t mode;
	unsigned int number; /* of the next message */
	struct side side[2]; /* by end */
};

static uint32_t choose(void *priv, enum rps_choice kind, uint32_t count,
		       uint32_t differing)
{
	struct world_fuzz *fuzz = priv;

	(void)kind;
	(void)differing;
	return fuzz_u8(&fuzz->decisions) % count;
}

static struct rps_world *create(uint8_t mode, uint16_t start_idx)
{
	const struct rps_world_config config = {
		.seed = 1,
		.features = (mode & MODE_BIG_ENDIAN ? 0 : UINT64_C(1) << 32) |
			    (mode & MODE_EVENT_IDX ? UINT64_C(1) << 29 : 0) |
			    (mode & MODE_NS ? 1 : 0),
		.num = 1u << (mode & 3),
		.align = mode & MODE_SCATTERED ? 0 : 4096,
		.buf_bytes = BUF_BYTES,
		.device_id = 7,
		.start_idx = start_idx,
		.native_be = mode & MODE_BIG_ENDIAN,
		.driver = true,
		.device = true,
		.scheduler = RPS_SCHEDULER_RANDOM, /* keeps what is decided */
	};
	int err = -1;
	struct rps_world *world = rps_world_create(&config, &err);

	fuzz_require(world != NULL && err == 0);
	return world;
}

static void begin(struct world_fuzz *fuzz)
{
	fuzz_require(rps_iut_probe(fuzz->world) == 0);
	for (uint32_t end = 0; end < 2; end++) {
		struct side *side = &fuzz->side[end];

		*side = (struct side){ .waiting = -1 };
		side->handle = rps_iut_open(fuzz->world, end, "f", ADDR, ADDR);
		fuzz_require(side->handle >= 0);
	}
}

static void expect(struct side *to, unsigned int number)
{
	fuzz_require(to->num_sent < QUEUE_MAX);
	to->sent[to->num_sent++] = number;
}

/* Has a blocking send ended?  It goes behind all that went before. */
static void look_after(struct world_fuzz *fuzz, uint32_t end)
{
	struct side *side = &fuzz->side[end];
	int result;

	if (side->waiting < 0)
		return;
	result = rps_iut_send_result(fuzz->world, end, side->waiting);
	if (result == -EINPROGRESS)
		return;
	fuzz_require(result == 0 || result == -ETIMEDOUT);
	side->waiting = -1;
	if (result == 0)
		expect(&fuzz->side[1 - end], side->waiting_number);
}

static void send(struct world_fuzz *fuzz, uint8_t arg, bool blocking)
{
	uint32_t end = arg & 1;
	struct side *side = &fuzz->side[end];
	unsigned int payload[BUF_BYTES / sizeof(unsigned int)] = { 0 };
	size_t len = sizeof(payload[0]) + (arg >> 1) % 32;
	int result;

	/* What waits decides the order, and the tester reads in time. */
	if (side->waiting >= 0 || fuzz->side[1 - end].num_sent >= QUEUE_MAX - 2)
		return;
	payload[0] = ++fuzz->number;
	if (blocking) {
		side->waiting = rps_iut_send_start(
			fuzz->world, end, side->handle, ADDR, payload, len);
		fuzz_require(side->waiting >= 0);
		side->waiting_number = fuzz->number;
		return;
	}
	result = rps_iut_trysend(fuzz->world, end, side->handle, ADDR, payload,
				 len);
	fuzz_require(result == 0 || result == -ENOMEM);
	if (result == 0)
		expect(&fuzz->side[1 - end], fuzz->number);
}

static void send_away(struct world_fuzz *fuzz, uint8_t arg)
{
	uint32_t end = arg & 1;
	int result = rps_iut_sendoff(fuzz->world, end, ADDR, NOBODY, "x", 1);

	fuzz_require(result == 0 || result == -ENOMEM);
	fuzz->side[1 - end].lost += result == 0;
}

static void receive(struct world_fuzz *fuzz, uint32_t end)
{
	struct side *side = &fuzz->side[end];
	unsigned int payload[BUF_BYTES / sizeof(unsigned int)];
	uint32_t src = 0;
	int len = rps_iut_recv(fuzz->world, end, side->handle, &src, payload,
			       sizeof(payload));

	if (side->num_sent == 0) {
		fuzz_require(len == -EAGAIN);
		return;
	}
	fuzz_require(len >= (int)sizeof(payload[0]) && src == ADDR);
	fuzz_require(payload[0] == side->sent[0]);
	side->num_sent--;
	memmove(&side->sent[0], &side->sent[1],
		side->num_sent * sizeof(side->sent[0]));
}

static void receive_all(struct world_fuzz *fuzz)
{
	for (uint32_t end = 0; end < 2; end++) {
		while (fuzz->side[end].num_sent > 0)
			receive(fuzz, end);
		receive(fuzz, end);
	}
}

static void hold(struct world_fuzz *fuzz, uint32_t end, bool on)
{
	struct side *side = &fuzz->side[end];

	fuzz_require(rps_iut_hold(fuzz->world, end, side->handle, on) == 0);
	side->hold = on;
}

static void release_all(struct world_fuzz *fuzz)
{
	for (uint32_t end = 0; end < 2; end++) {
		hold(fuzz, end, false);
		while (rps_iut_release(fuzz->world, end, 0) == 0)
			;
	}
}

static void announce(struct world_fuzz *fuzz, uint32_t end)
{
	int handle = fuzz->side[end].handle;
	int wanted = fuzz->mode & MODE_NS ? 0 : -EOPNOTSUPP;

	fuzz_require(rps_iut_announce(fuzz->world, end, handle) == wanted);
	fuzz_require(rps_iut_withdraw(fuzz->world, end, handle) == wanted);
}

/* Both endpoints outlive the link; what was under way does not. */
static void restart(struct world_fuzz *fuzz)
{
	release_all(fuzz);
	for (uint32_t end = 0; end < 2; end++)
		look_after(fuzz, end);
	receive_all(fuzz);
	if (fuzz->side[0].waiting >= 0 || fuzz->side[1].waiting >= 0)
		return;
	fuzz_require(rps_iut_remove(fuzz->world) == 0);
	fuzz_require(rps_iut_probe(fuzz->world) == 0);
}

static void act(struct world_fuzz *fuzz, enum op op, uint8_t arg)
{
	uint32_t end = arg & 1;

	switch (op) {
	case DO_SEND:
		send(fuzz, arg, false);
		break;
	case DO_SEND_AWAY:
		send_away(fuzz, arg);
		break;
	case DO_RECEIVE:
		receive(fuzz, end);
		break;
	case DO_WAKE:
		rps_world_kick(fuzz->world, (arg >> 1) & 1);
		rps_world_irq(fuzz->world, (arg >> 2) & 1);
		break;
	case DO_HOLD:
		hold(fuzz, end, arg & 2);
		break;
	case DO_RELEASE:
		(void)rps_iut_release(fuzz->world, end, 0);
		break;
	case DO_BLOCK:
		send(fuzz, arg, true);
		break;
	case DO_ADVANCE:
		fuzz_require(rps_world_advance(fuzz->world,
					       UINT64_C(100000000) * arg,
					       STEPS_MAX) >= 0);
		break;
	case DO_ANNOUNCE:
		announce(fuzz, end);
		break;
	case DO_RESTART:
		restart(fuzz);
		break;
	case NUM_OPS:
		break;
	}
	for (end = 0; end < 2; end++)
		look_after(fuzz, end);
}

/* Nothing is lost, nobody broke, and nobody wrote where he had no business. */
static void check(struct world_fuzz *fuzz)
{
	struct rps_iut_stats stats;

	release_all(fuzz);
	fuzz_require(rps_world_run(fuzz->world, STEPS_MAX) >= 0);
	for (uint32_t end = 0; end < 2; end++)
		look_after(fuzz, end);
	receive_all(fuzz);
	fuzz_require(rps_world_guards_intact(fuzz->world));
	for (uint32_t end = 0; end < 2; end++) {
		rps_iut_get_stats(fuzz->world, end, &stats);
		fuzz_require(!stats.broken && stats.inbox_lost == 0);
		fuzz_require(stats.dropped == fuzz->side[end].lost);
		fuzz_require(fuzz->side[end].waiting < 0);
	}
}

static void play(struct world_fuzz *fuzz, struct fuzz_input in)
{
	uint8_t num_ops = fuzz_u8(&in);

	begin(fuzz);
	for (unsigned int i = 0; i < num_ops % (OPS_MAX + 1); i++) {
		enum op op = (enum op)(fuzz_u8(&in) % NUM_OPS);

		act(fuzz, op, fuzz_u8(&in));
	}
	check(fuzz);
}

/* What was decided, and nothing else, makes the run. */
static void replay(struct world_fuzz *fuzz, struct fuzz_input in,
		   uint16_t start_idx)
{
	struct rps_world *first = fuzz->world;
	struct rps_decision *made = calloc(DECISIONS_MAX, sizeof(*made));
	uint64_t count;
	size_t size = rps_world_log(first, NULL, 0) + 1;
	char *log = malloc(size), *again = malloc(size);

	fuzz_require(made && log && again);
	count = rps_world_decisions(first, made, DECISIONS_MAX);
	fuzz->world = create(fuzz->mode, start_idx);
	fuzz_require(count <= DECISIONS_MAX &&
		     rps_world_replay(fuzz->world, made, (uint32_t)count,
				      false) == 0);
	fuzz->number = 0;
	play(fuzz, in);
	rps_world_log(first, log, size);
	fuzz_require(rps_world_log(fuzz->world, again, size) == size - 1);
	fuzz_require(memcmp(log, again, size) == 0);
	rps_world_destroy(fuzz->world);
	fuzz->world = first;
	free(made);
	free(log);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct fuzz_input in = { data, len_bytes };
	struct world_fuzz fuzz = { .mode = fuzz_u8(&in) };
	uint16_t start_idx = fuzz_u16(&in);
	size_t ops_bytes;

	fuzz.world = create(fuzz.mode, start_idx);
	fuzz.world->decider.scheduler = RPS_SCHEDULER_EXHAUSTIVE;
	fuzz.world->decider.choose = choose;
	fuzz.world->decider.priv = &fuzz;
	/* Operations come first; past the end of the decisions all are 0. */
	ops_bytes = in.left_bytes ? 1 + 2 * (in.at[0] % (OPS_MAX + 1)) : 0;
	if (ops_bytes > in.left_bytes)
		ops_bytes = in.left_bytes;
	fuzz.decisions.at = in.at + ops_bytes;
	fuzz.decisions.left_bytes = in.left_bytes - ops_bytes;
	in.left_bytes = ops_bytes;

	play(&fuzz, in);
	if (fuzz.mode & MODE_REPLAY)
		replay(&fuzz, in, start_idx);
	rps_world_destroy(fuzz.world);
	return 0;
}
