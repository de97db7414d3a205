/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layer 4: buffer sizes in configuration space, in the packed form that the
 * drafts of VIRTIO_RPMSG_F_BUFSZ came to. Not stable, and never read unless
 * both ends were told that feature bit 1 means this.
 * Source: Linux BUFSZ series of 2025 and 2026 (de-facto); vector V-CFG-1.
 */
#ifndef RPS_BUFSZ_H
#define RPS_BUFSZ_H

#include <rps/byteorder.h>

/* version u8, size u16, txbuf_size u32, rxbuf_size u32; no padding. */
#define RPS_BUFSZ_BYTES   11u
#define RPS_BUFSZ_VERSION 1u

/* On the wire they are seen from the device: what it sends in comes first. */
struct rps_bufsz {
	uint32_t to_driver_bytes;
	uint32_t to_device_bytes;
};

/* Return: 0; -EINVAL for another version or size of the structure, and for
 * buffers that hold no header. */
RPS_API RPS_CHECKED int rps_bufsz_unpack(enum rps_order order,
					 const uint8_t wire[RPS_BUFSZ_BYTES],
					 struct rps_bufsz *out);

RPS_API void rps_bufsz_pack(enum rps_order order, const struct rps_bufsz *sizes,
			    uint8_t wire[RPS_BUFSZ_BYTES]);

#endif
