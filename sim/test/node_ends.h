/* SPDX-License-Identifier: BSD-3-Clause */
/* Two connected nodes, of which one sends to an endpoint of the other. */
#ifndef TEST_NODE_ENDS_H
#define TEST_NODE_ENDS_H

#include "node_pair.h"

/* Where the receiver listens. */
#define ENDS_ADDR 30u

struct ends {
	struct node_pair *pair;
	struct rps_node *from;
	struct rps_node *to;
	struct inbox inbox;
	struct rps_ept ept;
};

/* Connects them, and lets them come to rest; pair_destroy() ends it. */
void ends_connect(struct ends *ends, enum rps_role from,
		  const struct bus_config *config);

/* Return: notifications that one of them has raised so far, and those of its
 * messages alone. */
unsigned int ends_told(const struct ends *ends, const struct rps_node *node);
unsigned int ends_told_of_messages(const struct ends *ends,
				   const struct rps_node *node);

#endif
