/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the simulated world; for world/ and tester/ alone. */
#ifndef RPS_WORLD_PRIV_H
#define RPS_WORLD_PRIV_H

#include <rps/iut.h>
#include <rps/node.h>
#include <rps/probe.h>
#include <rps/world.h>

#include "../fault/fault_plan.h"
#include "decide.h"
#include "fiber.h"
#include "log.h"
#include "ordering.h"

#define RPS_WORLD_MARKS_MAX 96u

#define NUM_ENDS           2u
#define STATUS_WRITES_MAX  64u
#define MAX_STEPS_PER_CALL (UINT64_C(1) << 22)

#define IUT_EPTS_MAX    2048u
#define IUT_CHANS_MAX   128u
#define IUT_SENDS_MAX   64u
#define IUT_INBOX_MAX   1024u
#define IUT_PAYLOAD_MAX 4096u
#define IUT_HELD_MAX    64u
#define IUT_ROOMS_MAX   64u
#define LATE_MAX        16u

/* What an end has to look at. */
#define WAKE_QUEUE(queue) (1u << (queue))
#define WAKE_START        4u
#define WAKE_STOP         8u
#define WAKE_TIMER        16u

struct iut_ept {
	struct rps_ept ept;
	struct iut *iut;
	bool used;
	bool hold;
};

struct iut_msg {
	int handle;
	uint32_t src;
	uint32_t len_bytes;
	uint8_t payload[IUT_PAYLOAD_MAX];
};

struct iut_send {
	struct rps_send send;
	int result;     /* -EINPROGRESS from its begin to its end */
	bool collected; /* the tester knows how it ended */
	uint8_t payload[UINT16_MAX + 16];
};

/* Our reference end, and what the upper tester holds of it. */
struct iut {
	struct rps_node node;
	struct rps_ept *ept_slot[IUT_EPTS_MAX];
	struct rps_chan chan_slot[IUT_CHANS_MAX];
	struct iut_ept ept[IUT_EPTS_MAX];
	struct iut_send *send[IUT_SENDS_MAX];
	struct rps_msg held[IUT_HELD_MAX];
	uint32_t num_held;
	struct rps_room room[IUT_ROOMS_MAX];
	bool room_lent[IUT_ROOMS_MAX];
	struct iut_msg *inbox; /* IUT_INBOX_MAX entries */
	uint32_t inbox_first;
	uint32_t inbox_count;
	uint64_t inbox_lost;
};

struct actor;

/* Something that the upper tester asks an end to do. */
struct job {
	int (*fn)(struct actor *actor, void *args);
	void *args;
	int result;
	bool done;
};

/* One of our ends, as the scheduler sees it. */
struct actor {
	struct rps_world *world;
	unsigned int end;
	struct fiber fiber;
	struct job *job;
	uint32_t wake;
	bool present;
	bool busy;   /* stopped in the middle of something */
	bool in_job; /* of what the upper tester asked for */
	bool frozen; /* a fault keeps it where it is */
	uint16_t op; /* what it was about to do when it was stopped */
	/* What it does when it is woken. */
	void (*handle)(struct actor *actor, uint32_t wake);
	struct iut *iut;
};

/* A notification on its way. */
struct late {
	bool waits;
	uint32_t end; /* that will be notified */
	uint32_t queue;
	uint64_t due; /* step at which it arrives, or when all is quiet */
};

struct rps_world {
	struct rps_world_config config;
	struct rps_world_place place;
	uint8_t *arena;
	size_t arena_bytes;
	uint64_t arena_base; /* peer address of its first byte */

	struct rps_mem driver_mem;
	struct rps_xport xport; /* with the device's view of the memory */
	uint8_t status;
	uint64_t driver_features;
	uint64_t space_reads;
	uint64_t marks[NUM_ENDS][RPS_WORLD_MARKS_MAX];
	uint32_t vring_endian[RPS_NUM_QUEUES]; /* as told */
	uint64_t irqs[RPS_NUM_QUEUES];
	struct rps_status_write status_write[STATUS_WRITES_MAX];
	uint32_t num_status_writes;

