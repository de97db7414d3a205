/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_RPMSG_PROBE_MSG_H
#define RPS_RPMSG_PROBE_MSG_H

#include <rps/rpmsg.h>

#include "../base/probe.h"

/* Tell observers which header lies, or is found, at a peer address. */
static inline void probe_header(const struct rps_mem *mem, enum rps_event event,
				struct gpa at, const struct rps_hdr *hdr)
{
	probe(mem, event, at.v, (uint64_t)hdr->src << 32 | hdr->dst,
	      (uint64_t)hdr->reserved << 32 | (uint32_t)hdr->len_bytes << 16 |
		      hdr->flags);
}

/* The same by the bytes that were written. */
static inline void probe_written(const struct rps_mem *mem,
				 enum rps_order order, struct gpa at,
				 const struct rpmsg_hdr *wire)
{
	struct rps_hdr hdr;

	if (__builtin_expect(mem->probe == NULL, 1))
		return;
	hdr = rps_hdr_unpack(order, wire);
	probe_header(mem, RPS_EVENT_header_write, at, &hdr);
}

#endif
