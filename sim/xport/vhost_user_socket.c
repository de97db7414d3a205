/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* One is served; a few may wait. */
#define BACKLOG 8

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* 0 where nobody listens on the name. */
static int probe_dead(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd;
	int err;

	if (lstat(addr->sun_path, &st))
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = new_socket();
	if (fd < 0)
		return fd;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno
									: 0;
	close(fd);
	return err == ECONNREFUSED ? 0 : -EADDRINUSE;
}

static int try_bind(const struct vu_socket *sock)
{
	const struct sockaddr *addr = (const struct sockaddr *)&sock->addr;

	return bind(sock->fd, addr, sizeof(sock->addr)) ? -errno : 0;
}

static int bind_name(const struct vu_socket *sock)
{
	int err;

	/* The name gets the mode of the socket: never open to others. */
	if (fchmod(sock->fd, S_IRUSR | S_IWUSR))
		return -errno;
	err = try_bind(sock);
	if (err != -EADDRINUSE)
		return err;
	err = probe_dead(&sock->addr);
	if (err)
		return err;
	if (unlink(sock->addr.sun_path))
		return -errno;
	return try_bind(sock);
}

int rps_vu_socket_listen(struct vu_socket *out, const char *path)
{
	size_t len = strlen(path);
	struct stat st;
	int err;

	*out = (struct vu_socket){ .fd = -1 };
	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(out->addr.sun_path))
		return -ENAMETOOLONG;
	out->addr.sun_family = AF_UNIX;
	memcpy(out->addr.sun_path, path, len);

	out->fd = new_socket();
	if (out->fd < 0)
		return out->fd;
	err = bind_name(out);
	if (err)
		return err;
	if (lstat(path, &st) || listen(out->fd, BACKLOG))
		return -errno;
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	return 0;
}

void rps_vu_socket_close(struct vu_socket *sock)
{
	struct stat st;

	if (sock->fd < 0)
		return;
	close(sock->fd);
	sock->fd = -1;
	if (sock->ino && !lstat(sock->addr.sun_path, &st) &&
	    st.st_dev == sock->dev && st.st_ino == sock->ino)
		unlink(sock->addr.sun_path);
}
