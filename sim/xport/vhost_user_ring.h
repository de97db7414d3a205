/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings: what the frontend has said of them so far, and what the device end
 * may make of it.
 * Source: QEMU docs/interop/vhost-user.rst, "Ring states".
 */
#ifndef RPS_VHOST_USER_RING_H
#define RPS_VHOST_USER_RING_H

#include "vhost_user_impl.h"

/* Everything unset, nothing open. */
void rps_vu_ring_init(struct vu_ring *ring);

/**
 * rps_vu_ring_check() - does the description fit into the memory?
 *
 * Asks only about what is known so far.
 *
 * Return: VU_GRANTED; or VU_REFUSED, with the reason noted.
 */
RPS_CHECKED enum vu_outcome rps_vu_ring_check(struct rps_vu *vu,
					      unsigned int queue);

/* Have the frontend's addresses, the number of entries and a way to kick come? */
bool rps_vu_ring_is_started(const struct rps_vu *vu, unsigned int queue);

bool rps_vu_ring_is_enabled(const struct rps_vu *vu, unsigned int queue);

/* Watch @fd for kicks; takes it over. Return: 0, or -errno. */
RPS_CHECKED int rps_vu_ring_set_kick(struct rps_vu *vu, unsigned int queue,
				     int fd);

/* The device must not touch the ring any more; it needs a new kick. */
void rps_vu_ring_stop(struct rps_vu *vu, unsigned int queue);

/* Stop the ring and forget what was said about it, but not where calls go:
 * that is wiring of the connection and not state of the device. */
void rps_vu_ring_reset(struct rps_vu *vu, unsigned int queue);

/* Reset the ring, and forget where calls go. */
void rps_vu_ring_forget(struct rps_vu *vu, unsigned int queue);

/**
 * rps_vu_rings_publish() - tell the device end what is true now.
 *
 * Recomputes @vu->xport, and raises its generation where pointers into it or
 * conclusions from it have become wrong.
 */
void rps_vu_rings_publish(struct rps_vu *vu);

/* Tell the driver of a used buffer. */
void rps_vu_ring_notify(struct rps_vu *vu, unsigned int queue);

#endif
