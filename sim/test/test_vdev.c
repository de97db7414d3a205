/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/vdev.h>

#include <errno.h>
#include <stdlib.h>

#include "ring_fixture.h"
#include "suite_main.h"

static const struct ring_config four = { .num = 4, .indirect = true };
static const struct ring_config four_events = { .num = 4, .event_idx = true };
static const struct ring_config thirty_two = { .num = 32, .indirect = true };

#define BUF(i)    (RING_GPA + 0x8000 + 64 * (uint64_t)(i))
#define TABLE_GPA (RING_GPA + 0xc000)
#define END_GPA   (RING_GPA + RING_BYTES)

#define NEXT     VRING_DESC_F_NEXT
#define WRITE    VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

/* --- taking */

START_TEST(init_refuses_what_attach_refuses)
{
	struct ring_fixture *ring = ring_create(&ring_mode[0], &four);
	struct vdev_params params = { .num = 3 };
	struct rps_vring_addrs addrs = ring->addrs;
	struct vdev vq;

	ck_assert_int_eq(rps_vdev_init(&vq, &ring->device_mem, addrs, &params),
			 -EINVAL);
	params.num = 4;
	addrs.used.v++;
	ck_assert_int_eq(rps_vdev_init(&vq, &ring->device_mem, addrs, &params),
			 -EINVAL);
	addrs.used.v = END_GPA;
	ck_assert_int_eq(rps_vdev_init(&vq, &ring->device_mem, addrs, &params),
			 -EFAULT);
	free(ring);
}
END_TEST

START_TEST(an_empty_ring_has_nothing_to_take)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vchain chain;

	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EAGAIN);
	ring_offer(ring, 0);
	ring_serve(ring, 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EAGAIN);
	free(ring);
}
END_TEST

START_TEST(a_buffer_is_taken_with_address_length_and_direction)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vbuf bufs[2] = { ring_buf(5, true), ring_buf(6, false) };
	struct vchain chain;

	for (unsigned int i = 0; i < 2; i++)
		ck_assert_int_eq(rps_vdrv_offer(&ring->drv, &bufs[i], 1, NULL),
				 0);
	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
		ck_assert_uint_eq(chain.num_segs, 1);
		ck_assert_uint_eq(chain.seg[0].addr.v, bufs[i].addr.v);
		ck_assert_ptr_eq(chain.seg[0].host,
				 ring_at(ring, bufs[i].addr.v));
		ck_assert_uint_eq(chain.seg[0].len_bytes, 64);
		ck_assert_int_eq(chain.seg[0].device_writes,
				 bufs[i].device_writes);
	}
	free(ring);
}
END_TEST

START_TEST(a_full_ring_is_taken_whole)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vchain chain;

	for (unsigned int i = 0; i < 4; i++)
		ring_offer(ring, i);
	for (unsigned int i = 0; i < 4; i++) {
		ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
		ck_assert_uint_eq(chain.seg[0].addr.v, BUF(i));
	}
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EAGAIN);
	free(ring);
}
END_TEST

static void fill_bufs(struct vbuf *bufs, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		bufs[i] = ring_buf(i, i + 1 == count);
}

static void assert_whole_chain(const struct vchain *chain, uint16_t count)
{
	ck_assert_uint_eq(chain->num_segs, count);
	for (uint16_t i = 0; i < count; i++) {
		ck_assert_uint_eq(chain->seg[i].addr.v, BUF(i));
		ck_assert_int_eq(chain->seg[i].device_writes, i + 1 == count);
	}
}

START_TEST(a_chain_as_long_as_the_ring_is_followed)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vbuf bufs[4];
	struct vchain chain;

	fill_bufs(bufs, 4);
	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, bufs, 4, NULL), 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);

	assert_whole_chain(&chain, 4);
	free(ring);
}
END_TEST

START_TEST(an_indirect_chain_is_followed)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vbuf bufs[4];
	struct vchain chain;

	fill_bufs(bufs, 4);
	ck_assert_int_eq(rps_vdrv_offer_indirect(&ring->drv,
						 (struct gpa){ TABLE_GPA },
						 bufs, 4, NULL),
			 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);

	assert_whole_chain(&chain, 4);
	free(ring);
}
END_TEST

