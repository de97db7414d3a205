/* SPDX-License-Identifier: BSD-3-Clause */
/* The name service of a node; for node.c alone. */
#ifndef RPS_NAME_SERVICE_H
#define RPS_NAME_SERVICE_H

#include <rps/node.h>

/* An announcement came in; malformed ones are ignored. */
void ns_receive(struct rps_node *node, const struct rps_msg *msg);

/* Send what had to wait, as far as buffers go. */
void ns_flush(struct rps_node *node);

/* Announce again what the peer should know. */
void ns_link_up(struct rps_node *node);

/* Channels do not outlive the link. */
void ns_link_down(struct rps_node *node);

#endif
