/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A remote processor behind a vhost-user socket: the back end, an RPMsg node
 * that follows its starts and stops, and services on that node.
 */
#ifndef RPS_SERVICES_REMOTE_H
#define RPS_SERVICES_REMOTE_H

#include <stdio.h>

#include <rps/vhost_user.h>

#include "services_script.h"
#include "services.h"

#define RPS_REMOTE_EPTS  64u
#define RPS_REMOTE_CHANS 64u

struct rps_remote {
	struct rps_vu *vu;
	struct rps_xport *xport;
	FILE *out; /* a line per event */
	bool verbose;
	uint64_t stop_after;       /* messages received; 0: never */
	uint32_t delay_ms;         /* from a ready driver to the start */
	struct rps_script *script; /* or NULL */
	struct rps_trace *trace;   /* or NULL; stays the caller's */

	struct rps_node node;
	struct rps_services services;
	struct rps_ept *ept_slot[RPS_REMOTE_EPTS];
	struct rps_chan chan_slot[RPS_REMOTE_CHANS];

	uint32_t generation; /* of @xport, when last looked at */
	bool to_start;       /* ready, and waiting for start_at_ms */
	uint64_t start_at_ms;
	bool started;
	bool script_on;
	bool script_failed; /* a step could not be done */
	uint64_t connections;
	uint64_t disconnects;
};

/**
 * rps_remote_create() - start listening.
 * @config: of the transport.
 * @out:    stays the caller's.
 * @error:  -errno where NULL is returned.
 */
struct rps_remote *rps_remote_create(const struct rps_vu_config *config,
				     FILE *out, int *error);

/* Takes NULL. */
void rps_remote_destroy(struct rps_remote *remote);

enum rps_remote_state {
	RPS_REMOTE_IDLE, /* until the transport has work, or time has passed */
	RPS_REMOTE_BUSY, /* there is more to do already */
	RPS_REMOTE_ENDS, /* script or count say so */
};

/**
 * rps_remote_step() - do what is pending, never block.
 * @now_ms: any clock that does not go back.
 * @state:  what comes next.
 *
 * Return: 0, or -errno where the transport is out of order.
 */
RPS_CHECKED int rps_remote_step(struct rps_remote *remote, uint64_t now_ms,
				enum rps_remote_state *state);

/**
 * rps_remote_run() - step until told to stop.
 * @stop_fd: readable when it is to end.
 *
 * Return: 0, or -errno where the transport is out of order.
 */
RPS_CHECKED int rps_remote_run(struct rps_remote *remote, int stop_fd);

/* What has been counted, a line per service and one of the transport. */
void rps_remote_print_stats(const struct rps_remote *remote);

#endif
