/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fields of shared memory are one-member structs, so that arithmetic on them
 * does not compile: le* where the specification fixes the order, virtio* where
 * the negotiated features decide it.
 * Source: virtio-1.2 1.4 (little endian), 2.4.3 legacy (guest-native order).
 */
#ifndef RPS_BYTEORDER_H
#define RPS_BYTEORDER_H

#include <rps/api.h>

enum rps_order {
	RPS_ORDER_LE,
	RPS_ORDER_BE,
};

struct le16 {
	uint16_t raw;
};
struct le32 {
	uint32_t raw;
};
struct le64 {
	uint64_t raw;
};
struct virtio16 {
	uint16_t raw;
};
struct virtio32 {
	uint32_t raw;
};
struct virtio64 {
	uint64_t raw;
};

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define RPS_ORDER_HOST RPS_ORDER_BE
#else
#define RPS_ORDER_HOST RPS_ORDER_LE
#endif

/* Between host order and @order; each is its own inverse. */
static inline uint16_t rps_swap16(enum rps_order order, uint16_t value)
{
	return order == RPS_ORDER_HOST ? value : __builtin_bswap16(value);
}

static inline uint32_t rps_swap32(enum rps_order order, uint32_t value)
{
	return order == RPS_ORDER_HOST ? value : __builtin_bswap32(value);
}

static inline uint64_t rps_swap64(enum rps_order order, uint64_t value)
{
	return order == RPS_ORDER_HOST ? value : __builtin_bswap64(value);
}

static inline uint16_t le16_to_cpu(struct le16 field)
{
	return rps_swap16(RPS_ORDER_LE, field.raw);
}

static inline uint32_t le32_to_cpu(struct le32 field)
{
	return rps_swap32(RPS_ORDER_LE, field.raw);
}

static inline uint64_t le64_to_cpu(struct le64 field)
{
	return rps_swap64(RPS_ORDER_LE, field.raw);
}

static inline struct le16 cpu_to_le16(uint16_t value)
{
	return (struct le16){ rps_swap16(RPS_ORDER_LE, value) };
}

static inline struct le32 cpu_to_le32(uint32_t value)
{
	return (struct le32){ rps_swap32(RPS_ORDER_LE, value) };
}

static inline struct le64 cpu_to_le64(uint64_t value)
{
	return (struct le64){ rps_swap64(RPS_ORDER_LE, value) };
}

static inline uint16_t virtio16_to_cpu(enum rps_order order,
				       struct virtio16 field)
{
	return rps_swap16(order, field.raw);
}

static inline uint32_t virtio32_to_cpu(enum rps_order order,
				       struct virtio32 field)
{
	return rps_swap32(order, field.raw);
}

static inline struct virtio16 cpu_to_virtio16(enum rps_order order,
					      uint16_t value)
{
	return (struct virtio16){ rps_swap16(order, value) };
}

static inline struct virtio32 cpu_to_virtio32(enum rps_order order,
					      uint32_t value)
{
	return (struct virtio32){ rps_swap32(order, value) };
}

#endif
