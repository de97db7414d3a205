/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/mem.h>

#include <errno.h>

#include "suite_main.h"

#define LOW  UINT64_C(0x1000)
#define HIGH UINT64_C(0x3000)
#define TOP  (UINT64_MAX - 0xff) /* its last byte is the very last address */

static uint8_t low[0x1000];
static uint8_t high[0x1000];
static uint8_t top[0x100];

/* Two regions with a hole between them, and one at the end of all. */
static struct rps_mem three_regions(void)
{
	struct rps_mem mem = { 0 };

	ck_assert_int_eq(rps_mem_add(&mem, (struct gpa){ LOW }, 0x1000, low),
			 0);
	ck_assert_int_eq(rps_mem_add(&mem, (struct gpa){ HIGH }, 0x1000, high),
			 0);
	ck_assert_int_eq(rps_mem_add(&mem, (struct gpa){ TOP }, 0x100, top), 0);
	return mem;
}

struct mapping {
	uint64_t addr;
	uint64_t len_bytes;
	uint8_t *expected;
};

/* clang-format off */
static const struct mapping mapping[] = {
	{ LOW,              0x1000,         low },
	{ LOW,              0,              low },
	{ LOW + 0xfff,      1,              low + 0xfff },
	{ HIGH + 16,        0x1000 - 16,    high + 16 },
	{ TOP,              0x100,          top },
	{ UINT64_MAX,       1,              top + 0xff },
	/* one byte too far, on either side */
	{ LOW - 1,          1,              NULL },
	{ LOW - 1,          2,              NULL },
	{ LOW,              0x1001,         NULL },
	{ LOW + 0xfff,      2,              NULL },
	{ LOW + 0x1000,     1,              NULL },
	{ LOW + 0x1000,     0,              NULL },
	{ HIGH - 1,         1,              NULL },
	/* from one region into the next */
	{ LOW,              0x2001,         NULL },
	/* sums that wrap around */
	{ 0,                UINT64_MAX,     NULL },
	{ LOW + 8,          UINT64_MAX - 4, NULL },
	{ UINT64_MAX,       2,              NULL },
	{ TOP,              0x101,          NULL },
	{ 0,                1,              NULL },
};
/* clang-format on */

START_TEST(only_what_lies_in_one_region_is_mapped)
{
	const struct mapping *row = &mapping[_i];
	struct rps_mem mem = three_regions();

	ck_assert_ptr_eq(rps_mem_map(&mem, (struct gpa){ row->addr },
				     row->len_bytes),
			 row->expected);
}
END_TEST

struct addition {
	uint64_t base;
	uint64_t len_bytes;
	int expected;
};

/* clang-format off */
static const struct addition addition[] = {
	{ LOW + 0x1000,   0x1000,     0 },        /* fills the hole exactly */
	{ 0,              LOW,        0 },        /* up to the first one */
	{ 0x9000,         0,          -EINVAL },  /* empty */
	{ TOP - 1,        0x102,      -EINVAL },  /* past the last address */
	{ UINT64_MAX,     2,          -EINVAL },
	{ 1,              UINT64_MAX, -EEXIST },
	{ LOW,            0x1000,     -EEXIST },  /* the same once more */
	{ LOW + 0xfff,    1,          -EEXIST },  /* its last byte */
	{ LOW - 1,        2,          -EEXIST },  /* its first byte */
	{ LOW + 0x800,    0x1000,     -EEXIST },
	{ 0,              0x10000,    -EEXIST },  /* around it */
	{ UINT64_MAX,     1,          -EEXIST },
};
/* clang-format on */

START_TEST(regions_are_disjoint_and_do_not_wrap)
{
	const struct addition *row = &addition[_i];
	struct rps_mem mem = three_regions();

	ck_assert_int_eq(rps_mem_add(&mem, (struct gpa){ row->base },
				     row->len_bytes, low),
			 row->expected);
	ck_assert_uint_eq(mem.num_regions, row->expected ? 3 : 4);
}
END_TEST

START_TEST(room_for_regions_ends_with_an_error)
{
	struct rps_mem mem = { 0 };

	for (uint64_t i = 0; i < RPS_MEM_REGIONS_MAX; i++)
		ck_assert_int_eq(rps_mem_add(&mem, (struct gpa){ 0x1000 * i },
					     0x1000, low),
				 0);

	ck_assert_int_eq(rps_mem_add(&mem, (struct gpa){ 0x100000 }, 0x1000,
				     low),
			 -ENOSPC);
	ck_assert_uint_eq(mem.num_regions, RPS_MEM_REGIONS_MAX);
}
END_TEST

START_TEST(memory_without_regions_maps_nothing)
{
	struct rps_mem mem = { 0 };

	ck_assert_ptr_null(rps_mem_map(&mem, (struct gpa){ 0 }, 0));
	ck_assert_ptr_null(rps_mem_map(&mem, (struct gpa){ LOW }, 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mem");
	TCase *tcase = tcase_create("regions");

	tcase_add_loop_test(tcase, only_what_lies_in_one_region_is_mapped, 0,
			    ARRAY_SIZE(mapping));
	tcase_add_loop_test(tcase, regions_are_disjoint_and_do_not_wrap, 0,
			    ARRAY_SIZE(addition));
	tcase_add_test(tcase, room_for_regions_ends_with_an_error);
	tcase_add_test(tcase, memory_without_regions_maps_nothing);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
