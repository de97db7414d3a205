/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffer sizes in a configuration space: what is accepted holds a header, and
 * packs to what it was.
 *
 * Input: a byte (0: big endian), 11 bytes.
 */
#include <rps/bufsz.h>
#include <rps/rpmsg.h>

#include <errno.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct fuzz_input in = { data, len_bytes };
	enum rps_order order = fuzz_u8(&in) ? RPS_ORDER_LE : RPS_ORDER_BE;
	uint8_t wire[RPS_BUFSZ_BYTES] = { 0 };
	uint8_t again[RPS_BUFSZ_BYTES];
	struct rps_bufsz sizes;
	int err;

	fuzz_bytes(&in, wire, sizeof(wire));
	err = rps_bufsz_unpack(order, wire, &sizes);
	fuzz_require(err == 0 || err == -EINVAL);
	if (err)
		return 0;
	fuzz_require(sizes.to_driver_bytes >= RPMSG_HDR_BYTES);
	fuzz_require(sizes.to_device_bytes >= RPMSG_HDR_BYTES);
	rps_bufsz_pack(order, &sizes, again);
	fuzz_require(memcmp(wire, again, sizeof(wire)) == 0);
	return 0;
}
