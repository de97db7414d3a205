/* SPDX-License-Identifier: BSD-3-Clause */
#include "../base/mark.h"
#include "dev_path.h"
#include "drv_path.h"
#include "node_priv.h"
#include "usual.h"

#include <errno.h>

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

static int check(const struct rps_node *node, uint32_t src, uint32_t dst,
		 size_t len_bytes)
{
	if ((src == RPMSG_ADDR_ANY || dst == RPMSG_ADDR_ANY) &&
	    !node_mutated(node, MUTANT_any_is_sent))
		return -EINVAL;
	if (!node->ready)
		return -ENOTCONN;
	if (len_bytes > UINT16_MAX && !mutated(node->mem, MUTANT_len_cut))
		return -EMSGSIZE;
	if (mutated(node->mem, MUTANT_canary))
		return -EIO;
	return 0;
}

static struct rps_hdr hdr_of(const struct rps_node *node, uint32_t src,
			     uint32_t dst, size_t len_bytes)
{
	struct rps_hdr hdr = {
		.src = src,
		.dst = dst,
		.len_bytes = (uint16_t)len_bytes,
	};

	spoil(node, &hdr);
	return hdr;
}

/* In a batch, but the peer has to give something back before it goes on. */
static bool is_starved(const struct rps_node *node, int err)
{
	return err == -ENOMEM && node_is_corked(node);
}

static int send_any(struct rps_node *node, const struct rps_hdr *hdr,
		    const void *payload)
{
	if (node->role == RPS_ROLE_DRIVER)
		return node_is_corked(node)
			       ? rps_drv_stage(&node->drv, hdr, payload)
			       : rps_drv_send(&node->drv, hdr, payload);
	return node_is_corked(node) ? rps_dev_stage(&node->dev, hdr, payload)
				    : rps_dev_send(&node->dev, hdr, payload);
}

/* A deliberate error: one message in two buffers. */
static int send_halves(struct rps_node *node, struct rps_hdr hdr,
		       const uint8_t *payload)
{
	uint16_t second = hdr.len_bytes / 2;
	int err;

	hdr.len_bytes -= second;
	err = send_any(node, &hdr, payload);
	if (err)
		return err;
	payload += hdr.len_bytes;
	hdr.len_bytes = second;
	return send_any(node, &hdr, payload);
}

static int send_observed(struct rps_node *node, uint32_t src, uint32_t dst,
			 const void *payload, size_t len_bytes)
{
	struct rps_hdr hdr = hdr_of(node, src, dst, len_bytes);
	int err;

	if (mutated(node->mem, MUTANT_long_message_split) && len_bytes > 12)
		err = send_halves(node, hdr, payload);
	else
		err = send_any(node, &hdr, payload);
	if (err == -EMSGSIZE && mutated(node->mem, MUTANT_too_long_cut)) {
		hdr.len_bytes = 496;
		err = send_any(node, &hdr, payload);
	}
	if (err == -ENOMEM && mutated(node->mem, MUTANT_full_is_broken))
		return -EPIPE;
	if (!err)
		probe(node->mem, RPS_EVENT_message_send, src, dst, len_bytes);
	return err;
}

int node_send_any(struct rps_node *node, uint32_t src, uint32_t dst,
		  const void *payload, size_t len_bytes)
{
	int err = check(node, src, dst, len_bytes);

	if (err)
		return err;
	err = send_observed(node, src, dst, payload, len_bytes);
	if (is_starved(node, err))
		node_flush(node);
	return err;
}

int rps_node_trysend(struct rps_node *node, uint32_t src, uint32_t dst,
		     const void *payload, size_t len_bytes)
{
	return node->trysend(node, src, dst, payload, len_bytes);
}

void rps_node_cork(struct rps_node *node)
{
	node->corks++;
}

void rps_node_uncork(struct rps_node *node)
{
	rps_assert(node_is_corked(node));
	node->corks--;
	if (!node_is_corked(node) && node->ready)
		node_flush(node);
}

/* Return: how many of them were staged. */
static unsigned int stage_batch(struct rps_node *node, uint32_t src,
				uint32_t dst, const struct rps_out *out,
				unsigned int count, int *err)
{
	unsigned int n = 0;

	while (n < count) {
		if (node->usual)
			n += usual_send(node, src, dst, &out[n], count - n);
		if (n == count)
			break;
		/* Whatever is unusual about this one. */
		*err = node_send_any(node, src, dst, out[n].payload,
				     out[n].len_bytes);
		if (*err)
			break;
		n++;
	}
	return n;
}

int rps_node_send_batch(struct rps_node *node, uint32_t src, uint32_t dst,
			const struct rps_out *out, unsigned int count)
{
	unsigned int n;
	int err = check(node, src, dst, 0);

	if (err)
		return err;
	rps_node_cork(node);
	n = stage_batch(node, src, dst, out, count, &err);
	rps_node_uncork(node);
	return n > 0 ? (int)n : err;
}

int rps_node_get(struct rps_node *node, struct rps_room *room)
{
	int err;

	if (!node->ready)
		return -ENOTCONN;
	if (node->usual && usual_get(node, room))
		return 0;
	if (node->role == RPS_ROLE_DRIVER)
		err = rps_drv_get(&node->drv, room);
	else
		err = rps_dev_get(&node->dev, room);
	if (is_starved(node, err))
		node_flush(node);
	return err;
}

void rps_node_unget(struct rps_node *node, const struct rps_room *room)
{
	if (!node->ready)
		return;
	mark(node->mem, MARK_buffer_unsent);
	if (mutated(node->mem, MUTANT_unsent_buffer_lost))
		return;
	if (node->role == RPS_ROLE_DRIVER)
		rps_drv_unget(&node->drv, room);
	else
		rps_dev_unget(&node->dev, room);
}

int rps_node_send_room(struct rps_node *node, const struct rps_room *room,
		       uint32_t src, uint32_t dst, size_t len_bytes)
{
	struct rps_hdr hdr;
	int err = check(node, src, dst, len_bytes);

	if (err)
		return err;
	hdr = hdr_of(node, src, dst, len_bytes);
	if (node->usual && usual_send_room(node, room, &hdr))
		return 0;
	if (node->role == RPS_ROLE_DRIVER)
		err = rps_drv_stage_room(&node->drv, room, &hdr);
	else
		err = rps_dev_stage_room(&node->dev, room, &hdr);
	if (err)
		return err;
	if (!node_is_corked(node))
		node_flush(node);
	probe(node->mem, RPS_EVENT_message_send, src, dst, len_bytes);
	return 0;
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
	if (mutated(send->node->mem, MUTANT_send_waits_not))
		return -ETIMEDOUT;

	/* Ask to be told, then look again: one may have come in between. */
	wait_begin(send);
	return rps_send_poll(send, now_ns);
}

int rps_send_poll(struct rps_send *send, uint64_t now_ns)
{
	int err = mutated(send->node->mem, MUTANT_waiter_forgotten)
			  ? -EAGAIN
			  : attempt(send);

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
