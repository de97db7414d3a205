/* SPDX-License-Identifier: BSD-3-Clause */
/* Lookup of an endpoint, to be inlined into what runs for each message. */
#ifndef RPS_RPMSG_EPT_H
#define RPS_RPMSG_EPT_H

#include <rps/ept.h>

/* To be called once, before ept_near() is. */
void ept_init(struct rps_ept_table *table);

/* rps_ept_find() without a search: finds most where addresses lie near each
 * other, as they do, and never the name service's.  NULL says nothing. */
static inline struct rps_ept *ept_near(const struct rps_ept_table *table,
				       uint32_t addr)
{
	struct rps_ept *ept = table->near[addr % RPS_EPT_NEAR];

	return ept->addr == addr ? ept : NULL;
}

#endif
