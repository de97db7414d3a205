/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One message on its way up: what both ends hand to layer 5.
 */
#ifndef RPS_MSG_H
#define RPS_MSG_H

#include <rps/rpmsg.h>

/**
 * struct rps_msg - a received message.
 * @hdr:     private copy; @hdr.len_bytes was checked against the buffer.
 * @payload: @hdr.len_bytes bytes, in shared memory as a rule: the peer can
 *           change them at any time, so read once what is to be trusted.
 * @buf:     which buffer it came in; for giving it back.
 * @gathered: @payload was put together from pieces, in a place that the next
 *           message overwrites; whoever keeps the message copies it first.
 */
struct rps_msg {
	struct rps_hdr hdr;
	const uint8_t *payload;
	uint16_t buf;
	bool gathered;
};

/**
 * struct rps_room - a buffer to be filled in place.
 * @payload:    @room_bytes bytes of shared memory; what is written here is seen
 *              by the peer as it is, and may be overwritten by a hostile one.
 * @room_bytes: the longest payload that fits.
 * @addr:       where the peer finds the buffer; for the end that lent it.
 * @buf:        which buffer it is; likewise.
 */
struct rps_room {
	uint8_t *payload;
	uint64_t addr;
	uint32_t room_bytes;
	uint16_t buf;
};

#endif
