/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layer 5: one RPMsg end as a client sees it, whichever role it plays.
 */
#ifndef RPS_NODE_H
#define RPS_NODE_H

#include <rps/chan.h>
#include <rps/dev.h>
#include <rps/drv.h>

enum rps_role {
	RPS_ROLE_DRIVER,
	RPS_ROLE_DEVICE,
};

#define RPS_SERVICES_MAX   16u
#define RPS_NS_PENDING_MAX 32u

/* How long a blocked sender waits; Linux and OpenAMP agree. */
#define RPS_SEND_TIMEOUT_NS UINT64_C(15000000000)

/* A poll has more to do than to receive: no link, it is polled all the time, or
 * announcements wait. */
#define RPS_NODE_CHORES 0x80000000u

/* A client that wants a channel of its name to be bound to it. */
struct rps_service {
	char name[RPMSG_NAME_SIZE];
	rps_rx_fn rx;
	void *priv;
};

/* An announcement for which there was no buffer yet. */
struct rps_ns_pending {
	struct rps_ns ns;
	uint32_t src;
};

struct rps_node {
	union { /* the one that @role names */
		struct rps_drv drv;
		struct rps_dev dev;
	};
	/* What rps_node_poll() and rps_node_trysend() are on this link: chosen
	 * once, by its role, its byte order and whether somebody observes. */
	bool (*poll)(struct rps_node *node);
	int (*trysend)(struct rps_node *node, uint32_t src, uint32_t dst,
		       const void *payload, size_t len_bytes);
	enum rps_role role;
	struct rps_mem *mem;
	bool ready;
	bool usual; /* as @poll and @trysend are chosen */
	bool ns;    /* VIRTIO_RPMSG_F_NS negotiated */
	bool learn_dst;
	bool polled;    /* see rps_node_polled() */
	uint32_t corks; /* sends are staged while there is one; and
			   RPS_NODE_CHORES, so that a poll that ends hears of
			   them as it takes its own away */
	struct rps_ept_table epts;
	struct rps_chan_table chans;
	struct rps_service service[RPS_SERVICES_MAX];
	unsigned int num_services;
	struct rps_ns_pending ns_pending[RPS_NS_PENDING_MAX];
	unsigned int num_ns_pending;
	uint32_t ns_next; /* endpoints from this address on wait to be announced
			     since the link is up; RPMSG_ADDR_ANY: none does */
	unsigned int num_waiting;   /* senders without a buffer */
	uint64_t num_dropped;       /* malformed, or to nobody */
	uint64_t num_chans_refused; /* announced with the table full */
};

/* Whether announcements have to wait. */
static inline bool rps_node_announces_later(const struct rps_node *node)
{
	return node->num_ns_pending > 0 || node->ns_next != RPMSG_ADDR_ANY;
}

/* One of the messages that rps_node_send_batch() sends. */
struct rps_out {
	const void *payload;
	size_t len_bytes;
};

/* One of those that rps_node_receive() has received. */
struct rps_in {
	struct rps_msg msg;
	struct rps_ept *ept; /* whose it is */
};

/* Storage of a node, all the caller's. */
struct rps_node_params {
	enum rps_role role;
	struct rps_ept **ept_slots;
	unsigned int num_ept_slots;
	struct rps_chan *chan_slots;
	unsigned int num_chan_slots;
	bool learn_dst; /* endpoints without a destination adopt the source of
			   their first message, as OpenAMP's do */
};

/* An unconnected node: endpoints and services can be made, nothing is sent. */
RPS_API void rps_node_init(struct rps_node *node,
			   const struct rps_node_params *params);

/* rps_drv_probe() for a node of role driver; announces what is to be. */
RPS_API RPS_CHECKED int rps_node_probe(struct rps_node *node,
				       struct rps_mem *mem,
				       const struct rps_vbus_ops *ops,
				       void *bus,
				       const struct rps_drv_params *params);

/* rps_dev_start() for a node of role device; announces what is to be. */
RPS_API RPS_CHECKED int rps_node_start(struct rps_node *node,
				       struct rps_xport *xport);

/* Ends the link: channels go, endpoints stay. */
RPS_API void rps_node_stop(struct rps_node *node);

