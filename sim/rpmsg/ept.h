/* SPDX-License-Identifier: BSD-3-Clause */
/* Lookup of an endpoint, to be inlined into what runs for each message. */
#ifndef RPS_RPMSG_EPT_H
#define RPS_RPMSG_EPT_H

#include <rps/ept.h>

/* rps_ept_find(): one look where addresses lie near each other, as they do. */
static inline struct rps_ept *ept_find(const struct rps_ept_table *table,
				       uint32_t addr)
{
	struct rps_ept *ept = table->near[addr % RPS_EPT_NEAR];

	if (ept && ept->addr == addr)
		return ept;
	return rps_ept_find(table, addr);
}

#endif