START_TEST(chains_of_sixteen_segments_are_kept_and_longer_ones_not)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &thirty_two);
	struct vbuf bufs[17];
	struct vchain chain;

	fill_bufs(bufs, 16);
	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, bufs, 16, NULL), 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
	assert_whole_chain(&chain, 16);
	rps_vdev_complete(&ring->dev, chain.head, 0);
	ring_reclaim(ring);

	fill_bufs(bufs, 17);
	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, bufs, 17, NULL), 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EMSGSIZE);
	free(ring);
}
END_TEST

START_TEST(taking_and_completing_write_the_used_ring_alone)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vbuf buf = ring_buf(0, false);
	struct vring *at = &ring->dev.ring;
	size_t used_bytes = 4 + 8 * 4;
	static uint8_t before[RING_BYTES];

	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, &buf, 1, NULL), 0);
	memcpy(before, ring->bytes, sizeof(before));
	ring_serve(ring, 0);
	ck_assert(rps_vdev_notify_needed(&ring->dev));

	memcpy(before + ((uint8_t *)at->used - ring->bytes), at->used,
	       used_bytes);
	ck_assert_mem_eq(ring->bytes, before, sizeof(before));
	free(ring);
}
END_TEST

/* --- bad chains: refused, given back, and the next one works */

struct bad_chain {
	const char *name;
	int expected;
	struct ring_desc desc[3];  /* of the ring's table, from its start */
	struct ring_desc table[2]; /* at TABLE_GPA */
};

/* clang-format off */
static const struct bad_chain bad_chain[] = {
	{ "address 0", -EFAULT, { { 0, 64, 0, 0 } }, { { 0 } } },
	{ "one byte below", -EFAULT, { { RING_GPA - 1, 64, 0, 0 } }, { { 0 } } },
	{ "one byte behind", -EFAULT, { { END_GPA - 8, 16, 0, 0 } }, { { 0 } } },
	{ "first byte behind", -EFAULT, { { END_GPA, 1, 0, 0 } }, { { 0 } } },
	{ "top of all", -EFAULT, { { UINT64_MAX, 16, 0, 0 } }, { { 0 } } },
	{ "end wraps", -EFAULT, { { UINT64_MAX - 15, 64, 0, 0 } }, { { 0 } } },
	{ "4 GiB long", -EFAULT, { { BUF(0), 0xffffffff, 0, 0 } }, { { 0 } } },
	{ "right in 32 bits", -EFAULT,
	  { { BUF(0) | UINT64_C(1) << 32, 64, 0, 0 } }, { { 0 } } },
	{ "second of two outside", -EFAULT,
	  { { BUF(0), 64, NEXT, 1 }, { 0, 64, 0, 0 } }, { { 0 } } },
	{ "next is itself", -ELOOP, { { BUF(0), 64, NEXT, 0 } }, { { 0 } } },
	{ "next goes back", -ELOOP,
	  { { BUF(0), 64, NEXT, 1 }, { BUF(1), 64, NEXT, 0 } }, { { 0 } } },
	{ "next is the size", -EINVAL, { { BUF(0), 64, NEXT, 4 } }, { { 0 } } },
	{ "next far outside", -EINVAL,
	  { { BUF(0), 64, NEXT, 0xffff } }, { { 0 } } },
	{ "table of 0 bytes", -EINVAL,
	  { { TABLE_GPA, 0, INDIRECT, 0 } }, { { BUF(0), 64, 0, 0 } } },
	{ "table of 15 bytes", -EINVAL,
	  { { TABLE_GPA, 15, INDIRECT, 0 } }, { { BUF(0), 64, 0, 0 } } },
	{ "table of 17 bytes", -EINVAL,
	  { { TABLE_GPA, 17, INDIRECT, 0 } }, { { BUF(0), 64, 0, 0 } } },
	{ "table misaligned", -EINVAL,
	  { { TABLE_GPA + 4, 16, INDIRECT, 0 } }, { { BUF(0), 64, 0, 0 } } },
	{ "table outside", -EFAULT,
	  { { END_GPA, 16, INDIRECT, 0 } }, { { BUF(0), 64, 0, 0 } } },
	{ "table ends outside", -EFAULT,
	  { { END_GPA - 16, 32, INDIRECT, 0 } }, { { BUF(0), 64, 0, 0 } } },
	{ "table and next", -EINVAL,
	  { { TABLE_GPA, 16, INDIRECT | NEXT, 1 }, { BUF(1), 64, 0, 0 } },
	  { { BUF(0), 64, 0, 0 } } },
	{ "table in a table", -EINVAL,
	  { { TABLE_GPA, 32, INDIRECT, 0 } },
	  { { TABLE_GPA + 16, 16, INDIRECT, 0 }, { BUF(0), 64, 0, 0 } } },
	{ "table behind a descriptor", -EINVAL,
	  { { BUF(1), 64, NEXT, 1 }, { TABLE_GPA, 16, INDIRECT, 0 } },
	  { { BUF(0), 64, 0, 0 } } },
	{ "loop in a table", -ELOOP,
	  { { TABLE_GPA, 32, INDIRECT, 0 } },
	  { { BUF(0), 64, NEXT, 1 }, { BUF(1), 64, NEXT, 0 } } },
	{ "next outside the table", -EINVAL,
	  { { TABLE_GPA, 32, INDIRECT, 0 } },
	  { { BUF(0), 64, NEXT, 2 }, { BUF(1), 64, 0, 0 } } },
	{ "address outside, in a table", -EFAULT,
	  { { TABLE_GPA, 32, INDIRECT, 0 } },
	  { { BUF(0), 64, NEXT, 1 }, { END_GPA, 64, 0, 0 } } },
};
/* clang-format on */

