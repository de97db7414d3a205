/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/assert.h"

void rps_vu_channel_init(struct vu_channel *channel)
{
	memset(channel, 0, sizeof(*channel));
	channel->fd = -1;
}

int rps_vu_channel_open(struct vu_channel *channel, int fd)
{
	socklen_t len = sizeof(int);
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    type != SOCK_STREAM) {
		close(fd);
		return -EINVAL;
	}
	rps_vu_channel_close(channel);
	channel->fd = fd;
	return 0;
}

void rps_vu_channel_close(struct vu_channel *channel)
{
	rps_vu_msg_reset(&channel->reader);
	if (channel->fd >= 0)
		close(channel->fd);
	rps_vu_channel_init(channel);
}

static int send_call(struct vu_channel *channel, unsigned int queue)
{
	/* "needs to be used with the in-band notification messages": the reply
	 * tells when the next one may follow. */
	struct vu_msg msg = {
		.header = { VHOST_USER_BACKEND_VRING_CALL,
			    VHOST_USER_VERSION | VHOST_USER_FLAG_NEED_REPLY,
			    sizeof(msg.payload.state) },
		.payload.state = { queue, 0 },
	};
	int err = rps_vu_msg_send(channel->fd, &msg);

	if (err)
		return err;
	rps_assert(channel->num_waiting < RPS_NUM_QUEUES);
	channel->waiting[channel->num_waiting++] = queue;
	return 0;
}

static bool is_waiting(const struct vu_channel *channel, unsigned int queue)
{
	for (unsigned int i = 0; i < channel->num_waiting; i++) {
		if (channel->waiting[i] == queue)
			return true;
	}
	return false;
}

int rps_vu_channel_call(struct vu_channel *channel, unsigned int queue)
{
	rps_assert(queue < RPS_NUM_QUEUES);
	if (channel->fd < 0)
		return -ENOTCONN;
	if (is_waiting(channel, queue)) {
		channel->again[queue] = true;
		return 0;
	}
	return send_call(channel, queue);
}

int rps_vu_channel_config_changed(struct vu_channel *channel)
{
	/* No reply asked for: there is nothing that we would do with it. */
	struct vu_msg msg = {
		.header = { VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
			    VHOST_USER_VERSION, 0 },
	};

	if (channel->fd < 0)
		return -ENOTCONN;
	return rps_vu_msg_send(channel->fd, &msg);
}

/* What the reply says is the frontend's business; that it came is ours. */
static bool is_reply_to_call(const struct vu_msg *msg)
{
	return msg->header.request == VHOST_USER_BACKEND_VRING_CALL &&
	       (msg->header.flags & VHOST_USER_FLAG_REPLY) &&
	       msg->header.size == sizeof(msg->payload.u64) &&
	       msg->num_fds == 0;
}

static int take_reply(struct vu_channel *channel)
{
	unsigned int queue;

	if (channel->num_waiting == 0 ||
	    !is_reply_to_call(&channel->reader.msg))
		return -EPROTO;

	queue = channel->waiting[0];
	channel->num_waiting--;
	memmove(&channel->waiting[0], &channel->waiting[1],
		channel->num_waiting * sizeof(channel->waiting[0]));
	if (!channel->again[queue])
		return 0;
	channel->again[queue] = false;
	return send_call(channel, queue);
}

int rps_vu_channel_serve(struct vu_channel *channel)
{
	int served;

	/* No more replies than calls can be under way. */
	for (served = 0; served < (int)RPS_NUM_QUEUES; served++) {
		int err = rps_vu_msg_receive(&channel->reader, channel->fd);

		if (err == -EAGAIN)
			break;
		if (!err)
			err = take_reply(channel);
		if (err)
			return err;
		rps_vu_msg_reset(&channel->reader);
	}
	return served;
}
