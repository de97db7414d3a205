/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layer 5: channels, the bindings that the name service makes.
 * Source: Linux drivers/rpmsg/rpmsg_ns.c, rpmsg_core.c (de-facto).
 */
#ifndef RPS_CHAN_H
#define RPS_CHAN_H

#include <rps/ept.h>

/* One channel; the endpoint lives in it while a service is bound. */
struct rps_chan {
	char name[RPMSG_NAME_SIZE];
	uint32_t src; /* local address wanted; RPMSG_ADDR_ANY as a rule */
	uint32_t dst; /* the peer's service */
	struct rps_ept ept;
	bool live;
	bool bound; /* @ept is in use */
};

struct rps_chan_table {
	struct rps_chan *slot; /* @capacity entries, zeroed, caller's storage */
	unsigned int capacity;
	unsigned int count; /* live ones */
};

/**
 * rps_chan_find() - by name, and both addresses.
 *
 * Return: the live channel, or NULL.
 */
RPS_API struct rps_chan *rps_chan_find(const struct rps_chan_table *table,
				       const char *name, uint32_t src,
				       uint32_t dst);

/* Return: a live, unbound channel, or NULL where the table is full. */
RPS_API struct rps_chan *rps_chan_add(struct rps_chan_table *table,
				      const char *name, uint32_t src,
				      uint32_t dst);

RPS_API void rps_chan_remove(struct rps_chan_table *table,
			     struct rps_chan *chan);

#endif
