/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UNIX socket that frontends connect to, as a name in the file system.
 */
#ifndef RPS_VHOST_USER_SOCKET_H
#define RPS_VHOST_USER_SOCKET_H

#include <sys/types.h>
#include <sys/un.h>

#include <rps/api.h>

struct vu_socket {
	int fd; /* listening, non-blocking; -1 while there is none */
	struct sockaddr_un addr;
	dev_t dev; /* of the name, so that only our own is removed */
	ino_t ino;
};

/**
 * rps_vu_socket_listen() - make the name and listen.
 * @out:  given back to rps_vu_socket_close(), also after an error.
 * @path: at most 107 bytes.
 *
 * Only the user may connect (mode 0600).  A name that nobody listens on any
 * more is replaced; the probe costs a live listener one empty connection.
 *
 * Return: 0; -ENAMETOOLONG; -EADDRINUSE where somebody listens; -EEXIST where
 * the name is no socket; another -errno.
 */
RPS_CHECKED int rps_vu_socket_listen(struct vu_socket *out, const char *path);

/* Close, and remove the name if it is still ours. */
void rps_vu_socket_close(struct vu_socket *sock);

#endif
