/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One vhost-user message: taken from a socket piece by piece, or sent whole.
 * Knows the frame; what a request means is known elsewhere.
 */
#ifndef RPS_VHOST_USER_MSG_H
#define RPS_VHOST_USER_MSG_H

#include "vhost_user_proto.h"

/* SET_MEM_TABLE brings the most. */
#define VU_MSG_FDS_MAX VHOST_USER_TABLE_REGIONS

struct vu_msg {
	struct vhost_user_header header;
	union vhost_user_payload payload;
	int fd[VU_MSG_FDS_MAX]; /* ours to close; -1 once somebody took it */
	unsigned int num_fds;
};

/**
 * struct vu_reader - a message on its way in.
 * @msg:  complete only after rps_vu_msg_receive() said so.
 * @have: bytes of header and payload that have come so far.
 */
struct vu_reader {
	struct vu_msg msg;
	size_t have;
};

/* Start over; what a half-received message brought along is closed. */
void rps_vu_msg_reset(struct vu_reader *reader);

/* Close the descriptors that nobody took. */
void rps_vu_msg_close_fds(struct vu_msg *msg);

/* Take descriptor @i over: the caller closes it from now on. */
int rps_vu_msg_take_fd(struct vu_msg *msg, unsigned int i);

/**
 * rps_vu_msg_receive() - read on until one message is complete.
 * @reader: keeps the pieces between calls; reset it before the next message.
 * @sock:   non-blocking stream socket.
 *
 * Never reads past the end of the message, so that descriptors are always
 * those of this message.
 *
 * Return: 0 when @reader->msg is complete; -EAGAIN while more must come;
 * -ECONNRESET where the peer went away between two messages; -EPIPE where it
 * did so inside one; -EPROTO for a version or flags that do not exist;
 * -EMSGSIZE for a payload larger than any that we know; -E2BIG for more
 * descriptors than any message may bring; another -errno of recvmsg().
 */
RPS_CHECKED int rps_vu_msg_receive(struct vu_reader *reader, int sock);

/**
 * rps_vu_msg_send() - send one message without descriptors.
 * @sock: stream socket.
 * @msg:  header.size bytes of the payload are sent.
 *
 * Never blocks and raises no SIGPIPE.  A peer that leaves no room for a whole
 * message does not read: there is no second try.
 *
 * Return: 0; -EAGAIN where there was no room; another -errno of send().
 */
RPS_CHECKED int rps_vu_msg_send(int sock, const struct vu_msg *msg);

#endif
