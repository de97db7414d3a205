/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about one ring.
 */
#include <errno.h>
#include <inttypes.h>

#include "vhost_user_request.h"
#include "vhost_user_ring.h"

static int check_index(struct rps_vu *vu, uint32_t index)
{
	if (index >= vu->num_queues)
		return rps_vu_refuse(vu, -EINVAL, "ring index %u of %u", index,
				     vu->num_queues);
	return 0;
}

/* What the device end has read once must not change under it. */
static int check_idle(struct rps_vu *vu, uint32_t index)
{
	int err = check_index(vu, index);

	if (err)
		return err;
	if (rps_vu_ring_is_started(vu, index) &&
	    rps_vu_ring_is_enabled(vu, index))
		return rps_vu_refuse(vu, -EBUSY, "ring %u is running", index);
	return 0;
}

int rps_vu_do_SET_VRING_NUM(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_vring_state *state = &msg->payload.state;
	int err = check_idle(vu, state->index);

	if (err)
		return err;
	if (state->num == 0 || state->num > RPS_VRING_NUM_MAX ||
	    (state->num & (state->num - 1)))
		return rps_vu_refuse(vu, -EINVAL, "ring size %u", state->num);

	vu->xport.queue[state->index].num = (uint16_t)state->num;
	vu->ring[state->index].has_num = true;
	err = rps_vu_ring_check(vu, state->index);
	if (err)
		vu->ring[state->index].has_num = false;
	return err;
}

int rps_vu_do_SET_VRING_ADDR(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_vring_addr *addr = &msg->payload.addr;
	int err = check_index(vu, addr->index);
	struct vu_ring *ring;

	if (err)
		return err;
	if (addr->flags & VHOST_USER_VRING_F_LOG)
		return rps_vu_refuse(vu, -EINVAL, "logging is not offered");

	ring = &vu->ring[addr->index];
	ring->addr = *addr;
	ring->has_addr = true;
	ring->stopped = false;
	err = rps_vu_ring_check(vu, addr->index);
	if (err)
		ring->has_addr = false;
	return err;
}

int rps_vu_do_SET_VRING_BASE(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_vring_state *state = &msg->payload.state;
	int err = check_idle(vu, state->index);

	if (err)
		return err;
	if (state->num > UINT16_MAX)
		return rps_vu_refuse(vu, -EINVAL, "ring base %u", state->num);
	vu->xport.queue[state->index].base = (uint16_t)state->num;
	return 0;
}

int rps_vu_do_GET_VRING_BASE(struct rps_vu *vu, struct vu_msg *msg)
{
	uint32_t index = msg->payload.state.index;
	int err = check_index(vu, index);

	if (err)
		/* There is no reply that would mean failure. */
		return -EPROTO;
	rps_vu_ring_stop(vu, index);
	vu->reply.header.size = sizeof(vu->reply.payload.state);
	vu->reply.payload.state.index = index;
	vu->reply.payload.state.num = vu->xport.queue[index].base;
	return 0;
}

int rps_vu_do_SET_VRING_ENABLE(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_vring_state *state = &msg->payload.state;
	int err = check_index(vu, state->index);

	if (err)
		return err;
	if (state->num > 1)
		return rps_vu_refuse(vu, -EINVAL, "ring enabled by %u",
				     state->num);
	if (state->num == 1)
		err = rps_vu_ring_check(vu, state->index);
	if (!err)
		vu->ring[state->index].enable = state->num == 1;
	return err;
}

int rps_vu_do_SET_VRING_ENDIAN(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_vring_state *state = &msg->payload.state;
	int err = check_idle(vu, state->index);

	if (err)
		return err;
	if (state->num > VHOST_USER_ENDIAN_BIG)
		return rps_vu_refuse(vu, -EINVAL, "byte order %u", state->num);
	vu->ring[state->index].has_order = true;
	vu->ring[state->index].order = state->num == VHOST_USER_ENDIAN_BIG
					       ? RPS_ORDER_BE
					       : RPS_ORDER_LE;
	return 0;
}

/* The ring that a descriptor belongs to; -errno where it does not fit. */
static int check_vring_fd(struct rps_vu *vu, const struct vu_msg *msg)
{
	uint64_t u64 = msg->payload.u64;
	unsigned int expected = u64 & VHOST_USER_VRING_NO_FD ? 0 : 1;

	if (msg->num_fds != expected)
		return rps_vu_refuse(vu, -EPROTO,
				     "ring message with %u descriptors, not %u",
				     msg->num_fds, expected);
	if (u64 & ~VHOST_USER_VRING_FD_KNOWN)
		return rps_vu_refuse(vu, -EINVAL, "ring flags %#" PRIx64, u64);
	return check_index(vu, (uint32_t)(u64 & VHOST_USER_VRING_INDEX_MASK));
}

int rps_vu_do_SET_VRING_KICK(struct rps_vu *vu, struct vu_msg *msg)
{
	unsigned int index = msg->payload.u64 & VHOST_USER_VRING_INDEX_MASK;
	int err = check_vring_fd(vu, msg);

	if (!err)
		err = rps_vu_ring_check(vu, index);
	if (err)
		return err;
	if (msg->num_fds == 0) {
		rps_vu_ring_stop(vu, index);
		vu->ring[index].polled = true;
		vu->ring[index].stopped = false;
		return 0;
	}
	err = rps_vu_ring_set_kick(vu, index, rps_vu_msg_take_fd(msg, 0));
	if (err)
		return rps_vu_refuse(
			vu, err, "kick descriptor of ring %u cannot be polled",
			index);
	return 0;
}

int rps_vu_do_SET_VRING_CALL(struct rps_vu *vu, struct vu_msg *msg)
{
	unsigned int index = msg->payload.u64 & VHOST_USER_VRING_INDEX_MASK;
	int err = check_vring_fd(vu, msg);
	struct vu_ring *ring;

	if (err)
		return err;
	ring = &vu->ring[index];
	rps_vu_event_close(&ring->call);
	ring->quiet = msg->num_fds == 0;
	if (ring->quiet)
		return 0;
	err = rps_vu_event_open(&ring->call, rps_vu_msg_take_fd(msg, 0));
	if (err)
		return rps_vu_refuse(
			vu, err, "call descriptor of ring %u carries no events",
			index);
	return 0;
}

/* Nobody above reports ring errors this way: the descriptor is not kept. */
int rps_vu_do_SET_VRING_ERR(struct rps_vu *vu, struct vu_msg *msg)
{
	return check_vring_fd(vu, msg);
}

int rps_vu_do_VRING_KICK(struct rps_vu *vu, struct vu_msg *msg)
{
	uint32_t index = msg->payload.state.index;
	int err = check_index(vu, index);

	if (err)
		return err;
	if (msg->payload.state.num != 0)
		return rps_vu_refuse(vu, -EINVAL, "in-band kick with number %u",
				     msg->payload.state.num);
	vu->xport.queue[index].kicks++;
	vu->stats.kicks++;
	/* "the ring is also started on the VHOST_USER_VRING_KICK message" */
	if (vu->ring[index].stopped) {
		vu->ring[index].stopped = false;
		rps_vu_rings_publish(vu);
	}
	return 0;
}
