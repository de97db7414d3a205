/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/tester.h>

#include <errno.h>

#include "suite_main.h"

/* clang-format off */
static const uint8_t hdr_wire[2][16] = {
	{ 0x04, 0x03, 0x02, 0x01, 0x08, 0x07, 0x06, 0x05,
	  0x0c, 0x0b, 0x0a, 0x09, 0x04, 0x00, 0xcd, 0xab },
	{ 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	  0x09, 0x0a, 0x0b, 0x0c, 0x00, 0x04, 0xab, 0xcd },
};
static const uint8_t ns_wire[2][40] = {
	{ 'r', 'p', 'c', [32] = 0x06, 0x04, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00 },
	{ 'r', 'p', 'c', [32] = 0x00, 0x00, 0x04, 0x06, 0x00, 0x00, 0x00, 0x01 },
};
/* clang-format on */

START_TEST(headers_are_packed_in_the_order_asked_for)
{
	uint8_t wire[16];

	rps_codec_hdr(_i, 0x01020304, 0x05060708, 0x090a0b0c, 4, 0xabcd, wire);

	ck_assert_bytes_eq(wire, hdr_wire[_i], 16);
}
END_TEST

START_TEST(announcements_are_packed_in_the_order_asked_for)
{
	uint8_t wire[40];

	rps_codec_ns(_i, "rpc", 1030, true, wire);

	ck_assert_bytes_eq(wire, ns_wire[_i], 40);
}
END_TEST

START_TEST(layouts_are_those_of_the_ring)
{
	struct rps_codec_layout at = { 0 };

	ck_assert_int_eq(rps_codec_layout(4, 64, &at), 0);

	ck_assert_uint_eq(at.avail, 64);
	ck_assert_uint_eq(at.used_event, 76);
	ck_assert_uint_eq(at.used, 128);
	ck_assert_uint_eq(at.avail_event, 164);
	ck_assert_uint_eq(at.total, 166);
	ck_assert_uint_eq(at.legacy_total, 192);
	ck_assert_int_eq(rps_codec_layout(3, 64, &at), -EINVAL);
	ck_assert_int_eq(rps_codec_layout(4, 2, &at), -EINVAL);
	ck_assert_uint_eq(at.total, 166);
}
END_TEST

START_TEST(events_are_those_of_the_ring)
{
	ck_assert(rps_codec_need_event(0, 1, 0xffff));
	ck_assert(!rps_codec_need_event(10, 6, 5));
}
END_TEST

START_TEST(the_version_is_that_of_the_headers)
{
	ck_assert_uint_eq(rps_abi_version(), RPS_ABI_VERSION);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("codec");
	TCase *tcase = tcase_create("codec");

	tcase_add_loop_test(tcase, headers_are_packed_in_the_order_asked_for, 0,
			    2);
	tcase_add_loop_test(
		tcase, announcements_are_packed_in_the_order_asked_for, 0, 2);
	tcase_add_test(tcase, layouts_are_those_of_the_ring);
	tcase_add_test(tcase, events_are_those_of_the_ring);
	tcase_add_test(tcase, the_version_is_that_of_the_headers);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
