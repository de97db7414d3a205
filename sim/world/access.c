/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory as the world has it: the log, faults, the chance for the other end to
 * run in between, and what may be seen late (ordering.h).  Where nothing may,
 * and nobody watches for races, every access is seen at once by everybody.
 */
#include <string.h>

#include "../base/access.h"
#include "world_priv.h"

static unsigned int end_of(const struct rps_world *world,
			   const struct rps_mem *mem)
{
	return mem == &world->driver_mem ? RPS_END_DRIVER : RPS_END_DEVICE;
}

static uint64_t gpa_of(const struct rps_world *world, const void *at)
{
	return world->arena_base +
	       (uint64_t)((const uint8_t *)at - world->arena);
}

static uint64_t in_host_order(const struct rps_mem *mem, uint64_t raw,
			      unsigned int len_bytes)
{
	if (len_bytes == 2)
		return rps_swap16(mem->order, (uint16_t)raw);
	if (len_bytes == 4)
		return rps_swap32(mem->order, (uint32_t)raw);
	return rps_swap64(mem->order, raw);
}

static void note(const struct rps_mem *mem, enum rps_record_kind kind,
		 enum seam seam, const void *at, uint64_t value,
		 uint64_t len_bytes)
{
	struct rps_world *world = mem->world;
	struct rps_record record;

	if (!world->log.record && !world->sink && !world->monitor)
		return;
	record = (struct rps_record){
		.step = world->steps,
		.ns = world->now_ns,
		.end = (uint8_t)end_of(world, mem),
		.kind = (uint8_t)kind,
		.what = (uint8_t)seam,
		.a = at ? gpa_of(world, at) : 0,
		.b = value,
		.c = len_bytes,
	};

	world_record(world, &record);
}

uint64_t rps_sim_load(const struct rps_mem *mem, enum rps_access kind,
		      enum seam seam, const void *at, unsigned int len_bytes)
{
	bool acquire = kind == RPS_ACCESS_ACQUIRE;
	uint64_t raw;

	if (mem->world && mem->world->ordering) {
		raw = ordering_load(mem->world, end_of(mem->world, mem),
				    acquire, seam, at, len_bytes);
	} else {
		if (mem->world)
			schedule_point(mem->world);
		raw = read_raw(at, len_bytes);
	}
	if (mem->world)
		note(mem, acquire ? RPS_RECORD_ACQUIRE : RPS_RECORD_LOAD, seam,
		     at, in_host_order(mem, raw, len_bytes), len_bytes);
	if (mem->world && __builtin_expect(mem->world->plan.on, 0))
		faults_after_read(mem->world, mem, seam, at, &raw, len_bytes);
	return raw;
}

/* What really lands. */
static uint64_t store_through_faults(const struct rps_mem *mem, enum seam seam,
				     const void *at, uint64_t raw,
				     unsigned int len_bytes)
{
	uint16_t half = (uint16_t)raw;
	uint32_t word = (uint32_t)raw;

	if (len_bytes == 2) {
		faults_store(mem->world, mem, seam, at, (uint8_t *)&half, 2);
		return half;
	}
	if (len_bytes == 4) {
		faults_store(mem->world, mem, seam, at, (uint8_t *)&word, 4);
		return word;
	}
	faults_store(mem->world, mem, seam, at, (uint8_t *)&raw, 8);
	return raw;
}

void rps_sim_store(const struct rps_mem *mem, enum rps_access kind,
		   enum seam seam, void *at, unsigned int len_bytes,
		   uint64_t raw)
{
	struct rps_world *world = mem->world;
	bool release = kind == RPS_ACCESS_PUBLISH;

	if (world && !world->ordering)
		schedule_point(world);
	if (world && __builtin_expect(world->plan.on, 0))
		raw = store_through_faults(mem, seam, at, raw, len_bytes);
	if (world && world->ordering)
		ordering_store(world, end_of(world, mem), release, seam, at,
			       len_bytes, raw);
	else
		write_raw(at, len_bytes, raw);
	if (world)
		note(mem, release ? RPS_RECORD_PUBLISH : RPS_RECORD_STORE, seam,
		     at, in_host_order(mem, raw, len_bytes), len_bytes);
}

/* FNV-1a, 32 bits: tells two traces apart without keeping the bytes. */
static uint32_t digest(const uint8_t *bytes, size_t len_bytes)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len_bytes; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

void rps_sim_copy_in(const struct rps_mem *mem, enum seam seam, void *to,
		     const void *shared, size_t len_bytes)
{
	if (mem->world && mem->world->ordering) {
		ordering_copy_in(mem->world, end_of(mem->world, mem), seam, to,
				 shared, len_bytes);
	} else {
		if (mem->world)
			schedule_point(mem->world);
		memcpy(to, shared, len_bytes);
	}
	if (mem->world)
		note(mem, RPS_RECORD_COPY_IN, seam, shared,
		     digest(to, len_bytes), len_bytes);
	if (mem->world && __builtin_expect(mem->world->plan.on, 0))
		faults_after_read(mem->world, mem, seam, shared, to, len_bytes);
}

void rps_sim_copy_out(const struct rps_mem *mem, enum seam seam, void *shared,
		      const void *from, size_t len_bytes)
{
	uint8_t room[FAULT_COPY_MAX];

	if (mem->world && !mem->world->ordering)
		schedule_point(mem->world);
	if (mem->world && __builtin_expect(mem->world->plan.on, 0))
		from = faults_copy_out(mem->world, mem, seam, shared, from,
				       len_bytes, room);
	if (mem->world && mem->world->ordering)
		ordering_copy_out(mem->world, end_of(mem->world, mem), seam,
				  shared, from, len_bytes);
	else
		memcpy(shared, from, len_bytes);
	if (mem->world)
		note(mem, RPS_RECORD_COPY_OUT, seam, shared,
		     digest(from, len_bytes), len_bytes);
}

void rps_sim_fence(const struct rps_mem *mem)
{
	if (!mem->world)
		return;
	if (mem->world->ordering)
		ordering_fence(mem->world, end_of(mem->world, mem));
	else
		schedule_point(mem->world);
	note(mem, RPS_RECORD_FENCE, SEAM_FENCE, NULL, 0, 0);
}
