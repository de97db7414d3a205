/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layer 4: the RPMsg header and the name-service message, packed and unpacked
 * without any policy.
 * Source: Linux drivers/rpmsg/virtio_rpmsg_bus.c struct rpmsg_hdr,
 * include/linux/rpmsg/ns.h; de-facto, RPMsg has no chapter in virtio.
 */
#ifndef RPS_RPMSG_H
#define RPS_RPMSG_H

#include <rps/mem.h>

#define RPMSG_ADDR_ANY           0xffffffffu
#define RPMSG_NS_ADDR            53u
#define RPMSG_NAME_SIZE          32u
#define RPMSG_RESERVED_ADDRESSES 1024u
#define RPMSG_BUF_BYTES_DEFAULT  512u

/* Precedes every payload. */
struct rpmsg_hdr {
	struct virtio32 src;      /* endpoint address of the sender */
	struct virtio32 dst;      /* endpoint address of the receiver */
	struct virtio32 reserved; /* sent as 0; no meaning to a receiver */
	struct virtio16 len;      /* payload bytes, header not counted */
	struct virtio16 flags;    /* sent as 0; unknown ones are ignored */
};

struct rpmsg_ns_msg {
	char name[RPMSG_NAME_SIZE]; /* zero-padded, with terminator */
	struct virtio32 addr;       /* the service */
	struct virtio32 flags;      /* bit 0: destroy */
};

_Static_assert(sizeof(struct rpmsg_hdr) == 16, "virtio_rpmsg_bus.c rpmsg_hdr");
_Static_assert(offsetof(struct rpmsg_hdr, len) == 12, "rpmsg_hdr");
_Static_assert(sizeof(struct rpmsg_ns_msg) == 40, "rpmsg/ns.h rpmsg_ns_msg");

#define RPMSG_HDR_BYTES  ((uint32_t)sizeof(struct rpmsg_hdr))
#define RPMSG_NS_DESTROY 1u

/* The same header in host order. */
struct rps_hdr {
	uint32_t src;
	uint32_t dst;
	uint32_t reserved;
	uint16_t len_bytes;
	uint16_t flags;
};

/* The same announcement in host order; the name always has a terminator. */
struct rps_ns {
	char name[RPMSG_NAME_SIZE];
	uint32_t addr;
	bool destroy;
};

/* Between private wire bytes and host order; @order as fixed at FEATURES_OK. */
RPS_API struct rpmsg_hdr rps_hdr_pack(enum rps_order order,
				      const struct rps_hdr *hdr);
RPS_API struct rps_hdr rps_hdr_unpack(enum rps_order order,
				      const struct rpmsg_hdr *wire);
RPS_API struct rpmsg_ns_msg rps_ns_pack(enum rps_order order,
					const struct rps_ns *ns);

/* Cuts a name without terminator to 31 characters. */
RPS_API struct rps_ns rps_ns_unpack(enum rps_order order,
				    const struct rpmsg_ns_msg *wire);

/* Copies @name, cut to 31 characters and padded with zeros. */
RPS_API void rps_name_copy(char to[RPMSG_NAME_SIZE], const char *name);

#endif
