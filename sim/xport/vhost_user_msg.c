/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEADER_BYTES sizeof(struct vhost_user_header)

_Static_assert(offsetof(struct vu_msg, header) == 0, "received in place");

/* Room for the descriptors of one recvmsg(), aligned as the kernel wants. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(VU_MSG_FDS_MAX * sizeof(int))];
};

void rps_vu_msg_close_fds(struct vu_msg *msg)
{
	for (unsigned int i = 0; i < msg->num_fds; i++) {
		if (msg->fd[i] >= 0)
			close(msg->fd[i]);
		msg->fd[i] = -1;
	}
	msg->num_fds = 0;
}

void rps_vu_msg_reset(struct vu_reader *reader)
{
	rps_vu_msg_close_fds(&reader->msg);
	reader->have = 0;
}

int rps_vu_msg_take_fd(struct vu_msg *msg, unsigned int i)
{
	int fd = msg->fd[i];

	msg->fd[i] = -1;
	return fd;
}

/* False where there are more than a message may have: the rest is closed. */
static bool keep_fds(struct vu_msg *msg, const struct cmsghdr *cmsg)
{
	size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool fits = true;

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
		if (msg->num_fds < VU_MSG_FDS_MAX) {
			msg->fd[msg->num_fds++] = fd;
		} else {
			close(fd);
			fits = false;
		}
	}
	return fits;
}

static bool keep_all_fds(struct vu_msg *msg, struct msghdr *got)
{
	/* The kernel has closed what did not fit into our control buffer. */
	bool fits = !(got->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(got); cmsg;
	     cmsg = CMSG_NXTHDR(got, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_RIGHTS)
			fits = keep_fds(msg, cmsg) && fits;
	}
	return fits;
}

/* Bytes received, 0 at the end of the stream, or -errno. */
static ssize_t receive_some(struct vu_msg *msg, int sock, void *buf, size_t len)
{
	union control control = { .bytes = { 0 } };
	struct iovec iov = { buf, len };
	struct msghdr got = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(sock, &got, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	return keep_all_fds(msg, &got) ? n : -E2BIG;
}

static int check_header(const struct vhost_user_header *header)
{
	if ((header->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION)
		return -EPROTO;
	if (header->flags & ~VHOST_USER_FLAGS_KNOWN)
		return -EPROTO;
	if (header->size > sizeof(union vhost_user_payload))
		return -EMSGSIZE;
	return 0;
}

/* Receive up to @end, an offset into header and payload. */
static int receive_until(struct vu_reader *reader, int sock, size_t end)
{
	struct vu_msg *msg = &reader->msg;

	/* Bounded: each round takes a byte, and @end is below 1 KiB. */
	while (reader->have < end) {
		size_t have = reader->have;
		size_t want = end - have;
		uint8_t *to =
			have < HEADER_BYTES
				? (uint8_t *)&msg->header + have
				: msg->payload.bytes + have - HEADER_BYTES;
		ssize_t n = receive_some(msg, sock, to, want);

		if (n == -EINTR || n == -EWOULDBLOCK)
			return -EAGAIN;
		if (n < 0)
			return (int)n;
		if (n == 0)
			return have ? -EPIPE : -ECONNRESET;
		reader->have += (size_t)n;
	}
	return 0;
}

int rps_vu_msg_receive(struct vu_reader *reader, int sock)
{
	int err = receive_until(reader, sock, HEADER_BYTES);

	if (!err)
		err = check_header(&reader->msg.header);
	if (err)
		return err;
	return receive_until(reader, sock,
			     HEADER_BYTES + reader->msg.header.size);
}

int rps_vu_msg_send(int sock, const struct vu_msg *msg)
{
	struct iovec iov[] = {
		{ (void *)(uintptr_t)&msg->header, HEADER_BYTES },
		{ (void *)(uintptr_t)&msg->payload, msg->header.size },
	};
	struct msghdr out = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	n = sendmsg(sock, &out, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return (size_t)n == HEADER_BYTES + msg->header.size ? 0 : -EAGAIN;
}
