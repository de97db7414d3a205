/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Upper tester of a reference end that lives in a simulated world: each call
 * is handed to the end, and the world runs until it is quiet again.
 *
 * @end is RPS_END_DRIVER or RPS_END_DEVICE.  Errors are -errno as the node has
 * them, and -ETIME where the world did not come to rest.
 */
#ifndef RPS_IUT_H
#define RPS_IUT_H

#include <rps/world.h>

/* Driver only: from reset to DRIVER_OK, and back. */
RPS_API int rps_iut_probe(struct rps_world *world);
RPS_API int rps_iut_remove(struct rps_world *world);

/* Return: handle of a new endpoint, at @src or (0xffffffff) anywhere. */
RPS_API int rps_iut_open(struct rps_world *world, uint32_t end,
			 const char *name, uint32_t src, uint32_t dst);
RPS_API int rps_iut_close(struct rps_world *world, uint32_t end, int handle);
RPS_API uint32_t rps_iut_addr(const struct rps_world *world, uint32_t end,
			      int handle);
RPS_API int rps_iut_announce(struct rps_world *world, uint32_t end, int handle);
RPS_API int rps_iut_withdraw(struct rps_world *world, uint32_t end, int handle);

/* @dst 0xffffffff: the endpoint's own destination. */
RPS_API int rps_iut_trysend(struct rps_world *world, uint32_t end, int handle,
			    uint32_t dst, const void *payload,
			    size_t len_bytes);

/* Off channel: both addresses as given. */
RPS_API int rps_iut_sendoff(struct rps_world *world, uint32_t end, uint32_t src,
			    uint32_t dst, const void *payload,
			    size_t len_bytes);

/* Return: number of a buffer that was borrowed to be filled in place, 0 on; as
 * rps_node_get(); -ENOSPC where too many are borrowed. */
RPS_API int rps_iut_get(struct rps_world *world, uint32_t end);
/* Gives a borrowed buffer back unsent. */
RPS_API int rps_iut_unget(struct rps_world *world, uint32_t end, int room);
/* Fills a borrowed buffer and sends it from the endpoint @handle.
 * Return: as rps_node_send_room(). */
RPS_API int rps_iut_send_room(struct rps_world *world, uint32_t end, int room,
			      int handle, const void *payload,
			      size_t len_bytes);

/* Return: as rps_node_flow_control(). */
RPS_API int rps_iut_flow_control(struct rps_world *world, uint32_t end,
				 int handle, bool pause);

/* Return: handle of a blocking send, to be asked for its result. */
RPS_API int rps_iut_send_start(struct rps_world *world, uint32_t end,
			       int handle, uint32_t dst, const void *payload,
			       size_t len_bytes);
/* Return: 0 or -errno once it has ended, -EINPROGRESS before. A handle whose
 * end has been told may be given to the next blocking send. */
RPS_API int rps_iut_send_result(struct rps_world *world, uint32_t end,
				int send);

/* Return: payload bytes of the oldest message not yet read, of which @buf gets
 * the first @size, 4096 at most; -EAGAIN where there is none. */
RPS_API int rps_iut_recv(struct rps_world *world, uint32_t end, int handle,
			 uint32_t *src, void *buf, size_t size);

/* Callbacks of this endpoint keep their buffers, or no longer do. */
RPS_API int rps_iut_hold(struct rps_world *world, uint32_t end, int handle,
			 bool on);
/* Give back the buffer kept as number @index (0: the oldest). */
RPS_API int rps_iut_release(struct rps_world *world, uint32_t end,
			    uint32_t index);

/* Channels called @name are taken by a client of ours. */
RPS_API int rps_iut_serve(struct rps_world *world, uint32_t end,
			  const char *name);
RPS_API int rps_iut_open_chan(struct rps_world *world, uint32_t end,
			      const char *name, uint32_t src, uint32_t dst);
RPS_API int rps_iut_close_chan(struct rps_world *world, uint32_t end,
			       const char *name, uint32_t src, uint32_t dst);

struct rps_chan_info {
	char name[32];
	uint32_t src; /* wanted; 0xffffffff as a rule */
	uint32_t dst;
	uint32_t addr; /* of its endpoint, while bound */
	int handle;    /* of its endpoint, -1 while unbound */
};

/* Return: number of live channels; fills the first @max. */
RPS_API int rps_iut_chans(const struct rps_world *world, uint32_t end,
			  struct rps_chan_info *out, uint32_t max);

struct rps_iut_stats {
	uint64_t dropped;       /* messages: malformed, or to nobody */
	uint64_t chans_refused; /* announced with the table full */
	uint64_t inbox_lost;    /* read too late by the tester: its own fault */
	uint32_t epts;
	bool ready;
	bool broken; /* a queue is */
};

RPS_API void rps_iut_get_stats(const struct rps_world *world, uint32_t end,
			       struct rps_iut_stats *out);

#endif
