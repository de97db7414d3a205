/* SPDX-License-Identifier: BSD-3-Clause */
#include "ept.h"

#include <errno.h>
#include <string.h>

/* Index of the first endpoint whose address is not below @addr. */
static unsigned int lower_bound(const struct rps_ept_table *table,
				uint32_t addr)
{
	unsigned int low = 0;
	unsigned int high = table->count;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (table->slot[mid]->addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool taken(const struct rps_ept_table *table, unsigned int at,
		  uint32_t addr)
{
	return at < table->count && table->slot[at]->addr == addr;
}

/* Stands where there is none: an endpoint of an address that is not looked for
 * at that place, so that nothing else need be asked. */
static struct rps_ept *nobody_at(unsigned int place)
{
	static struct rps_ept nobody[] = {
		{ .addr = 0 },
		{ .addr = RPMSG_ADDR_ANY },
	};

	return &nobody[place == 0];
}

void ept_init(struct rps_ept_table *table)
{
	for (unsigned int place = 0; place < RPS_EPT_NEAR; place++)
		table->near[place] = nobody_at(place);
}

int rps_ept_add(struct rps_ept_table *table, struct rps_ept *ept)
{
	uint32_t addr = ept->addr;
	unsigned int at;

	if (table->count == table->capacity)
		return -ENOSPC;
	if (addr == RPMSG_ADDR_ANY) {
		addr = RPMSG_RESERVED_ADDRESSES;
		at = lower_bound(table, addr);
		for (; taken(table, at, addr); at++)
			addr++;
		if (addr == RPMSG_ADDR_ANY)
			return -ENOSPC;
	} else {
		at = lower_bound(table, addr);
		if (taken(table, at, addr))
			return -EADDRINUSE;
	}

	memmove(&table->slot[at + 1], &table->slot[at],
		(table->count - at) * sizeof(table->slot[0]));
	table->slot[at] = ept;
	table->count++;
	ept->addr = addr;
	if (addr != RPMSG_NS_ADDR)
		table->near[addr % RPS_EPT_NEAR] = ept;
	return 0;
}

int rps_ept_remove(struct rps_ept_table *table, const struct rps_ept *ept)
{
	unsigned int at = lower_bound(table, ept->addr);

	if (at == table->count || table->slot[at] != ept)
		return -ENOENT;
	if (table->near[ept->addr % RPS_EPT_NEAR] == ept)
		table->near[ept->addr % RPS_EPT_NEAR] =
			nobody_at(ept->addr % RPS_EPT_NEAR);
	table->count--;
	memmove(&table->slot[at], &table->slot[at + 1],
		(table->count - at) * sizeof(table->slot[0]));
	return 0;
}

struct rps_ept *rps_ept_find(const struct rps_ept_table *table, uint32_t addr)
{
	unsigned int at = lower_bound(table, addr);

	return taken(table, at, addr) ? table->slot[at] : NULL;
}
