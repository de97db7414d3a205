/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/vdrv.h>

#include <errno.h>
#include <stdlib.h>

#include "ring_fixture.h"
#include "suite_main.h"

static const struct ring_config four = { .num = 4 };
static const struct ring_config four_events = { .num = 4, .event_idx = true };

/* --- start */

START_TEST(init_clears_the_ring_and_nothing_else)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	uint8_t *desc = ring_at(ring, ring->addrs.desc.v);
	uint8_t *avail = ring_at(ring, ring->addrs.avail.v);
	uint8_t *used = ring_at(ring, ring->addrs.used.v);
	static const uint8_t zero[64];

	ck_assert_bytes_eq(desc, zero, 16 * 4);
	ck_assert_bytes_eq(avail, zero, 6 + 2 * 4);
	ck_assert_bytes_eq(used, zero, 6 + 8 * 4);
	ck_assert_uint_eq(used[6 + 8 * 4], RING_STALE);
	if (ring_mode[_i].align != 4)
		ck_assert_uint_eq(avail[6 + 2 * 4], RING_STALE);
	free(ring);
}
END_TEST

START_TEST(init_starts_where_it_is_told)
{
	const struct ring_config config = { .num = 4, .start_idx = 0xfff0 };
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &config);
	struct vring *at = &ring->dev.ring;

	ck_assert_uint_eq(peek16(ring, &at->avail->idx), 0xfff0);
	ck_assert_uint_eq(peek16(ring, &at->used->idx), 0xfff0);
	ck_assert_uint_eq(peek16(ring, at->used_event), 0xfff0);
	ck_assert_uint_eq(peek16(ring, at->avail_event), 0xfff0);
	free(ring);
}
END_TEST

struct init_row {
	uint32_t num;
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
	int expected;
};

/* clang-format off */
static const struct init_row init_row[] = {
	{ 4, RING_GPA,     RING_GPA + 64, RING_GPA + 80, 0 },
	{ 0, RING_GPA,     RING_GPA + 64, RING_GPA + 80, -EINVAL },
	{ 3, RING_GPA,     RING_GPA + 64, RING_GPA + 80, -EINVAL },
	{ 4, RING_GPA + 8, RING_GPA + 64, RING_GPA + 80, -EINVAL },
	{ 4, RING_GPA,     RING_GPA + 64, RING_GPA - 4,  -EFAULT },
};
/* clang-format on */

START_TEST(init_refuses_what_attach_refuses)
{
	const struct init_row *row = &init_row[_i];
	struct ring_fixture *ring = ring_create(&ring_mode[0], &four);
	struct rps_vring_addrs addrs = { { row->desc },
					 { row->avail },
					 { row->used } };
	struct vdrv_params params = { .num = row->num };
	struct vdrv vq;

	ck_assert_int_eq(rps_vdrv_init(&vq, &ring->driver_mem, addrs, &params,
				       ring->slot),
			 row->expected);
	free(ring);
}
END_TEST

/* --- offering */

START_TEST(an_offer_fills_descriptor_entry_and_index)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vring *at = &ring->dev.ring;
	struct vbuf writable = ring_buf(0, true);
	struct vbuf readable = ring_buf(1, false);
	struct ring_desc desc[2];

	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, &writable, 1, NULL), 0);
	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, &readable, 1, NULL), 0);
	desc[0] = peek_desc(ring, &at->desc[peek16(ring, &at->avail->ring[0])]);
	desc[1] = peek_desc(ring, &at->desc[peek16(ring, &at->avail->ring[1])]);

	ck_assert_uint_eq(desc[0].addr, writable.addr.v);
	ck_assert_uint_eq(desc[0].len_bytes, writable.len_bytes);
	ck_assert_uint_eq(desc[0].flags, VRING_DESC_F_WRITE);
	ck_assert_uint_eq(desc[1].addr, readable.addr.v);
	ck_assert_uint_eq(desc[1].flags, 0);
	ck_assert_uint_eq(peek16(ring, &at->avail->idx), 2);
	free(ring);
}
END_TEST

START_TEST(a_full_ring_refuses_and_stays_as_it_is)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vbuf buf = ring_buf(4, true);
	static uint8_t before[RING_BYTES];

	for (unsigned int i = 0; i < 4; i++)
		ring_offer(ring, i);
	memcpy(before, ring->bytes, sizeof(before));

	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, &buf, 1, NULL), -ENOSPC);
	ck_assert_mem_eq(ring->bytes, before, sizeof(before));
	ck_assert_uint_eq(peek16(ring, &ring->dev.ring.avail->idx), 4);
	free(ring);
}
END_TEST

