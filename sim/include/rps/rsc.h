/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resource table of a remote processor, as the host that parses it reads
 * it: in its own byte order, whatever wrote it.
 * Source: Linux include/linux/remoteproc.h, remoteproc_core.c (de-facto).
 */
#ifndef RPS_RSC_H
#define RPS_RSC_H

#include <rps/byteorder.h>

/**
 * rps_rsc_find_vdev() - look for a virtio device in a resource table.
 * @order: of the host.
 * @table: @bytes bytes, trusted by nobody.
 * @id:    virtio device id.
 * @at:    set to the offset of the entry behind its type word.
 *
 * Return: 0; -EINVAL for another version, reserved words that are not 0, and
 * entries that do not lie within the table; -ENOENT where there is none.
 */
RPS_API RPS_CHECKED int rps_rsc_find_vdev(enum rps_order order,
					  const uint8_t *table, uint32_t bytes,
					  uint32_t id, uint32_t *at);

#endif
