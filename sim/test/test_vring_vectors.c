/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings as whole pictures, byte for byte: fixtures/vectors/vring.toml.
 * `next` has no meaning without the NEXT flag, nor event words without the
 * feature: they are not compared.  A test in conformance/meta holds the bytes
 * below against the file.
 */
#include <rps/vdev.h>
#include <rps/vdrv.h>

#include <errno.h>
#include <stddef.h>

#include "suite_main.h"

#define RING_GPA   UINT64_C(0x20000000)
#define BUFS_GPA   UINT64_C(0x10000000)
#define RING_BYTES 8192u

/* Both ends, the ring, and the buffers in a region of their own. */
struct picture {
	_Alignas(4096) uint8_t ring[RING_BYTES];
	uint8_t bufs[4096];
	struct rps_mem mem;
	struct rps_vring_addrs addrs;
	struct vdrv drv;
	struct vdev dev;
	struct vdrv_slot slot[4];
};

static void offer(struct picture *picture, unsigned int i)
{
	struct vbuf buf = { { BUFS_GPA + 512 * i }, 512, true };

	ck_assert_int_eq(rps_vdrv_offer(&picture->drv, &buf, 1,
					(void *)(uintptr_t)i),
			 0);
}

static void two_posted(struct picture *picture)
{
	offer(picture, 0);
	offer(picture, 1);
}

static void two_used_one_recycled(struct picture *picture)
{
	struct vchain chain;
	struct vdrv_used used;

	for (unsigned int i = 0; i < 4; i++)
		offer(picture, i);
	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq(rps_vdev_take(&picture->dev, &chain), 0);
		rps_vdev_complete(&picture->dev, chain.head, 28);
	}
	ck_assert_int_eq(rps_vdrv_reclaim(&picture->drv, &used), 0);
	offer(picture, (unsigned int)(uintptr_t)used.token);
}

/* Returned out of order, where both indices wrap. */
static void near_the_wrap(struct picture *picture)
{
	struct vchain chain;
	struct vdrv_used used;

	offer(picture, 0);
	offer(picture, 1);
	ck_assert_int_eq(rps_vdev_take(&picture->dev, &chain), 0);
	rps_vdev_complete(&picture->dev, chain.head, 0);
	ck_assert_int_eq(rps_vdrv_reclaim(&picture->drv, &used), 0);
	offer(picture, 0);
	ck_assert_int_eq(rps_vdev_take(&picture->dev, &chain), 0);
	rps_vdev_complete(&picture->dev, chain.head, 16);
	ck_assert_int_eq(rps_vdrv_reclaim(&picture->drv, &used), 0);
	offer(picture, 1);
}

static void one_message_queued(struct picture *picture)
{
	struct vbuf buf = { { BUFS_GPA + 0x800 }, 28, false };

	ck_assert_int_eq(rps_vdrv_offer(&picture->drv, &buf, 1, NULL), 0);
}

/* Bytes from @at on; all others are 0. */
struct piece {
	size_t at;
	size_t len_bytes;
	const uint8_t *bytes[2]; /* by enum rps_order */
};

struct vector {
	const char *id;
	uint32_t num;
	uint32_t align;
	size_t total_bytes;
	uint16_t start_idx;
	void (*act)(struct picture *picture);
	struct piece piece[3];
};

