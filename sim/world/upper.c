/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Upper tester: each call is a job that the end does in its own time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/access.h"
#include "iut_priv.h"
#include "mark.h"

/* What a job may need; each uses what it wants. */
struct args {
	int handle;
	const char *name;
	uint32_t src;
	uint32_t dst;
	const void *payload;
	size_t len_bytes;
	struct iut_send *send;
	uint32_t index;
	int room;
};

static int do_probe(struct actor *actor, void *unused)
{
	struct rps_world *world = actor->world;
	struct iut *iut = actor->iut;
	const struct rps_world_place *place = &world->place;
	struct rps_drv_params params = {
		.num = world->config.num,
		.bufs = { place->bufs },
		.buf_bytes = world->config.buf_bytes,
		.tx_buf_bytes = world->config.tx_buf_bytes,
		.bus_offset = world->config.bus_offset,
		.bufsz = world->config.bufsz,
		.native = world->config.native_be ? RPS_ORDER_BE : RPS_ORDER_LE,
		.start_idx = world->config.start_idx,
	};

	(void)unused;
	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		params.ring[q].desc.v = place->desc[q];
		params.ring[q].avail.v = place->avail[q];
		params.ring[q].used.v = place->used[q];
	}
	/* A probe starts from nothing: whoever waited waits in vain. */
	if (iut->node.ready)
		iut_handle(actor, WAKE_STOP);
	return rps_node_probe(&iut->node, &world->driver_mem, &world_vbus_ops,
			      world, &params);
}

int rps_iut_probe(struct rps_world *world)
{
	return mark_result(world, RPS_END_DRIVER, MARK_CALL_probe,
			   world_do(world, RPS_END_DRIVER, do_probe, NULL));
}

static int do_remove(struct actor *actor, void *unused)
{
	(void)unused;
	iut_handle(actor, WAKE_STOP);
	return 0;
}

int rps_iut_remove(struct rps_world *world)
{
	return world_do(world, RPS_END_DRIVER, do_remove, NULL);
}

static int do_open(struct actor *actor, void *args)
{
	const struct args *in = args;
	struct iut *iut = actor->iut;
	struct iut_ept *mine;
	int handle = 0;
	int err;

	while ((uint32_t)handle < IUT_EPTS_MAX && iut->ept[handle].used)
		handle++;
	if ((uint32_t)handle == IUT_EPTS_MAX)
		return -ENOSPC;
	mine = &iut->ept[handle];
	*mine = (struct iut_ept){
		.iut = iut,
		.ept = { .addr = in->src, .dst = in->dst, .rx = iut_ept_rx },
	};
	mine->ept.priv = mine;
	rps_name_copy(mine->ept.name, in->name);
	err = rps_node_create_ept(&iut->node, &mine->ept);
	if (err)
		return err;
	mine->used = true;
	return handle;
}

int rps_iut_open(struct rps_world *world, uint32_t end, const char *name,
		 uint32_t src, uint32_t dst)
{
	struct args args = { .name = name, .src = src, .dst = dst };

	return mark_result(world, end, MARK_CALL_open,
			   world_do(world, end, do_open, &args));
}

static int do_close(struct actor *actor, void *args)
{
	const struct args *in = args;
	struct rps_ept *ept = iut_ept(actor->iut, in->handle);

	if (!ept || (uint32_t)in->handle >= IUT_EPTS_MAX)
		return -EBADF;
	rps_node_destroy_ept(&actor->iut->node, ept);
	actor->iut->ept[in->handle].used = false;
	return 0;
}

int rps_iut_close(struct rps_world *world, uint32_t end, int handle)
{
	struct args args = { .handle = handle };

	return world_do(world, end, do_close, &args);
}

static struct iut *iut_of(const struct rps_world *world, uint32_t end)
{
	return end < NUM_ENDS ? world->actor[end].iut : NULL;
}

uint32_t rps_iut_addr(const struct rps_world *world, uint32_t end, int handle)
{
	struct iut *iut = iut_of(world, end);
	struct rps_ept *ept = iut ? iut_ept(iut, handle) : NULL;

	return ept ? ept->addr : RPMSG_ADDR_ANY;
}

static int do_announce(struct actor *actor, void *args)
{
	const struct args *in = args;
	struct rps_ept *ept = iut_ept(actor->iut, in->handle);

	return ept ? rps_node_announce(&actor->iut->node, ept) : -EBADF;
}

