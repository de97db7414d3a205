/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/rpmsg.h>

#include <string.h>

void rps_name_copy(char to[RPMSG_NAME_SIZE], const char *name)
{
	size_t len = strnlen(name, RPMSG_NAME_SIZE - 1);

	memset(to, 0, RPMSG_NAME_SIZE);
	memcpy(to, name, len);
}

struct rpmsg_ns_msg rps_ns_pack(enum rps_order order, const struct rps_ns *ns)
{
	struct rpmsg_ns_msg wire = {
		.addr = cpu_to_virtio32(order, ns->addr),
		.flags = cpu_to_virtio32(order,
					 ns->destroy ? RPMSG_NS_DESTROY : 0),
	};

	rps_name_copy(wire.name, ns->name);
	return wire;
}

struct rps_ns rps_ns_unpack(enum rps_order order,
			    const struct rpmsg_ns_msg *wire)
{
	struct rps_ns ns = {
		.addr = virtio32_to_cpu(order, wire->addr),
		.destroy =
			virtio32_to_cpu(order, wire->flags) & RPMSG_NS_DESTROY,
	};

	rps_name_copy(ns.name, wire->name);
	return ns;
}
