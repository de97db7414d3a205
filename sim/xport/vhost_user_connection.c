/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost_user_request.h"
#include "vhost_user_ring.h"

/* A flood of requests must not keep the caller from its other work. */
#define REQUESTS_PER_SERVICE 64
/* As many as there are tags. */
#define EVENTS_PER_SERVICE (VU_TAG_KICK + RPS_NUM_QUEUES)

static void drop_channel(struct rps_vu *vu)
{
	if (vu->channel.fd >= 0)
		rps_vu_unwatch(vu, vu->channel.fd);
	rps_vu_channel_close(&vu->channel);
}

void rps_vu_disconnect(struct rps_vu *vu, const char *why)
{
	rps_vu_log_add(&vu->log, "connection ended: %s", why);
	snprintf(vu->last_error, sizeof(vu->last_error), "%s", why);

	rps_vu_unwatch(vu, vu->sock);
	close(vu->sock);
	vu->sock = -1;
	rps_vu_msg_reset(&vu->reader);
	drop_channel(vu);
	for (unsigned int i = 0; i < vu->num_queues; i++)
		rps_vu_ring_forget(vu, i);
	rps_vu_mem_clear(&vu->mem);
	rps_vu_mem_publish(&vu->mem, &vu->xport.mem);
	vu->mem_changed = true;
	vu->acked_features = 0;
	vu->doom = NULL;
	rps_vu_rings_publish(vu);

	vu->stats.connected = false;
	vu->stats.disconnects++;
}

/* Others wait in the backlog while one is served: the listener is not watched
 * then, or it would keep our caller busy. */
static int hang_up(struct rps_vu *vu, const char *why)
{
	rps_vu_disconnect(vu, why);
	return rps_vu_watch(vu, vu->listener.fd, VU_TAG_LISTENER);
}

static int accept_frontend(struct rps_vu *vu)
{
	int fd = accept4(vu->listener.fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);
	int err;

	if (fd < 0)
		/* It may have gone away again; that is no fault of ours. */
		return errno == EAGAIN || errno == ECONNABORTED ||
				       errno == EINTR
			       ? 0
			       : -errno;
	err = rps_vu_watch(vu, fd, VU_TAG_SOCK);
	if (err) {
		close(fd);
		return err;
	}
	rps_vu_unwatch(vu, vu->listener.fd);
	vu->sock = fd;
	vu->stats.status = 0;
	vu->stats.protocol_features = 0;
	vu->stats.connected = true;
	vu->stats.connections++;
	rps_vu_log_add(&vu->log, "connection %llu",
		       (unsigned long long)vu->stats.connections);
	return 1;
}

/* Why no further message can be read; @err is rps_vu_msg_receive()'s. */
static void receive_failed(struct rps_vu *vu, int err)
{
	const struct vhost_user_header *header = &vu->reader.msg.header;

	switch (err) {
	case -ECONNRESET:
		rps_vu_note(vu, "frontend closed the connection");
		return;
	case -EPIPE:
		rps_vu_note(vu, "frontend went away inside a message");
		return;
	case -EPROTO:
		rps_vu_note(vu, "header with flags %#x", header->flags);
		break;
	case -EMSGSIZE:
		rps_vu_note(vu, "payload of %u bytes is too large",
			    header->size);
		break;
	case -E2BIG:
		rps_vu_note(vu, "too many descriptors");
		break;
	default:
		rps_vu_note(vu, "socket: %s", strerror(-err));
		return;
	}
	vu->stats.bad_messages++;
}

/* 0: one served; -EAGAIN: none there; else the connection must end. */
static int serve_message(struct rps_vu *vu)
{
	int err = rps_vu_msg_receive(&vu->reader, vu->sock);

	if (err == -EAGAIN)
		return err;
	if (err) {
		receive_failed(vu, err);
		return err;
	}
	err = rps_vu_request_serve(vu, &vu->reader.msg);
	rps_vu_msg_reset(&vu->reader);
	if (err == -EPROTO)
		vu->stats.bad_messages++;
	return err;
}

static int serve_socket(struct rps_vu *vu)
{
	int served;

	for (served = 0; served < REQUESTS_PER_SERVICE; served++) {
		int err = serve_message(vu);

		if (err == -EAGAIN)
			break;
		if (err) {
			err = hang_up(vu, vu->reason);
			return err ? err : served + 1;
		}
	}
	return served;
}

static int serve_channel(struct rps_vu *vu)
{
	int served = rps_vu_channel_serve(&vu->channel);
	int err;

	if (served >= 0)
		return served;
	if (served == -ECONNRESET) {
		rps_vu_log_add(&vu->log, "frontend closed its backend channel");
		drop_channel(vu);
		return 1;
	}
	if (served != -EAGAIN)
		vu->stats.bad_messages++;
	err = hang_up(
		vu,
		served == -EAGAIN
			? "frontend does not read its backend channel"
			: "frontend broke the rules of its backend channel");
	return err ? err : 1;
}

static int serve_kick(struct rps_vu *vu, unsigned int queue)
{
	int taken = rps_vu_event_drain(&vu->ring[queue].kick);
	int err;

	if (taken > 0)
		vu_count_kick(vu, queue);
	if (taken >= 0)
		return taken;
	/* It would be readable for ever. */
	err = hang_up(vu, "kick descriptor is broken");
	return err ? err : 1;
}

/* Where nobody kicks, time does. */
static int serve_timer(struct rps_vu *vu)
{
	uint64_t periods;

	if (read(vu->timer_fd, &periods, sizeof(periods)) < 0)
		return 0;
	for (unsigned int i = 0; i < vu->num_queues; i++) {
		if (vu->ring[i].polled)
			vu_count_kick(vu, i);
	}
	return 1;
}

static int serve_wake(struct rps_vu *vu)
{
	uint64_t value;

	/* The reason lies in vu->doom, and is looked at after all events. */
	return read(vu->wake_fd, &value, sizeof(value)) > 0;
}

/* An event may be older than what an earlier one of its batch has closed. */
static int serve_event(struct rps_vu *vu, uint32_t tag)
{
	switch (tag) {
	case VU_TAG_LISTENER:
		return vu->sock < 0 ? accept_frontend(vu) : 0;
	case VU_TAG_SOCK:
		return vu->sock < 0 ? 0 : serve_socket(vu);
	case VU_TAG_CHANNEL:
		return vu->channel.fd < 0 ? 0 : serve_channel(vu);
	case VU_TAG_WAKE:
		return serve_wake(vu);
	case VU_TAG_TIMER:
		return serve_timer(vu);
	default:
		tag -= VU_TAG_KICK;
		return vu->ring[tag].kick.fd < 0 ? 0 : serve_kick(vu, tag);
	}
}

int rps_vu_service(struct rps_vu *vu)
{
	struct epoll_event event[EVENTS_PER_SERVICE];
	int count = epoll_wait(vu->epoll_fd, event, EVENTS_PER_SERVICE, 0);
	int served = 0;

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		int n = serve_event(vu, event[i].data.u32);

		if (n < 0)
			return n;
		served += n;
	}
	if (vu->doom && vu->sock >= 0) {
		int err = hang_up(vu, vu->doom);

		return err ? err : served + 1;
	}
	return served;
}
