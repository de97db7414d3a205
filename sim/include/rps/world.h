/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated world: shared memory, the device's registers, time, and one or
 * both of our ends living in it.  One thread; nothing happens but by a call.
 */
#ifndef RPS_WORLD_H
#define RPS_WORLD_H

#include <rps/decide.h>
#include <rps/monitor.h>

struct rps_world;
struct rps_mem;
struct rps_xport;

/* Which end; also the order in which the scheduler goes round. */
#define RPS_END_DRIVER 0u
#define RPS_END_DEVICE 1u

#define RPS_WORLD_SPACE_MAX 16

/**
 * struct rps_world_config - what the world is like.
 * @seed:          of all randomness.
 * @features:      offered by the device.
 * @num:           entries per ring that the device allows, and the driver
 *                 wants.
 * @align:         of contiguous rings, bytes; 0 for three separate addresses.
 * @buf_bytes:     size of the driver's buffers.
 * @tx_buf_bytes:  of those that it sends in; 0: the same size.
 * @native_be:     the driver's processor is big endian.
 * @start_idx:     first ring index of both ends.
 * @device_id:     virtio device id that the driver finds; 0: the device's own.
 * @refuse_features: the device does not accept the driver's features.
 * @low_features:  the transport has 32 feature bits, as a resource table has.
 * @told_order:    a legacy device knows nothing of the driver's processor but
 *                 what rps_world_set_vring_endian() says.
 * @bus_offset:    bus address less physical address, where the device wants
 *                 bus addresses (VIRTIO_F_ACCESS_PLATFORM).
 * @bufsz:         the driver takes feature bit 1 for buffer sizes.
 * @learn_dst:     endpoints without a destination take that of their first
 *                 message.
 * @space, @space_bytes: the device's configuration space.
 * @driver, @device: our reference end lives there; else the tester plays it.
 * @driver_mutant, @device_mutant: deliberate error (rps_mutant_find()).
 * @dirty:         fill memory with this byte first.
 * @scheduler:     round robin, random or PCT (enum rps_scheduler).
 * @pct_depth:     of a bug that PCT is to find: one change of priorities less.
 * @pct_length:    decisions in which these changes fall; 0 for 1000.
 * @driver_model, @device_model: what its own stores and loads may do (enum
 *                 rps_model). The log is in the order in which things were
 *                 done, and has what a load returned.
 */
struct rps_world_config {
	uint64_t seed;
	uint64_t features;
	uint32_t num;
	uint32_t align;
	uint32_t buf_bytes;
	uint32_t tx_buf_bytes;
	uint32_t device_id;
	uint32_t driver_mutant;
	uint32_t device_mutant;
	uint16_t start_idx;
	uint8_t dirty;
	bool native_be;
	bool refuse_features;
	bool low_features;
	bool told_order;
	bool bufsz;
	bool learn_dst;
	bool driver;
	bool device;
	uint64_t bus_offset;
	uint32_t space_bytes;
	uint8_t space[RPS_WORLD_SPACE_MAX];
	uint32_t scheduler;
	uint32_t pct_depth;
	uint32_t pct_length;
	uint32_t driver_model;
	uint32_t device_model;
};

/* Return: a world to be given to rps_world_destroy(); NULL with *@error set to
 * -EINVAL for a configuration that makes no sense, or -ENOMEM. */
RPS_API struct rps_world *
rps_world_create(const struct rps_world_config *config, int *error);
RPS_API void rps_world_destroy(struct rps_world *world);

/**
 * rps_world_run() - let the ends run until nothing is left to do.
 *
 * Return: steps made; -ETIME where @max_steps were not enough.
 */
RPS_API int64_t rps_world_run(struct rps_world *world, uint64_t max_steps);

/* (Both of these, and all that is built on them, also return -ECANCELED once a
 * list of decisions does not fit: rps_world_mismatch().)
 *
 * Virtual time goes on by @ns; then as rps_world_run(). */
RPS_API int64_t rps_world_advance(struct rps_world *world, uint64_t ns,
				  uint64_t max_steps);
RPS_API uint64_t rps_world_now_ns(const struct rps_world *world);
RPS_API uint64_t rps_world_steps(const struct rps_world *world);

/* @queue is 0 or 1 throughout; anything else is a bug of the caller.
 *
 * --- the device's registers, as a driver that the tester plays sees them */
RPS_API void rps_world_set_status(struct rps_world *world, uint8_t status);
RPS_API uint8_t rps_world_get_status(const struct rps_world *world);
RPS_API uint64_t rps_world_offered(const struct rps_world *world);
RPS_API void rps_world_accept(struct rps_world *world, uint64_t features);
RPS_API uint64_t rps_world_accepted(const struct rps_world *world);
RPS_API void rps_world_set_queue(struct rps_world *world, uint32_t queue,
				 uint32_t num, uint64_t desc, uint64_t avail,
				 uint64_t used);
RPS_API void rps_world_kick(struct rps_world *world, uint32_t queue);
RPS_API uint32_t rps_world_device_id(const struct rps_world *world);

/**
 * rps_world_set_vring_endian() - say in which order a legacy driver writes.
 * @order: 0 little endian, 1 big endian.
 *
 * Both queues have one order, as the messages in them have.
 *
 * Return: 0; -EINVAL for another order; -EBUSY while the driver is running;
 * -ENOTTY in a world whose device knows anyway.
 * Source: Linux drivers/vhost/vhost.c, VHOST_SET_VRING_ENDIAN (de-facto).
 */
RPS_API int rps_world_set_vring_endian(struct rps_world *world, uint32_t queue,
				       uint32_t order);

