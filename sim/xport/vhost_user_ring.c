/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>

#include "../base/probe.h"

/* How often a ring is looked at whose driver does not kick. */
#define POLL_PERIOD_NS 1000000

void rps_vu_ring_init(struct vu_ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->kick.fd = -1;
	ring->call.fd = -1;
}

static bool translate(const struct rps_vu *vu, unsigned int queue,
		      struct rps_vring_addrs *out)
{
	const struct vhost_user_vring_addr *user = &vu->ring[queue].addr;

	return rps_vu_mem_translate(&vu->mem, user->desc, &out->desc) &&
	       rps_vu_mem_translate(&vu->mem, user->avail, &out->avail) &&
	       rps_vu_mem_translate(&vu->mem, user->used, &out->used);
}

enum vu_outcome rps_vu_ring_check(struct rps_vu *vu, unsigned int queue)
{
	const struct vu_ring *ring = &vu->ring[queue];
	struct rps_vring_addrs addrs;
	struct vring parts;
	int err;

	if (!ring->has_addr)
		return VU_GRANTED;
	if (!translate(vu, queue, &addrs))
		return rps_vu_refuse(vu, VU_REFUSED,
				     "ring %u begins outside the memory",
				     queue);
	if (!ring->has_num)
		return VU_GRANTED;
	err = rps_vring_attach(&parts, &vu->xport.mem,
			       vu->xport.queue[queue].num, addrs);
	if (err)
		return rps_vu_refuse(vu, VU_REFUSED, "ring %u %s", queue,
				     err == -EFAULT ? "ends outside the memory"
						    : "is misaligned");
	return VU_GRANTED;
}

bool rps_vu_ring_is_started(const struct rps_vu *vu, unsigned int queue)
{
	const struct vu_ring *ring = &vu->ring[queue];
	bool inband = vu_has_protocol_feature(
		vu, VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);

	return ring->has_num && ring->has_addr && !ring->stopped &&
	       (ring->kick.fd >= 0 || ring->polled || inband);
}

bool rps_vu_ring_is_enabled(const struct rps_vu *vu, unsigned int queue)
{
	struct feature_set acked = { vu->acked_features };

	/* "If VHOST_USER_F_PROTOCOL_FEATURES has not been negotiated, the ring
	 * starts directly in the enabled state." */
	return vu->ring[queue].enable ||
	       !feature_has(acked, VHOST_USER_F_PROTOCOL_FEATURES);
}

static void drop_kick(struct rps_vu *vu, unsigned int queue)
{
	struct vu_ring *ring = &vu->ring[queue];

	if (ring->kick.fd >= 0)
		rps_vu_unwatch(vu, ring->kick.fd);
	rps_vu_event_close(&ring->kick);
}

int rps_vu_ring_set_kick(struct rps_vu *vu, unsigned int queue, int fd)
{
	struct vu_ring *ring = &vu->ring[queue];
	int err;

	drop_kick(vu, queue);
	ring->polled = false;
	err = rps_vu_event_open(&ring->kick, fd);
	if (err)
		return err;
	err = rps_vu_watch(vu, ring->kick.fd, VU_TAG_KICK + queue);
	if (err)
		rps_vu_event_close(&ring->kick);
	else
		ring->stopped = false;
	return err;
}

void rps_vu_ring_stop(struct rps_vu *vu, unsigned int queue)
{
	struct vu_ring *ring = &vu->ring[queue];

	drop_kick(vu, queue);
	ring->polled = false;
	ring->stopped = true;
}

void rps_vu_ring_reset(struct rps_vu *vu, unsigned int queue)
{
	struct rps_xport_queue *known = &vu->xport.queue[queue];
	struct vu_event call = vu->ring[queue].call;
	bool quiet = vu->ring[queue].quiet;

	rps_vu_ring_stop(vu, queue);
	rps_vu_ring_init(&vu->ring[queue]);
	vu->ring[queue].call = call;
	vu->ring[queue].quiet = quiet;
	/* Enabled and addresses follow at the next publication. */
	known->num = 0;
	known->base = 0;
}

void rps_vu_ring_forget(struct rps_vu *vu, unsigned int queue)
{
	rps_vu_ring_reset(vu, queue);
	rps_vu_event_close(&vu->ring[queue].call);
	vu->ring[queue].quiet = false;
}

