/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vhost-user back end: our device end for a driver in another process
 * (QEMU, user-mode Linux, another rpmsg-cts).
 * Source: QEMU docs/interop/vhost-user.rst.
 */
#ifndef RPS_VHOST_USER_H
#define RPS_VHOST_USER_H

#include <rps/probe.h>

struct rps_vu;
struct rps_xport;

/**
 * struct rps_vu_config - what the back end offers.
 * @path:         UNIX socket to listen on; at most 107 bytes.  A stale socket
 *                of a dead process is replaced, a live one is not.
 * @features:     virtio feature bits; VHOST_USER_F_PROTOCOL_FEATURES is added,
 *                VHOST_F_LOG_ALL and VIRTIO_F_ACCESS_PLATFORM are refused.
 * @num_queues:   queues offered by MQ; 1 or 2, and 2 for RPMsg.
 * @config_bytes: device configuration space, or NULL; copied.
 * @config_len:   bytes in @config_bytes; at most 256.  The protocol feature
 *                CONFIG is offered where it is not 0.
 * @status:       offer VHOST_USER_PROTOCOL_F_STATUS.
 * @inband:       offer VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS.
 */
struct rps_vu_config {
	const char *path;
	uint64_t features;
	unsigned int num_queues;
	const void *config_bytes;
	uint32_t config_len;
	bool status;
	bool inband;
};

/* Plain counters and states, for reports and tests. */
struct rps_vu_stats {
	uint64_t connections; /* accepted */
	uint64_t disconnects; /* for any reason */
	uint64_t requests;    /* well-formed messages granted */
	uint64_t refused;     /* well-formed, not granted; connection goes on */
	uint64_t bad_messages;  /* each one ended its connection */
	uint64_t kicks;         /* times a kick was noticed: an eventfd raised
				 * five times before we look counts once */
	uint64_t notifications; /* sent to the driver */
	uint8_t status;         /* last SET_STATUS, 0 where not negotiated;
				 * of the last connection, as the next */
	uint64_t protocol_features; /* as acknowledged */
	uint32_t unanswered; /* in-band notifications that the frontend has
				 * not acknowledged yet: it will */
	bool connected;
};

/**
 * rps_vu_create() - listen for a frontend.
 * @config: copied; nothing of it is kept.
 * @error:  -errno where NULL is returned; may be NULL.
 *
 * Return: the back end, to be given back to rps_vu_destroy(); or NULL.
 */
RPS_API struct rps_vu *rps_vu_create(const struct rps_vu_config *config,
				     int *error);

/* Ends the connection, removes the socket, frees; takes NULL. */
RPS_API void rps_vu_destroy(struct rps_vu *vu);

/* A descriptor that is readable whenever rps_vu_service() has work. */
RPS_API int rps_vu_fd(const struct rps_vu *vu);

/**
 * rps_vu_service() - do what is pending, never block.
 *
 * Accepts, answers requests, counts kicks.  A frontend that breaks the
 * protocol, or goes away, costs its connection and nothing else.
 *
 * Return: events served (0: nothing was pending), or -errno where the back
 * end itself is out of order.
 */
RPS_API RPS_CHECKED int rps_vu_service(struct rps_vu *vu);

/**
 * rps_vu_xport() - the device's side of the transport.
 *
 * Lives as long as @vu.  Changes only inside rps_vu_service(), so that what
 * was mapped stays mapped until then.  `ready` means that all rings have been
 * described, started and enabled, and agree on a byte order; the status byte
 * plays no part, because frontends set it before or after, or never.  `base`
 * is the frontend's until `ready`; from then on the device end keeps it at the
 * available entry that it takes next, which is what GET_VRING_BASE tells.
 */
RPS_API struct rps_xport *rps_vu_xport(struct rps_vu *vu);

/**
 * rps_vu_observe() - tell what happens, from now on.
 * @device: is told what our device end does, and its notifications; or NULL.
 * @driver: is told what we learn of the driver: kicks, as often as they are
 *          noticed, and what it writes of status and features; or NULL.
 *
 * Both outlive @vu, or the next call.
 */
RPS_API void rps_vu_observe(struct rps_vu *vu, const struct rps_probe *device,
			    const struct rps_probe *driver);

/**
 * rps_vu_set_config() - change the device configuration space.
 * @offset: bytes into it.
 * @bytes:  @len bytes, copied.
 *
 * The frontend is told where it has a channel for that.
 *
 * Return: 0, or -EINVAL where it reaches outside.
 */
RPS_API RPS_CHECKED int rps_vu_set_config(struct rps_vu *vu, uint32_t offset,
					  const void *bytes, uint32_t len);

/**
 * rps_vu_guard_sigbus() - survive a frontend that shortens its memory file.
 *
 * Installs a handler for SIGBUS in the process, which only a program may
 * decide.  A fault inside the frontend's memory finds a page of zeroes, and
 * the connection ends at the next rps_vu_service(); any other SIGBUS goes to
 * whoever handled it before.  Ends with rps_vu_destroy().
 *
 * Return: 0; -ENOSPC where 16 back ends are guarded already.
 */
RPS_API RPS_CHECKED int rps_vu_guard_sigbus(struct rps_vu *vu);

RPS_API void rps_vu_get_stats(const struct rps_vu *vu,
			      struct rps_vu_stats *out);

/**
 * rps_vu_log() - the last protocol events, oldest first, a line each.
 * @buf:      receives text; always terminated.
 * @size:     bytes of @buf.
 *
 * Return: bytes that the whole text has, without the terminator.
 */
RPS_API size_t rps_vu_log(const struct rps_vu *vu, char *buf, size_t size);

/* Why the last connection ended, "" while none has; valid until the next call
 * into @vu. */
RPS_API const char *rps_vu_last_error(const struct rps_vu *vu);

#endif
