/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layer 5: endpoints and their addresses.
 * Source: Linux drivers/rpmsg/virtio_rpmsg_bus.c __rpmsg_create_ept (de-facto).
 */
#ifndef RPS_EPT_H
#define RPS_EPT_H

#include <rps/msg.h>

struct rps_node;
struct rps_ept;

enum rps_rx_result {
	RPS_RX_DONE, /* the buffer may go back */
	RPS_RX_HOLD, /* kept until rps_node_release() */
};

/**
 * rps_rx_fn - called with each message to an endpoint.
 *
 * May send, create and destroy endpoints, this one included; may not poll.
 */
typedef enum rps_rx_result (*rps_rx_fn)(struct rps_node *node,
					struct rps_ept *ept,
					const struct rps_msg *msg, void *priv);

/* Caller's storage, from creation to destruction. */
struct rps_ept {
	uint32_t addr;
	uint32_t dst; /* default destination; RPMSG_ADDR_ANY for none */
	char name[RPMSG_NAME_SIZE];
	rps_rx_fn rx;
	void *priv;
	bool announced;
};

/* As many neighbouring addresses are found without a search. */
#define RPS_EPT_NEAR 64u

/* Live endpoints, sorted by address; zeroed before it is used.  @near is for
 * nodes. */
struct rps_ept_table {
	struct rps_ept **slot; /* @capacity entries, caller's storage */
	unsigned int capacity;
	unsigned int count;
	/* By the low bits of the address: the last one added, or one that is
	 * called otherwise. */
	struct rps_ept *near[RPS_EPT_NEAR];
};

/**
 * rps_ept_add() - give an endpoint its address.
 * @table: live endpoints of one node.
 * @ept:   to be added; its @addr is the wanted address, or RPMSG_ADDR_ANY for
 *         the lowest free one from 1024 on. Set to the address it got.
 *
 * Return: 0; -EADDRINUSE where somebody has the wanted address, who is left in
 * peace; -ENOSPC where the table is full or no address is left.
 */
RPS_API RPS_CHECKED int rps_ept_add(struct rps_ept_table *table,
				    struct rps_ept *ept);

/* Return: 0, or -ENOENT where it is not in the table. */
RPS_API int rps_ept_remove(struct rps_ept_table *table,
			   const struct rps_ept *ept);

/* Return: the live endpoint with that address, or NULL. */
RPS_API struct rps_ept *rps_ept_find(const struct rps_ept_table *table,
				     uint32_t addr);

#endif