int rps_iut_announce(struct rps_world *world, uint32_t end, int handle)
{
	struct args args = { .handle = handle };

	return world_do(world, end, do_announce, &args);
}

static int do_withdraw(struct actor *actor, void *args)
{
	const struct args *in = args;
	struct rps_ept *ept = iut_ept(actor->iut, in->handle);

	return ept ? rps_node_withdraw(&actor->iut->node, ept) : -EBADF;
}

int rps_iut_withdraw(struct rps_world *world, uint32_t end, int handle)
{
	struct args args = { .handle = handle };

	return world_do(world, end, do_withdraw, &args);
}

static uint32_t dst_of(const struct rps_ept *ept, uint32_t dst)
{
	return dst == RPMSG_ADDR_ANY ? ept->dst : dst;
}

static int do_trysend(struct actor *actor, void *args)
{
	const struct args *in = args;
	struct rps_ept *ept = iut_ept(actor->iut, in->handle);

	if (!ept)
		return -EBADF;
	return rps_node_trysend(&actor->iut->node, ept->addr,
				dst_of(ept, in->dst), in->payload,
				in->len_bytes);
}

int rps_iut_trysend(struct rps_world *world, uint32_t end, int handle,
		    uint32_t dst, const void *payload, size_t len_bytes)
{
	struct args args = {
		.handle = handle,
		.dst = dst,
		.payload = payload,
		.len_bytes = len_bytes,
	};

	return mark_result(world, end, MARK_CALL_send,
			   world_do(world, end, do_trysend, &args));
}

static int do_sendoff(struct actor *actor, void *args)
{
	const struct args *in = args;

	return rps_node_trysend(&actor->iut->node, in->src, in->dst,
				in->payload, in->len_bytes);
}

int rps_iut_sendoff(struct rps_world *world, uint32_t end, uint32_t src,
		    uint32_t dst, const void *payload, size_t len_bytes)
{
	struct args args = {
		.src = src,
		.dst = dst,
		.payload = payload,
		.len_bytes = len_bytes,
	};

	return mark_result(world, end, MARK_CALL_send,
			   world_do(world, end, do_sendoff, &args));
}

static int do_get(struct actor *actor, void *unused)
{
	struct iut *iut = actor->iut;
	unsigned int i = 0;
	int err;

	(void)unused;
	while (i < IUT_ROOMS_MAX && iut->room_lent[i])
		i++;
	if (i == IUT_ROOMS_MAX)
		return -ENOSPC;
	err = rps_node_get(&iut->node, &iut->room[i]);
	if (err)
		return err;
	iut->room_lent[i] = true;
	return (int)i;
}

int rps_iut_get(struct rps_world *world, uint32_t end)
{
	return world_do(world, end, do_get, NULL);
}

static bool is_lent(const struct iut *iut, int room)
{
	return room >= 0 && (uint32_t)room < IUT_ROOMS_MAX &&
	       iut->room_lent[room];
}

static int do_unget(struct actor *actor, void *args)
{
	const struct args *in = args;
	struct iut *iut = actor->iut;

	if (!is_lent(iut, in->room))
		return -EBADF;
	iut->room_lent[in->room] = false;
	rps_node_unget(&iut->node, &iut->room[in->room]);
	return 0;
}

int rps_iut_unget(struct rps_world *world, uint32_t end, int room)
{
	struct args args = { .room = room };

	return world_do(world, end, do_unget, &args);
}

static int do_send_room(struct actor *actor, void *args)
{
	const struct args *in = args;
	struct iut *iut = actor->iut;
	const struct rps_ept *ept = iut_ept(iut, in->handle);
	const struct rps_room *room;
	int err;

	if (!ept || !is_lent(iut, in->room))
		return -EBADF;
	room = &iut->room[in->room];
	if (in->len_bytes > room->room_bytes)
		return -EMSGSIZE;
	if (in->len_bytes > 0)
		copy_out(iut->node.mem, SEAM_PAYLOAD, room->payload,
			 in->payload, in->len_bytes);
	err = rps_node_send_room(&iut->node, room, ept->addr, ept->dst,
				 in->len_bytes);
	iut->room_lent[in->room] = err == -EINVAL || err == -EMSGSIZE;
	return err;
}

int rps_iut_send_room(struct rps_world *world, uint32_t end, int room,
		      int handle, const void *payload, size_t len_bytes)
{
	struct args args = {
		.room = room,
		.handle = handle,
		.payload = payload,
		.len_bytes = len_bytes,
	};

	return world_do(world, end, do_send_room, &args);
}

