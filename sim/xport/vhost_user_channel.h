/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel for requests of the back end to the frontend.
 * Source: QEMU docs/interop/vhost-user.rst, "Back-end communication" and
 * "In-band notifications".
 */
#ifndef RPS_VHOST_USER_CHANNEL_H
#define RPS_VHOST_USER_CHANNEL_H

#include <rps/xport.h>

#include "vhost_user_msg.h"

/**
 * struct vu_channel - requests on their way.
 * @fd:       stream socket, -1 while there is none.
 * @reader:   reply on its way in.
 * @waiting:  queues whose call has not been answered, in order of sending.
 * @again:    the queue was called once more meanwhile.
 *
 * At most one call of a queue is under way: a frontend may be slow, and
 * sending on would only fill its socket.
 */
struct vu_channel {
	int fd;
	struct vu_reader reader;
	unsigned int waiting[RPS_NUM_QUEUES];
	unsigned int num_waiting;
	bool again[RPS_NUM_QUEUES];
};

void rps_vu_channel_init(struct vu_channel *channel);

/* Take @fd over. Return: 0, or -EINVAL where it is no stream socket; @fd is
 * closed then. */
RPS_CHECKED int rps_vu_channel_open(struct vu_channel *channel, int fd);

void rps_vu_channel_close(struct vu_channel *channel);

/**
 * rps_vu_channel_call() - used-buffer notification of @queue, in band.
 *
 * Return: 0; -ENOTCONN without a channel; -EAGAIN where the frontend does not
 * read; another -errno of send().
 */
RPS_CHECKED int rps_vu_channel_call(struct vu_channel *channel,
				    unsigned int queue);

/* The configuration space has changed. Return: as rps_vu_channel_call(). */
RPS_CHECKED int rps_vu_channel_config_changed(struct vu_channel *channel);

/**
 * rps_vu_channel_serve() - take replies; bounded.
 *
 * Return: replies taken; -ECONNRESET where the frontend has closed it; -EPROTO
 * for anything that is not the reply to a request of ours; another -errno.
 */
RPS_CHECKED int rps_vu_channel_serve(struct vu_channel *channel);

#endif
