/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/bufsz.h>

#include <errno.h>
#include <string.h>

#include <rps/rpmsg.h>

enum {
	AT_VERSION = 0,
	AT_SIZE = 1,
	AT_TXBUF = 3,
	AT_RXBUF = 7,
};

static uint32_t read32(enum rps_order order, const uint8_t *at)
{
	uint32_t raw;

	memcpy(&raw, at, sizeof(raw));
	return rps_swap32(order, raw);
}

static void write32(enum rps_order order, uint8_t *at, uint32_t value)
{
	uint32_t raw = rps_swap32(order, value);

	memcpy(at, &raw, sizeof(raw));
}

int rps_bufsz_unpack(enum rps_order order, const uint8_t wire[RPS_BUFSZ_BYTES],
		     struct rps_bufsz *out)
{
	uint16_t size;

	memcpy(&size, &wire[AT_SIZE], sizeof(size));
	if (wire[AT_VERSION] != RPS_BUFSZ_VERSION)
		return -EINVAL;
	if (rps_swap16(order, size) != RPS_BUFSZ_BYTES)
		return -EINVAL;
	out->to_driver_bytes = read32(order, &wire[AT_TXBUF]);
	out->to_device_bytes = read32(order, &wire[AT_RXBUF]);
	if (out->to_driver_bytes < RPMSG_HDR_BYTES ||
	    out->to_device_bytes < RPMSG_HDR_BYTES)
		return -EINVAL;
	return 0;
}

void rps_bufsz_pack(enum rps_order order, const struct rps_bufsz *sizes,
		    uint8_t wire[RPS_BUFSZ_BYTES])
{
	uint16_t size = rps_swap16(order, RPS_BUFSZ_BYTES);

	wire[AT_VERSION] = RPS_BUFSZ_VERSION;
	memcpy(&wire[AT_SIZE], &size, sizeof(size));
	write32(order, &wire[AT_TXBUF], sizes->to_driver_bytes);
	write32(order, &wire[AT_RXBUF], sizes->to_device_bytes);
}
