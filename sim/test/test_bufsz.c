/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors: fixtures/vectors/config.toml. */
#include <rps/bufsz.h>

#include <errno.h>

#include "suite_main.h"

/* V-CFG-1, by enum rps_order. */
static const uint8_t wire[2][RPS_BUFSZ_BYTES] = {
	{ 0x01, 0x0b, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00 },
	{ 0x01, 0x00, 0x0b, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x04, 0x00 },
};

START_TEST(the_vector_is_packed_and_unpacked)
{
	enum rps_order order = (enum rps_order)_i;
	const struct rps_bufsz sizes = { .to_driver_bytes = 512,
					 .to_device_bytes = 1024 };
	struct rps_bufsz out = { 0 };
	uint8_t bytes[RPS_BUFSZ_BYTES];

	rps_bufsz_pack(order, &sizes, bytes);

	ck_assert_bytes_eq(bytes, wire[order], RPS_BUFSZ_BYTES);
	ck_assert_int_eq(rps_bufsz_unpack(order, wire[order], &out), 0);
	ck_assert_uint_eq(out.to_driver_bytes, 512);
	ck_assert_uint_eq(out.to_device_bytes, 1024);
}
END_TEST

/* One byte of the little-endian vector changed. */
static const struct {
	unsigned int at;
	uint8_t value;
	int result;
} change[] = {
	{ 0, 0, -EINVAL },  { 0, 2, -EINVAL }, { 1, 10, -EINVAL },
	{ 1, 12, -EINVAL }, { 2, 1, -EINVAL }, { 4, 0, -EINVAL },
	{ 8, 0, -EINVAL },  { 3, 16, 0 },      { 10, 1, 0 },
};

START_TEST(what_cannot_be_is_refused)
{
	uint8_t bytes[RPS_BUFSZ_BYTES];
	struct rps_bufsz out;

	memcpy(bytes, wire[RPS_ORDER_LE], sizeof(bytes));
	bytes[change[_i].at] = change[_i].value;

	ck_assert_int_eq(rps_bufsz_unpack(RPS_ORDER_LE, bytes, &out),
			 change[_i].result);
}
END_TEST

START_TEST(a_buffer_holds_at_least_a_header)
{
	static const uint8_t least[RPS_BUFSZ_BYTES] = { 1, 11, 0, 16, 0, 0,
							0, 16, 0, 0,  0 };
	uint8_t bytes[RPS_BUFSZ_BYTES];
	struct rps_bufsz out;

	ck_assert_int_eq(rps_bufsz_unpack(RPS_ORDER_LE, least, &out), 0);
	memcpy(bytes, least, sizeof(bytes));
	bytes[_i] = 15;
	ck_assert_int_eq(rps_bufsz_unpack(RPS_ORDER_LE, bytes, &out), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bufsz");
	TCase *tcase = tcase_create("sizes");

	tcase_add_loop_test(tcase, the_vector_is_packed_and_unpacked, 0, 2);
	tcase_add_loop_test(tcase, what_cannot_be_is_refused, 0,
			    ARRAY_SIZE(change));
	tcase_add_loop_test(tcase, a_buffer_holds_at_least_a_header, 3, 4);
	tcase_add_loop_test(tcase, a_buffer_holds_at_least_a_header, 7, 8);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
