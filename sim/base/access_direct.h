/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared memory as the processor has it; include access.h instead.
 *
 * Relaxed accesses are volatile ones, as in a kernel: one access each, never
 * invented nor merged, while private memory may stay in registers around them,
 * which gcc denies to C11 atomics of any order.
 */
#ifndef RPS_ACCESS_DIRECT_H
#define RPS_ACCESS_DIRECT_H

#include <string.h>

#include "copy.h"

#define ACCESS_MAY_BE_PLAIN true
/* What was stored stays there, as far as this end is concerned. */
#define ACCESS_STORES_LAST true

#define RAW_LOAD(bits)                                                         \
	static inline uint##bits##_t raw_load##bits(const struct rps_mem *mem, \
						    enum seam seam,            \
						    const uint##bits##_t *at)  \
	{                                                                      \
		(void)mem;                                                     \
		(void)seam;                                                    \
		return *(const volatile uint##bits##_t *)at;                   \
	}
#define RAW_STORE(bits)                                                        \
	static inline void raw_store##bits(const struct rps_mem *mem,          \
					   enum seam seam, uint##bits##_t *at, \
					   uint##bits##_t value)               \
	{                                                                      \
		(void)mem;                                                     \
		(void)seam;                                                    \
		*(volatile uint##bits##_t *)at = value;                        \
	}
/* A line that is not written need not go back and forth between the ends.  The
 * load is no volatile one, so that it may be a part of the comparison: it says
 * nothing but whether a store is needed. */
#define RAW_UPDATE(bits)                                                       \
	static inline void raw_update##bits(const struct rps_mem *mem,         \
					    enum seam seam,                    \
					    uint##bits##_t *at,                \
					    uint##bits##_t value)              \
	{                                                                      \
		if (__builtin_expect(*at != value, 0))                         \
			raw_store##bits(mem, seam, at, value);                 \
	}
RAW_LOAD(16)
RAW_LOAD(32)
RAW_LOAD(64)
RAW_STORE(16)
RAW_STORE(32)
RAW_STORE(64)
RAW_UPDATE(16)
RAW_UPDATE(32)
RAW_UPDATE(64)
#undef RAW_LOAD
#undef RAW_STORE
#undef RAW_UPDATE

static inline uint16_t raw_acquire16(const struct rps_mem *mem, enum seam seam,
				     const uint16_t *at)
{
	(void)mem;
	(void)seam;
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static inline void raw_publish16(const struct rps_mem *mem, enum seam seam,
				 uint16_t *at, uint16_t value)
{
	(void)mem;
	(void)seam;
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static inline void fence_full(const struct rps_mem *mem)
{
	(void)mem;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Bytes out of shared memory into private memory, each read once. */
static inline void copy_in(const struct rps_mem *mem, enum seam seam, void *to,
			   const void *shared, size_t len_bytes)
{
	(void)mem;
	(void)seam;
	memcpy(to, shared, len_bytes);
	/* The compiler must not go back and read the peer's memory again: for
	 * all that it knows the copy is another one from here on. */
	__asm__ volatile("" : "+m"(*(uint8_t(*)[len_bytes])to));
}

/* Private bytes into shared memory. */
static inline void copy_out(const struct rps_mem *mem, enum seam seam,
			    void *shared, const void *from, size_t len_bytes)
{
	(void)mem;
	(void)seam;
	memcpy(shared, from, len_bytes);
}

/* The same for COPY_SHORT_MAX at most, where this is known. */
static inline void copy_out_short(const struct rps_mem *mem, enum seam seam,
				  void *shared, const void *from,
				  size_t len_bytes)
{
	(void)mem;
	(void)seam;
	copy_short(shared, from, len_bytes);
}

#endif
