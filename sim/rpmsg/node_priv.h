/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of a node share. */
#ifndef RPS_NODE_PRIV_H
#define RPS_NODE_PRIV_H

#include <rps/node.h>

#include "../base/mutant.h"

/* A node that was never connected has no memory, and so no mutant. */
static inline bool node_mutated(const struct rps_node *node,
				enum rps_mutant mutant)
{
	return node->mem && mutated(node->mem, mutant);
}

/* Where the name service listens. */
static inline uint32_t ns_addr(const struct rps_node *node)
{
	return node_mutated(node, MUTANT_ns_on_35) ? 35 : RPMSG_NS_ADDR;
}

/* Show the peer what was staged, and tell it. */
void node_flush(struct rps_node *node);

#endif