/**
 * rps_node_poll() - handle what came in.
 *
 * Drains the receive ring, delivers, gives buffers back, and sends what
 * callbacks sent and announcements that had to wait; shows all of it to the
 * peer, tells it once and asks to be told, behind a single fence. Bounded: not
 * more messages than the ring is long.
 *
 * Return: whether there may be more, so that the caller polls again.
 */
RPS_API bool rps_node_poll(struct rps_node *node);

/* To be called when an observer of the node's memory has come or gone. */
RPS_API void rps_node_observed(struct rps_node *node);

/**
 * rps_node_polled() - say whether somebody polls all the time.
 *
 * The peer need not tell of messages then, and rps_node_poll() need not ask it
 * to: nothing is written that only serves notifications, and no cache line goes
 * over for them. Off, as at first, from the next rps_node_poll() on. Does
 * nothing without a link, whose end turns it off.
 */
RPS_API void rps_node_polled(struct rps_node *node, bool on);

/* Give back the buffer of a message that a callback kept. */
RPS_API void rps_node_release(struct rps_node *node, const struct rps_msg *msg);

/**
 * rps_node_create_ept() - make an endpoint.
 * @node: one end.
 * @ept:  caller's storage until rps_node_destroy_ept(); @addr (wanted, or
 *        RPMSG_ADDR_ANY), @dst, @name, @rx, @priv are the caller's to fill.
 *
 * Return: as rps_ept_add(); -EADDRINUSE also for the name service's address.
 */
RPS_API RPS_CHECKED int rps_node_create_ept(struct rps_node *node,
					    struct rps_ept *ept);

/* No callback runs once this has returned; withdraws what was announced. */
RPS_API void rps_node_destroy_ept(struct rps_node *node, struct rps_ept *ept);

/**
 * rps_node_announce() - tell the peer of a named endpoint.
 *
 * Return: 0, also where it waits for a buffer or for the link; -EOPNOTSUPP
 * where the link has no name service; -ENOBUFS where too many wait. It is not
 * announced then, now or later.
 */
RPS_API RPS_CHECKED int rps_node_announce(struct rps_node *node,
					  struct rps_ept *ept);

/* The opposite; same returns. */
RPS_API RPS_CHECKED int rps_node_withdraw(struct rps_node *node,
					  struct rps_ept *ept);

/* Channels called @name are bound to @rx from now on.
 * Return: 0, or -ENOSPC. */
RPS_API RPS_CHECKED int rps_node_serve(struct rps_node *node, const char *name,
				       rps_rx_fn rx, void *priv);

/**
 * rps_node_open_chan() - make a channel without being told by the peer.
 * @src: local address, or RPMSG_ADDR_ANY.
 *
 * Announced only where @src is fixed and a service took the channel.
 *
 * Return: 0; -ENOTCONN without a link; -EEXIST; -ENOSPC; what
 * rps_node_create_ept() and rps_node_announce() refuse.
 * Source: Linux rpmsg_ctrl.c RPMSG_CREATE_DEV_IOCTL (de-facto).
 */
RPS_API RPS_CHECKED int rps_node_open_chan(struct rps_node *node,
					   const char *name, uint32_t src,
					   uint32_t dst);

/* Return: 0, or -ENOENT. */
RPS_API RPS_CHECKED int rps_node_close_chan(struct rps_node *node,
					    const char *name, uint32_t src,
					    uint32_t dst);

/**
 * rps_node_trysend() - send now or not at all.
 * @src, @dst:  put on the wire as they are.
 * @payload:    @len_bytes bytes, copied.
 *
 * Return: 0; -EINVAL for an address that is RPMSG_ADDR_ANY; -EMSGSIZE where it
 * does not fit; -ENOMEM where no buffer is free; -ENOTCONN without a link;
 * -EPIPE on a broken one. Nothing is on the wire then.
 */
RPS_API RPS_CHECKED int rps_node_trysend(struct rps_node *node, uint32_t src,
					 uint32_t dst, const void *payload,
					 size_t len_bytes);

/**
 * rps_node_cork() - begin a batch of messages.
 *
 * What is sent, or released, from now on is shown to the peer by the
 * rps_node_uncork() that ends the outermost batch: one store, one fence and at
 * most one notification, however many messages. Where the buffers run out, what
 * is ready is shown at once. Callbacks of rps_node_poll() run in a batch.
 */
RPS_API void rps_node_cork(struct rps_node *node);
RPS_API void rps_node_uncork(struct rps_node *node);

