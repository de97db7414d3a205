/* SPDX-License-Identifier: BSD-3-Clause */
#include "node_pair.h"

#include <stdlib.h>

#include "suite_main.h"

#define POLLS_MAX 10000u

struct node_pair *pair_create(const struct bus_config *config)
{
	struct node_pair *pair = calloc(1, sizeof(*pair));
	struct rps_node *node[2];

	ck_assert_ptr_nonnull(pair);
	pair->bus = bus_create(config);
	node[RPS_ROLE_DRIVER] = &pair->driver;
	node[RPS_ROLE_DEVICE] = &pair->device;
	for (unsigned int role = 0; role < 2; role++) {
		struct rps_node_params params = {
			.role = (enum rps_role)role,
			.ept_slots = pair->ept_slot[role],
			.num_ept_slots = PAIR_EPTS,
			.chan_slots = pair->chan_slot[role],
			.num_chan_slots = PAIR_CHANS,
		};

		rps_node_init(node[role], &params);
	}
	return pair;
}

void pair_connect(struct node_pair *pair)
{
	ck_assert_int_eq(rps_node_probe(&pair->driver, &pair->bus->mem,
					&fake_bus_ops, pair->bus,
					&pair->bus->params),
			 0);
	ck_assert_int_eq(rps_node_start(&pair->device, &pair->bus->xport), 0);
}

void pair_destroy(struct node_pair *pair)
{
	free(pair->bus);
	free(pair);
}

void pair_settle(struct node_pair *pair)
{
	unsigned int quiet = 0;

	for (unsigned int i = 0; quiet < 2; i++) {
		bool more =
			rps_node_poll(i % 2 ? &pair->device : &pair->driver);

		quiet = more ? 0 : quiet + 1;
		ck_assert_uint_lt(i, POLLS_MAX);
	}
}

enum rps_rx_result inbox_rx(struct rps_node *node, struct rps_ept *ept,
			    const struct rps_msg *msg, void *priv)
{
	struct inbox *inbox = priv;

	(void)node;
	(void)ept;
	inbox->count++;
	inbox->src = msg->hdr.src;
	inbox->len_bytes = msg->hdr.len_bytes;
	inbox->first = msg->hdr.len_bytes ? msg->payload[0] : 0;
	inbox->msg = *msg;
	return inbox->result;
}

void pair_open(struct rps_node *node, struct rps_ept *ept, uint32_t addr,
	       struct inbox *inbox)
{
	*ept = (struct rps_ept){
		.addr = addr,
		.dst = RPMSG_ADDR_ANY,
		.rx = inbox_rx,
		.priv = inbox,
	};
	ck_assert_int_eq(rps_node_create_ept(node, ept), 0);
}