/* clang-format off */
static const uint8_t two_desc_le[] = {
	0x00, 0x00, 0x00, 0x10, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0x02, 0, 0, 0,
	0x00, 0x02, 0x00, 0x10, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0x02, 0, 0, 0,
	0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00,
};
static const uint8_t two_desc_be[] = {
	0, 0, 0, 0, 0x10, 0x00, 0x00, 0x00, 0, 0, 0x02, 0x00, 0, 0x02, 0, 0,
	0, 0, 0, 0, 0x10, 0x00, 0x02, 0x00, 0, 0, 0x02, 0x00, 0, 0x02, 0, 0,
	0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01,
};
static const uint8_t four_le[] = {
	0x00, 0x00, 0x00, 0x10, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0x02, 0, 0, 0,
	0x00, 0x02, 0x00, 0x10, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0x02, 0, 0, 0,
	0x00, 0x04, 0x00, 0x10, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0x02, 0, 0, 0,
	0x00, 0x06, 0x00, 0x10, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0x02, 0, 0, 0,
	0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x01, 0x00,
	0x02, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x1c, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x00,
};
static const uint8_t four_be[] = {
	0, 0, 0, 0, 0x10, 0x00, 0x00, 0x00, 0, 0, 0x02, 0x00, 0, 0x02, 0, 0,
	0, 0, 0, 0, 0x10, 0x00, 0x02, 0x00, 0, 0, 0x02, 0x00, 0, 0x02, 0, 0,
	0, 0, 0, 0, 0x10, 0x00, 0x04, 0x00, 0, 0, 0x02, 0x00, 0, 0x02, 0, 0,
	0, 0, 0, 0, 0x10, 0x00, 0x06, 0x00, 0, 0, 0x02, 0x00, 0, 0x02, 0, 0,
	0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x01,
	0x00, 0x02, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x1c,
};
static const uint8_t queued_desc_le[] = {
	0x00, 0x08, 0x00, 0x10, 0, 0, 0, 0, 0x1c, 0, 0, 0, 0, 0, 0, 0,
};
static const uint8_t queued_desc_be[] = {
	0, 0, 0, 0, 0x10, 0x00, 0x08, 0x00, 0, 0, 0, 0x1c, 0, 0, 0, 0,
};
static const uint8_t queued_avail_le[] = { 0x00, 0x00, 0x01, 0x00 };
static const uint8_t queued_avail_be[] = { 0x00, 0x00, 0x00, 0x01 };

static const uint8_t wrap_first_le[] = {
	0x00, 0x00, 0x00, 0x10, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0x02, 0, 0, 0,
	0x00, 0x02, 0x00, 0x10, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0x02, 0, 0, 0,
	0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00,
};
static const uint8_t wrap_first_be[] = {
	0, 0, 0, 0, 0x10, 0x00, 0x00, 0x00, 0, 0, 0x02, 0x00, 0, 0x02, 0, 0,
	0, 0, 0, 0, 0x10, 0x00, 0x02, 0x00, 0, 0, 0x02, 0x00, 0, 0x02, 0, 0,
	0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00,
};
static const uint8_t wrap_used_le[] = {
	0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00,
};
static const uint8_t wrap_used_be[] = {
	0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x10,
};

static const struct vector vector[] = {
	{ "V-RING-2-16", 2, 16, 70, 0, two_posted,
	  { { 0, sizeof(two_desc_le), { two_desc_le, two_desc_be } } } },
	{ "V-RING-2-4", 2, 4, 66, 0, two_posted,
	  { { 0, sizeof(two_desc_le), { two_desc_le, two_desc_be } } } },
	{ "V-RING-4-16", 4, 16, 118, 0, two_used_one_recycled,
	  { { 0, sizeof(four_le), { four_le, four_be } } } },
	{ "V-RING-4-4K", 4, 4096, 4134, 0, one_message_queued,
	  { { 0, sizeof(queued_desc_le), { queued_desc_le, queued_desc_be } },
	    { 64, sizeof(queued_avail_le),
	      { queued_avail_le, queued_avail_be } } } },
	{ "V-RING-2-4K", 2, 4096, 4118, 0xfffd, near_the_wrap,
	  { { 0, sizeof(wrap_first_le), { wrap_first_le, wrap_first_be } },
	    { 4096, sizeof(wrap_used_le), { wrap_used_le, wrap_used_be } } } },
};
/* clang-format on */

static void picture_init(struct picture *picture, const struct vector *row,
			 enum rps_order order)
{
	struct vdrv_params drv = { .num = row->num,
				   .start_idx = row->start_idx };
	struct vdev_params dev = { .num = row->num,
				   .start_idx = row->start_idx };

