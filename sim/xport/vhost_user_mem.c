/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_mem.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../base/assert.h"

/* The smallest page of any machine that a guest may have. */
#define REGION_ALIGN 4096u

static bool wraps(uint64_t start, uint64_t size)
{
	return start + (size - 1) < start;
}

static int check_shape(const struct vhost_user_region *region)
{
	if (region->size == 0)
		return -EINVAL;
	if (region->guest_addr % REGION_ALIGN ||
	    region->user_addr % REGION_ALIGN ||
	    region->mmap_offset % REGION_ALIGN)
		return -EINVAL;
	if (wraps(region->guest_addr, region->size) ||
	    wraps(region->user_addr, region->size) ||
	    wraps(region->mmap_offset, region->size))
		return -EINVAL;
	return 0;
}

static int check_file(const struct vhost_user_region *region, int fd)
{
	struct stat st;
	uint64_t file_bytes;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENODEV;
	file_bytes = (uint64_t)st.st_size;
	if (region->mmap_offset > file_bytes ||
	    region->size > file_bytes - region->mmap_offset)
		return -ERANGE;
	return 0;
}

/* Mapping and unmapping go by this unit. */
static size_t page_bytes_of(int fd)
{
	struct statfs fs;

	if (!fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC)
		return (size_t)fs.f_bsize;
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int map_region(struct vu_mem_region *out,
		      const struct vhost_user_region *region, int fd)
{
	size_t page = page_bytes_of(fd);
	uint64_t lead = region->mmap_offset % page;
	uint64_t bytes;
	void *map;

	if (region->size > SIZE_MAX - lead - page)
		return -ENOMEM;
	bytes = (lead + region->size + page - 1) / page * page;
	map = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_NORESERVE, fd,
		   (off_t)(region->mmap_offset - lead));
	if (map == MAP_FAILED)
		return -errno;

	*out = (struct vu_mem_region){
		.as_sent = *region,
		.map = map,
		.map_bytes = (size_t)bytes,
		.page_bytes = page,
		.host = (uint8_t *)map + lead,
	};
	return 0;
}

/* The table has the last word about overlaps and room. */
static int check_fit(const struct vu_mem *mem,
		     const struct vhost_user_region *region)
{
	struct rps_mem trial = { .num_regions = 0 };
	struct gpa base = { region->guest_addr };

	rps_vu_mem_publish(mem, &trial);
	return rps_mem_add(&trial, base, region->size, NULL);
}

int rps_vu_mem_add(struct vu_mem *mem, const struct vhost_user_region *region,
		   int fd)
{
	int err = check_shape(region);

	if (!err)
		err = check_fit(mem, region);
	if (!err)
		err = check_file(region, fd);
	if (!err)
		err = map_region(&mem->region[mem->num_regions], region, fd);
	if (!err)
		mem->num_regions++;
	return err;
}

static void unmap(struct vu_mem_region *region)
{
	munmap(region->map, region->map_bytes);
	memset(region, 0, sizeof(*region));
}

int rps_vu_mem_remove(struct vu_mem *mem,
		      const struct vhost_user_region *region)
{
	for (unsigned int i = 0; i < mem->num_regions; i++) {
		const struct vhost_user_region *known = &mem->region[i].as_sent;

		if (known->guest_addr != region->guest_addr ||
		    known->user_addr != region->user_addr ||
		    known->size != region->size)
			continue;
		unmap(&mem->region[i]);
		mem->region[i] = mem->region[--mem->num_regions];
		return 0;
	}
	return -ENOENT;
}

void rps_vu_mem_clear(struct vu_mem *mem)
{
	while (mem->num_regions > 0)
		unmap(&mem->region[--mem->num_regions]);
}

const char *rps_vu_mem_reason(int err)
{
	switch (err) {
	case -EINVAL:
		return "memory region is empty, misaligned or wraps around";
	case -EEXIST:
		return "memory regions overlap";
	case -ENOSPC:
		return "too many memory regions";
	case -ERANGE:
		return "memory file is shorter than its region";
	case -ENODEV:
		return "memory descriptor is no regular file";
	case -ENOENT:
		return "no such memory region";
	default:
		return "memory region cannot be mapped";
	}
}

void rps_vu_mem_publish(const struct vu_mem *mem, struct rps_mem *out)
{
	out->num_regions = 0;
	for (unsigned int i = 0; i < mem->num_regions; i++) {
		const struct vu_mem_region *region = &mem->region[i];
		struct gpa base = { region->as_sent.guest_addr };
		int err = rps_mem_add(out, base, region->as_sent.size,
				      region->host);

		/* Each was tried before it came into the table. */
		rps_assert(err == 0);
	}
}

bool rps_vu_mem_translate(const struct vu_mem *mem, uint64_t user,
			  struct gpa *out)
{
	for (unsigned int i = 0; i < mem->num_regions; i++) {
		const struct vhost_user_region *region =
			&mem->region[i].as_sent;
		/* Wraps to a large number below the region: refused too. */
		uint64_t offset = user - region->user_addr;

		if (offset < region->size) {
			out->v = region->guest_addr + offset;
			return true;
		}
	}
	return false;
}

bool rps_vu_mem_patch(const struct vu_mem *mem, const void *addr)
{
	for (unsigned int i = 0; i < mem->num_regions; i++) {
		const struct vu_mem_region *region = &mem->region[i];
		/* Wraps to a large number below the mapping: refused too. */
		size_t offset = (uintptr_t)addr - (uintptr_t)region->map;
		uint8_t *page;

		if (offset >= region->map_bytes)
			continue;
		page = region->map +
		       offset / region->page_bytes * region->page_bytes;
		return mmap(page, region->page_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			    0) == page;
	}
	return false;
}
