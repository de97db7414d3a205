/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vhost_user_connection.h"
#include "vhost_user_ring.h"
#include "vhost_user_sigbus.h"

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

void rps_vu_destroy(struct rps_vu *vu)
{
	if (!vu)
		return;
	if (vu->sock >= 0)
		rps_vu_disconnect(vu, "back end shuts down");
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

int rps_vu_fd(const struct rps_vu *vu)
{
	return vu->epoll_fd;
}

struct rps_xport *rps_vu_xport(struct rps_vu *vu)
{
	return &vu->xport;
}

void rps_vu_observe(struct rps_vu *vu, const struct rps_probe *device,
		    const struct rps_probe *driver)
{
	vu->xport.mem.probe = device;
	vu->driver_probe = driver;
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
	out->unanswered = vu->channel.num_waiting;
}

size_t rps_vu_log(const struct rps_vu *vu, char *buf, size_t size)
{
	return rps_vu_log_text(&vu->log, buf, size);
}

const char *rps_vu_last_error(const struct rps_vu *vu)
{
	return vu->last_error;
}
