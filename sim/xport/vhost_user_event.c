/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_event.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* -EINVAL for what can neither be polled nor carry an event. */
static int kind_of(int fd, enum vu_event_kind *kind)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	switch (st.st_mode & S_IFMT) {
	case 0: /* an eventfd has no file type at all */
		*kind = VU_EVENT_COUNTER;
		return 0;
	case S_IFSOCK:
		*kind = VU_EVENT_SOCKET;
		return 0;
	case S_IFIFO:
		*kind = VU_EVENT_PIPE;
		return 0;
	default:
		return -EINVAL;
	}
}

static int make_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return 0;
}

int rps_vu_event_open(struct vu_event *event, int fd)
{
	int err = kind_of(fd, &event->kind);

	event->fd = fd;
	if (!err)
		err = make_nonblocking(fd);
	if (err)
		rps_vu_event_close(event);
	return err;
}

void rps_vu_event_close(struct vu_event *event)
{
	if (event->fd >= 0)
		close(event->fd);
	event->fd = -1;
}

int rps_vu_event_drain(const struct vu_event *event)
{
	uint64_t value;
	struct iovec iov = { &value, sizeof(value) };
	/* Does not block even where the peer has cleared O_NONBLOCK. */
	ssize_t n = preadv2(event->fd, &iov, 1, -1, RWF_NOWAIT);

	if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
		n = read(event->fd, &value, sizeof(value));
	if (n > 0)
		return 1;
	if (n == 0)
		return -EPIPE;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

/* write(), with the SIGPIPE of a broken pipe taken back. */
static ssize_t write_quietly(int fd, const void *buf, size_t len)
{
	const struct timespec at_once = { 0, 0 };
	sigset_t pipe_only;
	sigset_t pending;
	sigset_t before;
	ssize_t n;
	int err;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	/* Pending means blocked already: ours would be lost in it. */
	if (sigismember(&pending, SIGPIPE))
		return write(fd, buf, len);

	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	n = write(fd, buf, len);
	err = errno;
	if (n < 0 && err == EPIPE)
		sigtimedwait(&pipe_only, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = err;
	return n;
}

static ssize_t signal_by_kind(const struct vu_event *event)
{
	const uint64_t one = 1;

	switch (event->kind) {
	case VU_EVENT_COUNTER:
		return write(event->fd, &one, sizeof(one));
	case VU_EVENT_SOCKET:
		return send(event->fd, &one, sizeof(one),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	case VU_EVENT_PIPE:
		return write_quietly(event->fd, &one, sizeof(one));
	}
	errno = EBADF;
	return -1;
}

int rps_vu_event_signal(const struct vu_event *event)
{
	if (signal_by_kind(event) >= 0 || errno == EAGAIN)
		return 0;
	return -errno;
}
