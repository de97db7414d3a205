/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The least that two ends can do: a ring of one producer and one consumer that
 * trust each other, without addresses, buffers of the peer, or notifications.
 * For scale only.
 */
#ifndef BENCH_SPSC_H
#define BENCH_SPSC_H

#include <rps/api.h>

#define SPSC_NUM        256u
#define SPSC_SLOT_BYTES 512u

struct spsc {
	_Alignas(64) uint32_t head; /* of the producer */
	_Alignas(64) uint32_t tail; /* of the consumer */
	_Alignas(64) struct spsc_slot {
		uint32_t len_bytes;
		uint8_t bytes[SPSC_SLOT_BYTES - sizeof(uint32_t)];
	} slot[SPSC_NUM];
};

/* One copy, of a length that is not known where it is compiled. */
void spsc_copy(void *to, const void *from, uint32_t len_bytes);

/* Return: whether there was room for @len_bytes bytes. */
bool spsc_send(struct spsc *ring, const void *payload, uint32_t len_bytes);

/* Return: the oldest message, ours until spsc_done(); NULL: there is none. */
const struct spsc_slot *spsc_receive(const struct spsc *ring);
void spsc_done(struct spsc *ring);

#endif
