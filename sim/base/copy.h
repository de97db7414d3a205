/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies of a few bytes, in line: where nothing is called, no register has to
 * be put aside either.
 */
#ifndef RPS_COPY_H
#define RPS_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that copy_short() takes at most. */
#define COPY_SHORT_MAX 64u

/* A piece from the start and one of the same length from the end: together all
 * of it, the middle twice where they overlap. */
#define COPY_ENDS(to, from, len_bytes, piece)                                  \
	do {                                                                   \
		memcpy((to), (from), (piece));                                 \
		memcpy((to) + (len_bytes) - (piece),                           \
		       (from) + (len_bytes) - (piece), (piece));               \
	} while (0)

static inline __attribute__((always_inline)) void
copy_short(uint8_t *to, const uint8_t *from, size_t len_bytes)
{
	if (__builtin_expect(len_bytes >= 32, 1)) {
		COPY_ENDS(to, from, len_bytes, 32u);
	} else if (len_bytes >= 16) {
		COPY_ENDS(to, from, len_bytes, 16u);
	} else if (len_bytes >= 8) {
		COPY_ENDS(to, from, len_bytes, 8u);
	} else if (len_bytes >= 4) {
		COPY_ENDS(to, from, len_bytes, 4u);
	} else if (len_bytes > 0) {
		to[0] = from[0];
		to[len_bytes / 2] = from[len_bytes / 2];
		to[len_bytes - 1] = from[len_bytes - 1];
	}
}

#endif