static void poke_chain(struct ring_fixture *ring, const struct bad_chain *row)
{
	struct vring_desc *table = ring_at(ring, TABLE_GPA);

	for (unsigned int i = 0; i < ARRAY_SIZE(row->desc); i++)
		poke_desc(ring, &ring->dev.ring.desc[i], &row->desc[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(row->table); i++)
		poke_desc(ring, &table[i], &row->table[i]);
}

START_TEST(a_bad_chain_is_refused_and_the_next_one_served)
{
	const struct bad_chain *row =
		&bad_chain[_i % (int)ARRAY_SIZE(bad_chain)];
	unsigned int order = (unsigned int)_i / ARRAY_SIZE(bad_chain);
	struct ring_fixture *ring = ring_create(&ring_mode[order], &four);
	const struct ring_desc good = { BUF(9), 64, 0, 0 };
	struct vchain chain;

	poke_chain(ring, row);
	poke_desc(ring, &ring->dev.ring.desc[3], &good);
	poke_avail(ring, 0);
	poke_avail(ring, 3);

	ck_assert_msg(rps_vdev_take(&ring->dev, &chain) == row->expected, "%s",
		      row->name);
	ck_assert_uint_eq(chain.head, 0);
	ck_assert_uint_eq(chain.num_segs, 0);
	rps_vdev_complete(&ring->dev, chain.head, 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
	ck_assert_uint_eq(chain.seg[0].addr.v, BUF(9));
	free(ring);
}
END_TEST

START_TEST(a_table_needs_the_feature)
{
	const struct ring_config without = { .num = 4 };
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &without);
	struct vbuf buf = ring_buf(0, false);
	struct vchain chain;

	ck_assert_int_eq(rps_vdrv_offer_indirect(&ring->drv,
						 (struct gpa){ TABLE_GPA },
						 &buf, 1, NULL),
			 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EINVAL);
	free(ring);
}
END_TEST

START_TEST(write_on_the_descriptor_of_a_table_is_ignored)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	const struct bad_chain not_bad = {
		.desc = { { TABLE_GPA, 16, INDIRECT | WRITE, 0 } },
		.table = { { BUF(0), 64, 0, 0 } },
	};
	struct vchain chain;

	poke_chain(ring, &not_bad);
	poke_avail(ring, 0);

	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
	ck_assert(!chain.seg[0].device_writes);
	free(ring);
}
END_TEST

