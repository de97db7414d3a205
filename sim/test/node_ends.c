/* SPDX-License-Identifier: BSD-3-Clause */
#include "node_ends.h"

void ends_connect(struct ends *ends, enum rps_role from,
		  const struct bus_config *config)
{
	struct node_pair *pair = pair_create(config);

	*ends = (struct ends){ .pair = pair };
	ends->from = from == RPS_ROLE_DRIVER ? &pair->driver : &pair->device;
	ends->to = from == RPS_ROLE_DRIVER ? &pair->device : &pair->driver;
	pair_connect(pair);
	pair_open(ends->to, &ends->ept, ENDS_ADDR, &ends->inbox);
	pair_settle(pair);
}

/* Kicks by the driver, interrupts by the device. */
static const unsigned int *told(const struct ends *ends,
				const struct rps_node *node)
{
	const struct fake_bus *bus = ends->pair->bus;

	return node->role == RPS_ROLE_DRIVER ? bus->kicks : bus->irqs;
}

unsigned int ends_told(const struct ends *ends, const struct rps_node *node)
{
	return told(ends, node)[RPS_QUEUE_RX] + told(ends, node)[RPS_QUEUE_TX];
}

unsigned int ends_told_of_messages(const struct ends *ends,
				   const struct rps_node *node)
{
	return told(ends, node)[node->role == RPS_ROLE_DRIVER ? RPS_QUEUE_TX
							      : RPS_QUEUE_RX];
}
