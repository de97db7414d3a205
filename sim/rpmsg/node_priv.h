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

static inline bool node_has_chores(const struct rps_node *node)
{
	return !node->ready || node->polled || rps_node_announces_later(node);
}

/* For whoever changes what node_has_chores() asks for. */
static inline void node_note_chores(struct rps_node *node)
{
	node->corks &= ~RPS_NODE_CHORES;
	if (node_has_chores(node))
		node->corks |= RPS_NODE_CHORES;
}

static inline bool node_knows_chores(const struct rps_node *node)
{
	return node->corks & RPS_NODE_CHORES;
}

/* Whether what is sent is shown later. */
static inline bool node_is_corked(const struct rps_node *node)
{
	return node->corks & ~RPS_NODE_CHORES;
}

/* rps_node_poll() and rps_node_trysend() on any link, and without one. */
bool node_poll_any(struct rps_node *node);
int node_send_any(struct rps_node *node, uint32_t src, uint32_t dst,
		  const void *payload, size_t len_bytes);

/* Receive what is next, whatever it is, and give its buffer back.
 * Return: whether there was a message, or what was meant to be one. */
bool node_receive_next(struct rps_node *node);

/* Give back a buffer that is ours. */
void node_rx_done(struct rps_node *node, const struct rps_msg *msg);

/* The end of a poll: show, tell, and ask to be told.
 * Return: as rps_node_poll(). */
bool node_settle(struct rps_node *node);

/* Find out whose a message is.
 * Return: NULL where it was an announcement, which has been dealt with, or
 * nobody's; its buffer is to be given back. */
struct rps_ept *node_claim(struct rps_node *node, const struct rps_msg *msg);

/* Hand a message to whomever it may be for. */
enum rps_rx_result node_deliver(struct rps_node *node,
				const struct rps_msg *msg);

#endif
