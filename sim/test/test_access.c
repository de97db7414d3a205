/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One source, two speeds: this test runs over direct and simulated memory.
 */
#include "../base/access.h"

#include "suite_main.h"

static const uint8_t bytes16[][2] = { { 0x02, 0x01 }, { 0x01, 0x02 } };
static const uint8_t bytes32[][4] = { { 4, 3, 2, 1 }, { 1, 2, 3, 4 } };
static const uint8_t bytes64[][8] = { { 8, 7, 6, 5, 4, 3, 2, 1 },
				      { 1, 2, 3, 4, 5, 6, 7, 8 } };

static struct rps_mem mem_of(int order)
{
	return (struct rps_mem){ .order = (enum rps_order)order };
}

START_TEST(stores_put_bytes_in_the_order_of_the_memory)
{
	struct rps_mem mem = mem_of(_i);
	struct virtio16 v16;
	struct virtio32 v32;
	struct virtio64 v64;

	store16(view_of(&mem), SEAM_DESC_FLAGS, &v16, 0x0102);
	store32(view_of(&mem), SEAM_DESC_LEN, &v32, 0x01020304);
	store64(view_of(&mem), SEAM_DESC_ADDR, &v64,
		UINT64_C(0x0102030405060708));

	ck_assert_bytes_eq(&v16, bytes16[_i], 2);
	ck_assert_bytes_eq(&v32, bytes32[_i], 4);
	ck_assert_bytes_eq(&v64, bytes64[_i], 8);
	ck_assert_uint_eq(load16(view_of(&mem), SEAM_DESC_FLAGS, &v16), 0x0102);
	ck_assert_uint_eq(load32(view_of(&mem), SEAM_DESC_LEN, &v32),
			  0x01020304);
	ck_assert_uint_eq(load64(view_of(&mem), SEAM_DESC_ADDR, &v64),
			  UINT64_C(0x0102030405060708));
}
END_TEST

START_TEST(what_is_published_is_acquired)
{
	struct rps_mem mem = mem_of(_i);
	struct virtio16 idx;

	publish16(view_of(&mem), SEAM_AVAIL_IDX, &idx, 0x0102);
	fence_full(&mem);

	ck_assert_bytes_eq(&idx, bytes16[_i], 2);
	ck_assert_uint_eq(acquire16(view_of(&mem), SEAM_AVAIL_IDX, &idx),
			  0x0102);
}
END_TEST

START_TEST(copies_move_exactly_what_they_are_told_to)
{
	struct rps_mem mem = mem_of(_i);
	uint8_t shared[8] = { 0 };
	uint8_t private[8] = { 0 };

	copy_out(&mem, SEAM_PAYLOAD, shared + 1, "abcdef", 5);
	copy_in(&mem, SEAM_PAYLOAD, private, shared + 1, 5);

	ck_assert_bytes_eq(shared, "\0abcde\0\0", 8);
	ck_assert_bytes_eq(private, "abcde\0\0\0", 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access");
	TCase *tcase = tcase_create("both orders");

	tcase_add_loop_test(tcase, stores_put_bytes_in_the_order_of_the_memory,
			    0, 2);
	tcase_add_loop_test(tcase, what_is_published_is_acquired, 0, 2);
	tcase_add_loop_test(tcase, copies_move_exactly_what_they_are_told_to, 0,
			    2);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
