/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptor chains of a hostile driver, direct and indirect: our device end
 * takes each head, and a second reading says what it should have found.
 *
 * Input: the link's mode, then descriptors (which table, which entry, address,
 * length, flags, next).
 */
#include <string.h>

#include "chain_model.h"

#define DESCS_MAX 64u

static void put_descs(struct fuzz_link *link, struct fuzz_input *in)
{
	const unsigned int spare = LINK_SPARE_BYTES / 16;

	for (unsigned int i = 0; i < DESCS_MAX && in->left_bytes > 0; i++) {
		uint8_t where = fuzz_u8(in);
		uint8_t *at = where & 0x80 ? link->part[PART_SPARE].bytes +
						     16 * (where % spare)
					   : link->part[RPS_QUEUE_TX].bytes +
						     16 * (where % link->num);
		struct link_desc desc = { .addr = link_take_addr(link, in) };

		desc.len_bytes = fuzz_u16(in);
		desc.flags = fuzz_u8(in);
		desc.next = fuzz_u8(in);
		link_put_desc(link, at, &desc);
	}
}

static void same(const struct fuzz_link *link, const struct vchain *chain,
		 const struct model_chain *model)
{
	fuzz_require(chain->num_segs == model->num_segs);
	for (unsigned int i = 0; i < model->num_segs; i++) {
		const struct vseg *seg = &chain->seg[i];
		const struct link_desc *desc = &model->seg[i];

		fuzz_require(seg->addr.v == desc->addr.v &&
			     seg->len_bytes == desc->len_bytes &&
			     seg->device_writes == ((desc->flags & 2) != 0));
		fuzz_require(seg->host ==
			     link_at(link, desc->addr, desc->len_bytes));
	}
}

static void take(struct fuzz_link *link, struct vdev *vq, uint16_t head)
{
	struct vring *ring = &vq->ring;
	uint16_t idx = (uint16_t)link_get(link, &ring->avail->idx, 2);
	struct model_chain model;
	struct vchain chain;
	int err;

	link_put(link, &ring->avail->ring[idx % ring->num], 2, head);
	link_put(link, &ring->avail->idx, 2, (uint16_t)(idx + 1));
	err = rps_vdev_take(vq, &chain);
	/* It may have told the driver how far it is. */
	link_remember(link);
	fuzz_require(chain.head == head);
	fuzz_require((err == 0) == model_walk(link, (const uint8_t *)ring->desc,
					      ring->num, head, &model));
	if (err)
		fuzz_require(chain.num_segs == 0);
	else
		same(link, &chain, &model);
	rps_vdev_complete(vq, head, 0);
	link_may_change(link, ring->used,
			sizeof(*ring->used) +
				ring->num * sizeof(ring->used->ring[0]));
	link_require_unchanged(link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	static struct fuzz_link link;
	struct fuzz_input in = { data, len_bytes };
	struct vdev_params params;
	struct vdev vq;

	link_open(&link, fuzz_u8(&in), NULL);
	params = (struct vdev_params){
		.num = link.num,
		.event_idx = link.mode & LINK_EVENT_IDX,
		.indirect = link.mode & LINK_INDIRECT,
	};
	fuzz_require(rps_vdev_init(&vq, &link.xport.mem,
				   link.params.ring[RPS_QUEUE_TX],
				   &params) == 0);
	put_descs(&link, &in);
	for (uint16_t head = 0; head < link.num; head++)
		take(&link, &vq, head);
	link_heals(&link);
	link_close(&link);
	return 0;
}
