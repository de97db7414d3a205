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

void rps_node_init(struct rps_node *node, const struct rps_node_params *params)
{
	memset(node, 0, sizeof(*node));
	node->role = params->role;
	node->learn_dst = params->learn_dst;
	node->epts.slot = params->ept_slots;
	node->epts.capacity = params->num_ept_slots;
	node->chans.slot = params->chan_slots;
	node->chans.capacity = params->num_chan_slots;
	node->ns_next = RPMSG_ADDR_ANY;
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
}

/* What the roles do differently on the way up. */
static RPS_HOT int rx_next(struct rps_node *node, enum rps_role role,
			   struct view view, struct rps_msg *msg)
{
	if (role == RPS_ROLE_DRIVER)
		return drv_rx(&node->drv, view, msg);
	return dev_rx(&node->dev, view, msg);
}

static RPS_HOT void rx_done(struct rps_node *node, enum rps_role role,
			    struct view view, const struct rps_msg *msg)
{
	if (role == RPS_ROLE_DRIVER)
		drv_rx_done(&node->drv, view, msg);
	else
		dev_rx_done(&node->dev, view, msg);
}

void node_flush(struct rps_node *node)
{
	if (node->role == RPS_ROLE_DRIVER)
		rps_drv_flush(&node->drv);
	else
		rps_dev_flush(&node->dev);
}

static RPS_HOT bool settle(struct rps_node *node, enum rps_role role,
			   struct view view)
{
	if (role == RPS_ROLE_DRIVER)
		return drv_settle(&node->drv, view);
	return dev_settle(&node->dev, view);
}

static RPS_HOT void tell(struct rps_node *node, enum rps_role role,
			 struct view view)
{
	if (role == RPS_ROLE_DRIVER)
		drv_tell(&node->drv, view, false);
	else
		dev_tell(&node->dev, view, false);
}

/* Whether more is known to have come in, without a look at the ring. */
static RPS_HOT bool rx_knows_more(const struct rps_node *node,
				  enum rps_role role)
{
	if (role == RPS_ROLE_DRIVER)
		return node->drv.rx.used_seen != node->drv.rx.used_idx;
	return node->dev.rx.avail_seen != node->dev.rx.avail_idx;
}

