/* SPDX-License-Identifier: BSD-3-Clause */
#include "linux_abi.h"

#include <stddef.h>

#include <linux/rpmsg.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
/* Kernel style: signs and sizes are mixed without a word. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#include <linux/virtio_ring.h>
#pragma GCC diagnostic pop

const uint64_t linux_number[] = {
#define NUMBER(ours, theirs) theirs,
#include "linux_abi.def"
#undef NUMBER
};

const unsigned int num_linux_numbers =
	sizeof(linux_number) / sizeof(linux_number[0]);

static uint64_t offset_of(const void *at, const void *base)
{
	return (uint64_t)((uintptr_t)at - (uintptr_t)base);
}

void linux_layout(uint32_t num, uint32_t align, struct linux_layout *out)
{
	/* Pointers are computed and not followed; any aligned one will do. */
	void *base = (void *)(uintptr_t)0x10000000;
	struct vring ring;

	vring_init(&ring, num, base, align);
	out->avail = offset_of(ring.avail, base);
	out->used_event = offset_of(&vring_used_event(&ring), base);
	out->used = offset_of(ring.used, base);
	out->avail_event = offset_of(&vring_avail_event(&ring), base);
	out->size = vring_size(num, align);
}

bool linux_need_event(uint16_t event, uint16_t new_idx, uint16_t old_idx)
{
	return vring_need_event(event, new_idx, old_idx);
}
