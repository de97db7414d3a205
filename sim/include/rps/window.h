/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of a program in a guest, as one piece: its pages lie anywhere in the
 * guest's memory, and side by side in the program's address space and here.
 */
#ifndef RPS_WINDOW_H
#define RPS_WINDOW_H

#include <rps/api.h>

struct rps_mem;
struct rps_window;
struct rps_xport;

/**
 * rps_window_create() - see a program's pages side by side.
 * @guest:      its guest, which must be connected; what is seen stays seen
 *              when it no longer is.
 * @page:       address of each page in the guest's memory.
 * @num_pages:  1 and more.
 * @page_bytes: of the guest; a multiple of our own.
 * @error:      -errno where NULL is returned: -EINVAL for none or odd pages,
 *              -EFAULT for one outside the guest's memory, -ENOMEM.
 *
 * Return: the window, to be given back to rps_window_destroy(); or NULL.
 */
RPS_API struct rps_window *rps_window_create(const struct rps_xport *guest,
					     const uint64_t *page,
					     uint32_t num_pages,
					     uint32_t page_bytes, int *error);

/* Takes NULL. */
RPS_API void rps_window_destroy(struct rps_window *window);

/* Return: the first byte. */
RPS_API uint8_t *rps_window_bytes(struct rps_window *window);

/* Return: what a driver shares with its device; nothing until parts of the
 * window are added. */
RPS_API struct rps_mem *rps_window_mem(struct rps_window *window);

/* Parts of the window have no driver addresses any more. */
RPS_API void rps_window_clear(struct rps_window *window);

/**
 * rps_window_add() - give a part of the window driver addresses.
 * @addr:   of its first byte.
 * @offset: where it begins in the window.
 *
 * Return: 0; -EINVAL where it is not in the window; as rps_mem_add().
 */
RPS_API int rps_window_add(struct rps_window *window, uint64_t addr,
			   uint64_t offset, uint64_t len_bytes);

#endif
