/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chance: one generator, a stream for each kind of choice, so that a new kind
 * does not reshuffle what others have drawn.
 */
#ifndef RPS_RNG_H
#define RPS_RNG_H

#include <rps/api.h>

struct rng {
	uint64_t state;
};

/* Every input bit changes about half of the output bits (splitmix64). */
static inline uint64_t rng_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline struct rng rng_stream(uint64_t seed, uint32_t stream)
{
	return (struct rng){ rng_mix(seed + UINT64_C(0x9e3779b97f4a7c15)) ^
			     rng_mix(stream + UINT64_C(1)) };
}

/* The stream of a name: what else there is does not matter. */
static inline struct rng rng_named(uint64_t seed, const char *name)
{
	struct rng rng = { rng_mix(seed + UINT64_C(0x9e3779b97f4a7c15)) };

	for (; *name; name++)
		rng.state = rng_mix(rng.state ^ (uint8_t)*name);
	return rng;
}

static inline uint64_t rng_next(struct rng *rng)
{
	rng->state += UINT64_C(0x9e3779b97f4a7c15);
	return rng_mix(rng->state);
}

/* Return: below @count, each as likely; @count is small. */
static inline uint32_t rng_below(struct rng *rng, uint32_t count)
{
	return (uint32_t)(((rng_next(rng) >> 32) * count) >> 32);
}

#endif
