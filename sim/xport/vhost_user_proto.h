/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wire format of vhost-user.  All numbers are in host order: both ends
 * run on one machine.
 * Source: QEMU docs/interop/vhost-user.rst, "Message Specification".
 */
#ifndef RPS_VHOST_USER_PROTO_H
#define RPS_VHOST_USER_PROTO_H

#include <rps/api.h>

#define VHOST_USER_VERSION         1u
#define VHOST_USER_VERSION_MASK    3u
#define VHOST_USER_FLAG_REPLY      (1u << 2)
#define VHOST_USER_FLAG_NEED_REPLY (1u << 3)
#define VHOST_USER_FLAGS_KNOWN     0xfu

/* Virtio feature bits that belong to the transport. */
#define VHOST_F_LOG_ALL                26u
#define VHOST_USER_F_PROTOCOL_FEATURES 30u
#define VIRTIO_F_ACCESS_PLATFORM       33u

/* "Protocol features", by bit. */
enum vhost_user_protocol_feature {
	VHOST_USER_PROTOCOL_F_MQ = 0,
	VHOST_USER_PROTOCOL_F_REPLY_ACK = 3,
	VHOST_USER_PROTOCOL_F_BACKEND_REQ = 5,
	VHOST_USER_PROTOCOL_F_CROSS_ENDIAN = 6,
	VHOST_USER_PROTOCOL_F_CONFIG = 9,
	VHOST_USER_PROTOCOL_F_RESET_DEVICE = 13,
	VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS = 14,
	VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS = 15,
	VHOST_USER_PROTOCOL_F_STATUS = 16,
};

/* "Front-end message types". */
enum vhost_user_request {
#define REQUEST(name, id, payload, fds_min, fds_max, feature, answer)          \
	VHOST_USER_##name = id,
#define REFUSED(name, id) VHOST_USER_##name = id,
#include "vhost_user_requests.def"
#undef REFUSED
#undef REQUEST
};

/* "Back-end message types". */
enum vhost_user_backend_request {
	VHOST_USER_BACKEND_CONFIG_CHANGE_MSG = 2,
	VHOST_USER_BACKEND_VRING_CALL = 4,
};

/* A ring is named by one byte where a descriptor comes with it. */
#define VHOST_USER_VRING_INDEX_MASK 0xffull
#define VHOST_USER_VRING_NO_FD      (1ull << 8)
#define VHOST_USER_VRING_FD_KNOWN   0x1ffull

#define VHOST_USER_VRING_F_LOG        1u
#define VHOST_USER_ENDIAN_LITTLE      0u
#define VHOST_USER_ENDIAN_BIG         1u
#define VHOST_USER_CONFIG_F_MIGRATION 1u

#define VHOST_USER_TABLE_REGIONS 8u
#define VHOST_USER_CONFIG_BYTES  256u

struct vhost_user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* payload bytes, header not counted */
};

struct vhost_user_vring_state {
	uint32_t index;
	uint32_t num;
};

struct vhost_user_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;  /* user address */
	uint64_t used;  /* user address */
	uint64_t avail; /* user address */
	uint64_t log;   /* guest address */
};

struct vhost_user_region {
	uint64_t guest_addr;
	uint64_t size; /* bytes */
	uint64_t user_addr;
	uint64_t mmap_offset; /* of the region in its file */
};

struct vhost_user_mem_table {
	uint32_t num_regions;
	uint32_t padding;
	struct vhost_user_region region[VHOST_USER_TABLE_REGIONS];
};

struct vhost_user_mem_region {
	uint64_t padding;
	struct vhost_user_region region;
};

struct vhost_user_config {
	uint32_t offset; /* bytes into the configuration space */
	uint32_t size;   /* bytes */
	uint32_t flags;
	uint8_t bytes[VHOST_USER_CONFIG_BYTES];
};

union vhost_user_payload {
	uint64_t u64;
	struct vhost_user_vring_state state;
	struct vhost_user_vring_addr addr;
	struct vhost_user_mem_table table;
	struct vhost_user_mem_region region;
	struct vhost_user_config config;
	/* Room for requests that we only read past. */
	uint8_t bytes[512];
};

/* What precedes the variable part of a payload. */
#define VHOST_USER_TABLE_HEAD  offsetof(struct vhost_user_mem_table, region)
#define VHOST_USER_CONFIG_HEAD offsetof(struct vhost_user_config, bytes)

_Static_assert(sizeof(struct vhost_user_header) == 12, "Header");
_Static_assert(sizeof(struct vhost_user_vring_state) == 8,
	       "A vring state description");
_Static_assert(sizeof(struct vhost_user_vring_addr) == 40,
	       "A vring address description");
_Static_assert(offsetof(struct vhost_user_vring_addr, used) == 16,
	       "A vring address description: descriptor, used, available");
_Static_assert(sizeof(struct vhost_user_region) == 32,
	       "Memory regions description");
_Static_assert(VHOST_USER_TABLE_HEAD == 8, "Memory regions description");
_Static_assert(sizeof(struct vhost_user_mem_region) == 40,
	       "Single memory region description");
_Static_assert(VHOST_USER_CONFIG_HEAD == 12, "Virtio device config space");

#endif
