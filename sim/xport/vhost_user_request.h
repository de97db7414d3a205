/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frontend asks, and the rules that hold for every request.
 *
 * Three outcomes:
 *  - a request that is malformed (version, sizes, descriptors) ends the
 *    connection: nothing that follows can be trusted to be a message;
 *  - one that is well formed but not granted, or unknown, is answered with
 *    failure where the frontend asked for an acknowledgement and REPLY_ACK was
 *    negotiated; else it ends the connection, because the frontend would
 *    otherwise go on in the belief that it had worked.  The document is silent
 *    about unknown requests; "any protocol extensions are gated by protocol
 *    feature bits" makes them the frontend's error;
 *  - all others are granted.
 */
#ifndef RPS_VHOST_USER_REQUEST_H
#define RPS_VHOST_USER_REQUEST_H

#include "vhost_user_impl.h"

/**
 * rps_vu_request_serve() - judge and execute one message, and answer it.
 * @msg: complete; descriptors that are not taken stay the caller's.
 *
 * Return: 0 where the connection goes on; -EPROTO where it must end because of
 * the message, -EIO where it must because the answer cannot be sent; the
 * reason is noted.
 */
RPS_CHECKED int rps_vu_request_serve(struct rps_vu *vu, struct vu_msg *msg);

/* One function per request; size, descriptors and feature have been checked. */
#define REQUEST(name, id, payload, fds_min, fds_max, feature, answer)          \
	RPS_CHECKED enum vu_outcome rps_vu_do_##name(struct rps_vu *vu,        \
						     struct vu_msg *msg);
#define REFUSED(name, id)
#include "vhost_user_requests.def"
#undef REFUSED
#undef REQUEST

#endif