START_TEST(a_ring_of_one_entry_goes_round)
{
	const struct ring_config one = { .num = 1 };
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &one);
	struct vbuf buf = ring_buf(0, true);

	for (unsigned int i = 0; i < 3; i++) {
		ring_offer(ring, i);
		ck_assert_int_eq(rps_vdrv_offer(&ring->drv, &buf, 1, NULL),
				 -ENOSPC);
		ck_assert_uint_eq(ring_serve(ring, 0), 0);
		ck_assert_uint_eq(ring_reclaim(ring), i);
	}
	ck_assert_uint_eq(peek16(ring, &ring->dev.ring.avail->idx), 3);
	free(ring);
}
END_TEST

START_TEST(a_chain_is_linked_by_next)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vring *at = &ring->dev.ring;
	struct vbuf bufs[3] = { ring_buf(0, false), ring_buf(1, false),
				ring_buf(2, true) };
	struct ring_desc desc;

	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, bufs, 3, NULL), 0);
	desc = peek_desc(ring, &at->desc[peek16(ring, &at->avail->ring[0])]);

	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_uint_eq(desc.addr, bufs[i].addr.v);
		ck_assert_uint_eq(desc.flags, VRING_DESC_F_NEXT);
		ck_assert_uint_lt(desc.next, 4);
		desc = peek_desc(ring, &at->desc[desc.next]);
	}
	ck_assert_uint_eq(desc.addr, bufs[2].addr.v);
	ck_assert_uint_eq(desc.flags, VRING_DESC_F_WRITE);
	ck_assert_uint_eq(peek16(ring, &at->avail->idx), 1);
	free(ring);
}
END_TEST

START_TEST(a_chain_longer_than_what_is_free_is_refused_whole)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vbuf bufs[4] = { ring_buf(0, false), ring_buf(1, false),
				ring_buf(2, false), ring_buf(3, false) };

	ring_offer(ring, 0);

	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, bufs, 4, NULL), -ENOSPC);
	ck_assert_uint_eq(peek16(ring, &ring->dev.ring.avail->idx), 1);
	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, bufs, 3, NULL), 0);
	free(ring);
}
END_TEST

START_TEST(a_chain_gives_all_its_descriptors_back)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vbuf bufs[4] = { ring_buf(0, false), ring_buf(1, false),
				ring_buf(2, false), ring_buf(3, false) };

	for (unsigned int round = 0; round < 3; round++) {
		ck_assert_int_eq(rps_vdrv_offer(&ring->drv, bufs, 4, NULL), 0);
		ck_assert_uint_eq(ring->drv.free_count, 0);
		ring_serve(ring, 0);
		ring_reclaim(ring);
		ck_assert_uint_eq(ring->drv.free_count, 4);
	}
	for (unsigned int i = 0; i < 4; i++)
		ring_offer(ring, i);
	free(ring);
}
END_TEST

/* --- indirect */

#define TABLE_GPA (RING_GPA + 0xc000)

START_TEST(an_indirect_offer_costs_one_descriptor)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vring *at = &ring->dev.ring;
	struct vring_desc *table = ring_at(ring, TABLE_GPA);
	struct vbuf bufs[2] = { ring_buf(0, false), ring_buf(1, true) };
	struct ring_desc desc;

	ck_assert_int_eq(rps_vdrv_offer_indirect(&ring->drv,
						 (struct gpa){ TABLE_GPA },
						 bufs, 2, NULL),
			 0);

	ck_assert_uint_eq(ring->drv.free_count, 3);
	desc = peek_desc(ring, &at->desc[peek16(ring, &at->avail->ring[0])]);
	ck_assert_uint_eq(desc.addr, TABLE_GPA);
	ck_assert_uint_eq(desc.len_bytes, 32);
	ck_assert_uint_eq(desc.flags, VRING_DESC_F_INDIRECT);
	desc = peek_desc(ring, &table[0]);
	ck_assert_uint_eq(desc.addr, bufs[0].addr.v);
	ck_assert_uint_eq(desc.flags, VRING_DESC_F_NEXT);
	ck_assert_uint_eq(desc.next, 1);
	desc = peek_desc(ring, &table[1]);
	ck_assert_uint_eq(desc.flags, VRING_DESC_F_WRITE);
	free(ring);
}
END_TEST