/* A used-buffer notification to the driver. */
RPS_API void rps_world_irq(struct rps_world *world, uint32_t queue);

/* What was counted since creation; reads are those of configuration space. */
RPS_API uint64_t rps_world_space_reads(const struct rps_world *world);
RPS_API uint64_t rps_world_kicks(const struct rps_world *world, uint32_t queue);
RPS_API uint64_t rps_world_irqs(const struct rps_world *world, uint32_t queue);

/* One write of the status byte, and what could be seen at that moment. */
struct rps_status_write {
	uint8_t status;
	uint16_t avail_idx[2]; /* of each queue set up so far, less start_idx */
	uint64_t kicks;        /* all queues, since creation */
};

/* Return: number of writes since creation; fills the first @max. */
RPS_API uint32_t rps_world_status_writes(const struct rps_world *world,
					 struct rps_status_write *out,
					 uint32_t max);

/* Where the driver of this world puts its rings and buffers. */
struct rps_world_place {
	uint64_t desc[2];
	uint64_t avail[2];
	uint64_t used[2];
	uint64_t bufs;
	uint64_t bufs_bytes;
	uint64_t spare; /* free for the tester */
	uint64_t spare_bytes;
};

RPS_API void rps_world_place(const struct rps_world *world,
			     struct rps_world_place *out);

/* Whether no byte outside rings, buffers and spare memory has changed. */
RPS_API bool rps_world_guards_intact(const struct rps_world *world);

/* The device's side of the transport, for a tester that plays the device. */
RPS_API struct rps_xport *rps_world_xport(struct rps_world *world);

/* The driver's view of the memory, for one that plays the driver. */
RPS_API struct rps_mem *rps_world_driver_mem(struct rps_world *world);

/* --- the log: every access and event, the same bytes for the same seed
 * Return: bytes of the whole text; @buf gets as much as fits, terminated. */
RPS_API size_t rps_world_log(const struct rps_world *world, char *buf,
			     size_t size);
RPS_API void rps_world_log_clear(struct rps_world *world);

/* Return: bytes of a sentence about the first data race, 0 where there was
 * none, or where the world keeps no track of memory order; @buf gets as much
 * as fits, terminated. */
RPS_API size_t rps_world_race(const struct rps_world *world, char *buf,
			      size_t size);

/* --- decisions
 * Return: how many were made since creation, of which @out gets the first
 * @max, and never more than RPS_DECISIONS_MAX. Round robin makes none. */
RPS_API uint64_t rps_world_decisions(const struct rps_world *world,
				     struct rps_decision *out, uint32_t max);
#define RPS_DECISIONS_MAX 1048576u

/**
 * rps_world_replay() - decide as a list says, from now on.
 * @list:    copied.
 * @lenient: choice 0 where the list does not fit or is over; else the world
 *           stops there, for good.
 *
 * Return: 0, or -ENOMEM.
 */
RPS_API RPS_CHECKED int rps_world_replay(struct rps_world *world,
					 const struct rps_decision *list,
					 uint32_t count, bool lenient);

/* Return: bytes of a sentence about the decision that did not fit, 0 where all
 * did; @buf gets as much as fits, terminated. */
RPS_API size_t rps_world_mismatch(const struct rps_world *world, char *buf,
				  size_t size);

/* Return: records that are kept; @out gets the oldest @max of them. */
RPS_API size_t rps_world_records(const struct rps_world *world,
				 struct rps_record *out, size_t max);

#define RPS_RECORD_TEXT 160

/* One record as a line of the log.  Return: bytes of it. */
RPS_API int rps_record_text(const struct rps_record *record,
			    char line[RPS_RECORD_TEXT]);

/* What the log keeps goes to @sink too, from now on; NULL: no longer.  @sink
 * outlives the world, or the next call. */
RPS_API void rps_world_observe(struct rps_world *world,
			       const struct rps_sink *sink);

/* Records go to @monitor too, and it hears when all ends are at rest; NULL: no
 * longer.  @monitor outlives the world, or the next call. */
RPS_API void rps_world_watch(struct rps_world *world,
			     struct rps_monitor *monitor);

/* --- places that a run must have come to, or it says little */
struct rps_mark_info {
	const char *name;
	uint32_t ends;            /* bit 0: the driver's, bit 1: the device's */
	const char *requirements; /* that it is about */
	const char *what;
};

/* Return: number of marks; @reached gets how often @end came to each of the
 * first @max. */
RPS_API uint32_t rps_world_marks(const struct rps_world *world, uint32_t end,
				 uint64_t *reached, uint32_t max);

/* Return: false past the last one; numbers start at 0. */
RPS_API bool rps_mark_get(uint32_t number, struct rps_mark_info *out);

/* --- deliberate errors
 * Return: the number of the mutant of that name, 0 where there is none. */
RPS_API uint32_t rps_mutant_find(const char *name);

struct rps_mutant_info {
	const char *name;
	const char *requirement; /* whose test must go red */
	const char *also;        /* others that may */
	const char *what;
};

/* Return: false past the last one; numbers start at 1. */
RPS_API bool rps_mutant_get(uint32_t number, struct rps_mutant_info *out);

/* In the place of a mutant's number: makes no error, but keeps in mind which
 * mutants would have had their chance. */
enum { RPS_MUTANT_CENSUS = 0x7fffffff };

/* Return: how many mutants there are.  @reached gets, for the first @max of
 * them by number, whether one could have shown since the last call. */
RPS_API uint32_t rps_mutant_census(bool *reached, uint32_t max);

/* The error of functions that belong to neither end: layout and arithmetic.
 * Ends are not to be made while there is one. */
RPS_API void rps_mutant_set_library(uint32_t number);

#endif
