/* SPDX-License-Identifier: BSD-3-Clause */
#include "services.h"

#include <errno.h>
#include <string.h>

/* A source must not keep others from their turn. */
#define MESSAGES_PER_FLUSH 256u

void rps_services_init(struct rps_services *services, struct rps_node *node,
		       rps_heard_fn heard, void *priv)
{
	memset(services, 0, sizeof(*services));
	services->node = node;
	services->echo_on = true;
	services->heard = heard;
	services->priv = priv;
}

static int try_send(struct rps_service_slot *slot, uint32_t dst,
		    const void *payload, uint16_t len_bytes)
{
	int err = rps_node_trysend(slot->services->node, slot->ept.addr, dst,
				   payload, len_bytes);

	if (err)
		return err;
	slot->sent++;
	slot->sent_bytes += len_bytes;
	return 0;
}

static int enqueue(struct rps_service_slot *slot, uint32_t dst,
		   const void *payload, uint16_t len_bytes)
{
	struct rps_services *services = slot->services;
	struct rps_backlog_msg *msg;

	if (services->backlog_len == RPS_BACKLOG_MESSAGES)
		return -ENOBUFS;
	if (len_bytes > RPS_BACKLOG_BYTES)
		return -EMSGSIZE;
	msg = &services->backlog[(services->backlog_first +
				  services->backlog_len++) %
				 RPS_BACKLOG_MESSAGES];
	msg->slot = slot;
	msg->dst = dst;
	msg->len_bytes = len_bytes;
	memcpy(msg->payload, payload, len_bytes);
	return 0;
}

int rps_services_send(struct rps_service_slot *slot, uint32_t dst,
		      const void *payload, uint16_t len_bytes)
{
	int err = -ENOMEM;

	/* What waits goes first. */
	if (slot->services->backlog_len == 0)
		err = try_send(slot, dst, payload, len_bytes);
	if (err == -ENOMEM)
		err = enqueue(slot, dst, payload, len_bytes);
	return err;
}

static void echo(struct rps_service_slot *slot, const struct rps_msg *msg)
{
	if (!slot->services->echo_on)
		return;
	if (rps_services_send(slot, msg->hdr.src, msg->payload,
			      msg->hdr.len_bytes))
		slot->services->dropped++;
}

static enum rps_rx_result on_message(struct rps_node *node, struct rps_ept *ept,
				     const struct rps_msg *msg, void *priv)
{
	struct rps_service_slot *slot = priv;

	(void)node;
	(void)ept;
	if (slot->services->heard)
		slot->services->heard(slot->services->priv, slot, &msg->hdr);
	slot->received++;
	slot->received_bytes += msg->hdr.len_bytes;
	slot->services->received++;

	switch (slot->spec.kind) {
	case RPS_SERVICE_ECHO:
		echo(slot, msg);
		break;
	case RPS_SERVICE_SOURCE:
		if (slot->peer != msg->hdr.src) {
			slot->to_send = slot->spec.count;
			slot->next = 0;
		}
		break;
	case RPS_SERVICE_SINK:
	case RPS_SERVICE_DEAF:
		break;
	}
	slot->peer = msg->hdr.src;
	return RPS_RX_DONE;
}

int rps_services_add(struct rps_services *services,
		     const struct rps_service_spec *spec)
{
	struct rps_service_slot *slot;
	int err;

	if (services->num_slots == RPS_SERVICE_SLOTS)
		return -ENOSPC;
	slot = &services->slot[services->num_slots];
	*slot = (struct rps_service_slot){
		.services = services,
		.spec = *spec,
		.ept = { .addr = spec->addr,
			 .dst = RPMSG_ADDR_ANY,
			 .rx = on_message,
			 .priv = slot },
		.peer = RPMSG_ADDR_ANY,
	};
	rps_name_copy(slot->ept.name, spec->name);
	err = rps_node_create_ept(services->node, &slot->ept);
	if (err)
		return err;
	services->num_slots++;
	err = rps_node_announce(services->node, &slot->ept);
	/* Without a name service there is nobody to tell, which is no fault. */
	return err == -EOPNOTSUPP ? 0 : err;
}

struct rps_service_slot *rps_services_find(struct rps_services *services,
					   const char *name)
{
	for (unsigned int i = 0; i < services->num_slots; i++) {
		if (strcmp(services->slot[i].spec.name, name) == 0)
			return &services->slot[i];
	}
	return NULL;
}

/* The oldest message that waits; one that can never go is dropped. */
static int flush_backlog(struct rps_services *services)
{
	const struct rps_backlog_msg *msg =
		&services->backlog[services->backlog_first];
	int err = try_send(msg->slot, msg->dst, msg->payload, msg->len_bytes);

	if (err == -ENOMEM)
		return err;
	if (err)
		services->dropped++;
	services->backlog_first =
		(services->backlog_first + 1) % RPS_BACKLOG_MESSAGES;
	services->backlog_len--;
	return 0;
}

/* The number of the message, then a pattern that differs from it to it. */
static void fill(uint8_t *payload, uint16_t len_bytes, uint32_t number)
{
	for (uint32_t i = 0; i < len_bytes; i++) {
		uint32_t byte =
			i < sizeof(number) ? number >> (8 * i) : number + i;

		payload[i] = (uint8_t)(byte & 0xff);
	}
}

static int send_next(struct rps_service_slot *slot)
{
	uint8_t payload[RPS_BACKLOG_BYTES];
	int err;

	fill(payload, slot->spec.len_bytes, slot->next);
	err = try_send(slot, slot->peer, payload, slot->spec.len_bytes);
	if (err == -ENOMEM)
		return err;
	if (err)
		slot->services->dropped++;
	slot->next++;
	slot->to_send--;
	return 0;
}

static struct rps_service_slot *next_source(struct rps_services *services)
{
	for (unsigned int i = 0; i < services->num_slots; i++) {
		if (services->slot[i].to_send > 0)
			return &services->slot[i];
	}
	return NULL;
}

enum rps_flush_result rps_services_flush(struct rps_services *services)
{
	for (unsigned int i = 0; i < MESSAGES_PER_FLUSH; i++) {
		struct rps_service_slot *source = next_source(services);
		int err;

		if (services->backlog_len > 0)
			err = flush_backlog(services);
		else if (source)
			err = send_next(source);
		else
			return RPS_FLUSH_IDLE;
		if (err)
			return RPS_FLUSH_BLOCKED;
	}
	return RPS_FLUSH_MORE;
}

void rps_services_link_down(struct rps_services *services)
{
	services->backlog_len = 0;
	for (unsigned int i = 0; i < services->num_slots; i++) {
		services->slot[i].peer = RPMSG_ADDR_ANY;
		services->slot[i].to_send = 0;
	}
}
