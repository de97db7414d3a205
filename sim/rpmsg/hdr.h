/* SPDX-License-Identifier: BSD-3-Clause */
/* The header's two forms, to be inlined into what runs for each message. */
#ifndef RPS_RPMSG_HDR_H
#define RPS_RPMSG_HDR_H

#include <string.h>

#include <rps/rpmsg.h>

#include "../base/access.h"
#include "../base/mutant.h"

static inline struct rpmsg_hdr hdr_pack(enum rps_order order,
					const struct rps_hdr *hdr)
{
	return (struct rpmsg_hdr){
		.src = cpu_to_virtio32(order, hdr->src),
		.dst = cpu_to_virtio32(order, hdr->dst),
		.reserved = cpu_to_virtio32(order, hdr->reserved),
		.len = cpu_to_virtio16(order, hdr->len_bytes),
		.flags = cpu_to_virtio16(order, hdr->flags),
	};
}

static inline struct rps_hdr hdr_unpack(enum rps_order order,
					const struct rpmsg_hdr *wire)
{
	return (struct rps_hdr){
		.src = virtio32_to_cpu(order, wire->src),
		.dst = virtio32_to_cpu(order, wire->dst),
		.reserved = virtio32_to_cpu(order, wire->reserved),
		.len_bytes = virtio16_to_cpu(order, wire->len),
		.flags = virtio16_to_cpu(order, wire->flags),
	};
}

/* hdr_pack() and hdr_unpack() with what deliberate errors make of them. */
static RPS_HOT struct rpmsg_hdr
hdr_pack_in(struct view view, enum rps_order order, const struct rps_hdr *hdr)
{
	struct rpmsg_hdr wire = hdr_pack(order, hdr);

	if (mutated(view.mem, MUTANT_hdr_len_counts_header))
		wire.len = cpu_to_virtio16(
			order, (uint16_t)(hdr->len_bytes + sizeof(wire)));
	return wire;
}

/* @room: bytes of payload that there are. */
static RPS_HOT struct rps_hdr hdr_unpack_in(struct view view,
					    enum rps_order order,
					    const struct rpmsg_hdr *wire,
					    uint64_t room)
{
	struct rps_hdr hdr = hdr_unpack(order, wire);

	if (mutated(view.mem, MUTANT_other_order_guessed) &&
	    hdr.len_bytes > room)
		return hdr_unpack(order == RPS_ORDER_LE ? RPS_ORDER_BE
							: RPS_ORDER_LE,
				  wire);
	return hdr;
}

/* In the processor's order the two forms are one. */
_Static_assert(sizeof(struct rps_hdr) == sizeof(struct rpmsg_hdr) &&
		       offsetof(struct rps_hdr, dst) ==
			       offsetof(struct rpmsg_hdr, dst) &&
		       offsetof(struct rps_hdr, len_bytes) ==
			       offsetof(struct rpmsg_hdr, len) &&
		       offsetof(struct rps_hdr, flags) ==
			       offsetof(struct rpmsg_hdr, flags),
	       "struct rps_hdr");

/* Fields in a buffer that may begin anywhere. */
typedef volatile uint32_t una32 __attribute__((aligned(1), may_alias));
typedef volatile uint64_t una64 __attribute__((aligned(1), may_alias));

/* The last two fields as one word, without flags. */
static RPS_HOT uint32_t hdr_last(uint32_t len_bytes)
{
	return RPS_ORDER_HOST == RPS_ORDER_LE ? len_bytes : len_bytes << 16;
}

/* hdr_write() in a plain view: word by word, as it comes out of registers; put
 * together first, it would cost more than the stores that are saved.
 * @len_bytes: 16 bits. */
static RPS_HOT void hdr_put(uint8_t *to, uint32_t src, uint32_t dst,
			    uint32_t len_bytes)
{
	una32 *word = (void *)to;

	word[0] = src;
	word[1] = dst;
	word[2] = 0; /* reserved */
	word[3] = hdr_last(len_bytes);
}

/* Reads a header in one piece, once. */
static RPS_HOT void hdr_read(struct view view, enum rps_order order,
			     const uint8_t *from, uint64_t room,
			     struct rps_hdr *hdr)
{
	struct rpmsg_hdr wire;

	if (view.plain) {
		copy_in(view.mem, SEAM_HDR, hdr, from, sizeof(*hdr));
		return;
	}
	copy_in(view.mem, SEAM_HDR, &wire, from, sizeof(wire));
	*hdr = hdr_unpack_in(view, order, &wire, room);
}

/* Writes a header.  Return: what was written. */
static RPS_HOT struct rpmsg_hdr hdr_write(struct view view,
					  enum rps_order order, uint8_t *to,
					  const struct rps_hdr *hdr)
{
	struct rpmsg_hdr wire = hdr_pack_in(view, order, hdr);

	copy_out(view.mem, SEAM_HDR, to, &wire, sizeof(wire));
	return wire;
}

/* hdr_put() of one header after the other, of which the addresses are always
 * @ends. */
struct hdr_ends {
	uint64_t raw;
};

static RPS_HOT struct hdr_ends hdr_ends_of(uint32_t src, uint32_t dst)
{
	struct rpmsg_hdr wire = { .src = { src }, .dst = { dst } };
	struct hdr_ends ends;

	memcpy(&ends.raw, &wire, sizeof(ends.raw));
	return ends;
}

static RPS_HOT void hdr_write_next(uint8_t *to, struct hdr_ends ends,
				   uint32_t len_bytes)
{
	una32 *word = (void *)to;

	*(una64 *)(void *)to = ends.raw;
	word[2] = 0;
	word[3] = hdr_last(len_bytes);
}

#endif
