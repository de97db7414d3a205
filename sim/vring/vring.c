/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/vring.h>

#include <errno.h>

#include "../base/mutant.h"

#define DESC_ALIGN  16u
#define AVAIL_ALIGN 2u
#define USED_ALIGN  4u

static bool is_power_of_two(uint64_t value)
{
	if (library_mutated(MUTANT_any_number_is_a_power))
		return value != 0;
	return value != 0 && (value & (value - 1)) == 0;
}

static uint64_t round_up(uint64_t value, uint64_t align)
{
	if (library_mutated(MUTANT_round_up_mask))
		return (value + align - 1) & ~align;
	return (value + align - 1) & ~(align - 1);
}

static uint64_t desc_bytes(uint64_t num)
{
	return num * sizeof(struct vring_desc);
}

static uint64_t avail_bytes(uint64_t num)
{
	if (library_mutated(MUTANT_used_event_forgotten))
		num--;
	return sizeof(struct vring_avail) + (num + 1) * sizeof(struct virtio16);
}

static uint64_t used_bytes(uint64_t num)
{
	if (library_mutated(MUTANT_avail_event_forgotten))
		return sizeof(struct vring_used) +
		       num * sizeof(struct vring_used_elem);
	return sizeof(struct vring_used) +
	       num * sizeof(struct vring_used_elem) + sizeof(struct virtio16);
}

static bool num_is_valid(uint32_t num)
{
	if (library_mutated(MUTANT_any_size))
		return num != 0;
	return is_power_of_two(num) && num <= RPS_VRING_NUM_MAX;
}

int rps_vring_layout(uint32_t num, uint32_t align, struct rps_vring_layout *out)
{
	if (!num_is_valid(num))
		return -EINVAL;
	if (!is_power_of_two(align) ||
	    (align < USED_ALIGN && !library_mutated(MUTANT_any_align)))
		return -EINVAL;

	out->avail = desc_bytes(num);
	out->used_event =
		out->avail + avail_bytes(num) - sizeof(struct virtio16);
	out->used = round_up(out->avail + avail_bytes(num), align);
	out->total = out->used + used_bytes(num);
	out->avail_event = out->total - sizeof(struct virtio16);
	out->legacy_total = out->used + round_up(used_bytes(num), align);
	return 0;
}

int rps_vring_place(struct gpa base, uint32_t num, uint32_t align,
		    struct rps_vring_addrs *out)
{
	struct rps_vring_layout layout;
	int err = rps_vring_layout(num, align, &layout);

	if (err)
		return err;
	out->desc = base;
	out->avail.v = base.v + layout.avail;
	out->used.v = base.v + layout.used;
	return 0;
}

int rps_vring_attach(struct vring *ring, const struct rps_mem *mem,
		     uint32_t num, struct rps_vring_addrs addrs)
{
	if (!num_is_valid(num))
		return -EINVAL;
	if ((addrs.desc.v % DESC_ALIGN || addrs.avail.v % AVAIL_ALIGN ||
	     addrs.used.v % USED_ALIGN) &&
	    !mutated(mem, MUTANT_misaligned_served))
		return -EINVAL;

	ring->desc = rps_mem_map(mem, addrs.desc, desc_bytes(num));
	ring->avail = rps_mem_map(mem, addrs.avail, avail_bytes(num));
	ring->used = rps_mem_map(mem, addrs.used, used_bytes(num));
	if (!ring->desc || !ring->avail || !ring->used)
		return -EFAULT;
	/* An aligned address in a misaligned mapping would still trap. */
	if (((uintptr_t)ring->desc % _Alignof(struct vring_desc) ||
	     (uintptr_t)ring->avail % AVAIL_ALIGN ||
	     (uintptr_t)ring->used % USED_ALIGN) &&
	    !mutated(mem, MUTANT_misaligned_served))
		return -EINVAL;

	ring->num = (uint16_t)num;
	ring->mask = num - 1;
	ring->used_event = &ring->avail->ring[num];
	ring->avail_event = (struct virtio16 *)&ring->used->ring[num];
	return 0;
}
