/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vhost_user_request.h"
#include "vhost_user_ring.h"
#include "vhost_user_sigbus.h"

/* A flood of requests must not keep the caller from its other work. */
#define REQUESTS_PER_SERVICE 64
/* As many as there are tags. */
#define EVENTS_PER_SERVICE (VU_TAG_KICK + RPS_NUM_QUEUES)

int rps_vu_watch(struct rps_vu *vu, int fd, unsigned int tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = tag };

	return epoll_ctl(vu->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

void rps_vu_unwatch(struct rps_vu *vu, int fd)
{
	/* It may be unwatched already, which is what is wanted. */
	epoll_ctl(vu->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void rps_vu_doom(struct rps_vu *vu, const char *why)
{
	const uint64_t one = 1;
	ssize_t n;

	vu->doom = why;
	n = write(vu->wake_fd, &one, sizeof(one));
	/* A full counter wakes us just as well. */
	(void)n;
}

void rps_vu_note(struct rps_vu *vu, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(vu->reason, sizeof(vu->reason), format, args);
	va_end(args);
}

static void notify(struct rps_xport *xport, unsigned int queue)
{
	/* The transport is the first member of its back end. */
	struct rps_vu *vu = (struct rps_vu *)xport;

	if (queue < vu->num_queues)
		rps_vu_ring_notify(vu, queue);
}

static const struct rps_xport_ops xport_ops = {
	.notify = notify,
};

static uint64_t offered_protocol_features(const struct rps_vu_config *config)
{
	uint64_t bits = 1u << VHOST_USER_PROTOCOL_F_MQ |
			1u << VHOST_USER_PROTOCOL_F_REPLY_ACK |
			1u << VHOST_USER_PROTOCOL_F_BACKEND_REQ |
			1u << VHOST_USER_PROTOCOL_F_CROSS_ENDIAN |
			1u << VHOST_USER_PROTOCOL_F_RESET_DEVICE |
			1u << VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS;

	/* QEMU warns of a configuration space that its device has not got. */
	if (config->config_len > 0)
		bits |= 1u << VHOST_USER_PROTOCOL_F_CONFIG;
	if (config->status)
		bits |= 1u << VHOST_USER_PROTOCOL_F_STATUS;
	if (config->inband)
		bits |= 1u << VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS;
	return bits;
}

static int check_config(const struct rps_vu_config *config)
{
	/* The transport would have to keep a dirty log, or an IOTLB. */
	const uint64_t impossible =
		1ull << VHOST_F_LOG_ALL | 1ull << VIRTIO_F_ACCESS_PLATFORM;

	if (!config->path || config->features & impossible)
		return -EINVAL;
	if (config->num_queues == 0 || config->num_queues > RPS_NUM_QUEUES)
		return -EINVAL;
	if (config->config_len > VHOST_USER_CONFIG_BYTES ||
	    (config->config_len > 0 && !config->config_bytes))
		return -EINVAL;
	return 0;
}

static void init(struct rps_vu *vu, const struct rps_vu_config *config)
{
	vu->xport.ops = &xport_ops;
	vu->features =
		config->features | 1ull << VHOST_USER_F_PROTOCOL_FEATURES;
	vu->protocol_features = offered_protocol_features(config);
	vu->num_queues = config->num_queues;
	vu->config_len = config->config_len;
	if (config->config_len > 0)
		memcpy(vu->config, config->config_bytes, config->config_len);

	vu->epoll_fd = -1;
	vu->wake_fd = -1;
	vu->timer_fd = -1;
	vu->listener.fd = -1;
	vu->sock = -1;
	rps_vu_channel_init(&vu->channel);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++)
		rps_vu_ring_init(&vu->ring[i]);
}

static int open_all(struct rps_vu *vu, const char *path)
{
	int err;

	vu->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	vu->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vu->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (vu->epoll_fd < 0 || vu->wake_fd < 0 || vu->timer_fd < 0)
		return -errno;
	err = rps_vu_socket_listen(&vu->listener, path);
	if (!err)
		err = rps_vu_watch(vu, vu->listener.fd, VU_TAG_LISTENER);
	if (!err)
		err = rps_vu_watch(vu, vu->wake_fd, VU_TAG_WAKE);
	if (!err)
		err = rps_vu_watch(vu, vu->timer_fd, VU_TAG_TIMER);
	return err;
}

struct rps_vu *rps_vu_create(const struct rps_vu_config *config, int *error)
{
	struct rps_vu *vu = NULL;
	int err = check_config(config);

	if (!err) {
		vu = calloc(1, sizeof(*vu));
		err = -ENOMEM;
	}
	if (vu) {
		init(vu, config);
		err = open_all(vu, config->path);
	}
	if (err) {
		rps_vu_destroy(vu);
		vu = NULL;
	}
	if (error)
		*error = err;
	return vu;
}

static void drop_channel(struct rps_vu *vu)
{
	if (vu->channel.fd >= 0)
		rps_vu_unwatch(vu, vu->channel.fd);
	rps_vu_channel_close(&vu->channel);
}

/* Back to the state before the connection; what is counted stays. */
static void disconnect(struct rps_vu *vu, const char *why)
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

void rps_vu_destroy(struct rps_vu *vu)
{
	if (!vu)
		return;
	if (vu->sock >= 0)
		disconnect(vu, "back end shuts down");
	rps_vu_sigbus_forget(vu);
	rps_vu_socket_close(&vu->listener);
	if (vu->timer_fd >= 0)
		close(vu->timer_fd);
	if (vu->wake_fd >= 0)
		close(vu->wake_fd);
	if (vu->epoll_fd >= 0)
		close(vu->epoll_fd);
	free(vu);
}

/* Others wait in the backlog while one is served: the listener is not watched
 * then, or it would keep our caller busy. */
static int hang_up(struct rps_vu *vu, const char *why)
{
	disconnect(vu, why);
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

static void count_kick(struct rps_vu *vu, unsigned int queue)
{
	vu->xport.queue[queue].kicks++;
	vu->stats.kicks++;
}

static int serve_kick(struct rps_vu *vu, unsigned int queue)
{
	int taken = rps_vu_event_drain(&vu->ring[queue].kick);
	int err;

	if (taken > 0)
		count_kick(vu, queue);
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
			count_kick(vu, i);
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

int rps_vu_fd(const struct rps_vu *vu)
{
	return vu->epoll_fd;
}

struct rps_xport *rps_vu_xport(struct rps_vu *vu)
{
	return &vu->xport;
}

int rps_vu_set_config(struct rps_vu *vu, uint32_t offset, const void *bytes,
		      uint32_t len)
{
	int err;

	if (offset > vu->config_len || len > vu->config_len - offset)
		return -EINVAL;
	memcpy(vu->config + offset, bytes, len);
	if (!vu_has_protocol_feature(vu, VHOST_USER_PROTOCOL_F_CONFIG))
		return 0;
	err = rps_vu_channel_config_changed(&vu->channel);
	if (err == -EAGAIN)
		rps_vu_doom(vu, "frontend does not read its backend channel");
	/* Without a channel the frontend finds out when it asks. */
	return 0;
}

void rps_vu_get_stats(const struct rps_vu *vu, struct rps_vu_stats *out)
{
	*out = vu->stats;
}

size_t rps_vu_log(const struct rps_vu *vu, char *buf, size_t size)
{
	return rps_vu_log_text(&vu->log, buf, size);
}

const char *rps_vu_last_error(const struct rps_vu *vu)
{
	return vu->last_error;
}
