/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/tester.h>

#include <string.h>

#include <rps/bufsz.h>
#include <rps/rpmsg.h>
#include <rps/rsc.h>
#include <rps/vring.h>

#include "../base/mutant.h"

static enum rps_order order_of(bool big_endian)
{
	return big_endian ? RPS_ORDER_BE : RPS_ORDER_LE;
}

void rps_codec_hdr(bool big_endian, uint32_t src, uint32_t dst,
		   uint32_t reserved, uint16_t len_bytes, uint16_t flags,
		   uint8_t out[16])
{
	struct rps_hdr hdr = {
		.src = src,
		.dst = dst,
		.reserved = reserved,
		.len_bytes = len_bytes,
		.flags = flags,
	};
	struct rpmsg_hdr wire = rps_hdr_pack(order_of(big_endian), &hdr);

	memcpy(out, &wire, sizeof(wire));
}

void rps_codec_ns(bool big_endian, const char *name, uint32_t addr,
		  bool destroy, uint8_t out[40])
{
	struct rps_ns ns = { .addr = addr, .destroy = destroy };
	struct rpmsg_ns_msg wire;

	rps_name_copy(ns.name, name);
	wire = rps_ns_pack(order_of(big_endian), &ns);
	memcpy(out, &wire, sizeof(wire));
}

void rps_codec_bufsz(bool big_endian, uint32_t to_driver_bytes,
		     uint32_t to_device_bytes, uint8_t out[11])
{
	const struct rps_bufsz sizes = { to_driver_bytes, to_device_bytes };

	rps_bufsz_pack(order_of(big_endian), &sizes, out);
	if (library_mutated(MUTANT_bufsz_padded))
		memmove(out + 4, out + 3, 7);
}

int rps_codec_rsc_vdev(bool big_endian, const uint8_t *table, uint32_t bytes,
		       uint32_t id, uint32_t *at)
{
	/* The version is 1: its place tells the order of whoever wrote it. */
	if (library_mutated(MUTANT_table_order_guessed) && bytes >= 4)
		big_endian = table[3] == 1;
	return rps_rsc_find_vdev(order_of(big_endian), table, bytes, id, at);
}

int rps_codec_layout(uint32_t num, uint32_t align, struct rps_codec_layout *out)
{
	struct rps_vring_layout layout;
	int err = rps_vring_layout(num, align, &layout);

	if (err)
		return err;
	*out = (struct rps_codec_layout){
		.avail = layout.avail,
		.used_event = layout.used_event,
		.used = layout.used,
		.avail_event = layout.avail_event,
		.total = layout.total,
		.legacy_total = layout.legacy_total,
	};
	return 0;
}

bool rps_codec_need_event(uint16_t event, uint16_t new_idx, uint16_t old_idx)
{
	if (library_mutated(MUTANT_need_event_in_int))
		return new_idx - event - 1 < new_idx - old_idx;
	return rps_vring_need_event(event, new_idx, old_idx);
}

uint32_t rps_abi_version(void)
{
	return RPS_ABI_VERSION;
}
