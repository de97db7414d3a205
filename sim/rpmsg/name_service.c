/* SPDX-License-Identifier: BSD-3-Clause */
#include "name_service.h"

#include <errno.h>
#include <string.h>

#include "../base/access.h"
#include "../base/mark.h"
#include "../base/probe.h"
#include "node_priv.h"

/* Observers get all 40 bytes, whatever they are. */
static void tell_ns(const struct rps_mem *mem, const struct rpmsg_ns_msg *wire)
{
	uint64_t word[sizeof(wire->name) / sizeof(uint64_t)];

	memcpy(word, wire->name, sizeof(wire->name));
	probe(mem, RPS_EVENT_ns_write, virtio32_to_cpu(mem->order, wire->addr),
	      virtio32_to_cpu(mem->order, wire->flags), 0);
	for (unsigned int i = 0; i < sizeof(word) / sizeof(word[0]); i += 2)
		probe(mem, RPS_EVENT_ns_name, i * sizeof(word[0]),
		      rps_swap64(RPS_ORDER_LE, word[i]),
		      rps_swap64(RPS_ORDER_LE, word[i + 1]));
}

static int send_ns(struct rps_node *node, const struct rps_ns_pending *pending)
{
	struct rpmsg_ns_msg wire = rps_ns_pack(node->mem->order, &pending->ns);
	int err;

	if (mutated(node->mem, MUTANT_ns_flags_inverted))
		wire.flags =
			cpu_to_virtio32(node->mem->order, !pending->ns.destroy);
	if (mutated(node->mem, MUTANT_ns_flags_before_addr)) {
		wire.addr = wire.flags;
		wire.flags =
			cpu_to_virtio32(node->mem->order, pending->ns.addr);
	}
	if (mutated(node->mem, MUTANT_ns_addr_not_told))
		wire.addr = cpu_to_virtio32(node->mem->order, 0);
	if (mutated(node->mem, MUTANT_ns_name_not_padded))
		memset(wire.name + strlen(wire.name) + 1, 0xa5,
		       sizeof(wire.name) - strlen(wire.name) - 1);
	err = rps_node_trysend(node, pending->src, ns_addr(node), &wire,
			       sizeof(wire));
	if (!err)
		tell_ns(node->mem, &wire);
	if (err == -ENOMEM)
		mark(node->mem, MARK_announcement_waits);
	return err;
}

/* Whether the peer wants to be told of channels. */
static bool has_ns(const struct rps_node *node)
{
	return node->ns || mutated(node->mem, MUTANT_ns_without_feature);
}

/* The next endpoint that the peer does not know of since the link is up. */
static struct rps_ept *next_untold(const struct rps_node *node)
{
	for (unsigned int i = 0; i < node->epts.count; i++) {
		struct rps_ept *ept = node->epts.slot[i];

		if (ept->announced && ept->addr >= node->ns_next)
			return ept;
	}
	return NULL;
}

static struct rps_ns_pending announcement(const struct rps_ept *ept,
					  bool destroy)
{
	struct rps_ns_pending pending = {
		.src = ept->addr,
		.ns = { .addr = ept->addr, .destroy = destroy },
	};

	rps_name_copy(pending.ns.name, ept->name);
	return pending;
}

/* Any number of endpoints may wait for the link, so they wait where they are.
 * Return: whether the peer knows of all. */
static bool catch_up(struct rps_node *node)
{
	const struct rps_ept *ept;

	if (node->ns_next == RPMSG_ADDR_ANY)
		return true;
	while ((ept = next_untold(node))) {
		struct rps_ns_pending pending = announcement(ept, false);

		if (send_ns(node, &pending))
			return false;
		node->ns_next = ept->addr + 1;
	}
	node->ns_next = RPMSG_ADDR_ANY;
	return true;
}

static void send_pending(struct rps_node *node)
{
	unsigned int sent = 0;

	while (sent < node->num_ns_pending &&
	       send_ns(node, &node->ns_pending[sent]) == 0)
		sent++;
	if (sent == 0)
		return;
	node->num_ns_pending -= sent;
	memmove(&node->ns_pending[0], &node->ns_pending[sent],
		node->num_ns_pending * sizeof(node->ns_pending[0]));
}

void ns_flush(struct rps_node *node)
{
	if (catch_up(node))
		send_pending(node);
	node_note_chores(node);
}

/* In the order in which they were asked for, however long they wait. */
static int say(struct rps_node *node, const struct rps_ept *ept, bool destroy)
{
	if (!node->ready)
		return 0;
	if (!has_ns(node))
		return -EOPNOTSUPP;
	/* Its turn comes, or nothing was said that could be withdrawn. */
	if (ept->addr >= node->ns_next)
		return 0;
	if (node->num_ns_pending == RPS_NS_PENDING_MAX)
		return -ENOBUFS;
	node->ns_pending[node->num_ns_pending++] = announcement(ept, destroy);
	ns_flush(node);
	if (mutated(node->mem, MUTANT_announcement_not_retried))
		node->num_ns_pending = 0;
	node_note_chores(node);
	return 0;
}

