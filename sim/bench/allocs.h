/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls of the allocator, counted: it is ours in a program that links this. */
#ifndef BENCH_ALLOCS_H
#define BENCH_ALLOCS_H

#include <stdint.h>

/* Return: calls that asked for memory, or gave some back, since the start. */
uint64_t allocs_so_far(void);

#endif
