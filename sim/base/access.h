/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only door to shared memory.  One source of the ends, two speeds:
 *
 *   direct     plain loads and stores with C11 orderings (librps)
 *   simulated  each access is a step of the world, which decides what is
 *              seen when (librps-sim)
 *
 * Both give the same names: load16/32/64, store16/32/64 (relaxed),
 * update16/32/64 (the same as a store to whoever looks; may leave a field alone
 * that has the value already), acquire16 (ordered before every later access),
 * publish16 (ordered after every earlier one), fence_full, copy_in, copy_out and
 * copy_out_short.
 */
#ifndef RPS_ACCESS_H
#define RPS_ACCESS_H

#include <rps/mem.h>

#include "seam.h"

#ifdef RPS_SIM
#include "access_sim.h"
#else
#include "access_direct.h"
#endif

/**
 * struct view - how one operation looks at shared memory.
 * @mem:   the memory.
 * @plain: its fields are in the processor's order and nobody observes it; known
 *         where it is compiled, so that neither is asked at each access.
 */
struct view {
	const struct rps_mem *mem;
	bool plain;
};

static inline struct view view_of(const struct rps_mem *mem)
{
	return (struct view){ .mem = mem };
}

static inline struct view view_plain(const struct rps_mem *mem)
{
	return (struct view){ .mem = mem, .plain = true };
}

/* Whether view_plain() may be used. */
static inline bool is_plain(const struct rps_mem *mem)
{
	return ACCESS_MAY_BE_PLAIN && mem->order == RPS_ORDER_HOST &&
	       !mem->probe;
}

static inline enum rps_order order_of(struct view view)
{
	return view.plain ? RPS_ORDER_HOST : view.mem->order;
}

/* Inlined whatever the compiler thinks of it, so that what is known about a
 * view, or a role, is known inside too. */
#define RPS_HOT inline __attribute__((always_inline))

#define ACCESS(bits)                                                           \
	static RPS_HOT uint##bits##_t load##bits(                              \
		struct view view, enum seam seam,                              \
		const struct virtio##bits *field)                              \
	{                                                                      \
		return rps_swap##bits(order_of(view),                          \
				      raw_load##bits(view.mem, seam,           \
						     &field->raw));            \
	}                                                                      \
	static RPS_HOT void store##bits(struct view view, enum seam seam,      \
					struct virtio##bits *field,            \
					uint##bits##_t value)                  \
	{                                                                      \
		raw_store##bits(view.mem, seam, &field->raw,                   \
				rps_swap##bits(order_of(view), value));        \
	}                                                                      \
	static RPS_HOT void update##bits(struct view view, enum seam seam,     \
					 struct virtio##bits *field,           \
					 uint##bits##_t value)                 \
	{                                                                      \
		raw_update##bits(view.mem, seam, &field->raw,                  \
				 rps_swap##bits(order_of(view), value));       \
	}
ACCESS(16)
ACCESS(32)
ACCESS(64)
#undef ACCESS

/* What is common: half of COPY_SHORT_MAX, up to all of it. */
static RPS_HOT bool copy_is_usual(size_t len_bytes)
{
	return __builtin_expect(
		len_bytes - COPY_SHORT_MAX / 2 <= COPY_SHORT_MAX / 2, 1);
}

static RPS_HOT void copy_out_any(const struct rps_mem *mem, enum seam seam,
				 void *shared, const void *from,
				 size_t len_bytes)
{
	if (copy_is_usual(len_bytes))
		copy_out_short(mem, seam, shared, from, len_bytes);
	else if (len_bytes <= COPY_SHORT_MAX)
		copy_out_short(mem, seam, shared, from, len_bytes);
	else
		copy_out(mem, seam, shared, from, len_bytes);
}

static RPS_HOT uint16_t acquire16(struct view view, enum seam seam,
				  const struct virtio16 *field)
{
	return rps_swap16(order_of(view),
			  raw_acquire16(view.mem, seam, &field->raw));
}

static RPS_HOT void publish16(struct view view, enum seam seam,
			      struct virtio16 *field, uint16_t value)
{
	raw_publish16(view.mem, seam, &field->raw,
		      rps_swap16(order_of(view), value));
}

#endif
