/* SPDX-License-Identifier: BSD-3-Clause */
/* The header's two forms, to be inlined into what runs for each message. */
#ifndef RPS_RPMSG_HDR_H
#define RPS_RPMSG_HDR_H

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

#endif
