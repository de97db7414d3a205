/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two nodes, a driver and a device, on one bus and without a scheduler: each
 * moves when it is told to.
 */
#ifndef TEST_NODE_PAIR_H
#define TEST_NODE_PAIR_H

#include <rps/node.h>

#include "fake_bus.h"

#define PAIR_EPTS  64u
#define PAIR_CHANS 4u

struct node_pair {
	struct fake_bus *bus;
	struct rps_node driver;
	struct rps_node device;
	struct rps_ept *ept_slot[2][PAIR_EPTS];
	struct rps_chan chan_slot[2][PAIR_CHANS];
};

/* What an endpoint has received. */
struct inbox {
	unsigned int count;
	uint32_t src; /* of the last one */
	uint16_t len_bytes;
	uint8_t first; /* byte of its payload */
	struct rps_msg msg;
	enum rps_rx_result result; /* what the callback is to return */
};

/* Return: two nodes that know nothing of each other yet. */
struct node_pair *pair_create(const struct bus_config *config);

/* Brings both up. */
void pair_connect(struct node_pair *pair);
void pair_destroy(struct node_pair *pair);

/* Polls both until neither has anything left to do. */
void pair_settle(struct node_pair *pair);

/* The callback of every endpoint; @priv is its inbox. */
enum rps_rx_result inbox_rx(struct rps_node *node, struct rps_ept *ept,
			    const struct rps_msg *msg, void *priv);

/* Makes an endpoint at @addr that receives into @inbox. */
void pair_open(struct rps_node *node, struct rps_ept *ept, uint32_t addr,
	       struct inbox *inbox);

#endif
