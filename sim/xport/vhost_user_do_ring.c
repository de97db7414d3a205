/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about one ring.
 */
#include <inttypes.h>

#include "vhost_user_request.h"
#include "vhost_user_ring.h"

static enum vu_outcome check_index(struct rps_vu *vu, uint32_t index)
{
	if (index >= vu->num_queues)
		return rps_vu_refuse(vu, VU_REFUSED, "ring index %u of %u",
				     index, vu->num_queues);
	return VU_GRANTED;
}

/* What the device end has read once must not change under it. */
static enum vu_outcome check_idle(struct rps_vu *vu, uint32_t index)
{
	enum vu_outcome outcome = check_index(vu, index);

	if (outcome != VU_GRANTED)
		return outcome;
	if (rps_vu_ring_is_started(vu, index) &&
	    rps_vu_ring_is_enabled(vu, index))
		return rps_vu_refuse(vu, VU_REFUSED, "ring %u is running",
				     index);
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_SET_VRING_NUM(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_vring_state *state = &msg->payload.state;
	enum vu_outcome outcome = check_idle(vu, state->index);

	if (outcome != VU_GRANTED)
		return outcome;
	if (state->num == 0 || state->num > RPS_VRING_NUM_MAX ||
	    (state->num & (state->num - 1)))
		return rps_vu_refuse(vu, VU_REFUSED, "ring size %u",
				     state->num);

	vu->xport.queue[state->index].num = (uint16_t)state->num;
	vu->ring[state->index].has_num = true;
	outcome = rps_vu_ring_check(vu, state->index);
	if (outcome != VU_GRANTED)
		vu->ring[state->index].has_num = false;
	return outcome;
}

enum vu_outcome rps_vu_do_SET_VRING_ADDR(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_vring_addr *addr = &msg->payload.addr;
	enum vu_outcome outcome = check_index(vu, addr->index);
	struct vu_ring *ring;

	if (outcome != VU_GRANTED)
		return outcome;
	if (addr->flags & VHOST_USER_VRING_F_LOG)
		return rps_vu_refuse(vu, VU_REFUSED, "logging is not offered");

	ring = &vu->ring[addr->index];
	ring->addr = *addr;
	ring->has_addr = true;
	ring->stopped = false;
	outcome = rps_vu_ring_check(vu, addr->index);
	if (outcome != VU_GRANTED)
		ring->has_addr = false;
	return outcome;
}

enum vu_outcome rps_vu_do_SET_VRING_BASE(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_vring_state *state = &msg->payload.state;
	enum vu_outcome outcome = check_idle(vu, state->index);

	if (outcome != VU_GRANTED)
		return outcome;
	if (state->num > UINT16_MAX)
		return rps_vu_refuse(vu, VU_REFUSED, "ring base %u",
				     state->num);
	vu->xport.queue[state->index].base = (uint16_t)state->num;
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_GET_VRING_BASE(struct rps_vu *vu, struct vu_msg *msg)
{
	uint32_t index = msg->payload.state.index;
	enum vu_outcome outcome = check_index(vu, index);

	if (outcome != VU_GRANTED)
		/* There is no reply that would mean failure. */
		return VU_MALFORMED;
	rps_vu_ring_stop(vu, index);
	vu->reply.header.size = sizeof(vu->reply.payload.state);
	vu->reply.payload.state.index = index;
	vu->reply.payload.state.num = vu->xport.queue[index].base;
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_SET_VRING_ENABLE(struct rps_vu *vu,
					   struct vu_msg *msg)
{
	const struct vhost_user_vring_state *state = &msg->payload.state;
	enum vu_outcome outcome = check_index(vu, state->index);

	if (outcome != VU_GRANTED)
		return outcome;
	if (state->num > 1)
		return rps_vu_refuse(vu, VU_REFUSED, "ring enabled by %u",
				     state->num);
	if (state->num == 1)
		outcome = rps_vu_ring_check(vu, state->index);
	if (outcome == VU_GRANTED)
		vu->ring[state->index].enable = state->num == 1;
	return outcome;
}

enum vu_outcome rps_vu_do_SET_VRING_ENDIAN(struct rps_vu *vu,
					   struct vu_msg *msg)
{
	const struct vhost_user_vring_state *state = &msg->payload.state;
	enum vu_outcome outcome = check_idle(vu, state->index);

	if (outcome != VU_GRANTED)
		return outcome;
	if (state->num > VHOST_USER_ENDIAN_BIG)
		return rps_vu_refuse(vu, VU_REFUSED, "byte order %u",
				     state->num);
	vu->ring[state->index].has_order = true;
	vu->ring[state->index].order = state->num == VHOST_USER_ENDIAN_BIG
					       ? RPS_ORDER_BE
					       : RPS_ORDER_LE;
	return VU_GRANTED;
}

/* The ring that a descriptor belongs to; -errno where it does not fit. */
static enum vu_outcome check_vring_fd(struct rps_vu *vu,
				      const struct vu_msg *msg)
{
	uint64_t u64 = msg->payload.u64;
	unsigned int expected = u64 & VHOST_USER_VRING_NO_FD ? 0 : 1;

	if (msg->num_fds != expected)
		return rps_vu_refuse(vu, VU_MALFORMED,
				     "ring message with %u descriptors, not %u",
				     msg->num_fds, expected);
	if (u64 & ~VHOST_USER_VRING_FD_KNOWN)
		return rps_vu_refuse(vu, VU_REFUSED, "ring flags %#" PRIx64,
				     u64);
	return check_index(vu, (uint32_t)(u64 & VHOST_USER_VRING_INDEX_MASK));
}

enum vu_outcome rps_vu_do_SET_VRING_KICK(struct rps_vu *vu, struct vu_msg *msg)
{
	unsigned int index = msg->payload.u64 & VHOST_USER_VRING_INDEX_MASK;
	enum vu_outcome outcome = check_vring_fd(vu, msg);

	if (outcome == VU_GRANTED)
		outcome = rps_vu_ring_check(vu, index);
	if (outcome != VU_GRANTED)
		return outcome;
	if (msg->num_fds == 0) {
		rps_vu_ring_stop(vu, index);
		vu->ring[index].polled = true;
		vu->ring[index].stopped = false;
		return VU_GRANTED;
	}
	if (rps_vu_ring_set_kick(vu, index, rps_vu_msg_take_fd(msg, 0)))
		return rps_vu_refuse(
			vu, VU_REFUSED,
			"kick descriptor of ring %u cannot be polled", index);
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_SET_VRING_CALL(struct rps_vu *vu, struct vu_msg *msg)
{
	unsigned int index = msg->payload.u64 & VHOST_USER_VRING_INDEX_MASK;
	enum vu_outcome outcome = check_vring_fd(vu, msg);
	struct vu_ring *ring;

	if (outcome != VU_GRANTED)
		return outcome;
	ring = &vu->ring[index];
	rps_vu_event_close(&ring->call);
	ring->quiet = msg->num_fds == 0;
	if (ring->quiet)
		return VU_GRANTED;
	if (rps_vu_event_open(&ring->call, rps_vu_msg_take_fd(msg, 0)))
		return rps_vu_refuse(
			vu, VU_REFUSED,
			"call descriptor of ring %u carries no events", index);
	return VU_GRANTED;
}

/* Nobody above reports ring errors this way: the descriptor is not kept. */
enum vu_outcome rps_vu_do_SET_VRING_ERR(struct rps_vu *vu, struct vu_msg *msg)
{
	return check_vring_fd(vu, msg);
}

enum vu_outcome rps_vu_do_VRING_KICK(struct rps_vu *vu, struct vu_msg *msg)
{
	uint32_t index = msg->payload.state.index;
	enum vu_outcome outcome = check_index(vu, index);

	if (outcome != VU_GRANTED)
		return outcome;
	if (msg->payload.state.num != 0)
		return rps_vu_refuse(vu, VU_REFUSED,
				     "in-band kick with number %u",
				     msg->payload.state.num);
	vu_count_kick(vu, index);
	/* "the ring is also started on the VHOST_USER_VRING_KICK message" */
	if (vu->ring[index].stopped) {
		vu->ring[index].stopped = false;
		rps_vu_rings_publish(vu);
	}
	return VU_GRANTED;
}