static unsigned int rx_budget(const struct rps_node *node)
{
	if (node->role == RPS_ROLE_DRIVER)
		return node->drv.rx.ring.num;
	return node->dev.rx.ring.num;
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

static RPS_HOT enum rps_rx_result
deliver(struct rps_node *node, struct view view, const struct rps_msg *msg)
{
	struct rps_ept *ept;

	if (msg->hdr.dst == ns_addr(node) &&
	    (node->ns || mutated(node->mem, MUTANT_ns_always_on))) {
		ns_receive(node, msg);
		return RPS_RX_DONE;
	}
	ept = ept_find(&node->epts, msg->hdr.dst);
	if (ept && mutated(node->mem, MUTANT_src_filtered) &&
	    ept->dst != RPMSG_ADDR_ANY && ept->dst != msg->hdr.src)
		ept = NULL;
	if (!ept) {
		node->num_dropped++;
		probe(node->mem, RPS_EVENT_message_drop, DROP_NO_ENDPOINT,
		      msg->hdr.src, msg->hdr.dst);
		if (mutated(node->mem, MUTANT_nobody_is_fatal))
			node->ready = false;
		return mutated(node->mem, MUTANT_unknown_dst_buffer_lost)
			       ? RPS_RX_HOLD
			       : RPS_RX_DONE;
	}
	if (mutated(node->mem, MUTANT_nonzero_flags_dropped) && msg->hdr.flags)
		return RPS_RX_DONE;
	if (mutated(node->mem, MUTANT_reserved_trusted) && msg->hdr.reserved)
		return RPS_RX_DONE;
	if (mutated(node->mem, MUTANT_empty_message_lost) &&
	    msg->hdr.len_bytes == 0)
		return RPS_RX_HOLD;
	learn_dst(node, ept, msg->hdr.src);
	view_probe(view, RPS_EVENT_message_deliver, msg->hdr.src, msg->hdr.dst,
		   msg->hdr.len_bytes);
	return ept->rx(node, ept, msg, ept->priv);
}

/* Deliberate errors in what was received. */
static RPS_HOT void spoil(struct rps_node *node, enum rps_role role,
			  struct view view, struct rps_msg *msg)
{
	struct rps_msg later;

	if (mutated(node->mem, MUTANT_last_byte_lost) &&
	    msg->hdr.len_bytes > 480)
		msg->hdr.len_bytes--;
	if (mutated(node->mem, MUTANT_told_dst_for_src))
		msg->hdr.src = msg->hdr.dst;
	if (mutated(node->mem, MUTANT_later_one_first) &&
	    rx_next(node, role, view, &later) == 0 &&
	    deliver(node, view, &later) == RPS_RX_DONE)
		rx_done(node, role, view, &later);
}

/* Deliberate errors about notifications without anything new. */
static RPS_HOT void spoil_idle(struct rps_node *node)
{
	if (mutated(node->mem, MUTANT_idle_is_counted))
		node->ready = node->num_dropped++ < 50;
	/* A device looks once when it starts. */
	if (mutated(node->mem, MUTANT_idle_is_fatal) && node->num_waiting == 0)
		node->ready = node->role == RPS_ROLE_DEVICE &&
			      node->num_dropped++ == 0;
}

/* Return: messages handled; *@more says whether the budget ended first. */
static RPS_HOT void drain(struct rps_node *node, enum rps_role role,
			  struct view view, bool *more)
{
	unsigned int budget = rx_budget(node);
	struct rps_msg msg;

	if (mutated(node->mem, MUTANT_one_message_per_irq))
		budget = 1;
	*more = false;
	while (budget > 0) {
		int err = rx_next(node, role, view, &msg);

		if (err == -EAGAIN && budget == rx_budget(node))
			spoil_idle(node);
		if (err == -EAGAIN || err == -EPROTO)
			return;
		budget--;
		if (err) {
			node->num_dropped++;
			continue;
		}
		spoil(node, role, view, &msg);
		if (deliver(node, view, &msg) == RPS_RX_DONE &&
		    !(mutated(node->mem, MUTANT_long_message_buffer_lost) &&
		      msg.hdr.len_bytes > 480))
			rx_done(node, role, view, &msg);
		if (!node->ready)
			return;
		/* What came in since then is found when it is asked for. */
		if (!rx_knows_more(node, role))
			break;
	}
	*more = budget == 0;
}

static RPS_HOT bool poll_as(struct rps_node *node, enum rps_role role,
			    struct view view)
{
	bool more;

	node->corks++;
	drain(node, role, view, &more);
	if (node->ready && ns_waits(node))
		ns_flush(node);
	node->corks--;
	if (!node->ready)
		return false;
	if (node->polled) {
		tell(node, role, view);
		return more;
	}
	more = settle(node, role, view) || more;
	return more && !mutated(node->mem, MUTANT_one_message_per_irq);
}

/* One that is observed, or in the other byte order. */
static RPS_COLD bool poll_told(struct rps_node *node)
{
	return poll_as(node, node->role, view_of(node->mem));
}

bool rps_node_poll(struct rps_node *node)
{
	if (!node->ready)
		return false;
	if (mutated(node->mem, MUTANT_senders_block_receiving) &&
	    node->num_waiting > 0)
		return false;
	if (!is_plain(node->mem))
		return poll_told(node);
	if (node->role == RPS_ROLE_DRIVER)
		return poll_as(node, RPS_ROLE_DRIVER, view_plain(node->mem));
	return poll_as(node, RPS_ROLE_DEVICE, view_plain(node->mem));
}

void rps_node_polled(struct rps_node *node, bool on)
{
	if (!node->ready)
		return;
	node->polled = on;
	if (on && node->role == RPS_ROLE_DRIVER)
		rps_vdrv_irq_off(&node->drv.rx);
	if (on && node->role == RPS_ROLE_DEVICE)
		rps_vdev_kick_off(&node->dev.rx);
}

void rps_node_release(struct rps_node *node, const struct rps_msg *msg)
{
	if (!node->ready || mutated(node->mem, MUTANT_held_is_kept))
		return;
	rx_done(node, node->role, view_of(node->mem), msg);
	if (node->role == RPS_ROLE_DEVICE &&
	    mutated(node->mem, MUTANT_dev_held_returned_twice))
		rx_done(node, node->role, view_of(node->mem), msg);
	if (node->corks == 0)
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
