/* SPDX-License-Identifier: BSD-3-Clause */
#include "services_remote.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rps/trace.h>
#include <rps/world.h>

/* Longest sleep; whoever waits for less says so. */
#define SLEEP_MS 60000

__attribute__((format(printf, 2, 3))) static void
say(const struct rps_remote *remote, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(remote->out, format, args);
	va_end(args);
	fputc('\n', remote->out);
	/* Whoever reads a pipe wants to see it now. */
	fflush(remote->out);
}

static void heard(void *priv, const struct rps_service_slot *slot,
		  const struct rps_hdr *hdr)
{
	const struct rps_remote *remote = priv;

	if (slot->peer != hdr->src)
		say(remote, "%s %#x: channel from %#x", slot->spec.name,
		    slot->ept.addr, hdr->src);
	if (remote->verbose)
		say(remote, "%s %#x: %u bytes from %#x", slot->spec.name,
		    slot->ept.addr, hdr->len_bytes, hdr->src);
}

struct rps_remote *rps_remote_create(const struct rps_vu_config *config,
				     FILE *out, int *error)
{
	struct rps_remote *remote = calloc(1, sizeof(*remote));
	struct rps_node_params params = {
		.role = RPS_ROLE_DEVICE,
		.num_ept_slots = RPS_REMOTE_EPTS,
		.num_chan_slots = RPS_REMOTE_CHANS,
	};

	*error = -ENOMEM;
	if (!remote)
		return NULL;
	remote->out = out;
	remote->vu = rps_vu_create(config, error);
	if (!remote->vu) {
		free(remote);
		return NULL;
	}
	remote->xport = rps_vu_xport(remote->vu);
	params.ept_slots = remote->ept_slot;
	params.chan_slots = remote->chan_slot;
	rps_node_init(&remote->node, &params);
	rps_services_init(&remote->services, &remote->node, heard, remote);
	return remote;
}

void rps_remote_destroy(struct rps_remote *remote)
{
	if (!remote)
		return;
	rps_vu_destroy(remote->vu);
	free(remote);
}

static void say_connections(struct rps_remote *remote)
{
	struct rps_vu_stats stats;

	rps_vu_get_stats(remote->vu, &stats);
	if (stats.disconnects != remote->disconnects)
		say(remote, "frontend %" PRIu64 " gone: %s", stats.disconnects,
		    rps_vu_last_error(remote->vu));
	if (stats.connections != remote->connections)
		say(remote, "frontend %" PRIu64 " connected",
		    stats.connections);
	remote->disconnects = stats.disconnects;
	remote->connections = stats.connections;
}

static void stop(struct rps_remote *remote)
{
	rps_node_stop(&remote->node);
	rps_services_link_down(&remote->services);
	remote->started = false;
	say(remote, "device stopped");
}

static void say_started(const struct rps_remote *remote)
{
	const struct rps_xport *xport = remote->xport;

	say(remote,
	    "device started: rings of %u and %u entries, %s endian, features %#" PRIx64,
	    xport->queue[RPS_QUEUE_RX].num, xport->queue[RPS_QUEUE_TX].num,
	    xport->mem.order == RPS_ORDER_LE ? "little" : "big",
	    xport->features.bits);
	for (unsigned int i = 0; i < remote->services.num_slots; i++) {
		const struct rps_ept *ept = &remote->services.slot[i].ept;

		say(remote, "%s %#x: %s", ept->name, ept->addr,
		    remote->node.ns && ept->announced ? "announced"
						      : "not announced");
	}
}

static void start(struct rps_remote *remote)
{
	int err;

	if (remote->trace)
		rps_trace_mark(remote->trace, "device starts");
	err = rps_node_start(&remote->node, remote->xport);
	if (err) {
		say(remote, "device cannot start: %s", strerror(-err));
		return;
	}
	remote->started = true;
	remote->script_on = true;
	say_started(remote);
}

/* Pointers of another generation are dangling: nothing is kept of it. */
static void follow(struct rps_remote *remote, uint64_t now_ms)
{
	if (remote->generation != remote->xport->generation) {
		remote->generation = remote->xport->generation;
		if (remote->started)
			stop(remote);
		remote->to_start = remote->xport->ready;
		remote->start_at_ms = now_ms + remote->delay_ms;
	}
	say_connections(remote);
	if (remote->to_start && now_ms >= remote->start_at_ms) {
		remote->to_start = false;
		start(remote);
	}
}

/*
 * Where a stopped ring goes on.  Our device end completes in order, so that
 * what it has not given back is what it has to take again.
 */
static void keep_position(struct rps_remote *remote)
{
	const struct rps_dev *dev = &remote->node.dev;

	remote->xport->queue[RPS_QUEUE_RX].base = dev->tx.used_idx;
	remote->xport->queue[RPS_QUEUE_TX].base = dev->rx.used_idx;
}