START_TEST(a_chain_in_a_table_may_not_be_longer_than_the_ring)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vring_desc *table = ring_at(ring, TABLE_GPA);
	const struct ring_desc desc = { TABLE_GPA, 5 * 16, INDIRECT, 0 };
	struct vchain chain;

	poke_desc(ring, &ring->dev.ring.desc[0], &desc);
	for (uint16_t i = 0; i < 5; i++) {
		uint16_t flags = i < 4 ? NEXT : 0;
		uint16_t next = (uint16_t)(i + 1);
		struct ring_desc seg = { BUF(i), 64, flags, next };

		poke_desc(ring, &table[i], &seg);
	}
	poke_avail(ring, 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -ELOOP);

	/* The same table with a chain that ends sooner. */
	poke16(ring, &table[3].flags, 0);
	poke_avail(ring, 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
	ck_assert_uint_eq(chain.num_segs, 4);
	free(ring);
}
END_TEST

/* --- a driver that lies about its ring */

struct lie {
	uint16_t idx_ahead;
	uint16_t head;
};

/* clang-format off */
static const struct lie lie[] = {
	{ 1,      4 },      /* head is the size */
	{ 1,      0xffff },
	{ 5,      0 },      /* one more than the ring is long */
	{ 0x8000, 0 },
	{ 0xffff, 0 },      /* goes back */
};
/* clang-format on */

START_TEST(a_lie_breaks_the_queue_for_good)
{
	const struct lie *row = &lie[_i % (int)ARRAY_SIZE(lie)];
	unsigned int order = (unsigned int)_i / ARRAY_SIZE(lie);
	struct ring_fixture *ring = ring_create(&ring_mode[order], &four);
	struct vring_avail *avail = ring->dev.ring.avail;
	struct vchain chain;

	for (unsigned int i = 0; i < 4; i++)
		poke16(ring, &avail->ring[i], row->head);
	poke16(ring, &avail->idx, row->idx_ahead);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EPROTO);

	poke16(ring, &avail->ring[0], 0);
	poke16(ring, &avail->idx, 1);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EPROTO);
	ck_assert_uint_eq(peek16(ring, &ring->dev.ring.used->idx), 0);
	free(ring);
}
END_TEST

START_TEST(more_than_the_ring_holds_counts_what_is_held)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vchain chain;

	for (unsigned int i = 0; i < 4; i++)
		ring_offer(ring, i);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
	poke_avail(ring, 0);

	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EPROTO);
	free(ring);
}
END_TEST

START_TEST(an_index_that_goes_back_behind_what_is_held_is_a_lie)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vchain chain;

	for (unsigned int i = 0; i < 3; i++)
		ring_offer(ring, i);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
	/* No more ahead of what came back than the ring is long. */
	poke16(ring, &ring->dev.ring.avail->idx, 2);

	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EPROTO);
	free(ring);
}
END_TEST

START_TEST(a_broken_queue_works_once_initialised_again)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vdev_params params = { .num = 4 };
	struct vchain chain;

	poke_avail(ring, 4);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), -EPROTO);

	ck_assert_int_eq(rps_vdev_init(&ring->dev, &ring->device_mem,
				       ring->addrs, &params),
			 0);
	poke16(ring, &ring->dev.ring.avail->idx, 0);
	ring_offer(ring, 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
	free(ring);
}
END_TEST

START_TEST(a_descriptor_is_read_before_it_is_checked)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vchain chain;

	ring_offer(ring, 0);
	ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain), 0);
	poke64(ring, &ring->dev.ring.desc[chain.head].addr, 0);
	poke32(ring, &ring->dev.ring.desc[chain.head].len, 0xffffffff);

	ck_assert_uint_eq(chain.seg[0].addr.v, BUF(0));
	ck_assert_uint_eq(chain.seg[0].len_bytes, 64);
	free(ring);
}
END_TEST

/* --- completing */

START_TEST(used_elements_hold_head_and_length)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vring_used *used = ring->dev.ring.used;

	rps_vdev_complete(&ring->dev, 3, 0x01020304);
	rps_vdev_complete(&ring->dev, 0xfffffffe, 0);

	ck_assert_uint_eq(peek32(ring, &used->ring[0].id), 3);
	ck_assert_uint_eq(peek32(ring, &used->ring[0].len), 0x01020304);
	ck_assert_uint_eq(peek32(ring, &used->ring[1].id), 0xfffffffe);
	ck_assert_uint_eq(peek32(ring, &used->ring[1].len), 0);
	ck_assert_uint_eq(peek16(ring, &used->idx), 2);
	free(ring);
}
END_TEST

