/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a driver end needs of the bus on which it found its device.  None of
 * this is on the data path except the kick.
 * Source: virtio-1.2 2.1 (status), 2.2 (features), 2.3 (notifications), 4.
 */
#ifndef RPS_VBUS_H
#define RPS_VBUS_H

#include <rps/vring.h>

struct rps_vbus_ops {
	uint32_t (*device_id)(void *bus);
	uint8_t (*get_status)(void *bus);
	void (*set_status)(void *bus, uint8_t status);
	uint64_t (*get_features)(void *bus);
	void (*set_features)(void *bus, uint64_t features);
	/* Part of configuration space. Return: 0, or -EINVAL beyond its end. */
	int (*read_space)(void *bus, uint32_t offset, void *to,
			  uint32_t len_bytes);
	/* Entries at most, 0 where there is no such queue. */
	uint32_t (*queue_num_max)(void *bus, unsigned int queue);
	void (*set_queue)(void *bus, unsigned int queue, uint32_t num,
			  struct rps_vring_addrs addrs);
	void (*kick)(void *bus, unsigned int queue);
};

#endif
