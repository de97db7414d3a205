/* SPDX-License-Identifier: BSD-3-Clause */
#include "spsc.h"

#include <string.h>

__attribute__((noipa)) void spsc_copy(void *to, const void *from,
				      uint32_t len_bytes)
{
	memcpy(to, from, len_bytes);
	/* Or it would be no call, but a jump. */
	__asm__ volatile("");
}

bool spsc_send(struct spsc *ring, const void *payload, uint32_t len_bytes)
{
	uint32_t head = ring->head;
	struct spsc_slot *slot = &ring->slot[head % SPSC_NUM];

	if (len_bytes > sizeof(slot->bytes) ||
	    head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) == SPSC_NUM)
		return false;
	memcpy(slot->bytes, payload, len_bytes);
	slot->len_bytes = len_bytes;
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

const struct spsc_slot *spsc_receive(const struct spsc *ring)
{
	uint32_t tail = ring->tail;

	if (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == tail)
		return NULL;
	return &ring->slot[tail % SPSC_NUM];
}

void spsc_done(struct spsc *ring)
{
	__atomic_store_n(&ring->tail, ring->tail + 1, __ATOMIC_RELEASE);
}
