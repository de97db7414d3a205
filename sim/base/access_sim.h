/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared memory as the simulated world has it; include access.h instead.
 * The world is asked before each access: it may let the other end run first.
 */
#ifndef RPS_ACCESS_SIM_H
#define RPS_ACCESS_SIM_H

#define ACCESS_MAY_BE_PLAIN false
/* A tester may change anything, and each store is a place for a fault. */
#define ACCESS_STORES_LAST false
#define COPY_SHORT_MAX     64u

enum rps_access {
	RPS_ACCESS_LOAD,
	RPS_ACCESS_ACQUIRE,
	RPS_ACCESS_STORE,
	RPS_ACCESS_PUBLISH,
	RPS_ACCESS_FENCE,
};

/* Implemented by world/; a NULL world means memory without a scheduler. */
uint64_t rps_sim_load(const struct rps_mem *mem, enum rps_access kind,
		      enum seam seam, const void *at, unsigned int len_bytes);
void rps_sim_store(const struct rps_mem *mem, enum rps_access kind,
		   enum seam seam, void *at, unsigned int len_bytes,
		   uint64_t raw);
void rps_sim_copy_in(const struct rps_mem *mem, enum seam seam, void *to,
		     const void *shared, size_t len_bytes);
void rps_sim_copy_out(const struct rps_mem *mem, enum seam seam, void *shared,
		      const void *from, size_t len_bytes);
void rps_sim_fence(const struct rps_mem *mem);

#define RAW_ACCESS(bits)                                                       \
	static inline uint##bits##_t raw_load##bits(const struct rps_mem *mem, \
						    enum seam seam,            \
						    const uint##bits##_t *at)  \
	{                                                                      \
		return (uint##bits##_t)rps_sim_load(mem, RPS_ACCESS_LOAD,      \
						    seam, at, (bits) / 8);     \
	}                                                                      \
	static inline void raw_store##bits(const struct rps_mem *mem,          \
					   enum seam seam, uint##bits##_t *at, \
					   uint##bits##_t value)               \
	{                                                                      \
		rps_sim_store(mem, RPS_ACCESS_STORE, seam, at, (bits) / 8,     \
			      value);                                          \
	}                                                                      \
	static inline void raw_update##bits(const struct rps_mem *mem,         \
					    enum seam seam,                    \
					    uint##bits##_t *at,                \
					    uint##bits##_t value)              \
	{                                                                      \
		raw_store##bits(mem, seam, at, value);                         \
	}
RAW_ACCESS(16)
RAW_ACCESS(32)
RAW_ACCESS(64)
#undef RAW_ACCESS

static inline uint16_t raw_acquire16(const struct rps_mem *mem, enum seam seam,
				     const uint16_t *at)
{
	return (uint16_t)rps_sim_load(mem, RPS_ACCESS_ACQUIRE, seam, at, 2);
}

static inline void raw_publish16(const struct rps_mem *mem, enum seam seam,
				 uint16_t *at, uint16_t value)
{
	rps_sim_store(mem, RPS_ACCESS_PUBLISH, seam, at, 2, value);
}

static inline void fence_full(const struct rps_mem *mem)
{
	rps_sim_fence(mem);
}

static inline void copy_in(const struct rps_mem *mem, enum seam seam, void *to,
			   const void *shared, size_t len_bytes)
{
	rps_sim_copy_in(mem, seam, to, shared, len_bytes);
}

static inline void copy_out(const struct rps_mem *mem, enum seam seam,
			    void *shared, const void *from, size_t len_bytes)
{
	rps_sim_copy_out(mem, seam, shared, from, len_bytes);
}

static inline void copy_out_short(const struct rps_mem *mem, enum seam seam,
				  void *shared, const void *from,
				  size_t len_bytes)
{
	/* Nothing to copy may come without an address to copy it from. */
	if (len_bytes > 0)
		rps_sim_copy_out(mem, seam, shared, from, len_bytes);
}

#endif
