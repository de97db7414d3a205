/* SPDX-License-Identifier: BSD-3-Clause */
#include "hdr.h"

struct rpmsg_hdr rps_hdr_pack(enum rps_order order, const struct rps_hdr *hdr)
{
	return hdr_pack(order, hdr);
}

struct rps_hdr rps_hdr_unpack(enum rps_order order,
			      const struct rpmsg_hdr *wire)
{
	return hdr_unpack(order, wire);
}
