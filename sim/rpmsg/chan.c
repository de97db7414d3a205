/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/chan.h>

#include <string.h>

static bool is(const struct rps_chan *chan, const char *name, uint32_t src,
	       uint32_t dst)
{
	/* Names are kept cut; one that is too long is the same name still. */
	return chan->live && chan->src == src && chan->dst == dst &&
	       strncmp(chan->name, name, RPMSG_NAME_SIZE - 1) == 0;
}

struct rps_chan *rps_chan_find(const struct rps_chan_table *table,
			       const char *name, uint32_t src, uint32_t dst)
{
	for (unsigned int i = 0; i < table->capacity; i++) {
		if (is(&table->slot[i], name, src, dst))
			return &table->slot[i];
	}
	return NULL;
}

struct rps_chan *rps_chan_add(struct rps_chan_table *table, const char *name,
			      uint32_t src, uint32_t dst)
{
	for (unsigned int i = 0; i < table->capacity; i++) {
		struct rps_chan *chan = &table->slot[i];

		if (chan->live)
			continue;
		memset(chan, 0, sizeof(*chan));
		rps_name_copy(chan->name, name);
		chan->src = src;
		chan->dst = dst;
		chan->live = true;
		table->count++;
		return chan;
	}
	return NULL;
}

void rps_chan_remove(struct rps_chan_table *table, struct rps_chan *chan)
{
	chan->live = false;
	table->count--;
}
