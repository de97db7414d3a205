/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second reading of descriptor chains, slow and simple, that shares nothing
 * with sim/vring/vdev.c.  Source: virtio-1.2 2.7.5, 2.7.5.3.
 */
#ifndef RPS_FUZZ_CHAIN_MODEL_H
#define RPS_FUZZ_CHAIN_MODEL_H

#include "link.h"

#define MODEL_SEGS_MAX RPS_CHAIN_SEGS_MAX

struct model_chain {
	unsigned int num_segs;
	struct link_desc seg[MODEL_SEGS_MAX];
	uint64_t len_bytes; /* of all segments */
	bool readable;      /* the device writes none of them */
	bool writable;      /* the device writes all of them */
};

/* Return: whether the chain at @head of the table at @desc is one that a
 * device may follow. */
bool model_walk(const struct fuzz_link *link, const uint8_t *desc, uint32_t num,
		uint16_t head, struct model_chain *out);

/* The first @len_bytes bytes of the chain. */
void model_read(const struct fuzz_link *link, const struct model_chain *chain,
		uint8_t *to, size_t len_bytes);

#endif