struct table_row {
	uint64_t addr;
	uint16_t count;
	int expected;
};

/* clang-format off */
static const struct table_row table_row[] = {
	{ RING_GPA + RING_BYTES - 32, 2, 0 },
	{ RING_GPA + RING_BYTES - 16, 2, -EFAULT },
	{ RING_GPA + RING_BYTES,      1, -EFAULT },
	{ RING_GPA - 16,              1, -EFAULT },
	{ 0,                          1, -EFAULT },
	{ UINT64_MAX - 15,            2, -EFAULT },
	{ TABLE_GPA + 4,              1, -EFAULT },
};
/* clang-format on */

START_TEST(an_indirect_table_must_lie_in_the_memory)
{
	const struct table_row *row = &table_row[_i];
	struct ring_fixture *ring = ring_create(&ring_mode[0], &four);
	struct vbuf bufs[2] = { ring_buf(0, false), ring_buf(1, false) };

	ck_assert_int_eq(rps_vdrv_offer_indirect(&ring->drv,
						 (struct gpa){ row->addr },
						 bufs, row->count, NULL),
			 row->expected);
	ck_assert_uint_eq(peek16(ring, &ring->dev.ring.avail->idx),
			  row->expected ? 0 : 1);
	free(ring);
}
END_TEST

START_TEST(a_full_ring_refuses_an_indirect_offer)
{
	struct ring_fixture *ring = ring_create(&ring_mode[0], &four);
	struct vbuf buf = ring_buf(0, false);

	for (unsigned int i = 0; i < 4; i++)
		ring_offer(ring, i);

	ck_assert_int_eq(rps_vdrv_offer_indirect(&ring->drv,
						 (struct gpa){ TABLE_GPA },
						 &buf, 1, NULL),
			 -ENOSPC);
	free(ring);
}
END_TEST

/* --- reclaiming */

START_TEST(buffers_come_back_in_the_order_of_the_device)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vdrv_used used;
	struct vchain chain[3];

	for (unsigned int i = 0; i < 3; i++)
		ring_offer(ring, i + 1);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(rps_vdev_take(&ring->dev, &chain[i]), 0);
	for (unsigned int i = 3; i-- > 0;)
		rps_vdev_complete(&ring->dev, chain[i].head, 100 + i);

	for (unsigned int i = 3; i-- > 0;) {
		ck_assert_int_eq(rps_vdrv_reclaim(&ring->drv, &used), 0);
		ck_assert_uint_eq((uintptr_t)used.token, i + 1);
		ck_assert_uint_eq(used.len_bytes, 100 + i);
	}
	ck_assert_int_eq(rps_vdrv_reclaim(&ring->drv, &used), -EAGAIN);
	free(ring);
}
END_TEST

START_TEST(nothing_returned_is_nothing_to_reclaim)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vdrv_used used;

	ck_assert_int_eq(rps_vdrv_reclaim(&ring->drv, &used), -EAGAIN);
	ring_offer(ring, 0);
	ck_assert_int_eq(rps_vdrv_reclaim(&ring->drv, &used), -EAGAIN);
	ck_assert(!rps_vdrv_is_broken(&ring->drv));
	free(ring);
}
END_TEST

/* One entry after the other, full in between: @messages in all. */
static void go_round(struct ring_fixture *ring, uint32_t messages)
{
	unsigned int num = ring->dev.ring.num;

	for (unsigned int i = 0; i < num; i++)
		ring_offer(ring, i);
	for (uint32_t i = 0; i < messages; i++) {
		ring_serve(ring, i);
		ring_offer(ring, ring_reclaim(ring));
	}
	ck_assert_uint_eq(peek16(ring, &ring->dev.ring.avail->idx),
			  (uint16_t)(ring->dev.avail_idx + num));
}

START_TEST(indices_wrap_at_65536_and_not_at_the_size)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	uint32_t messages = long_loop(65536 + 100);

	go_round(ring, messages);

	ck_assert_uint_eq(peek16(ring, &ring->dev.ring.used->idx),
			  (uint16_t)messages);
	free(ring);
}
END_TEST