static int do_flow_control(struct actor *actor, void *args)
{
	const struct args *in = args;
	const struct rps_ept *ept = iut_ept(actor->iut, in->handle);

	if (!ept)
		return -EBADF;
	return rps_node_flow_control(&actor->iut->node, ept, in->index != 0);
}

int rps_iut_flow_control(struct rps_world *world, uint32_t end, int handle,
			 bool pause)
{
	struct args args = { .handle = handle, .index = pause };

	return world_do(world, end, do_flow_control, &args);
}

static int do_send_start(struct actor *actor, void *args)
{
	const struct args *in = args;
	struct rps_ept *ept = iut_ept(actor->iut, in->handle);
	struct iut_send *send = in->send;
	int err;

	if (!ept)
		return -EBADF;
	send->send = (struct rps_send){
		.node = &actor->iut->node,
		.src = ept->addr,
		.dst = dst_of(ept, in->dst),
		.payload = send->payload,
		.len_bytes = in->len_bytes,
	};
	err = rps_send_begin(&send->send, actor->world->now_ns);
	send->result = err == -EAGAIN ? -EINPROGRESS : err;
	if (send->result == -EINPROGRESS)
		(void)mark_result(actor->world, actor->end, MARK_CALL_blocking,
				  -EINPROGRESS);
	return 0;
}

int rps_iut_send_start(struct rps_world *world, uint32_t end, int handle,
		       uint32_t dst, const void *payload, size_t len_bytes)
{
	struct iut *iut = iut_of(world, end);
	struct args args = {
		.handle = handle,
		.dst = dst,
		.len_bytes = len_bytes,
	};
	unsigned int i = 0;
	int err;

	if (!iut)
		return -ENODEV;
	while (i < IUT_SENDS_MAX && iut->send[i] && !iut->send[i]->collected)
		i++;
	if (i == IUT_SENDS_MAX)
		return -ENOSPC;
	args.send = calloc(1, sizeof(*args.send));
	if (!args.send)
		return -ENOMEM;
	if (len_bytes > sizeof(args.send->payload)) {
		free(args.send);
		return -EMSGSIZE;
	}
	if (len_bytes > 0)
		memcpy(args.send->payload, payload, len_bytes);

	/* In its place before it begins: a buffer may come back at once. */
	free(iut->send[i]);
	iut->send[i] = args.send;
	err = world_do(world, end, do_send_start, &args);
	if (err) {
		iut->send[i] = NULL;
		free(args.send);
		return err;
	}
	return (int)i;
}

int rps_iut_send_result(struct rps_world *world, uint32_t end, int send)
{
	struct iut *iut = iut_of(world, end);

	if (!iut || send < 0 || (uint32_t)send >= IUT_SENDS_MAX ||
	    !iut->send[send])
		return -EBADF;
	iut->send[send]->collected = iut->send[send]->result != -EINPROGRESS;
	return iut->send[send]->result;
}

/* Position of the oldest message to @handle, inbox_count where there is none. */
static uint32_t find_msg(const struct iut *iut, int handle)
{
	uint32_t i;

	for (i = 0; i < iut->inbox_count; i++) {
		uint32_t at = (iut->inbox_first + i) % IUT_INBOX_MAX;

		if (iut->inbox[at].handle == handle)
			break;
	}
	return i;
}

/* Those in front of it move up by one. */
static void take_out(struct iut *iut, uint32_t position)
{
	for (uint32_t i = position; i > 0; i--) {
		uint32_t at = (iut->inbox_first + i) % IUT_INBOX_MAX;
		uint32_t before = (iut->inbox_first + i - 1) % IUT_INBOX_MAX;

		iut->inbox[at] = iut->inbox[before];
	}
	iut->inbox_first = (iut->inbox_first + 1) % IUT_INBOX_MAX;
	iut->inbox_count--;
}

int rps_iut_recv(struct rps_world *world, uint32_t end, int handle,
		 uint32_t *src, void *buf, size_t size)
{
	struct iut *iut = iut_of(world, end);
	const struct iut_msg *msg;
	uint32_t position;
	uint32_t len_bytes;
	size_t copied;

	if (!iut)
		return -ENODEV;
	position = find_msg(iut, handle);
	if (position == iut->inbox_count)
		return -EAGAIN;
	msg = &iut->inbox[(iut->inbox_first + position) % IUT_INBOX_MAX];
	len_bytes = msg->len_bytes;
	*src = msg->src;
	copied = iut_kept_bytes(msg) < size ? iut_kept_bytes(msg) : size;
	if (copied > 0)
		memcpy(buf, msg->payload, copied);
	take_out(iut, position);
	return (int)len_bytes;
}