/* Return: whether there is more to do already. */
static bool serve(struct rps_remote *remote)
{
	struct rps_services *services = &remote->services;
	enum rps_flush_result flushed = rps_services_flush(services);
	bool more = false;

	/* A driver that takes nothing is not asked for more. */
	if (flushed != RPS_FLUSH_BLOCKED) {
		more = rps_node_poll(&remote->node);
		/* What came in has made something go out. */
		flushed = rps_services_flush(services);
	}
	more = more || flushed == RPS_FLUSH_MORE;
	if (flushed == RPS_FLUSH_BLOCKED ||
	    rps_node_announces_later(&remote->node))
		more = rps_vdev_kick_on(&remote->node.dev.tx) || more;
	keep_position(remote);
	return more;
}

static enum rps_remote_state run_script(struct rps_remote *remote,
					uint64_t now_ms)
{
	if (!remote->script || !remote->script_on || !remote->started)
		return RPS_REMOTE_IDLE;
	switch (rps_script_run(remote->script, &remote->services, now_ms)) {
	case RPS_SCRIPT_QUITS:
		return RPS_REMOTE_ENDS;
	case RPS_SCRIPT_FAILED:
		say(remote, "script line %s", remote->script->error);
		remote->script_failed = true;
		return RPS_REMOTE_BUSY;
	case RPS_SCRIPT_DONE:
	case RPS_SCRIPT_WAITING:
		break;
	}
	return RPS_REMOTE_IDLE;
}

/* Whoever listens may come and go; asking is nothing beside a system call. */
static void trace(struct rps_remote *remote)
{
	rps_vu_observe(remote->vu,
		       rps_trace_probe(remote->trace, RPS_END_DEVICE),
		       rps_trace_probe(remote->trace, RPS_END_DRIVER));
	rps_node_observed(&remote->node);
}

int rps_remote_step(struct rps_remote *remote, uint64_t now_ms,
		    enum rps_remote_state *state)
{
	int served;

	if (remote->trace)
		trace(remote);
	served = rps_vu_service(remote->vu);

	if (served < 0)
		return served;
	follow(remote, now_ms);
	*state = run_script(remote, now_ms);
	if (*state == RPS_REMOTE_IDLE && remote->started && serve(remote))
		*state = RPS_REMOTE_BUSY;
	if (remote->stop_after > 0 &&
	    remote->services.received >= remote->stop_after &&
	    remote->services.backlog_len == 0)
		*state = RPS_REMOTE_ENDS;
	return 0;
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Until @then_ms, but not longer than @most_ms. */
static int at_most(uint64_t then_ms, uint64_t now_ms, int most_ms)
{
	if (then_ms <= now_ms)
		return 0;
	return then_ms - now_ms < (uint64_t)most_ms ? (int)(then_ms - now_ms)
						    : most_ms;
}

/* Milliseconds in which nothing needs to be done by itself. */
static int sleep_ms(const struct rps_remote *remote,
		    enum rps_remote_state state, uint64_t now_ms)
{
	const struct rps_script *script = remote->script;
	int sleep = SLEEP_MS;

	if (state == RPS_REMOTE_BUSY)
		return 0;
	if (remote->to_start)
		sleep = at_most(remote->start_at_ms, now_ms, sleep);
	if (script && script->wait_until_ms > now_ms)
		sleep = at_most(script->wait_until_ms, now_ms, sleep);
	return sleep;
}

int rps_remote_run(struct rps_remote *remote, int stop_fd)
{
	struct pollfd fds[] = {
		{ .fd = rps_vu_fd(remote->vu), .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
	};
	enum rps_remote_state state = RPS_REMOTE_BUSY;

	while (state != RPS_REMOTE_ENDS && !fds[1].revents) {
		uint64_t now_ms = clock_ms();
		int err = rps_remote_step(remote, now_ms, &state);

		if (err)
			return err;
		if (poll(fds, 2, sleep_ms(remote, state, now_ms)) < 0 &&
		    errno != EINTR)
			return -errno;
	}
	return 0;
}

void rps_remote_print_stats(const struct rps_remote *remote)
{
	const struct rps_services *services = &remote->services;
	struct rps_vu_stats stats;

	rps_vu_get_stats(remote->vu, &stats);
	for (unsigned int i = 0; i < services->num_slots; i++) {
		const struct rps_service_slot *slot = &services->slot[i];

		say(remote,
		    "%s %#x: received %" PRIu64 " messages of %" PRIu64
		    " bytes, sent %" PRIu64 " of %" PRIu64,
		    slot->spec.name, slot->ept.addr, slot->received,
		    slot->received_bytes, slot->sent, slot->sent_bytes);
	}
	say(remote,
	    "connections %" PRIu64 ", kicks %" PRIu64 ", notifications %" PRIu64
	    ", dropped %" PRIu64,
	    stats.connections, stats.kicks, stats.notifications,
	    remote->node.num_dropped + services->dropped);
}
