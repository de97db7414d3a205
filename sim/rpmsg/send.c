/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/node.h>

#include <errno.h>

#include "../base/mutant.h"
#include "../base/probe.h"

int rps_node_trysend(struct rps_node *node, uint32_t src, uint32_t dst,
		     const void *payload, size_t len_bytes)
{
	struct rps_hdr hdr = { .src = src, .dst = dst };
	int err;

	if (src == RPMSG_ADDR_ANY || dst == RPMSG_ADDR_ANY)
		return -EINVAL;
	if (!node->ready)
		return -ENOTCONN;
	if (len_bytes > UINT16_MAX)
		return -EMSGSIZE;
	if (mutated(node->mem, MUTANT_canary))
		return -EIO;

	hdr.len_bytes = (uint16_t)len_bytes;
	if (mutated(node->mem, MUTANT_hdr_src_dst_swapped)) {
		hdr.src = dst;
		hdr.dst = src;
	}
	if (mutated(node->mem, MUTANT_hdr_flags_set))
		hdr.flags = 1;
	if (node->role == RPS_ROLE_DRIVER)
		err = rps_drv_send(&node->drv, &hdr, payload);
	else
		err = rps_dev_send(&node->dev, &hdr, payload);
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
	if (send->node->role == RPS_ROLE_DRIVER)
		rps_drv_tx_wait_begin(&send->node->drv);
}

static void wait_end(struct rps_send *send)
{
	send->waiting = false;
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
