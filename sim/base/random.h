/* SPDX-License-Identifier: BSD-3-Clause */
/* Chance that is the same every time: one state is one stream. */
#ifndef RPS_RANDOM_H
#define RPS_RANDOM_H

#include <rps/api.h>

/* splitmix64: any state is a good one.  Return: the stream's next number. */
static inline uint64_t random_next(uint64_t *stream)
{
	uint64_t z = *stream += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A stream of its own for each name, so that a new one changes no other. */
static inline uint64_t random_stream(uint64_t seed, const char *name)
{
	uint64_t stream = seed;

	for (; *name; name++)
		stream = random_next(&stream) ^ (uint8_t)*name;
	return stream;
}

#endif