int rps_iut_hold(struct rps_world *world, uint32_t end, int handle, bool on)
{
	struct iut *iut = iut_of(world, end);

	if (!iut)
		return -ENODEV;
	if (!iut_ept(iut, handle) || (uint32_t)handle >= IUT_EPTS_MAX)
		return -EBADF;
	iut->ept[handle].hold = on;
	return 0;
}

static int do_release(struct actor *actor, void *args)
{
	const struct args *in = args;
	struct iut *iut = actor->iut;
	struct rps_msg msg;

	if (in->index >= iut->num_held)
		return -ENOENT;
	msg = iut->held[in->index];
	iut->num_held--;
	memmove(&iut->held[in->index], &iut->held[in->index + 1],
		(iut->num_held - in->index) * sizeof(iut->held[0]));
	rps_node_release(&iut->node, &msg);
	return 0;
}

int rps_iut_release(struct rps_world *world, uint32_t end, uint32_t index)
{
	struct args args = { .index = index };

	return world_do(world, end, do_release, &args);
}

static int do_serve(struct actor *actor, void *args)
{
	const struct args *in = args;

	return rps_node_serve(&actor->iut->node, in->name, iut_chan_rx,
			      actor->iut);
}

int rps_iut_serve(struct rps_world *world, uint32_t end, const char *name)
{
	struct args args = { .name = name };

	return world_do(world, end, do_serve, &args);
}

static int do_open_chan(struct actor *actor, void *args)
{
	const struct args *in = args;

	return rps_node_open_chan(&actor->iut->node, in->name, in->src,
				  in->dst);
}

int rps_iut_open_chan(struct rps_world *world, uint32_t end, const char *name,
		      uint32_t src, uint32_t dst)
{
	struct args args = { .name = name, .src = src, .dst = dst };

	return world_do(world, end, do_open_chan, &args);
}

static int do_close_chan(struct actor *actor, void *args)
{
	const struct args *in = args;

	return rps_node_close_chan(&actor->iut->node, in->name, in->src,
				   in->dst);
}

int rps_iut_close_chan(struct rps_world *world, uint32_t end, const char *name,
		       uint32_t src, uint32_t dst)
{
	struct args args = { .name = name, .src = src, .dst = dst };

	return world_do(world, end, do_close_chan, &args);
}

static void describe(const struct iut *iut, const struct rps_chan *chan,
		     struct rps_chan_info *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->name, chan->name, sizeof(out->name));
	out->src = chan->src;
	out->dst = chan->dst;
	out->addr = chan->bound ? chan->ept.addr : RPMSG_ADDR_ANY;
	out->handle = chan->bound ? iut_chan_handle(iut, &chan->ept) : -1;
}

int rps_iut_chans(const struct rps_world *world, uint32_t end,
		  struct rps_chan_info *out, uint32_t max)
{
	const struct iut *iut = iut_of(world, end);
	uint32_t count = 0;

	if (!iut)
		return -ENODEV;
	for (uint32_t i = 0; i < IUT_CHANS_MAX; i++) {
		const struct rps_chan *chan = &iut->chan_slot[i];

		if (!chan->live)
			continue;
		if (count < max)
			describe(iut, chan, &out[count]);
		count++;
	}
	return (int)count;
}

void rps_iut_get_stats(const struct rps_world *world, uint32_t end,
		       struct rps_iut_stats *out)
{
	const struct iut *iut = iut_of(world, end);
	const struct rps_node *node;

	memset(out, 0, sizeof(*out));
	if (!iut)
		return;
	node = &iut->node;
	out->dropped = node->num_dropped;
	out->chans_refused = node->num_chans_refused;
	out->inbox_lost = iut->inbox_lost;
	out->epts = node->epts.count;
	out->ready = node->ready;
	if (node->role == RPS_ROLE_DRIVER)
		out->broken = rps_vdrv_is_broken(&node->drv.rx) ||
			      rps_vdrv_is_broken(&node->drv.tx);
	else
		out->broken = rps_vdev_is_broken(&node->dev.rx) ||
			      rps_vdev_is_broken(&node->dev.tx);
}
