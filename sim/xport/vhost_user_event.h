/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kick and call descriptors: eventfds, or the pipes and sockets that stand in
 * for them (user-mode Linux).  They come from the peer, so nothing is assumed.
 */
#ifndef RPS_VHOST_USER_EVENT_H
#define RPS_VHOST_USER_EVENT_H

#include <rps/api.h>

enum vu_event_kind {
	VU_EVENT_COUNTER, /* eventfd */
	VU_EVENT_SOCKET,
	VU_EVENT_PIPE,
};

struct vu_event {
	int fd; /* -1 while there is none */
	enum vu_event_kind kind;
};

/**
 * rps_vu_event_open() - take a descriptor over that carries events.
 * @event: closed before, or never opened; closed afterwards on error.
 * @fd:    closed on error.
 *
 * Makes it non-blocking, which its other holders share.  One that takes this
 * back could make rps_vu_event_signal() wait, and only itself suffers from
 * what it then does not get.
 *
 * Return: 0, or -EINVAL for files, directories and devices.
 */
RPS_CHECKED int rps_vu_event_open(struct vu_event *event, int fd);

void rps_vu_event_close(struct vu_event *event);

/**
 * rps_vu_event_drain() - take one notification.
 *
 * Return: 1 where there was one, however often it was raised meanwhile; 0
 * where there was none; -EPIPE where the other end is gone; another -errno.
 */
RPS_CHECKED int rps_vu_event_drain(const struct vu_event *event);

/**
 * rps_vu_event_signal() - raise a notification; no SIGPIPE.
 *
 * Return: 0, also where some are pending already and no more fit; -errno
 * where it can never work.
 */
RPS_CHECKED int rps_vu_event_signal(const struct vu_event *event);

#endif