/* False while it is open, or the rings disagree. */
static bool find_order(const struct rps_vu *vu, enum rps_order *order)
{
	struct feature_set features = { vu->acked_features };
	const struct vu_ring *ring = vu->ring;

	*order = RPS_ORDER_LE;
	if (feature_has(features, VIRTIO_F_VERSION_1))
		return true;
	*order = ring[0].has_order ? ring[0].order : RPS_ORDER_HOST;
	for (unsigned int i = 1; i < vu->num_queues; i++) {
		if (ring[i].has_order != ring[0].has_order ||
		    ring[i].order != ring[0].order)
			return false;
	}
	return true;
}

/* One queue as it is now; @out keeps what only the device end changes. */
static bool publish_ring(const struct rps_vu *vu, unsigned int queue,
			 struct rps_xport_queue *out)
{
	struct vring parts;

	out->enabled = rps_vu_ring_is_enabled(vu, queue);
	memset(&out->addrs, 0, sizeof(out->addrs));
	return rps_vu_ring_is_started(vu, queue) &&
	       translate(vu, queue, &out->addrs) &&
	       !rps_vring_attach(&parts, &vu->xport.mem, out->num,
				 out->addrs) &&
	       out->enabled;
}

static bool is_same(const struct rps_xport_queue *a,
		    const struct rps_xport_queue *b)
{
	return a->num == b->num && a->enabled == b->enabled &&
	       a->addrs.desc.v == b->addrs.desc.v &&
	       a->addrs.avail.v == b->addrs.avail.v &&
	       a->addrs.used.v == b->addrs.used.v;
}

static void run_timer(struct rps_vu *vu)
{
	struct itimerspec period = { { 0, 0 }, { 0, 0 } };
	bool needed = false;

	for (unsigned int i = 0; i < vu->num_queues; i++)
		needed = needed || vu->ring[i].polled;
	needed = needed && vu->xport.ready;
	if (needed == vu->timer_runs)
		return;
	vu->timer_runs = needed;
	if (needed)
		period.it_interval.tv_nsec = POLL_PERIOD_NS;
	period.it_value = period.it_interval;
	/* Cannot fail with these arguments. */
	timerfd_settime(vu->timer_fd, 0, &period, NULL);
}

void rps_vu_rings_publish(struct rps_vu *vu)
{
	struct rps_xport *xport = &vu->xport;
	struct feature_set features = {
		vu->acked_features & ~(1ull << VHOST_USER_F_PROTOCOL_FEATURES)
	};
	bool ready = vu->sock >= 0;
	bool same = !vu->mem_changed && features.bits == xport->features.bits;
	enum rps_order order;

	ready = find_order(vu, &order) && ready;
	same = same && order == xport->mem.order;
	for (unsigned int i = 0; i < vu->num_queues; i++) {
		struct rps_xport_queue next = xport->queue[i];

		ready = publish_ring(vu, i, &next) && ready;
		same = same && is_same(&next, &xport->queue[i]);
		xport->queue[i] = next;
	}

	if (!same || ready != xport->ready)
		xport->generation++;
	if (ready != xport->ready)
		rps_vu_log_add(&vu->log, "device is %s",
			       ready ? "ready" : "stopped");
	xport->features = features;
	xport->mem.order = order;
	xport->ready = ready;
	vu->mem_changed = false;
	run_timer(vu);
}

static int send_notification(struct rps_vu *vu, unsigned int queue)
{
	struct vu_ring *ring = &vu->ring[queue];

	if (ring->call.fd >= 0)
		return rps_vu_event_signal(&ring->call);
	if (!ring->quiet &&
	    vu_has_protocol_feature(vu,
				    VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS))
		return rps_vu_channel_call(&vu->channel, queue);
	return -ENOTCONN;
}

void rps_vu_ring_notify(struct rps_vu *vu, unsigned int queue)
{
	int err = send_notification(vu, queue);

	if (!err) {
		vu->stats.notifications++;
		probe(&vu->xport.mem, RPS_EVENT_notify, queue, 0, 0);
	} else if (err == -EAGAIN) {
		rps_vu_doom(vu, "frontend does not read its backend channel");
	} else if (err != -ENOTCONN) {
		rps_vu_log_add(&vu->log, "call of queue %u failed: %s", queue,
			       strerror(-err));
	}
}