START_TEST(the_used_index_wraps_at_65536_and_not_at_the_size)
{
	struct ring_config config = four;
	struct ring_fixture *ring;
	struct vring_used *used;

	config.start_idx = (uint16_t)(0xfff0 + _i);
	ring = ring_create(&ring_mode[_i % NUM_RING_MODES], &config);
	used = ring->dev.ring.used;
	for (unsigned int i = 0; i < 40; i++) {
		uint16_t slot = (uint16_t)(config.start_idx + i) % 4;

		ring_offer(ring, i);
		ring_serve(ring, 1000 + i);
		ck_assert_uint_eq(peek32(ring, &used->ring[slot].len),
				  1000 + i);
		ring_reclaim(ring);
	}
	ck_assert_uint_eq(peek16(ring, &used->idx),
			  (uint16_t)(config.start_idx + 40));
	free(ring);
}
END_TEST

/* --- notifications */

START_TEST(a_notification_is_decided_by_the_drivers_flags)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vring *at = &ring->dev.ring;

	ck_assert(!rps_vdev_notify_needed(&ring->dev));
	rps_vdev_complete(&ring->dev, 0, 0);
	ck_assert(rps_vdev_notify_needed(&ring->dev));
	ck_assert(!rps_vdev_notify_needed(&ring->dev));

	/* The device's own flags are for the driver. */
	rps_vdev_kick_off(&ring->dev);
	rps_vdev_complete(&ring->dev, 0, 0);
	ck_assert(rps_vdev_notify_needed(&ring->dev));

	poke16(ring, &at->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
	rps_vdev_complete(&ring->dev, 0, 0);
	ck_assert(!rps_vdev_notify_needed(&ring->dev));
	free(ring);
}
END_TEST

static const uint16_t edge[] = {
	0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff
};

START_TEST(without_the_feature_event_words_mean_nothing)
{
	struct ring_fixture *ring = ring_create(&ring_mode[0], &four);
	struct vring *at = &ring->dev.ring;

	poke16(ring, at->used_event, edge[_i]);
	rps_vdev_complete(&ring->dev, 0, 0);
	ck_assert(rps_vdev_notify_needed(&ring->dev));
	poke16(ring, &at->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
	rps_vdev_complete(&ring->dev, 0, 0);
	ck_assert(!rps_vdev_notify_needed(&ring->dev));
	free(ring);
}
END_TEST

START_TEST(with_the_feature_the_event_word_decides)
{
	const struct need_event_row *row =
		&need_event_row[_i % NUM_NEED_EVENT_ROWS];
	struct ring_fixture *ring =
		ring_create(&ring_mode[_i / NUM_NEED_EVENT_ROWS], &four_events);

	ring->dev.undecided = (uint16_t)(row->new - row->old);
	ring->dev.published_idx = row->new;
	poke16(ring, ring->dev.ring.used_event, row->event);
	poke16(ring, &ring->dev.ring.avail->flags, VRING_AVAIL_F_NO_INTERRUPT);

	ck_assert_int_eq(rps_vdev_notify_needed(&ring->dev), row->notify);
	ck_assert_uint_eq(ring->dev.undecided, 0);
	free(ring);
}
END_TEST

/* --- kicks */

START_TEST(kicks_are_switched_by_the_devices_flags)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vring *at = &ring->dev.ring;

	rps_vdev_kick_off(&ring->dev);
	ck_assert_uint_eq(peek16(ring, &at->used->flags),
			  VRING_USED_F_NO_NOTIFY);
	ck_assert(!rps_vdev_kick_on(&ring->dev));
	ck_assert_uint_eq(peek16(ring, &at->used->flags), 0);
	ck_assert_uint_eq(peek16(ring, at->avail_event), 0);
	free(ring);
}
END_TEST

START_TEST(kicks_are_switched_by_the_event_word)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four_events);
	struct vring *at = &ring->dev.ring;

	rps_vdev_kick_off(&ring->dev);
	ck_assert_uint_eq(peek16(ring, at->avail_event), 0xffff);
	ring_offer(ring, 0);
	ck_assert(!rps_vdrv_kick_needed(&ring->drv));

	ring_serve(ring, 0);
	ck_assert(!rps_vdev_kick_on(&ring->dev));
	ck_assert_uint_eq(peek16(ring, at->avail_event), 1);
	ring_offer(ring, 0);
	ck_assert(rps_vdrv_kick_needed(&ring->drv));
	ck_assert_uint_eq(peek16(ring, &at->used->flags), 0);
	free(ring);
}
END_TEST

