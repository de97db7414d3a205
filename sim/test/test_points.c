/* SPDX-License-Identifier: BSD-3-Clause */
#include "../world/points.h"

#include "suite_main.h"

enum { DRIVER, DEVICE };

#define QUEUE 1u

static const unsigned int avail_idx = PLACE(PLACE_AVAIL_IDX, QUEUE);
static const unsigned int used_idx = PLACE(PLACE_USED_IDX, QUEUE);
static const unsigned int used_flags = PLACE(PLACE_USED_FLAGS, QUEUE);

static void expect(struct blame blame, unsigned int end, const char *name,
		   const char *requirement)
{
	ck_assert_uint_eq(blame.end, end);
	ck_assert_uint_eq(blame.queue, QUEUE);
	ck_assert_str_eq(points_name(blame), name);
	ck_assert_str_eq(points_requirement(blame), requirement);
}

/* The driver has published its first entry, which releases clock 1. */
static struct points after_publish(void)
{
	struct points points = { 0 };

	points_data(&points, DRIVER, SEAM_AVAIL_RING, QUEUE, true);
	points_store(&points, DRIVER, avail_idx, 1);
	return points;
}

static void device_looks(struct points *points, uint32_t ordinal,
			 uint32_t cover)
{
	struct order_store from = { .ordinal = ordinal, .cover = cover };

	points_load(points, DEVICE, avail_idx, &from);
}

static struct blame device_reads(struct points *points)
{
	points_data(points, DEVICE, SEAM_AVAIL_RING, QUEUE, false);
	return points_blame_race(points, DEVICE, SEAM_AVAIL_RING, QUEUE, false,
				 1);
}

START_TEST(an_entry_behind_its_index_is_the_writers_fault)
{
	struct points points = { 0 };

	points_store(&points, DEVICE, used_idx, 1);
	points_data(&points, DEVICE, SEAM_USED_ID, QUEUE, true);
	expect(points_blame_race(&points, DEVICE, SEAM_USED_ID, QUEUE, true, 1),
	       DEVICE, "publish used.idx", "LAY-021");
	points_data(&points, DEVICE, SEAM_USED_LEN, QUEUE, true);
	expect(points_blame_race(&points, DEVICE, SEAM_USED_LEN, QUEUE, true,
				 1),
	       DEVICE, "publish used.idx", "LAY-021");
}
END_TEST

START_TEST(an_index_that_releases_nothing_is_the_writers_fault)
{
	struct points points = after_publish();

	device_looks(&points, 1, 0);
	expect(device_reads(&points), DRIVER, "publish avail.idx", "LAY-021");
}
END_TEST

START_TEST(an_index_that_is_not_acquired_is_the_readers_fault)
{
	struct points points = after_publish();

	device_looks(&points, 1, 1);
	expect(device_reads(&points), DEVICE, "read avail.idx before its entry",
	       "LAY-021");
}
END_TEST

START_TEST(an_entry_before_any_index_is_the_readers_fault)
{
	struct points points = after_publish();

	expect(device_reads(&points), DEVICE, "read avail.idx before its entry",
	       "LAY-021");
	points = after_publish();
	device_looks(&points, 0, 0);
	expect(device_reads(&points), DEVICE, "read avail.idx before its entry",
	       "LAY-021");
}
END_TEST

/* Two entries that one store of the index shows. */
START_TEST(entries_count_and_not_stores_of_an_index)
{
	struct points points = { 0 };

	points_data(&points, DRIVER, SEAM_AVAIL_RING, QUEUE, true);
	points_data(&points, DRIVER, SEAM_AVAIL_RING, QUEUE, true);
	points_store(&points, DRIVER, avail_idx, 2);
	device_looks(&points, 2, 1);
	(void)device_reads(&points);
	ck_assert(points_overlooked(&points, DEVICE, QUEUE));
	/* The second one was shown as well, and released nothing. */
	device_looks(&points, 2, 0);
	expect(device_reads(&points), DRIVER, "publish avail.idx", "LAY-021");
	ck_assert(!points_overlooked(&points, DEVICE, QUEUE));
}
END_TEST

static struct points asleep(bool fence_wish, bool fence_look)
{
	struct points points = { 0 };
	struct order_store old = { 0 };

	points_store(&points, DEVICE, used_flags, 1);
	if (fence_look)
		points_fence(&points, DEVICE);
	points_load(&points, DEVICE, avail_idx, &old);
	points_data(&points, DRIVER, SEAM_AVAIL_RING, QUEUE, true);
	points_store(&points, DRIVER, avail_idx, 1);
	if (fence_wish)
		points_fence(&points, DRIVER);
	points_load(&points, DRIVER, used_flags, &old);
	return points;
}

struct sleep_case {
	bool fence_wish;
	bool fence_look;
	unsigned int end;
	const char *name;
	const char *requirement;
};

/* clang-format off */
static const struct sleep_case sleep_case[] = {
	{ false, true,  DRIVER, "fence before reading used.flags or avail_event", "LAY-022" },
	{ true,  false, DEVICE, "fence after asking for kicks", "LAY-022" },
	{ true,  true,  DRIVER, "kick", "LAY-023" },
};
/* clang-format on */

START_TEST(a_lost_wake_up_is_whose_fence_was_missing)
{
	const struct sleep_case *row = &sleep_case[_i];
	struct points points = asleep(row->fence_wish, row->fence_look);

	ck_assert(points_overlooked(&points, DEVICE, QUEUE));
	ck_assert(!points_overlooked(&points, DRIVER, QUEUE));
	expect(points_blame_sleep(&points, DEVICE, QUEUE), row->end, row->name,
	       row->requirement);
}
END_TEST

START_TEST(a_wish_that_is_read_again_decides_nothing)
{
	struct points points = asleep(false, true);
	struct order_store from = { 0 };

	points_fence(&points, DRIVER);
	points_load(&points, DRIVER, used_flags, &from);
	expect(points_blame_sleep(&points, DEVICE, QUEUE), DRIVER,
	       "fence before reading used.flags or avail_event", "LAY-022");
}
END_TEST

START_TEST(a_queue_that_is_set_up_begins_anew)
{
	struct points points = after_publish();

	points_begin_queue(&points, QUEUE);
	ck_assert(!points_overlooked(&points, DEVICE, QUEUE));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("points");
	TCase *tcase = tcase_create("blame");

	tcase_add_test(tcase, an_entry_behind_its_index_is_the_writers_fault);
	tcase_add_test(tcase,
		       an_index_that_releases_nothing_is_the_writers_fault);
	tcase_add_test(tcase,
		       an_index_that_is_not_acquired_is_the_readers_fault);
	tcase_add_test(tcase, an_entry_before_any_index_is_the_readers_fault);
	tcase_add_test(tcase, entries_count_and_not_stores_of_an_index);
	tcase_add_loop_test(tcase, a_lost_wake_up_is_whose_fence_was_missing, 0,
			    ARRAY_SIZE(sleep_case));
	tcase_add_test(tcase, a_wish_that_is_read_again_decides_nothing);
	tcase_add_test(tcase, a_queue_that_is_set_up_begins_anew);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
