/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_VRING_NEWS_H
#define RPS_VRING_NEWS_H

#include <rps/vring.h>

/* Entries that were shown to the peer, and about which no notification was
 * decided yet: indices from @old on, up to and without @new. */
struct vring_news {
	uint16_t old;
	uint16_t new;
};

/* The entry of an index, of which the lower bits count.  The compiler is kept
 * from knowing that it had 16 bits, or it would extend the result once more. */
static inline uint32_t entry_of(const struct vring *ring, uint32_t idx)
{
	__asm__("" : "+r"(idx));
	return idx & ring->mask;
}

/* The index behind @idx, computed here and now, so that the register of @idx
 * may become the entry. */
static inline uint32_t next_of(uint32_t idx)
{
	uint32_t next = idx + 1;

	__asm__("" : "+r"(next));
	return next;
}

/* An index goes on, in memory: its register has become the entry. */
static inline void step16(uint16_t *idx)
{
	__asm__("" : "+m"(*idx));
	(*idx)++;
}

/* The entry at @idx, alone. */
static inline struct vring_news news_of_one(uint32_t idx)
{
	return (struct vring_news){ (uint16_t)idx, (uint16_t)(idx + 1) };
}

static inline bool is_news(struct vring_news news)
{
	return news.old != news.new;
}

#endif