START_TEST(switching_on_tells_what_came_in_meanwhile)
{
	struct ring_fixture *ring =
		ring_create(&ring_mode[_i / 2], _i % 2 ? &four_events : &four);

	rps_vdev_kick_off(&ring->dev);
	ring_offer(ring, 0);

	ck_assert(rps_vdev_kick_on(&ring->dev));
	ring_serve(ring, 0);
	ck_assert(!rps_vdev_kick_on(&ring->dev));
	free(ring);
}
END_TEST

START_TEST(the_event_word_follows_what_was_taken)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four_events);

	for (unsigned int i = 0; i < 3; i++) {
		ring_offer(ring, i);
		ck_assert(rps_vdrv_kick_needed(&ring->drv));
		ring_serve(ring, 0);
		ck_assert_uint_eq(peek16(ring, ring->dev.ring.avail_event),
				  i + 1);
	}
	free(ring);
}
END_TEST

static TCase *take_tests(void)
{
	TCase *tcase = tcase_create("take");

	tcase_add_test(tcase, init_refuses_what_attach_refuses);
	tcase_add_loop_test(tcase, an_empty_ring_has_nothing_to_take, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase,
			    a_buffer_is_taken_with_address_length_and_direction,
			    0, NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_full_ring_is_taken_whole, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_chain_as_long_as_the_ring_is_followed, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, an_indirect_chain_is_followed, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(
		tcase, chains_of_sixteen_segments_are_kept_and_longer_ones_not,
		0, NUM_RING_MODES);
	tcase_add_loop_test(tcase,
			    taking_and_completing_write_the_used_ring_alone, 0,
			    NUM_RING_MODES);
	return tcase;
}

static TCase *hostile_tests(void)
{
	TCase *tcase = tcase_create("hostile driver");

	tcase_add_loop_test(tcase,
			    a_bad_chain_is_refused_and_the_next_one_served, 0,
			    2 * ARRAY_SIZE(bad_chain));
	tcase_add_loop_test(tcase, a_table_needs_the_feature, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase,
			    write_on_the_descriptor_of_a_table_is_ignored, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase,
			    a_chain_in_a_table_may_not_be_longer_than_the_ring,
			    0, NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_lie_breaks_the_queue_for_good, 0,
			    2 * ARRAY_SIZE(lie));
	tcase_add_loop_test(tcase, more_than_the_ring_holds_counts_what_is_held,
			    0, NUM_RING_MODES);
	tcase_add_loop_test(
		tcase, an_index_that_goes_back_behind_what_is_held_is_a_lie, 0,
		NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_broken_queue_works_once_initialised_again,
			    0, NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_descriptor_is_read_before_it_is_checked, 0,
			    NUM_RING_MODES);
	return tcase;
}

static TCase *notification_tests(void)
{
	TCase *tcase = tcase_create("complete and notify");

	tcase_add_loop_test(tcase, used_elements_hold_head_and_length, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase,
			    the_used_index_wraps_at_65536_and_not_at_the_size,
			    0, 17);
	tcase_add_loop_test(tcase,
			    a_notification_is_decided_by_the_drivers_flags, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, without_the_feature_event_words_mean_nothing,
			    0, ARRAY_SIZE(edge));
	tcase_add_loop_test(tcase, with_the_feature_the_event_word_decides, 0,
			    2 * NUM_NEED_EVENT_ROWS);
	tcase_add_loop_test(tcase, kicks_are_switched_by_the_devices_flags, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, kicks_are_switched_by_the_event_word, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, switching_on_tells_what_came_in_meanwhile, 0,
			    4);
	tcase_add_loop_test(tcase, the_event_word_follows_what_was_taken, 0,
			    NUM_RING_MODES);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("vdev");

	suite_add_tcase(suite, take_tests());
	suite_add_tcase(suite, hostile_tests());
	suite_add_tcase(suite, notification_tests());
	return suite_main(suite);
}
