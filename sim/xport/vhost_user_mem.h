/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frontend's memory: regions of files that it passed, mapped here.
 * Source: QEMU docs/interop/vhost-user.rst, "Memory access".
 */
#ifndef RPS_VHOST_USER_MEM_H
#define RPS_VHOST_USER_MEM_H

#include <rps/mem.h>

#include "vhost_user_proto.h"

/* One mapping; `as_sent` has passed all checks. */
struct vu_mem_region {
	struct vhost_user_region as_sent;
	uint8_t *map;      /* begins on a page, at or below the region */
	size_t map_bytes;  /* whole pages */
	size_t page_bytes; /* of the file: huge pages are replaced as one */
	uint8_t *host;     /* first byte of the region */
};

struct vu_mem {
	struct vu_mem_region region[RPS_MEM_REGIONS_MAX];
	unsigned int num_regions;
};

/**
 * rps_vu_mem_add() - map one more region.
 * @mem:    table; unchanged on error.
 * @region: as the frontend sent it.
 * @fd:     file that it lies in; stays the caller's, may be closed afterwards.
 *
 * User addresses may overlap, as aliases of one memory do; guest addresses
 * may not.
 *
 * Return: 0; -EINVAL where it is empty, not on 4 KiB, or wraps around;
 * -EEXIST where guest addresses overlap; -ENOSPC where the table is full;
 * -ERANGE where the file is shorter than it would have to be; -ENODEV where it
 * is no regular file; another -errno of fstat() or mmap().
 */
RPS_CHECKED int rps_vu_mem_add(struct vu_mem *mem,
			       const struct vhost_user_region *region, int fd);

/* Unmap the region with the same guest address, user address and size.
 * Return: 0, or -ENOENT. */
RPS_CHECKED int rps_vu_mem_remove(struct vu_mem *mem,
				  const struct vhost_user_region *region);

/* Unmap everything. */
void rps_vu_mem_clear(struct vu_mem *mem);

/* What an error of rps_vu_mem_add() means, for people. */
const char *rps_vu_mem_reason(int err);

/* Make the regions of @out those of @mem; nothing else of @out changes. */
void rps_vu_mem_publish(const struct vu_mem *mem, struct rps_mem *out);

/**
 * rps_vu_mem_translate() - from the frontend's own address to the guest's.
 * @user: user address, trusted by nobody.
 * @out:  the same byte as the guest knows it; untouched on failure.
 *
 * Return: whether a region contains it; the first one wins.
 */
bool rps_vu_mem_translate(const struct vu_mem *mem, uint64_t user,
			  struct gpa *out);

/**
 * rps_vu_mem_patch() - put a zero page where a file has become too short.
 * @addr: the address that faulted.
 *
 * May be called from a signal handler: only the mmap() system call is made.
 *
 * Return: whether @addr was ours and is usable now.
 */
bool rps_vu_mem_patch(const struct vu_mem *mem, const void *addr);

#endif
