/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/node.h>

#include <errno.h>

#include "../base/probe.h"
#include "node_priv.h"

/* Deliberate errors in the header of what is sent. */
static void spoil(const struct rps_node *node, struct rps_hdr *hdr)
{
	if (mutated(node->mem, MUTANT_hdr_src_dst_swapped)) {
		uint32_t src = hdr->src;

		hdr->src = hdr->dst;
		hdr->dst = src;
	}
	if (mutated(node->mem, MUTANT_hdr_flags_set))
		hdr->flags = 1;
	if (mutated(node->mem, MUTANT_hdr_reserved_set))
		hdr->reserved = 1;
	if (mutated(node->mem, MUTANT_src_replaced) &&
	    !rps_ept_find(&node->epts, hdr->src))
		hdr->src = RPMSG_RESERVED_ADDRESSES;
}

static int send(struct rps_node *node, const struct rps_hdr *hdr,
		const void *payload)
{
	if (mutated(node->mem, MUTANT_canary))
		return -EIO;
	if (node->role == RPS_ROLE_DRIVER)
		return rps_drv_send(&node->drv, hdr, payload);
	return rps_dev_send(&node->dev, hdr, payload);
}

/* A deliberate error: one message in two buffers. */
static int send_halves(struct rps_node *node, struct rps_hdr hdr,
		       const uint8_t *payload)
{
	uint16_t second = hdr.len_bytes / 2;
	int err;

	hdr.len_bytes -= second;
	err = send(node, &hdr, payload);
	if (err)
		return err;
	payload += hdr.len_bytes;
	hdr.len_bytes = second;
	return send(node, &hdr, payload);
}

int rps_node_trysend(struct rps_node *node, uint32_t src, uint32_t dst,
		     const void *payload, size_t len_bytes)
{
	struct rps_hdr hdr = { .src = src, .dst = dst };
	int err;

	if ((src == RPMSG_ADDR_ANY || dst == RPMSG_ADDR_ANY) &&
	    !node_mutated(node, MUTANT_any_is_sent))
		return -EINVAL;
	if (!node->ready)
		return -ENOTCONN;
	if (len_bytes > UINT16_MAX && !mutated(node->mem, MUTANT_len_cut))
		return -EMSGSIZE;

	hdr.len_bytes = (uint16_t)len_bytes;
	spoil(node, &hdr);
	if (mutated(node->mem, MUTANT_long_message_split) && len_bytes > 12)
		err = send_halves(node, hdr, payload);
	else
		err = send(node, &hdr, payload);
	if (err == -EMSGSIZE && mutated(node->mem, MUTANT_too_long_cut)) {
		hdr.len_bytes = 496;
		err = send(node, &hdr, payload);
	}
	if (err == -ENOMEM && mutated(node->mem, MUTANT_full_is_broken))
		return -EPIPE;
	if (!err)
		probe(node->mem, RPS_EVENT_message_send, src, dst, len_bytes);
	return err;
}

int rps_node_flow_control(struct rps_node *node, const struct rps_ept *ept,
			  bool pause)
{
	if (mutated(node->mem, MUTANT_flow_control_sent))
		return rps_node_trysend(node, ept->addr, 54, &pause, 1);
	return -EOPNOTSUPP;
}

static int attempt(struct rps_send *send)
{
	int err = rps_node_trysend(send->node, send->src, send->dst,
				   send->payload, send->len_bytes);

	return err == -ENOMEM ? -EAGAIN : err;
}

/* Only a driver hears of returned buffers by request; a device is kicked. */
static void wait_begin(struct rps_send *send)
{
	send->waiting = true;
	send->node->num_waiting++;
	if (send->node->role == RPS_ROLE_DRIVER)
		rps_drv_tx_wait_begin(&send->node->drv);
}

static void wait_end(struct rps_send *send)
{
	send->waiting = false;
	send->node->num_waiting--;
	if (send->node->role == RPS_ROLE_DRIVER)
		rps_drv_tx_wait_end(&send->node->drv);
}

int rps_send_begin(struct rps_send *send, uint64_t now_ns)
{
	int err;

	send->waiting = false;
	send->deadline_ns = now_ns + RPS_SEND_TIMEOUT_NS;
	err = attempt(send);
	if (err != -EAGAIN)
		return err;

	/* Ask to be told, then look again: one may have come in between. */
	wait_begin(send);
	return rps_send_poll(send, now_ns);
}

int rps_send_poll(struct rps_send *send, uint64_t now_ns)
{
	int err = attempt(send);

	if (err == -EAGAIN && now_ns >= send->deadline_ns &&
	    !mutated(send->node->mem, MUTANT_send_waits_for_ever))
		err = -ETIMEDOUT;
	if (err != -EAGAIN)
		wait_end(send);
	return err;
}

void rps_send_cancel(struct rps_send *send)
{
	if (send->waiting)
		wait_end(send);
}