START_TEST(a_ring_near_the_wrap_goes_on_behind_it)
{
	struct ring_config config = four;
	struct ring_fixture *ring;

	config.start_idx = (uint16_t)(0xfff0 + _i);
	ring = ring_create(&ring_mode[_i % NUM_RING_MODES], &config);
	go_round(ring, 40);

	ck_assert_uint_eq(peek16(ring, &ring->dev.ring.used->idx),
			  (uint16_t)(config.start_idx + 40));
	free(ring);
}
END_TEST

/* --- a device that lies */

struct lie {
	const char *name;
	uint16_t used_idx_ahead; /* of what was returned */
	uint32_t id;             /* in the first used element */
};

/* Two buffers of four are outstanding: heads 0 and 1, the latter of two. */
/* clang-format off */
static const struct lie lie[] = {
	{ "id is the size",               1, 4 },
	{ "id 16 bits too large",         1, 0xffff },
	{ "id 32 bits too large",         1, 0xffffffff },
	{ "id right in its low 16 bits",  1, 0x10000 },
	{ "id never offered",             1, 3 },
	{ "id inside a chain",            1, 2 },
	{ "more returned than out",       3, 0 },
	{ "a whole ring too much",        5, 0 },
	{ "half of all indices too much", 0x8000, 0 },
	{ "index goes back",              0xffff, 0 },
};
/* clang-format on */

static void offer_two(struct ring_fixture *ring)
{
	struct vbuf pair[2] = { ring_buf(1, true), ring_buf(2, true) };

	ring_offer(ring, 0);
	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, pair, 2, NULL), 0);
}

static void tell(struct ring_fixture *ring, const struct lie *row)
{
	struct vring *at = &ring->dev.ring;
	uint16_t idx = peek16(ring, &at->used->idx);

	poke32(ring, &at->used->ring[idx % at->num].id, row->id);
	poke16(ring, &at->used->idx, (uint16_t)(idx + row->used_idx_ahead));
}

static void assert_broken(struct ring_fixture *ring)
{
	struct vbuf buf = ring_buf(0, true);
	struct vdrv_used used;

	ck_assert_int_eq(rps_vdrv_reclaim(&ring->drv, &used), -EPROTO);
	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, &buf, 1, NULL), -EPIPE);
	ck_assert_int_eq(rps_vdrv_offer_indirect(&ring->drv,
						 (struct gpa){ TABLE_GPA },
						 &buf, 1, NULL),
			 -EPIPE);
}

START_TEST(a_lie_breaks_the_queue_for_good)
{
	const struct lie *row = &lie[_i % (int)ARRAY_SIZE(lie)];
	unsigned int order = (unsigned int)_i / ARRAY_SIZE(lie);
	struct ring_fixture *ring = ring_create(&ring_mode[order], &four);

	offer_two(ring);
	tell(ring, row);
	assert_broken(ring);

	/* What was wrong is mended: too late. */
	poke32(ring, &ring->dev.ring.used->ring[0].id, 0);
	poke16(ring, &ring->dev.ring.used->idx, 1);
	assert_broken(ring);
	free(ring);
}
END_TEST

START_TEST(a_buffer_returned_twice_breaks_the_queue)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);

	offer_two(ring);
	rps_vdev_complete(&ring->dev, 0, 0);
	rps_vdev_complete(&ring->dev, 0, 0);

	ck_assert_uint_eq(ring_reclaim(ring), 0);
	assert_broken(ring);
	free(ring);
}
END_TEST

START_TEST(a_broken_queue_works_once_initialised_again)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vdrv_params params = { .num = 4 };

	offer_two(ring);
	tell(ring, &lie[0]);
	assert_broken(ring);

	ck_assert_int_eq(rps_vdrv_init(&ring->drv, &ring->driver_mem,
				       ring->addrs, &params, ring->slot),
			 0);
	for (unsigned int i = 0; i < 4; i++)
		ring_offer(ring, i);
	ring_serve(ring, 0);
	ck_assert_uint_eq(ring_reclaim(ring), 0);
	free(ring);
}
END_TEST

START_TEST(next_fields_in_shared_memory_are_not_believed)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vbuf bufs[3] = { ring_buf(0, true), ring_buf(1, true),
				ring_buf(2, true) };

	ck_assert_int_eq(rps_vdrv_offer(&ring->drv, bufs, 3, NULL), 0);
	for (unsigned int i = 0; i < 4; i++)
		poke16(ring, &ring->dev.ring.desc[i].next, 0xffff);
	rps_vdev_complete(&ring->dev, 0, 0);
	ring_reclaim(ring);

	ck_assert_uint_eq(ring->drv.free_count, 4);
	for (unsigned int i = 0; i < 4; i++)
		ring_offer(ring, i);
	free(ring);
}
END_TEST

