/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reference end in the world: what it does when it is woken, and what it
 * keeps for the upper tester.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/access.h"
#include "../base/mark.h"
#include "iut_priv.h"
#include "mark.h"

struct iut *iut_create(struct rps_world *world, unsigned int end)
{
	struct iut *iut = calloc(1, sizeof(*iut));
	struct rps_node_params params = {
		.role = end == RPS_END_DRIVER ? RPS_ROLE_DRIVER
					      : RPS_ROLE_DEVICE,
		.num_ept_slots = IUT_EPTS_MAX,
		.num_chan_slots = IUT_CHANS_MAX,
		.learn_dst = world->config.learn_dst,
	};

	if (!iut)
		return NULL;
	/* Not cleared: a short life does not touch most of it. */
	iut->inbox = malloc(IUT_INBOX_MAX * sizeof(*iut->inbox));
	if (!iut->inbox) {
		iut_destroy(iut);
		return NULL;
	}
	params.ept_slots = iut->ept_slot;
	params.chan_slots = iut->chan_slot;
	rps_node_init(&iut->node, &params);
	return iut;
}

void iut_destroy(struct iut *iut)
{
	if (!iut)
		return;
	for (unsigned int i = 0; i < IUT_SENDS_MAX; i++)
		free(iut->send[i]);
	free(iut->inbox);
	free(iut);
}

static void poll_sends(struct actor *actor)
{
	for (unsigned int i = 0; i < IUT_SENDS_MAX; i++) {
		struct iut_send *send = actor->iut->send[i];
		int err;

		if (!send || send->result != -EINPROGRESS)
			continue;
		err = rps_send_poll(&send->send, actor->world->now_ns);
		send->result = err == -EAGAIN ? -EINPROGRESS : err;
		if (send->result != -EINPROGRESS)
			(void)mark_result(actor->world, actor->end,
					  MARK_CALL_blocking, err);
	}
}

/* Whoever waited for a buffer waits in vain. */
static void abandon_sends(struct iut *iut)
{
	for (unsigned int i = 0; i < IUT_SENDS_MAX; i++) {
		struct iut_send *send = iut->send[i];

		if (!send || send->result != -EINPROGRESS)
			continue;
		rps_send_cancel(&send->send);
		send->result = -ENOTCONN;
	}
}

void iut_handle(struct actor *actor, uint32_t wake)
{
	struct iut *iut = actor->iut;

	if (wake & WAKE_STOP) {
		abandon_sends(iut);
		iut->num_held = 0;
		memset(iut->room_lent, 0, sizeof(iut->room_lent));
		rps_node_stop(&iut->node);
	}
	if (wake & WAKE_START) {
		/* A driver with rings that cannot be is not served. */
		if (rps_node_start(&iut->node, &actor->world->xport))
			rps_node_stop(&iut->node);
	}
	while (rps_node_poll(&iut->node))
		schedule_point(actor->world);
	poll_sends(actor);
}

static void push(struct iut *iut, int handle, const struct rps_msg *msg)
{
	uint32_t at = (iut->inbox_first + iut->inbox_count) % IUT_INBOX_MAX;
	struct iut_msg *in = &iut->inbox[at];

	if (iut->inbox_count == IUT_INBOX_MAX) {
		iut->inbox_lost++;
		return;
	}
	in->handle = handle;
	in->src = msg->hdr.src;
	in->len_bytes = msg->hdr.len_bytes;
	/* A tester's buffers can be longer than any of the reference driver's. */
	copy_in(iut->node.mem, SEAM_PAYLOAD, in->payload, msg->payload,
		iut_kept_bytes(in));
	iut->inbox_count++;
}

static bool keep(struct iut *iut, const struct rps_msg *msg)
{
	if (iut->num_held == IUT_HELD_MAX)
		return false;
	iut->held[iut->num_held++] = *msg;
	mark(iut->node.mem, MARK_buffer_held);
	return true;
}

enum rps_rx_result iut_ept_rx(struct rps_node *node, struct rps_ept *ept,
			      const struct rps_msg *msg, void *priv)
{
	struct iut_ept *mine = priv;
	struct iut *iut = mine->iut;

	(void)node;
	(void)ept;
	push(iut, (int)(mine - iut->ept), msg);
	if (mine->hold && keep(iut, msg))
		return RPS_RX_HOLD;
	return RPS_RX_DONE;
}

/* Channels have their endpoint in themselves; handles follow the others. */
enum rps_rx_result iut_chan_rx(struct rps_node *node, struct rps_ept *ept,
			       const struct rps_msg *msg, void *priv)
{
	struct iut *iut = priv;
	int handle = iut_chan_handle(iut, ept);

	(void)node;
	push(iut, handle, msg);
	return RPS_RX_DONE;
}

int iut_chan_handle(const struct iut *iut, const struct rps_ept *ept)
{
	const void *at = (const char *)ept - offsetof(struct rps_chan, ept);
	const struct rps_chan *chan = at;

	return (int)IUT_EPTS_MAX + (int)(chan - iut->chan_slot);
}

struct rps_ept *iut_ept(struct iut *iut, int handle)
{
	if (handle < 0)
		return NULL;
	if ((uint32_t)handle < IUT_EPTS_MAX)
		return iut->ept[handle].used ? &iut->ept[handle].ept : NULL;
	handle -= (int)IUT_EPTS_MAX;
	if ((uint32_t)handle >= IUT_CHANS_MAX)
		return NULL;
	if (!iut->chan_slot[handle].live || !iut->chan_slot[handle].bound)
		return NULL;
	return &iut->chan_slot[handle].ept;
}