	struct actor actor[NUM_ENDS];
	struct actor *current; /* whose fiber is running */
	unsigned int last_end; /* whose fiber ran last */
	bool handed_over;      /* the other one is to go on */
	bool stopped;          /* by the decider: nobody goes on */
	struct decider decider;
	struct rps_decision *listed; /* to be replayed, or NULL */
	uint64_t steps;
	uint64_t steps_limit;
	uint64_t now_ns;
	struct rps_probe probe[NUM_ENDS];
	struct fault_plan plan;
	struct late late[LATE_MAX];
	uint32_t num_late;
	bool is_ns[NUM_ENDS][2];     /* what an end last read, and wrote */
	struct ordering *ordering;   /* NULL: every access is seen at once */
	struct log log;              /* .record NULL: none is kept */
	struct rps_monitor *monitor; /* or NULL */
	bool stop_at_finding;        /* once that has one, nobody goes on */
	const struct rps_sink *sink; /* or NULL */
};

/* world.c: for the log, and for who observes. */
void world_record(struct rps_world *world, const struct rps_record *record);
/* As an observer, whose @priv is the view of an end. */
void world_event(void *priv, enum rps_event event, uint64_t a, uint64_t b,
		 uint64_t c);

/* A reference end that has done nothing yet. Return: 0, or -ENOMEM. */
int world_add_end(struct rps_world *world, unsigned int end);

/* Both ends get to see the arena. Return: 0, or what rps_mem_add() says. */
int world_views_init(struct rps_world *world);

/* arena.c: memory, and where things lie in it. */
int arena_create(struct rps_world *world);
void arena_destroy(struct rps_world *world);

/* faults.c: what an armed fault makes of each occasion.  Call these only while
 * world->plan.on: it is the one branch that a world without faults takes.
 *
 * An end stores @len_bytes bytes at @at; @bytes is what will land. */
void faults_store(struct rps_world *world, const struct rps_mem *mem,
		  enum seam seam, const void *at, uint8_t *bytes,
		  size_t len_bytes);
/* The same for a copy.  Return: the bytes that will land, perhaps in @room of
 * FAULT_COPY_MAX. */
const void *faults_copy_out(struct rps_world *world, const struct rps_mem *mem,
			    enum seam seam, const void *at, const void *from,
			    size_t len_bytes, uint8_t *room);
/* An end has just read @bytes at @at. */
void faults_after_read(struct rps_world *world, const struct rps_mem *mem,
		       enum seam seam, const void *at, const void *bytes,
		       size_t len_bytes);
/* Return: whether @end hears nothing of this notification for now. */
bool faults_hold_back(struct rps_world *world, uint32_t end, uint32_t queue);
/* The device was reset. */
void faults_after_reset(struct rps_world *world);
/* While world->num_late: those that are due arrive. */
void faults_tick(struct rps_world *world);
/* Nothing else can go on.  Return: whether something that was late arrived. */
bool faults_at_rest(struct rps_world *world);

#define FAULT_COPY_MAX 64u

/* replay.c: who decides in a world. */
int world_decider_init(struct rps_world *world);
void world_decider_finish(struct rps_world *world);

/* registers.c */
extern const struct rps_vbus_ops world_vbus_ops;
void registers_init(struct rps_world *world);

/* schedule.c */
int actor_init(struct rps_world *world, unsigned int end,
	       void (*handle)(struct actor *actor, uint32_t wake));
void actor_finish(struct actor *actor);
void actor_wake(struct rps_world *world, unsigned int end, uint32_t what);
/* A step of the running end: the other one may go on here. */
void schedule_point(struct rps_world *world);
/* As decide(), for whatever else can happen in this world. */
uint32_t world_choose(struct rps_world *world, enum rps_choice kind,
		      uint32_t count);
/* Return: the job's result, -ETIME where the world did not come to rest. */
int world_do(struct rps_world *world, unsigned int end,
	     int (*fn)(struct actor *actor, void *args), void *args);

/* iut.c: what an end does when it is woken. */
struct iut *iut_create(struct rps_world *world, unsigned int end);
void iut_destroy(struct iut *iut);
void iut_handle(struct actor *actor, uint32_t wake);

/* A field of 2, 4 or 8 bytes as it lies in memory. */
static inline uint64_t read_raw(const void *at, unsigned int len_bytes)
{
	if (len_bytes == 2)
		return *(const uint16_t *)at;
	if (len_bytes == 4)
		return *(const uint32_t *)at;
	return *(const uint64_t *)at;
}

static inline void write_raw(void *at, unsigned int len_bytes, uint64_t raw)
{
	if (len_bytes == 2)
		*(uint16_t *)at = (uint16_t)raw;
	else if (len_bytes == 4)
		*(uint32_t *)at = (uint32_t)raw;
	else
		*(uint64_t *)at = raw;
}

#endif