	memset(picture, 0, sizeof(*picture));
	picture->mem.order = order;
	ck_assert_int_eq(rps_mem_add(&picture->mem, (struct gpa){ RING_GPA },
				     RING_BYTES, picture->ring),
			 0);
	ck_assert_int_eq(rps_mem_add(&picture->mem, (struct gpa){ BUFS_GPA },
				     sizeof(picture->bufs), picture->bufs),
			 0);
	ck_assert_int_eq(rps_vring_place((struct gpa){ RING_GPA }, row->num,
					 row->align, &picture->addrs),
			 0);
	ck_assert_int_eq(rps_vdrv_init(&picture->drv, &picture->mem,
				       picture->addrs, &drv, picture->slot),
			 0);
	ck_assert_int_eq(rps_vdev_init(&picture->dev, &picture->mem,
				       picture->addrs, &dev),
			 0);
}

static void paint(uint8_t *ring, const struct vector *row, enum rps_order order)
{
	memset(ring, 0, RING_BYTES);
	for (unsigned int i = 0; i < ARRAY_SIZE(row->piece); i++) {
		const struct piece *piece = &row->piece[i];

		if (piece->len_bytes)
			memcpy(ring + piece->at, piece->bytes[order],
			       piece->len_bytes);
	}
}

/* `next` without NEXT, and the words of EVENT_IDX without the feature. */
static void forget_what_means_nothing(uint8_t *ring, const struct vector *row)
{
	struct rps_vring_layout layout;

	for (uint32_t i = 0; i < row->num; i++)
		memset(ring + 16 * i + offsetof(struct vring_desc, next), 0, 2);
	ck_assert_int_eq(rps_vring_layout(row->num, row->align, &layout), 0);
	memset(ring + layout.used_event, 0, 2);
	memset(ring + layout.avail_event, 0, 2);
}

START_TEST(both_ends_paint_the_picture)
{
	const struct vector *row = &vector[_i / 2];
	enum rps_order order = (enum rps_order)(_i % 2);
	static struct picture picture;
	static uint8_t expected[RING_BYTES];

	picture_init(&picture, row, order);
	row->act(&picture);
	forget_what_means_nothing(picture.ring, row);
	paint(expected, row, order);

	ck_assert_bytes_eq(picture.ring, expected, row->total_bytes);
	ck_assert_mem_eq(picture.ring, expected, RING_BYTES);
}
END_TEST

/* Some of what the picture shows was taken before it was painted. */
static bool paints_later(const struct vector *row)
{
	return row->act == two_used_one_recycled || row->act == near_the_wrap;
}

START_TEST(the_device_end_reads_the_picture)
{
	const struct vector *row = &vector[_i / 2];
	enum rps_order order = (enum rps_order)(_i % 2);
	static struct picture picture;
	struct vchain chain;

	picture_init(&picture, row, order);
	paint(picture.ring, row, order);

	/* More offers than entries: only who saw the first believes it. */
	ck_assert_int_eq(rps_vdev_take(&picture.dev, &chain),
			 paints_later(row) ? -EPROTO : 0);
	if (row->act == two_posted) {
		ck_assert_uint_eq(chain.seg[0].addr.v, BUFS_GPA);
		ck_assert_uint_eq(chain.seg[0].len_bytes, 512);
		ck_assert(chain.seg[0].device_writes);
	} else if (row->act == one_message_queued) {
		ck_assert_uint_eq(chain.seg[0].addr.v, BUFS_GPA + 0x800);
		ck_assert_uint_eq(chain.seg[0].len_bytes, 28);
		ck_assert(!chain.seg[0].device_writes);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vring vectors");
	TCase *tcase = tcase_create("both orders");

	tcase_add_loop_test(tcase, both_ends_paint_the_picture, 0,
			    2 * ARRAY_SIZE(vector));
	tcase_add_loop_test(tcase, the_device_end_reads_the_picture, 0,
			    2 * ARRAY_SIZE(vector));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
