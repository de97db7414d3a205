/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of one ring over the same bytes, each with its own view of them,
 * without a world: nobody interrupts anybody.
 */
#ifndef TEST_RING_FIXTURE_H
#define TEST_RING_FIXTURE_H

#include <rps/vdev.h>
#include <rps/vdrv.h>

#define RING_GPA     UINT64_C(0x20000000)
#define RING_BYTES   65536u
#define RING_NUM_MAX 64u
#define RING_STALE   0xa5 /* what a previous run has left behind */

/* How a ring can lie in memory: aligned as one piece, or in three. */
struct ring_mode {
	enum rps_order order;
	uint32_t align; /* 0: three addresses that no formula gives */
};

#define NUM_RING_MODES 10
extern const struct ring_mode ring_mode[NUM_RING_MODES];

struct ring_config {
	uint32_t num;
	uint16_t start_idx;
	bool event_idx;
	bool indirect;
};

struct ring_fixture {
	_Alignas(4096) uint8_t bytes[RING_BYTES];
	struct rps_mem driver_mem;
	struct rps_mem device_mem;
	struct rps_vring_addrs addrs;
	struct vdrv drv;
	struct vdev dev;
	struct vdrv_slot slot[RING_NUM_MAX];
};

/* Return: both ends initialised, to be given to free(). */
struct ring_fixture *ring_create(const struct ring_mode *mode,
				 const struct ring_config *config);

/* Buffer number @i of 64 bytes, behind the ring. */
struct vbuf ring_buf(unsigned int i, bool device_writes);

/* Offers buffer number @i, with its number as token. */
void ring_offer(struct ring_fixture *ring, unsigned int i);

/* Takes, completes with @len_bytes, and returns the head. */
uint16_t ring_serve(struct ring_fixture *ring, uint32_t len_bytes);

/* Reclaims. Return: the number of the buffer. */
unsigned int ring_reclaim(struct ring_fixture *ring);

/* The peer writes what it likes, in the ring's byte order. */
void poke16(struct ring_fixture *ring, struct virtio16 *field, uint16_t value);
void poke32(struct ring_fixture *ring, struct virtio32 *field, uint32_t value);
void poke64(struct ring_fixture *ring, struct virtio64 *field, uint64_t value);
uint16_t peek16(const struct ring_fixture *ring, const struct virtio16 *field);
uint32_t peek32(const struct ring_fixture *ring, const struct virtio32 *field);
uint64_t peek64(const struct ring_fixture *ring, const struct virtio64 *field);

/* A whole descriptor. */
struct ring_desc {
	uint64_t addr;
	uint32_t len_bytes;
	uint16_t flags;
	uint16_t next;
};

void poke_desc(struct ring_fixture *ring, struct vring_desc *at,
	       const struct ring_desc *desc);
struct ring_desc peek_desc(const struct ring_fixture *ring,
			   const struct vring_desc *at);

/* The driver shows @head as its next buffer, whatever lies there. */
void poke_avail(struct ring_fixture *ring, uint16_t head);

/* Pointer to the byte at peer address @addr. */
void *ring_at(struct ring_fixture *ring, uint64_t addr);

/* One row of virtio-1.2 2.7.10's rule, protocol table 2.7. */
struct need_event_row {
	uint16_t event;
	uint16_t new;
	uint16_t old;
	bool notify;
};

#define NUM_NEED_EVENT_ROWS 13
extern const struct need_event_row need_event_row[NUM_NEED_EVENT_ROWS];

#endif
