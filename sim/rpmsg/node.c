/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/node.h>

#include <errno.h>
#include <string.h>

#include "../base/mark.h"
#include "dev_path.h"
#include "drv_path.h"
#include "ept.h"
#include "name_service.h"
#include "node_priv.h"
#include "usual.h"

static void choose_path(struct rps_node *node);

/* What the roles do differently. */
static int rx_next(struct rps_node *node, struct rps_msg *msg)
{
	int err = node->role == RPS_ROLE_DRIVER ? rps_drv_rx(&node->drv, msg)
						: rps_dev_rx(&node->dev, msg);

	if (err == -EPROTO)
		choose_path(node);
	return err;
}

void node_rx_done(struct rps_node *node, const struct rps_msg *msg)
{
	if (node->role == RPS_ROLE_DRIVER)
		rps_drv_rx_done(&node->drv, msg);
	else
		rps_dev_rx_done(&node->dev, msg);
}

void node_flush(struct rps_node *node)
{
	if (node->role == RPS_ROLE_DRIVER)
		rps_drv_flush(&node->drv);
	else
		rps_dev_flush(&node->dev);
}

bool node_settle(struct rps_node *node)
{
	if (node->role == RPS_ROLE_DRIVER)
		return rps_drv_settle(&node->drv);
	return rps_dev_settle(&node->dev);
}

/* Whether more is known to have come in, without a look at the ring: never more
 * than the ring is long. */
static bool rx_knows_more(const struct rps_node *node)
{
	if (node->role == RPS_ROLE_DRIVER)
		return vdrv_knows_more(&node->drv.rx);
	return vdev_knows_more(&node->dev.rx);
}

/* Why a message is dropped; the numbers appear in traces. */
enum drop {
	DROP_NO_ENDPOINT = 32,
};

static void learn_dst(const struct rps_node *node, struct rps_ept *ept,
		      uint32_t src)
{
	if (mutated(node->mem, MUTANT_dst_follows_sender))
		ept->dst = src;
	if (node->learn_dst && ept->dst == RPMSG_ADDR_ANY)
		ept->dst = src;
}

static struct rps_ept *drop(struct rps_node *node, const struct rps_msg *msg)
{
	node->num_dropped++;
	probe(node->mem, RPS_EVENT_message_drop, DROP_NO_ENDPOINT, msg->hdr.src,
	      msg->hdr.dst);
	if (mutated(node->mem, MUTANT_nobody_is_fatal)) {
		node->ready = false;
		node_note_chores(node);
	}
	return NULL;
}

struct rps_ept *node_claim(struct rps_node *node, const struct rps_msg *msg)
{
	struct rps_ept *ept;

	if (msg->hdr.dst == ns_addr(node) &&
	    (node->ns || mutated(node->mem, MUTANT_ns_always_on))) {
		ns_receive(node, msg);
		return NULL;
	}
	ept = rps_ept_find(&node->epts, msg->hdr.dst);
	if (ept && mutated(node->mem, MUTANT_src_filtered) &&
	    ept->dst != RPMSG_ADDR_ANY && ept->dst != msg->hdr.src)
		ept = NULL;
	if (!ept)
		return drop(node, msg);
	if (mutated(node->mem, MUTANT_nonzero_flags_dropped) && msg->hdr.flags)
		return NULL;
	if (mutated(node->mem, MUTANT_reserved_trusted) && msg->hdr.reserved)
		return NULL;
	learn_dst(node, ept, msg->hdr.src);
	probe(node->mem, RPS_EVENT_message_deliver, msg->hdr.src, msg->hdr.dst,
	      msg->hdr.len_bytes);
	return ept;
}

enum rps_rx_result node_deliver(struct rps_node *node,
				const struct rps_msg *msg)
{
	uint64_t num_dropped = node->num_dropped;
	struct rps_ept *ept;

	if (mutated(node->mem, MUTANT_empty_message_lost) &&
	    msg->hdr.len_bytes == 0 && rps_ept_find(&node->epts, msg->hdr.dst))
		return RPS_RX_HOLD;
	ept = node_claim(node, msg);
	if (mutated(node->mem, MUTANT_unknown_dst_buffer_lost) &&
	    node->num_dropped != num_dropped)
		return RPS_RX_HOLD;
	return ept ? ept->rx(node, ept, msg, ept->priv) : RPS_RX_DONE;
}

/* Deliberate errors in what was received. */
static void spoil(struct rps_node *node, struct rps_msg *msg)
{
	struct rps_msg later;

	if (mutated(node->mem, MUTANT_last_byte_lost) &&
	    msg->hdr.len_bytes > 480)
		msg->hdr.len_bytes--;
	if (mutated(node->mem, MUTANT_told_dst_for_src))
		msg->hdr.src = msg->hdr.dst;
	if (mutated(node->mem, MUTANT_later_one_first) &&
	    rx_next(node, &later) == 0 &&
	    node_deliver(node, &later) == RPS_RX_DONE)
		node_rx_done(node, &later);
}

