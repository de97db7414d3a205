/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a remote does with messages: give them back, count them, send some of
 * its own, or nothing at all.
 */
#ifndef RPS_SERVICES_H
#define RPS_SERVICES_H

#include <rps/node.h>

enum rps_service_kind {
	RPS_SERVICE_ECHO,   /* each message goes back to its sender */
	RPS_SERVICE_SINK,   /* messages are counted */
	RPS_SERVICE_SOURCE, /* the first message tells where to send to */
	RPS_SERVICE_DEAF,   /* announced, and that is all */
};

struct rps_service_spec {
	enum rps_service_kind kind;
	char name[RPMSG_NAME_SIZE];
	uint32_t addr;      /* RPMSG_ADDR_ANY: the next free one */
	uint32_t count;     /* messages of a source */
	uint16_t len_bytes; /* payload of each of them */
};

/**
 * rps_service_parse() - from NAME[:ADDR][,count=N][,len=N].
 * @kind: count and len are for sources only; DEAF needs an address.
 * @text: as a person wrote it; numbers may be hexadecimal.
 * @out:  undefined on error.
 *
 * Return: NULL, or what is wrong with @text.
 */
RPS_CHECKED const char *rps_service_parse(enum rps_service_kind kind,
					  const char *text,
					  struct rps_service_spec *out);

/* Return: whether @text is a number of C in full, not above @max. */
RPS_CHECKED bool rps_number_parse(const char *text, uint64_t max,
				  uint64_t *out);

#define RPS_SERVICE_SLOTS    16u
#define RPS_BACKLOG_MESSAGES 256u
#define RPS_BACKLOG_BYTES    4096u /* payload of one of them */

/* One service at work. */
struct rps_service_slot {
	struct rps_services *services;
	struct rps_service_spec spec;
	struct rps_ept ept;
	uint32_t peer;    /* who spoke last; RPMSG_ADDR_ANY for nobody yet */
	uint32_t to_send; /* messages that a source owes its peer */
	uint32_t next;    /* number of the next one */
	uint64_t received;
	uint64_t received_bytes;
	uint64_t sent;
	uint64_t sent_bytes;
};

/* A message for which there was no buffer yet. */
struct rps_backlog_msg {
	struct rps_service_slot *slot;
	uint32_t dst;
	uint16_t len_bytes;
	uint8_t payload[RPS_BACKLOG_BYTES];
};

/* Who is told of each message that comes in; may be NULL. */
typedef void (*rps_heard_fn)(void *priv, const struct rps_service_slot *slot,
			     const struct rps_hdr *hdr);

struct rps_services {
	struct rps_node *node;
	struct rps_service_slot slot[RPS_SERVICE_SLOTS];
	unsigned int num_slots;
	bool echo_on;
	uint64_t received; /* by all slots */
	uint64_t dropped;  /* could not be sent at all */
	rps_heard_fn heard;
	void *priv;
	struct rps_backlog_msg backlog[RPS_BACKLOG_MESSAGES];
	unsigned int backlog_first;
	unsigned int backlog_len;
};

/* @node: device role; outlives @services. */
void rps_services_init(struct rps_services *services, struct rps_node *node,
		       rps_heard_fn heard, void *priv);

/**
 * rps_services_add() - start a service and announce it.
 *
 * It outlives the link: it is announced again whenever there is a new one.
 *
 * Return: 0; -ENOSPC where there are too many; what rps_node_create_ept()
 * refuses of its address.
 */
RPS_CHECKED int rps_services_add(struct rps_services *services,
				 const struct rps_service_spec *spec);

/* Return: the service with that name, or NULL. */
struct rps_service_slot *rps_services_find(struct rps_services *services,
					   const char *name);

/**
 * rps_services_send() - send now, or as soon as there is a buffer.
 * @payload: copied.
 *
 * Return: 0; -ENOBUFS where too many wait; -EMSGSIZE where it is longer than
 * one that may wait; else as rps_node_trysend().
 */
RPS_CHECKED int rps_services_send(struct rps_service_slot *slot, uint32_t dst,
				  const void *payload, uint16_t len_bytes);

enum rps_flush_result {
	RPS_FLUSH_IDLE,    /* nothing is left to be sent */
	RPS_FLUSH_MORE,    /* call again */
	RPS_FLUSH_BLOCKED, /* the driver has posted no buffer */
};

/* Send what waits, and what sources owe; bounded. */
enum rps_flush_result rps_services_flush(struct rps_services *services);

/* The link is gone, and with it everybody we knew. */
void rps_services_link_down(struct rps_services *services);

#endif