/* --- kicks */

START_TEST(a_kick_is_decided_by_the_devices_flags)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vring *at = &ring->dev.ring;

	ck_assert(!rps_vdrv_kick_needed(&ring->drv));
	ring_offer(ring, 0);
	ck_assert(rps_vdrv_kick_needed(&ring->drv));
	ck_assert(!rps_vdrv_kick_needed(&ring->drv));

	/* The driver's own flags are for the device. */
	rps_vdrv_irq_off(&ring->drv);
	ring_offer(ring, 1);
	ck_assert(rps_vdrv_kick_needed(&ring->drv));

	poke16(ring, &at->used->flags, VRING_USED_F_NO_NOTIFY);
	ring_offer(ring, 2);
	ck_assert(!rps_vdrv_kick_needed(&ring->drv));
	free(ring);
}
END_TEST

static const uint16_t edge[] = {
	0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff
};

START_TEST(without_the_feature_event_words_mean_nothing)
{
	struct ring_fixture *ring = ring_create(&ring_mode[0], &four);

	poke16(ring, ring->dev.ring.avail_event, edge[_i]);
	ring_offer(ring, 0);
	ck_assert(rps_vdrv_kick_needed(&ring->drv));
	poke16(ring, &ring->dev.ring.used->flags, VRING_USED_F_NO_NOTIFY);
	ring_offer(ring, 1);
	ck_assert(!rps_vdrv_kick_needed(&ring->drv));
	free(ring);
}
END_TEST

START_TEST(with_the_feature_the_event_word_decides)
{
	const struct need_event_row *row =
		&need_event_row[_i % NUM_NEED_EVENT_ROWS];
	struct ring_fixture *ring =
		ring_create(&ring_mode[_i / NUM_NEED_EVENT_ROWS], &four_events);

	ring->drv.undecided = (uint16_t)(row->new - row->old);
	ring->drv.published_idx = row->new;
	poke16(ring, ring->dev.ring.avail_event, row->event);
	poke16(ring, &ring->dev.ring.used->flags, VRING_USED_F_NO_NOTIFY);

	ck_assert_int_eq(rps_vdrv_kick_needed(&ring->drv), row->notify);
	ck_assert_uint_eq(ring->drv.undecided, 0);
	free(ring);
}
END_TEST

START_TEST(a_fresh_ring_wants_its_first_kick)
{
	struct ring_config config = four_events;
	struct ring_fixture *ring;

	config.start_idx = _i ? 0xfff0 : 0;
	ring = ring_create(&ring_mode[0], &config);
	ring_offer(ring, 0);

	ck_assert(rps_vdrv_kick_needed(&ring->drv));
	free(ring);
}
END_TEST

/* --- interrupts */

START_TEST(interrupts_are_switched_by_the_drivers_flags)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four);
	struct vring *at = &ring->dev.ring;

	rps_vdrv_irq_off(&ring->drv);
	ck_assert_uint_eq(peek16(ring, &at->avail->flags),
			  VRING_AVAIL_F_NO_INTERRUPT);
	ck_assert(!rps_vdrv_irq_on(&ring->drv));
	ck_assert_uint_eq(peek16(ring, &at->avail->flags), 0);
	ck_assert_uint_eq(peek16(ring, at->used_event), 0);
	free(ring);
}
END_TEST

START_TEST(interrupts_are_switched_by_the_event_word)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four_events);
	struct vring *at = &ring->dev.ring;

	ring_offer(ring, 0);
	rps_vdrv_irq_off(&ring->drv);
	ck_assert_uint_eq(peek16(ring, at->used_event), 0xffff);
	ring_serve(ring, 0);
	ck_assert(!rps_vdev_notify_needed(&ring->dev));

	ring_reclaim(ring);
	ck_assert(!rps_vdrv_irq_on(&ring->drv));
	ck_assert_uint_eq(peek16(ring, at->used_event), 1);
	ring_offer(ring, 0);
	ring_serve(ring, 0);
	ck_assert(rps_vdev_notify_needed(&ring->dev));
	ck_assert_uint_eq(peek16(ring, &at->avail->flags), 0);
	free(ring);
}
END_TEST