int rps_node_announce(struct rps_node *node, struct rps_ept *ept)
{
	int err = say(node, ept, false);

	ept->announced = err == 0;
	return err;
}

int rps_node_withdraw(struct rps_node *node, struct rps_ept *ept)
{
	ept->announced = false;
	return say(node, ept, true);
}

void ns_link_up(struct rps_node *node)
{
	if (!has_ns(node))
		return;
	node->ns_next = 0;
	ns_flush(node);
	if (mutated(node->mem, MUTANT_announcement_not_retried))
		node->ns_next = RPMSG_ADDR_ANY;
}

static const struct rps_service *service_for(const struct rps_node *node,
					     const char *name)
{
	for (unsigned int i = 0; i < node->num_services; i++) {
		if (strcmp(node->service[i].name, name) == 0)
			return &node->service[i];
	}
	return NULL;
}

/* A service that has the channel's name takes it. */
static int bind(struct rps_node *node, struct rps_chan *chan)
{
	const struct rps_service *service = service_for(node, chan->name);
	int err;

	if (!service)
		return 0;
	chan->ept = (struct rps_ept){
		.addr = chan->src,
		.dst = chan->dst,
		.rx = service->rx,
		.priv = service->priv,
	};
	if (mutated(node->mem, MUTANT_client_writes_to_ns))
		chan->ept.dst = RPMSG_NS_ADDR;
	rps_name_copy(chan->ept.name, chan->name);
	err = rps_node_create_ept(node, &chan->ept);
	if (err)
		return err;
	chan->bound = true;
	return 0;
}

static void remove_chan(struct rps_node *node, struct rps_chan *chan)
{
	probe(node->mem, RPS_EVENT_channel_destroy, chan->dst, 0, 0);
	if (chan->bound)
		rps_node_destroy_ept(node, &chan->ept);
	rps_chan_remove(&node->chans, chan);
}

/* A deliberate error: there is one channel of each name. */
static bool moved(struct rps_node *node, const struct rps_ns *ns)
{
	for (unsigned int i = 0; i < node->chans.capacity; i++) {
		struct rps_chan *chan = &node->chans.slot[i];

		if (chan->live && strcmp(chan->name, ns->name) == 0 &&
		    mutated(node->mem, MUTANT_ns_one_of_each_name)) {
			chan->dst = ns->addr;
			return true;
		}
	}
	return false;
}

static void create(struct rps_node *node, const struct rps_ns *ns)
{
	struct rps_chan *chan =
		rps_chan_find(&node->chans, ns->name, RPMSG_ADDR_ANY, ns->addr);

	if (chan)
		mark(node->mem, MARK_announced_again);
	if (chan && !mutated(node->mem, MUTANT_ns_duplicates))
		return;
	if (moved(node, ns))
		return;
	chan = rps_chan_add(&node->chans, ns->name, RPMSG_ADDR_ANY, ns->addr);
	if (!chan) {
		node->num_chans_refused++;
		mark(node->mem, MARK_channels_used_up);
		if (mutated(node->mem, MUTANT_full_table_is_fatal))
			node->ready = false;
		node_note_chores(node);
		return;
	}
	probe(node->mem, RPS_EVENT_channel_create, ns->addr, 0, 0);
	/* A channel that no address is left for stays unbound. */
	(void)!bind(node, chan);
}

static void destroy(struct rps_node *node, const struct rps_ns *ns)
{
	struct rps_chan *chan =
		rps_chan_find(&node->chans, ns->name, RPMSG_ADDR_ANY, ns->addr);

	if (!chan)
		mark(node->mem, MARK_unknown_withdrawn);
	if (mutated(node->mem, MUTANT_ns_destroy_ignored))
		return;
	for (unsigned int i = 0; !chan && i < node->chans.capacity; i++) {
		struct rps_chan *any = &node->chans.slot[i];

		if (any->live && strcmp(any->name, ns->name) == 0 &&
		    mutated(node->mem, MUTANT_ns_destroy_by_name))
			chan = any;
	}
	if (chan)
		remove_chan(node, chan);
}

static bool has_vendor_bit(const struct rps_node *node)
{
	if (node->role == RPS_ROLE_DRIVER)
		return feature_has(node->drv.features, 1);
	return feature_has(node->dev.xport->features, 1);
}

