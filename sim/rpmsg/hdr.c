/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/rpmsg.h>

struct rpmsg_hdr rps_hdr_pack(enum rps_order order, const struct rps_hdr *hdr)
{
	return (struct rpmsg_hdr){
		.src = cpu_to_virtio32(order, hdr->src),
		.dst = cpu_to_virtio32(order, hdr->dst),
		.reserved = cpu_to_virtio32(order, hdr->reserved),
		.len = cpu_to_virtio16(order, hdr->len_bytes),
		.flags = cpu_to_virtio16(order, hdr->flags),
	};
}

struct rps_hdr rps_hdr_unpack(enum rps_order order,
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
