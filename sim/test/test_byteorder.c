/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/byteorder.h>

#include <string.h>

#include "suite_main.h"

/* Every byte of a value differs, so that no wrong order looks right. */
static const uint8_t bytes16[][2] = {
	[RPS_ORDER_LE] = { 0x02, 0x01 },
	[RPS_ORDER_BE] = { 0x01, 0x02 },
};
static const uint8_t bytes32[][4] = {
	[RPS_ORDER_LE] = { 0x04, 0x03, 0x02, 0x01 },
	[RPS_ORDER_BE] = { 0x01, 0x02, 0x03, 0x04 },
};
static const uint8_t bytes64[][8] = {
	[RPS_ORDER_LE] = { 8, 7, 6, 5, 4, 3, 2, 1 },
	[RPS_ORDER_BE] = { 1, 2, 3, 4, 5, 6, 7, 8 },
};

START_TEST(values_lie_in_the_order_asked_for)
{
	enum rps_order order = (enum rps_order)_i;
	struct virtio16 v16 = cpu_to_virtio16(order, 0x0102);
	struct virtio32 v32 = cpu_to_virtio32(order, 0x01020304);
	uint64_t v64 = rps_swap64(order, UINT64_C(0x0102030405060708));

	ck_assert_bytes_eq(&v16, bytes16[order], 2);
	ck_assert_bytes_eq(&v32, bytes32[order], 4);
	ck_assert_bytes_eq(&v64, bytes64[order], 8);
}
END_TEST

START_TEST(what_was_stored_is_read_back)
{
	enum rps_order order = (enum rps_order)_i;

	ck_assert_uint_eq(
		virtio16_to_cpu(order, cpu_to_virtio16(order, 0xfffe)), 0xfffe);
	ck_assert_uint_eq(virtio32_to_cpu(order,
					  cpu_to_virtio32(order, 0xfffefdfc)),
			  0xfffefdfc);
	ck_assert_uint_eq(rps_swap64(order, rps_swap64(order, UINT64_MAX - 7)),
			  UINT64_MAX - 7);
}
END_TEST

START_TEST(le_fields_are_little_endian_everywhere)
{
	struct le16 v16 = cpu_to_le16(0x0102);
	struct le32 v32 = cpu_to_le32(0x01020304);
	struct le64 v64 = cpu_to_le64(UINT64_C(0x0102030405060708));

	ck_assert_bytes_eq(&v16, bytes16[RPS_ORDER_LE], 2);
	ck_assert_bytes_eq(&v32, bytes32[RPS_ORDER_LE], 4);
	ck_assert_bytes_eq(&v64, bytes64[RPS_ORDER_LE], 8);
	ck_assert_uint_eq(le16_to_cpu(v16), 0x0102);
	ck_assert_uint_eq(le32_to_cpu(v32), 0x01020304);
	ck_assert_uint_eq(le64_to_cpu(v64), UINT64_C(0x0102030405060708));
}
END_TEST

START_TEST(host_order_is_what_the_machine_does)
{
	uint16_t one = 1;
	uint8_t first;

	memcpy(&first, &one, sizeof(first));
	ck_assert_int_eq(RPS_ORDER_HOST, first ? RPS_ORDER_LE : RPS_ORDER_BE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("byteorder");
	TCase *tcase = tcase_create("both orders");

	tcase_add_loop_test(tcase, values_lie_in_the_order_asked_for, 0, 2);
	tcase_add_loop_test(tcase, what_was_stored_is_read_back, 0, 2);
	tcase_add_test(tcase, le_fields_are_little_endian_everywhere);
	tcase_add_test(tcase, host_order_is_what_the_machine_does);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
