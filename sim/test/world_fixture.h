/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Simulated worlds as the tests want them.  Needs the simulator's flavour.
 */
#ifndef TEST_WORLD_FIXTURE_H
#define TEST_WORLD_FIXTURE_H

#include <rps/iut.h>
#include <rps/rpmsg.h>
#include <rps/tester.h>
#include <rps/tester_driver.h>
#include <rps/world.h>

#define WORLD_STEPS UINT64_C(1000000)
#define ANY         RPMSG_ADDR_ANY

#define FEATURE(bit) (UINT64_C(1) << (bit))
#define F_NS         FEATURE(0)
#define F_INDIRECT   FEATURE(28)
#define F_EVENT_IDX  FEATURE(29)
#define F_VERSION_1  FEATURE(32)

/* Both reference ends, a name service, rings of 4 entries, little endian. */
extern const struct rps_world_config both_ends;

/* Return: the world of @config; checked. */
struct rps_world *world_of(const struct rps_world_config *config);

/* Return: the same with its driver brought up. */
struct rps_world *running_world(const struct rps_world_config *config);

/* Plays a driver up to DRIVER_OK in a world of @config, which has none. */
struct rps_tdrv *play_driver(struct rps_world *world,
			     const struct rps_world_config *config);

/* Kicks where the device wants it. Return: whether it did. */
bool kick(struct rps_world *world, struct rps_tdrv *tdrv, uint32_t queue);

/* Runs until the ends have nothing left to do. */
void settle(struct rps_world *world);

/* Opens an endpoint at @addr. Return: its handle. */
int open_at(struct rps_world *world, uint32_t end, uint32_t addr);

/* Expects that the oldest message to @handle is the text @expected. */
void expect_text(struct rps_world *world, uint32_t end, int handle,
		 const char *expected);

#endif
