/* SPDX-License-Identifier: BSD-3-Clause */
#include "chain_model.h"

#include <string.h>

#define NEXT     1u
#define WRITE    2u
#define INDIRECT 4u

struct model_table {
	const uint8_t *at;
	uint32_t num;
};

static struct link_desc entry(const struct fuzz_link *link,
			      const struct model_table *table, uint32_t index)
{
	return link_get_desc(link, table->at + 16 * (size_t)index);
}

static bool enter(const struct fuzz_link *link, struct link_desc *desc,
		  struct model_table *table)
{
	bool whole = desc->len_bytes > 0 && desc->len_bytes % 16 == 0;

	if (!(link->mode & LINK_INDIRECT) || desc->flags & NEXT || !whole)
		return false;
	table->at = link_at(link, desc->addr, desc->len_bytes);
	table->num = desc->len_bytes / 16;
	if (!table->at || (uintptr_t)table->at % 8)
		return false;
	*desc = entry(link, table, 0);
	return true;
}

static bool add(const struct fuzz_link *link, const struct link_desc *desc,
		struct model_chain *out)
{
	if (desc->flags & INDIRECT || out->num_segs == MODEL_SEGS_MAX ||
	    !link_at(link, desc->addr, desc->len_bytes))
		return false;
	out->seg[out->num_segs++] = *desc;
	out->len_bytes += desc->len_bytes;
	if (desc->flags & WRITE)
		out->readable = false;
	else
		out->writable = false;
	return true;
}

bool model_walk(const struct fuzz_link *link, const uint8_t *desc, uint32_t num,
		uint16_t head, struct model_chain *out)
{
	struct model_table table = { desc, num };
	struct link_desc at = entry(link, &table, head);

	*out = (struct model_chain){ .readable = true, .writable = true };
	if (at.flags & INDIRECT && !enter(link, &at, &table))
		return false;
	for (uint32_t n = 0; n < num; n++) {
		if (!add(link, &at, out))
			return false;
		if (!(at.flags & NEXT))
			return true;
		if (at.next >= table.num)
			return false;
		at = entry(link, &table, at.next);
	}
	return false; /* longer than the queue, or a circle */
}

void model_read(const struct fuzz_link *link, const struct model_chain *chain,
		uint8_t *to, size_t len_bytes)
{
	for (unsigned int i = 0; i < chain->num_segs && len_bytes > 0; i++) {
		size_t take = chain->seg[i].len_bytes;

		if (take > len_bytes)
			take = len_bytes;
		if (take > 0)
			memcpy(to, link_at(link, chain->seg[i].addr, take),
			       take);
		to += take;
		len_bytes -= take;
	}
}
