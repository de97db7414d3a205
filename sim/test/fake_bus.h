/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's registers in front of plain memory: what a driver does to them is
 * written down, and what a device may refuse is a matter of configuration.
 */
#ifndef TEST_FAKE_BUS_H
#define TEST_FAKE_BUS_H

#include <rps/drv.h>
#include <rps/xport.h>

#define BUS_GPA       UINT64_C(0x20000000)
#define BUS_BYTES     0x40000u
#define BUS_NUM_MAX   16u
#define BUS_BUF_BYTES 512u
#define BUS_LOG_BYTES 1024u

#define BUS_FEATURE(bit) (UINT64_C(1) << (bit))

struct bus_config {
	uint64_t features;
	uint32_t device_id;
	uint32_t num_max[RPS_NUM_QUEUES];
	uint32_t num; /* entries that the driver wants */
	uint32_t buf_bytes;
	uint32_t tx_buf_bytes; /* 0: the same */
	uint64_t bus_offset;
	uint16_t start_idx;
	bool bufsz; /* the driver knows feature bit 1 */
	uint32_t space_bytes;
	uint8_t space[16]; /* configuration space */
	bool native_be;
	bool refuse_features;
};

/* A name service, little endian, rings of 4. */
extern const struct bus_config bus_default;

struct fake_bus {
	uint8_t bytes[BUS_BYTES];
	struct bus_config config;
	struct rps_mem mem; /* the driver's view */
	struct rps_drv_params params;
	struct vdrv_slot slot[RPS_NUM_QUEUES][BUS_NUM_MAX];
	uint8_t status;
	uint64_t accepted;
	struct rps_xport xport; /* the device's side */
	unsigned int irqs[RPS_NUM_QUEUES];
	unsigned int kicks[RPS_NUM_QUEUES];
	char log[BUS_LOG_BYTES]; /* "status 1, status 3, features 0x1, ..." */
};

extern const struct rps_vbus_ops fake_bus_ops;

/* Return: a bus with memory and registers, to be given to free(). */
struct fake_bus *bus_create(const struct bus_config *config);

/* Pointer to the byte at peer address @addr. */
void *bus_at(struct fake_bus *bus, uint64_t addr);

#endif