/**
 * rps_node_send_batch() - rps_node_trysend() of several messages to one address.
 *
 * They are shown to the peer all at once, with one store, one fence and at most
 * one notification, unless a batch is open: then by its rps_node_uncork().
 *
 * Return: how many were sent, the first ones; where that is none, why, as
 * rps_node_trysend() says.
 */
RPS_API RPS_CHECKED int rps_node_send_batch(struct rps_node *node, uint32_t src,
					    uint32_t dst,
					    const struct rps_out *out,
					    unsigned int count);

/**
 * rps_node_receive() - take messages without callbacks.
 * @in:    filled in; the buffers are the caller's until rps_node_done().
 * @count: entries of @in.
 *
 * Announcements, and messages to nobody, are dealt with as by rps_node_poll()
 * and are not among them.  Nothing is shown to the peer, and no notification is
 * asked for.  Not from within a callback.
 *
 * Return: how many there are; not more than the ring is long.
 */
RPS_API unsigned int rps_node_receive(struct rps_node *node, struct rps_in *in,
				      unsigned int count);

/**
 * rps_node_done() - give back the buffers of received messages.
 * @in:    as rps_node_receive() has filled it, in any order; all of them, or
 *         the rest later.
 * @count: entries of @in; 0 only settles.
 *
 * Shows the peer this and all that was sent meanwhile, tells it once and asks to
 * be told, behind a single fence, as rps_node_poll() ends.
 *
 * Return: whether there may be more, so that the caller receives again.
 */
RPS_API bool rps_node_done(struct rps_node *node, const struct rps_in *in,
			   unsigned int count);

/**
 * rps_node_get() - borrow a buffer, to write a message where it is to lie.
 * @room: the caller's, until rps_node_send_room() or rps_node_unget() or the
 *        end of the link.
 *
 * What is written to @room->payload cannot be trusted when it is read back.
 *
 * Return: 0; -ENOTCONN, -ENOMEM and -EPIPE as rps_node_trysend(); -EMSGSIZE
 * where the driver's next buffer is in pieces of which the first is too short:
 * it is there for rps_node_trysend().
 */
RPS_API RPS_CHECKED int rps_node_get(struct rps_node *node,
				     struct rps_room *room);

/* Gives back a buffer as if it had never been borrowed. */
RPS_API void rps_node_unget(struct rps_node *node, const struct rps_room *room);

/**
 * rps_node_send_room() - rps_node_trysend() of what lies in its buffer already.
 * @len_bytes: from @room->payload on.
 *
 * Return: 0; -EINVAL and -EMSGSIZE as rps_node_trysend(), the buffer being the
 * caller's still; -ENOTCONN and -EPIPE, the buffer being nobody's.
 */
RPS_API RPS_CHECKED int rps_node_send_room(struct rps_node *node,
					   const struct rps_room *room,
					   uint32_t src, uint32_t dst,
					   size_t len_bytes);

/**
 * rps_node_flow_control() - ask the peer to pause or to go on sending.
 *
 * Return: -EOPNOTSUPP: no way of saying so was ever agreed on for virtio.
 * Nothing is on the wire.
 * Source: Linux 6.6 rpmsg_set_flow_control() on a backend without it.
 */
RPS_API RPS_CHECKED int rps_node_flow_control(struct rps_node *node,
					      const struct rps_ept *ept,
					      bool pause);

/* A blocking send, as steps. Caller's storage until it has ended. */
struct rps_send {
	struct rps_node *node;
	uint32_t src;
	uint32_t dst;
	const void *payload; /* the caller's, until it has ended */
	size_t len_bytes;
	uint64_t deadline_ns;
	bool waiting;
};

/**
 * rps_send_begin() - send, and wait up to 15 s for a buffer.
 * @send:   caller's storage.
 * @now_ns: any clock that does not go back.
 *
 * Return: 0 where it went at once; -EAGAIN where it waits: call
 * rps_send_poll() when the peer has returned something, or time has passed;
 * else as rps_node_trysend().
 */
RPS_API RPS_CHECKED int rps_send_begin(struct rps_send *send, uint64_t now_ns);

/* Return: as rps_send_begin(); -ETIMEDOUT once 15 s have passed in vain. */
RPS_API RPS_CHECKED int rps_send_poll(struct rps_send *send, uint64_t now_ns);

/* Ends a wait without sending. */
RPS_API void rps_send_cancel(struct rps_send *send);

#endif
