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

#endif
