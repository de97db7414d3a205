/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors: fixtures/vectors/name_service.toml. */
#include <rps/rpmsg.h>

#include "suite_main.h"

struct vector {
	const char *id;
	char name[33]; /* as on the wire; a terminator is not needed there */
	uint32_t addr;
	uint32_t flags;
	uint8_t tail[2][8]; /* address and flags, by enum rps_order */
	const char *kept;   /* name as a receiver has it */
};

/* clang-format off */
static const struct vector vector[] = {
	{ "V-NS-1", "rpmsg-client-sample", 1024, 0,
	  { { 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 },
	    { 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00 } },
	  "rpmsg-client-sample" },
	{ "V-NS-2", "rpmsg-client-sample", 1024, 1,
	  { { 0x00, 0x04, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00 },
	    { 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x01 } },
	  "rpmsg-client-sample" },
	{ "V-NS-3", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", 1030, 0,
	  { { 0x06, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 },
	    { 0x00, 0x00, 0x04, 0x06, 0x00, 0x00, 0x00, 0x00 } },
	  "ABCDEFGHIJKLMNOPQRSTUVWXYZ01234" },
	{ "V-NS-3 without any zero", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
	  0x41414141, 0x41414141,
	  { { 0x41, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41 },
	    { 0x41, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41 } },
	  "ABCDEFGHIJKLMNOPQRSTUVWXYZ01234" },
	{ "V-NS-6", "rpmsg-client-sample", 1025, 2,
	  { { 0x01, 0x04, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00 },
	    { 0x00, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00, 0x02 } },
	  "rpmsg-client-sample" },
	{ "no name", "", 0, 0,
	  { { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 },
	    { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 } }, "" },
};
/* clang-format on */

static struct rpmsg_ns_msg wire_of(const struct vector *row,
				   enum rps_order order)
{
	struct rpmsg_ns_msg wire;

	memcpy(wire.name, row->name, sizeof(wire.name));
	memcpy((uint8_t *)&wire + sizeof(wire.name), row->tail[order], 8);
	return wire;
}

START_TEST(a_packed_announcement_is_the_vector)
{
	const struct vector *row = &vector[_i / 2];
	enum rps_order order = (enum rps_order)(_i % 2);
	struct rpmsg_ns_msg expected = wire_of(row, order);
	struct rps_ns ns = { .addr = row->addr, .destroy = row->flags & 1 };
	struct rpmsg_ns_msg wire;

	rps_name_copy(ns.name, row->name);
	wire = rps_ns_pack(order, &ns);

	/* What we send always has a terminator, and no unknown flags. */
	expected.name[31] = '\0';
	expected.flags = cpu_to_virtio32(order, row->flags & 1);
	ck_assert_bytes_eq(&wire, &expected, 40);
}
END_TEST

START_TEST(an_unpacked_vector_is_the_announcement)
{
	const struct vector *row = &vector[_i / 2];
	enum rps_order order = (enum rps_order)(_i % 2);
	struct rpmsg_ns_msg wire = wire_of(row, order);
	struct rps_ns ns = rps_ns_unpack(order, &wire);

	ck_assert_str_eq(ns.name, row->kept);
	ck_assert_uint_eq(ns.addr, row->addr);
	ck_assert_int_eq(ns.destroy, row->flags & 1);
}
END_TEST

START_TEST(a_name_is_padded_with_zeros)
{
	static const char zero[RPMSG_NAME_SIZE];
	struct rps_ns ns = { .addr = 7 };
	struct rpmsg_ns_msg wire;

	/* Whatever lies behind the terminator is nobody's business. */
	memset(ns.name, 'x', sizeof(ns.name));
	memcpy(ns.name, "abc", 4);
	wire = rps_ns_pack(RPS_ORDER_LE, &ns);

	ck_assert_mem_eq(wire.name, "abc", 4);
	ck_assert_mem_eq(wire.name + 4, zero, sizeof(zero) - 4);
}
END_TEST

/* 30 to 33 characters. */
static const char *const length[] = {
	"123456789012345678901234567890",
	"1234567890123456789012345678901",
	"12345678901234567890123456789012",
	"123456789012345678901234567890123",
};

START_TEST(a_name_is_cut_to_31_characters)
{
	size_t expected = strlen(length[_i]) < 31 ? strlen(length[_i]) : 31;
	char name[RPMSG_NAME_SIZE];

	memset(name, 'x', sizeof(name));
	rps_name_copy(name, length[_i]);

	ck_assert_uint_eq(strlen(name), expected);
	ck_assert_mem_eq(name, length[_i], expected);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ns");
	TCase *tcase = tcase_create("vectors");

	tcase_add_loop_test(tcase, a_packed_announcement_is_the_vector, 0,
			    2 * ARRAY_SIZE(vector));
	tcase_add_loop_test(tcase, an_unpacked_vector_is_the_announcement, 0,
			    2 * ARRAY_SIZE(vector));
	tcase_add_test(tcase, a_name_is_padded_with_zeros);
	tcase_add_loop_test(tcase, a_name_is_cut_to_31_characters, 0,
			    ARRAY_SIZE(length));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
