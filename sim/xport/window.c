/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/window.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rps/xport.h>

struct rps_window {
	uint8_t *bytes;
	size_t len_bytes;
	struct rps_mem mem;
};

/* A second mapping of what is mapped shared at @page already. */
static int show(uint8_t *at, void *page, size_t page_bytes)
{
	/* Of a size of nothing the old mapping stays as it is: mremap(2). */
	if (mremap(page, 0, page_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, at) ==
	    MAP_FAILED)
		return -errno;
	return 0;
}

static int fill(struct rps_window *window, const struct rps_mem *guest,
		const uint64_t *page, uint32_t page_bytes)
{
	size_t num_pages = window->len_bytes / page_bytes;

	for (size_t i = 0; i < num_pages; i++) {
		void *there =
			rps_mem_map(guest, (struct gpa){ page[i] }, page_bytes);
		int err;

		if (!there)
			return -EFAULT;
		err = show(window->bytes + i * page_bytes, there, page_bytes);
		if (err)
			return err;
	}
	return 0;
}

static struct rps_window *reserve(size_t len_bytes)
{
	struct rps_window *window = calloc(1, sizeof(*window));
	void *bytes;

	if (!window)
		return NULL;
	bytes = mmap(NULL, len_bytes, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bytes == MAP_FAILED) {
		free(window);
		return NULL;
	}
	window->bytes = bytes;
	window->len_bytes = len_bytes;
	return window;
}

struct rps_window *rps_window_create(const struct rps_xport *guest,
				     const uint64_t *page, uint32_t num_pages,
				     uint32_t page_bytes, int *error)
{
	uint32_t own_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
	struct rps_window *window;

	*error = -EINVAL;
	if (num_pages == 0 || page_bytes == 0 || page_bytes % own_bytes)
		return NULL;
	*error = -ENOMEM;
	window = reserve((size_t)num_pages * page_bytes);
	if (!window)
		return NULL;
	*error = fill(window, &guest->mem, page, page_bytes);
	if (*error) {
		rps_window_destroy(window);
		return NULL;
	}
	return window;
}

void rps_window_destroy(struct rps_window *window)
{
	if (!window)
		return;
	munmap(window->bytes, window->len_bytes);
	free(window);
}

uint8_t *rps_window_bytes(struct rps_window *window)
{
	return window->bytes;
}

struct rps_mem *rps_window_mem(struct rps_window *window)
{
	return &window->mem;
}

void rps_window_clear(struct rps_window *window)
{
	window->mem.num_regions = 0;
}

int rps_window_add(struct rps_window *window, uint64_t addr, uint64_t offset,
		   uint64_t len_bytes)
{
	if (offset > window->len_bytes ||
	    len_bytes > window->len_bytes - offset)
		return -EINVAL;
	return rps_mem_add(&window->mem, (struct gpa){ addr }, len_bytes,
			   window->bytes + offset);
}
