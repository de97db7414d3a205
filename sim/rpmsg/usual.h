/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_RPMSG_USUAL_H
#define RPS_RPMSG_USUAL_H

#include <rps/node.h>

/*
 * From now on a node polls and sends the short way: its link is up, in the
 * processor's byte order, and nobody observes it.
 */
void usual_path(struct rps_node *node);

/* On such a link: rps_node_send_batch() as far as it goes, within a batch, the
 * addresses being good.
 * Return: how many were staged. */
unsigned int usual_send(struct rps_node *node, uint32_t src, uint32_t dst,
			const struct rps_out *out, unsigned int count);

/* rps_node_receive() as far as it goes.
 * Return: how many there are. */
unsigned int usual_receive(struct rps_node *node, struct rps_in *in,
			   unsigned int count);

/* What rps_node_done() does with the buffers. */
void usual_done(struct rps_node *node, const struct rps_in *in,
		unsigned int count);

/* node_settle(). */
bool usual_settle(struct rps_node *node);

/* rps_node_get() and rps_node_send_room().
 * Return: whether it was done; else nothing has changed. */
bool usual_get(struct rps_node *node, struct rps_room *room);
bool usual_send_room(struct rps_node *node, const struct rps_room *room,
		     const struct rps_hdr *hdr);

#endif