static void receive(struct rps_node *node, struct rps_msg *msg)
{
	spoil(node, msg);
	if (node_deliver(node, msg) == RPS_RX_DONE &&
	    !(mutated(node->mem, MUTANT_long_message_buffer_lost) &&
	      msg->hdr.len_bytes > 480))
		node_rx_done(node, msg);
}

bool node_receive_next(struct rps_node *node)
{
	struct rps_msg msg;
	int err = rx_next(node, &msg);

	if (err == -EAGAIN || err == -EPROTO)
		return false;
	if (err)
		node->num_dropped++;
	else
		receive(node, &msg);
	return true;
}

/* Deliberate errors about notifications without anything new. */
static void spoil_idle(struct rps_node *node)
{
	if (mutated(node->mem, MUTANT_idle_is_counted))
		node->ready = node->num_dropped++ < 50;
	/* A device looks once when it starts. */
	if (mutated(node->mem, MUTANT_idle_is_fatal) && node->num_waiting == 0)
		node->ready = node->role == RPS_ROLE_DEVICE &&
			      node->num_dropped++ == 0;
	node_note_chores(node);
}

/* One look at the ring; what comes in after it is found by the next poll. */
static void receive_all(struct rps_node *node)
{
	bool any = node_receive_next(node);

	if (!any)
		spoil_idle(node);
	while (any && node->ready && rx_knows_more(node) &&
	       !mutated(node->mem, MUTANT_one_message_per_irq))
		any = node_receive_next(node);
}

bool node_poll_any(struct rps_node *node)
{
	rps_assert(node_knows_chores(node) == node_has_chores(node));
	if (!node->ready)
		return false;
	if (mutated(node->mem, MUTANT_senders_block_receiving) &&
	    node->num_waiting > 0)
		return false;
	node->corks++;
	receive_all(node);
	if (node->ready && rps_node_announces_later(node))
		ns_flush(node);
	node->corks--;
	if (!node->ready)
		return false;
	if (node->polled) {
		node_flush(node);
		return false;
	}
	return node_settle(node) &&
	       !mutated(node->mem, MUTANT_one_message_per_irq);
}

/* Return: 1 where @in is filled in; 0 where what came in is nothing for the
 * caller; -EAGAIN where nothing is there. */
static int take_next(struct rps_node *node, struct rps_in *in)
{
	int err = rx_next(node, &in->msg);

	if (err == -EAGAIN || err == -EPROTO)
		return -EAGAIN;
	if (err) {
		node->num_dropped++;
		return 0;
	}
	in->ept = node_claim(node, &in->msg);
	if (in->ept)
		return 1;
	node_rx_done(node, &in->msg);
	return 0;
}

unsigned int rps_node_receive(struct rps_node *node, struct rps_in *in,
			      unsigned int count)
{
	unsigned int n = 0;
	int took = 0;

	if (!node->ready)
		return 0;
	node->corks++;
	/* One look at the ring, whatever comes in after it. */
	while (n < count && took >= 0 && node->ready &&
	       (n == 0 || !in[n - 1].msg.gathered)) {
		if (node->usual)
			n += usual_receive(node, &in[n], count - n);
		if (n == count || (n > 0 && !rx_knows_more(node)))
			break;
		took = take_next(node, &in[n]);
		if (took > 0)
			n++;
		if (!rx_knows_more(node))
			break;
	}
	node->corks--;
	return n;
}

bool rps_node_done(struct rps_node *node, const struct rps_in *in,
		   unsigned int count)
{
	if (!node->ready)
		return false;
	if (node->usual) {
		usual_done(node, in, count);
	} else {
		for (unsigned int i = 0; i < count; i++)
			node_rx_done(node, &in[i].msg);
	}
	if (node_is_corked(node))
		return false;
	if (rps_node_announces_later(node))
		ns_flush(node);
	if (node->polled) {
		node_flush(node);
		return false;
	}
	return node->usual ? usual_settle(node) : node_settle(node);
}

static bool rx_is_broken(const struct rps_node *node)
{
	if (node->role == RPS_ROLE_DRIVER)
		return rps_vdrv_is_broken(&node->drv.rx);
	return rps_vdev_is_broken(&node->dev.rx);
}

static void choose_path(struct rps_node *node)
{
	node_note_chores(node);
	node->poll = node_poll_any;
	node->trysend = node_send_any;
	node->usual = node->ready && is_plain(node->mem) && !node->learn_dst &&
		      !rx_is_broken(node);
	if (node->usual)
		usual_path(node);
}

void rps_node_init(struct rps_node *node, const struct rps_node_params *params)
{
	memset(node, 0, sizeof(*node));
	node->role = params->role;
	node->learn_dst = params->learn_dst;
	ept_init(&node->epts);
	node->epts.slot = params->ept_slots;
	node->epts.capacity = params->num_ept_slots;
	node->chans.slot = params->chan_slots;
	node->chans.capacity = params->num_chan_slots;
	node->ns_next = RPMSG_ADDR_ANY;
	choose_path(node);
}

