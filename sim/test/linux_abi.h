/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on rings: what the headers of the system's Linux say.  They
 * and ours give the same names to different types, so that one file sees
 * either these or those.
 */
#ifndef TEST_LINUX_ABI_H
#define TEST_LINUX_ABI_H

#include <stdbool.h>
#include <stdint.h>

/* Offsets from the first descriptor, in bytes. */
struct linux_layout {
	uint64_t avail;
	uint64_t used_event;
	uint64_t used;
	uint64_t avail_event;
	uint64_t size; /* vring_size() */
};

void linux_layout(uint32_t num, uint32_t align, struct linux_layout *out);
bool linux_need_event(uint16_t event, uint16_t new_idx, uint16_t old_idx);

/* The column of theirs in linux_abi.def, row by row. */
extern const uint64_t linux_number[];
extern const unsigned int num_linux_numbers;

#endif
