/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The back end's state, shared by its own files and nobody else.
 */
#ifndef RPS_VHOST_USER_IMPL_H
#define RPS_VHOST_USER_IMPL_H

#include <rps/probe.h>
#include <rps/vhost_user.h>
#include <rps/xport.h>

#include "vhost_user_channel.h"
#include "vhost_user_event.h"
#include "vhost_user_log.h"
#include "vhost_user_mem.h"
#include "vhost_user_msg.h"
#include "vhost_user_socket.h"

#define VU_REASON_BYTES 160u

/* A ring as the frontend described it; user addresses. */
struct vu_ring {
	bool has_num;
	bool has_addr;
	bool enable;  /* last SET_VRING_ENABLE */
	bool stopped; /* by GET_VRING_BASE, and not started again */
	bool polled;  /* the frontend will not kick */
	bool quiet;   /* the frontend will not listen to calls */
	bool has_order;
	enum rps_order order; /* last SET_VRING_ENDIAN */
	struct vhost_user_vring_addr addr;
	struct vu_event kick;
	struct vu_event call;
};

struct rps_vu {
	struct rps_xport xport;

	/* What is offered; fixed by rps_vu_create(). */
	uint64_t features;
	uint64_t protocol_features;
	unsigned int num_queues;
	uint8_t config[VHOST_USER_CONFIG_BYTES];
	uint32_t config_len; /* bytes */

	/* What lives as long as the back end. */
	int epoll_fd;
	int wake_fd;  /* makes rps_vu_fd() readable for reasons of our own */
	int timer_fd; /* for rings that are polled */
	bool timer_runs;
	struct vu_socket listener;
	struct vu_log log;
	struct rps_vu_stats stats;
	const struct rps_probe *driver_probe; /* of what the driver does */
	char last_error[VU_REASON_BYTES];

	/* One connection. */
	int sock; /* -1 while there is none */
	struct vu_reader reader;
	struct vu_msg reply;     /* of a request whose answer has a body */
	uint64_t acked_features; /* as SET_FEATURES, bit 30 included */
	struct vu_mem mem;
	bool mem_changed; /* since rings were last published */
	struct vu_ring ring[RPS_NUM_QUEUES];
	struct vu_channel channel;
	char reason[VU_REASON_BYTES]; /* of the request that was refused */

	/* Set where the connection cannot be ended at once: inside a call from
	 * the device, which still holds pointers, and in a signal handler. */
	const char *volatile doom;
};

/* epoll's names for the descriptors; kicks are VU_TAG_KICK plus the queue. */
enum vu_tag {
	VU_TAG_LISTENER,
	VU_TAG_SOCK,
	VU_TAG_CHANNEL,
	VU_TAG_WAKE,
	VU_TAG_TIMER,
	VU_TAG_KICK,
};

/* Return: 0 or -errno. */
RPS_CHECKED int rps_vu_watch(struct rps_vu *vu, int fd, unsigned int tag);

/* Forget @fd, which must still be open: its other holders keep it alive. */
void rps_vu_unwatch(struct rps_vu *vu, int fd);

/* End the connection at the next service; @why is a string constant.  May be
 * called from a signal handler. */
void rps_vu_doom(struct rps_vu *vu, const char *why);

/* What becomes of a request. */
enum vu_outcome {
	VU_GRANTED,
	VU_REFUSED, /* well formed; the frontend must learn of it */
	VU_IGNORED, /* well formed; the session goes on if it cannot be told */
	VU_MALFORMED, /* the connection must end */
};

/* Note why a request is not granted, or the connection ends. */
__attribute__((format(printf, 2, 3))) void rps_vu_note(struct rps_vu *vu,
						       const char *format, ...);

/* The same, in passing. Return: @outcome. */
#define rps_vu_refuse(vu, outcome, ...)                                        \
	(rps_vu_note((vu), __VA_ARGS__), (outcome))

/* The driver has done something that we learn of. */
static inline void vu_saw_driver(const struct rps_vu *vu, enum rps_event event,
				 uint64_t what)
{
	if (vu->driver_probe)
		vu->driver_probe->event(vu->driver_probe->priv, event, what, 0,
					0);
}

static inline void vu_count_kick(struct rps_vu *vu, unsigned int queue)
{
	vu->xport.queue[queue].kicks++;
	vu->stats.kicks++;
	vu_saw_driver(vu, RPS_EVENT_kick, queue);
}

static inline bool vu_has_protocol_feature(const struct rps_vu *vu,
					   unsigned int bit)
{
	return (vu->stats.protocol_features >> bit) & 1;
}

#endif