int rps_node_probe(struct rps_node *node, struct rps_mem *mem,
		   const struct rps_vbus_ops *ops, void *bus,
		   const struct rps_drv_params *params)
{
	int err;

	node->mem = mem;
	err = rps_drv_probe(&node->drv, mem, ops, bus, params);
	if (err)
		return err;
	node->ns = feature_has(node->drv.features, VIRTIO_RPMSG_F_NS);
	node->ready = true;
	choose_path(node);
	ns_link_up(node);
	return 0;
}

int rps_node_start(struct rps_node *node, struct rps_xport *xport)
{
	int err;

	node->mem = &xport->mem;
	err = rps_dev_start(&node->dev, xport);
	if (err)
		return err;
	node->ns = feature_has(xport->features, VIRTIO_RPMSG_F_NS);
	node->ready = true;
	choose_path(node);
	ns_link_up(node);
	return 0;
}

void rps_node_stop(struct rps_node *node)
{
	ns_link_down(node);
	if (node->ready && node->role == RPS_ROLE_DRIVER)
		rps_drv_remove(&node->drv);
	if (node->role == RPS_ROLE_DEVICE)
		rps_dev_stop(&node->dev);
	node->polled = false;
	node->ready = false;
	choose_path(node);
}

void rps_node_observed(struct rps_node *node)
{
	choose_path(node);
}

bool rps_node_poll(struct rps_node *node)
{
	return node->poll(node);
}

void rps_node_polled(struct rps_node *node, bool on)
{
	if (!node->ready)
		return;
	node->polled = on;
	node_note_chores(node);
	if (on && node->role == RPS_ROLE_DRIVER)
		rps_vdrv_irq_off(&node->drv.rx);
	if (on && node->role == RPS_ROLE_DEVICE)
		rps_vdev_kick_off(&node->dev.rx);
}

void rps_node_release(struct rps_node *node, const struct rps_msg *msg)
{
	if (!node->ready || mutated(node->mem, MUTANT_held_is_kept))
		return;
	node_rx_done(node, msg);
	if (node->role == RPS_ROLE_DEVICE &&
	    mutated(node->mem, MUTANT_dev_held_returned_twice))
		node_rx_done(node, msg);
	if (!node_is_corked(node))
		node_flush(node);
}

/* Deliberate errors in which address is given to whom. */
static void spoil_addr(struct rps_node *node, struct rps_ept *ept)
{
	struct rps_ept *owner = rps_ept_find(&node->epts, ept->addr);

	if (owner && (node_mutated(node, MUTANT_addr_in_use_taken) ||
		      node_mutated(node, MUTANT_closed_still_served)))
		(void)!rps_ept_remove(&node->epts, owner);
	if (ept->addr == RPMSG_ADDR_ANY &&
	    node_mutated(node, MUTANT_dynamic_from_1)) {
		ept->addr = 1;
		while (rps_ept_find(&node->epts, ept->addr))
			ept->addr++;
	}
}

int rps_node_create_ept(struct rps_node *node, struct rps_ept *ept)
{
	int err;

	if (ept->addr == RPMSG_NS_ADDR && node->ns)
		return -EADDRINUSE;
	ept->announced = false;
	spoil_addr(node, ept);
	err = rps_ept_add(&node->epts, ept);
	if (ept->addr == RPMSG_RESERVED_ADDRESSES + 128 &&
	    node_mutated(node, MUTANT_addr_129_again))
		ept->addr = RPMSG_RESERVED_ADDRESSES;
	if (!err && node->mem)
		probe(node->mem, RPS_EVENT_endpoint_create, ept->addr, 0, 0);
	return err;
}

/* A driver may have made a channel of its own to a reserved address of the
 * device, which must outlive the service's end (de-facto, OpenAMP). */
static bool withdraws(const struct rps_node *node, const struct rps_ept *ept)
{
	return node->role == RPS_ROLE_DRIVER ||
	       ept->addr >= RPMSG_RESERVED_ADDRESSES ||
	       mutated(node->mem, MUTANT_reserved_withdrawn);
}

void rps_node_destroy_ept(struct rps_node *node, struct rps_ept *ept)
{
	if (node_mutated(node, MUTANT_closed_still_served) ||
	    rps_ept_remove(&node->epts, ept))
		return;
	if (node->mem)
		probe(node->mem, RPS_EVENT_endpoint_destroy, ept->addr, 0, 0);
	/* Where it cannot be told now, nobody is left to be told later. */
	if (ept->announced && withdraws(node, ept))
		(void)!rps_node_withdraw(node, ept);
	else if (ept->announced)
		mark(node->mem, MARK_reserved_not_withdrawn);
}

int rps_node_serve(struct rps_node *node, const char *name, rps_rx_fn rx,
		   void *priv)
{
	struct rps_service *service;

	if (node->num_services == RPS_SERVICES_MAX)
		return -ENOSPC;
	service = &node->service[node->num_services++];
	rps_name_copy(service->name, name);
	service->rx = rx;
	service->priv = priv;
	return 0;
}