START_TEST(switching_on_tells_what_came_in_meanwhile)
{
	struct ring_fixture *ring =
		ring_create(&ring_mode[_i / 2], _i % 2 ? &four_events : &four);

	ring_offer(ring, 0);
	rps_vdrv_irq_off(&ring->drv);
	ring_serve(ring, 0);

	ck_assert(rps_vdrv_irq_on(&ring->drv));
	ring_reclaim(ring);
	ck_assert(!rps_vdrv_irq_on(&ring->drv));
	free(ring);
}
END_TEST

START_TEST(the_event_word_follows_what_was_reclaimed)
{
	struct ring_fixture *ring = ring_create(&ring_mode[_i], &four_events);

	for (unsigned int i = 0; i < 3; i++) {
		ring_offer(ring, i);
		ring_serve(ring, 0);
		ck_assert(rps_vdev_notify_needed(&ring->dev));
		ring_reclaim(ring);
		ck_assert_uint_eq(peek16(ring, ring->dev.ring.used_event),
				  i + 1);
	}
	free(ring);
}
END_TEST

static TCase *offer_tests(void)
{
	TCase *tcase = tcase_create("offer");

	tcase_add_loop_test(tcase, init_clears_the_ring_and_nothing_else, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, init_starts_where_it_is_told, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, init_refuses_what_attach_refuses, 0,
			    ARRAY_SIZE(init_row));
	tcase_add_loop_test(tcase, an_offer_fills_descriptor_entry_and_index, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_full_ring_refuses_and_stays_as_it_is, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_ring_of_one_entry_goes_round, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_chain_is_linked_by_next, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase,
			    a_chain_longer_than_what_is_free_is_refused_whole,
			    0, NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_chain_gives_all_its_descriptors_back, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, an_indirect_offer_costs_one_descriptor, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, an_indirect_table_must_lie_in_the_memory, 0,
			    ARRAY_SIZE(table_row));
	tcase_add_test(tcase, a_full_ring_refuses_an_indirect_offer);
	return tcase;
}

static TCase *reclaim_tests(void)
{
	TCase *tcase = tcase_create("reclaim");

	tcase_add_loop_test(tcase, buffers_come_back_in_the_order_of_the_device,
			    0, NUM_RING_MODES);
	tcase_add_loop_test(tcase, nothing_returned_is_nothing_to_reclaim, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, indices_wrap_at_65536_and_not_at_the_size, 0,
			    2);
	tcase_add_loop_test(tcase, a_ring_near_the_wrap_goes_on_behind_it, 0,
			    17);
	tcase_add_loop_test(tcase, a_lie_breaks_the_queue_for_good, 0,
			    2 * ARRAY_SIZE(lie));
	tcase_add_loop_test(tcase, a_buffer_returned_twice_breaks_the_queue, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, a_broken_queue_works_once_initialised_again,
			    0, NUM_RING_MODES);
	tcase_add_loop_test(tcase,
			    next_fields_in_shared_memory_are_not_believed, 0,
			    NUM_RING_MODES);
	return tcase;
}

static TCase *notification_tests(void)
{
	TCase *tcase = tcase_create("notifications");

	tcase_add_loop_test(tcase, a_kick_is_decided_by_the_devices_flags, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, without_the_feature_event_words_mean_nothing,
			    0, ARRAY_SIZE(edge));
	tcase_add_loop_test(tcase, with_the_feature_the_event_word_decides, 0,
			    2 * NUM_NEED_EVENT_ROWS);
	tcase_add_loop_test(tcase, a_fresh_ring_wants_its_first_kick, 0, 2);
	tcase_add_loop_test(tcase, interrupts_are_switched_by_the_drivers_flags,
			    0, NUM_RING_MODES);
	tcase_add_loop_test(tcase, interrupts_are_switched_by_the_event_word, 0,
			    NUM_RING_MODES);
	tcase_add_loop_test(tcase, switching_on_tells_what_came_in_meanwhile, 0,
			    4);
	tcase_add_loop_test(tcase, the_event_word_follows_what_was_reclaimed, 0,
			    NUM_RING_MODES);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("vdrv");

	suite_add_tcase(suite, offer_tests());
	suite_add_tcase(suite, reclaim_tests());
	suite_add_tcase(suite, notification_tests());
	return suite_main(suite);
}