/* Nobody does so unless asked to; a vendor's extension as an error. */
static void acknowledge(struct rps_node *node, const struct rps_ns *ns,
			uint32_t flags)
{
	const uint32_t ack = 2;
	struct rpmsg_ns_msg wire = rps_ns_pack(node->mem->order, ns);

	if (flags & ack)
		mark(node->mem, MARK_acknowledged);
	if (!(mutated(node->mem, MUTANT_ack_of_vendor_bit) &&
	      has_vendor_bit(node)) &&
	    !(mutated(node->mem, MUTANT_ack_answered) && flags & ack))
		return;
	wire.flags = cpu_to_virtio32(node->mem->order, ack);
	(void)!rps_node_trysend(node, RPMSG_NS_ADDR, RPMSG_NS_ADDR, &wire,
				sizeof(wire));
}

/* Deliberate errors in what an announcement is understood to say. */
static void spoil(struct rps_node *node, const struct rps_msg *msg,
		  const struct rpmsg_ns_msg *wire, struct rps_ns *ns)
{
	if (mutated(node->mem, MUTANT_ns_not_swapped))
		*ns = rps_ns_unpack(RPS_ORDER_LE, wire);
	if (mutated(node->mem, MUTANT_ns_addr_from_hdr))
		ns->addr = msg->hdr.src;
	if (mutated(node->mem, MUTANT_ns_flags_compared))
		ns->destroy = wire->flags.raw != 0;
	if (mutated(node->mem, MUTANT_ns_name_cut_to_30))
		ns->name[RPMSG_NAME_SIZE - 2] = '\0';
	/* As if the name went on in what follows it. */
	if (!memchr(wire->name, '\0', sizeof(wire->name)) &&
	    mutated(node->mem, MUTANT_ns_name_runs_on))
		memcpy(&ns->name[RPMSG_NAME_SIZE - 2], &wire->addr, 1);
}

void ns_receive(struct rps_node *node, const struct rps_msg *msg)
{
	struct rpmsg_ns_msg wire = { 0 };
	struct rps_ns ns;

	if (msg->hdr.len_bytes != sizeof(wire) &&
	    !(mutated(node->mem, MUTANT_ns_any_length) &&
	      msg->hdr.len_bytes > sizeof(wire)) &&
	    !(mutated(node->mem, MUTANT_ns_cut_accepted) &&
	      msg->hdr.len_bytes > sizeof(wire) / 2)) {
		node->num_dropped++;
		return;
	}
	copy_in(node->mem, SEAM_PAYLOAD, &wire, msg->payload, sizeof(wire));
	if (mutated(node->mem, MUTANT_ns_name_reread))
		copy_in(node->mem, SEAM_PAYLOAD, &wire, msg->payload,
			sizeof(wire));
	if (wire.name[RPMSG_NAME_SIZE - 1])
		mark(node->mem, MARK_name_without_end);
	ns = rps_ns_unpack(node->mem->order, &wire);
	spoil(node, msg, &wire, &ns);
	if ((ns.name[0] == '\0' &&
	     mutated(node->mem, MUTANT_ns_empty_is_fatal)) ||
	    (ns.addr == RPMSG_ADDR_ANY &&
	     mutated(node->mem, MUTANT_ns_any_is_fatal)))
		node->ready = false;
	node_note_chores(node);
	if (ns.destroy)
		destroy(node, &ns);
	else
		create(node, &ns);
	acknowledge(node, &ns, virtio32_to_cpu(node->mem->order, wire.flags));
}

int rps_node_open_chan(struct rps_node *node, const char *name, uint32_t src,
		       uint32_t dst)
{
	struct rps_chan *chan = rps_chan_find(&node->chans, name, src, dst);
	int err;

	if (!node->ready)
		return -ENOTCONN;
	if (chan)
		return -EEXIST;
	chan = rps_chan_add(&node->chans, name, src, dst);
	if (!chan)
		return -ENOSPC;
	probe(node->mem, RPS_EVENT_channel_create, dst, 0, 0);
	err = bind(node, chan);
	if (!err && chan->bound && has_ns(node) &&
	    (src != RPMSG_ADDR_ANY ||
	     mutated(node->mem, MUTANT_every_channel_announced)))
		err = rps_node_announce(node, &chan->ept);
	if (err)
		remove_chan(node, chan);
	return err;
}

int rps_node_close_chan(struct rps_node *node, const char *name, uint32_t src,
			uint32_t dst)
{
	struct rps_chan *chan = rps_chan_find(&node->chans, name, src, dst);

	if (!chan)
		return -ENOENT;
	remove_chan(node, chan);
	return 0;
}

void ns_link_down(struct rps_node *node)
{
	node->num_ns_pending = 0;
	node->ns_next = RPMSG_ADDR_ANY;
	node_note_chores(node);
	for (unsigned int i = 0; i < node->chans.capacity; i++) {
		struct rps_chan *chan = &node->chans.slot[i];

		if (!chan->live)
			continue;
		/* The peer is gone: nobody to be told. */
		chan->ept.announced = false;
		remove_chan(node, chan);
	}
}
