/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/ept.h>

#include <errno.h>

#include "suite_main.h"

#define MANY 1000u

static struct rps_ept *slot[MANY];
static struct rps_ept ept[MANY + 1];

static struct rps_ept_table table_of(unsigned int capacity)
{
	return (struct rps_ept_table){ .slot = slot, .capacity = capacity };
}

static int add(struct rps_ept_table *table, unsigned int i, uint32_t addr)
{
	ept[i] = (struct rps_ept){ .addr = addr };
	return rps_ept_add(table, &ept[i]);
}

START_TEST(dynamic_addresses_count_up_from_1024)
{
	struct rps_ept_table table = table_of(MANY);

	for (unsigned int i = 0; i < MANY; i++) {
		ck_assert_int_eq(add(&table, i, RPMSG_ADDR_ANY), 0);
		ck_assert_uint_eq(ept[i].addr, 1024 + i);
	}
	for (unsigned int i = 0; i < MANY; i++)
		ck_assert_ptr_eq(rps_ept_find(&table, 1024 + i), &ept[i]);
}
END_TEST

START_TEST(a_full_table_refuses_and_keeps_what_it_has)
{
	struct rps_ept_table table = table_of(4);

	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(add(&table, i, RPMSG_ADDR_ANY), 0);

	ck_assert_int_eq(add(&table, 4, RPMSG_ADDR_ANY), -ENOSPC);
	ck_assert_int_eq(add(&table, 4, 5000), -ENOSPC);
	ck_assert_uint_eq(table.count, 4);
	ck_assert_ptr_eq(rps_ept_find(&table, 1024), &ept[0]);
}
END_TEST

START_TEST(the_lowest_free_address_is_used_again)
{
	struct rps_ept_table table = table_of(MANY);

	for (unsigned int i = 0; i < 10; i++)
		ck_assert_int_eq(add(&table, i, RPMSG_ADDR_ANY), 0);
	ck_assert_int_eq(rps_ept_remove(&table, &ept[7]), 0);
	ck_assert_int_eq(rps_ept_remove(&table, &ept[3]), 0);

	ck_assert_int_eq(add(&table, 3, RPMSG_ADDR_ANY), 0);
	ck_assert_uint_eq(ept[3].addr, 1027);
	ck_assert_int_eq(add(&table, 7, RPMSG_ADDR_ANY), 0);
	ck_assert_uint_eq(ept[7].addr, 1031);
	ck_assert_int_eq(add(&table, 10, RPMSG_ADDR_ANY), 0);
	ck_assert_uint_eq(ept[10].addr, 1034);
}
END_TEST

START_TEST(dynamic_addresses_go_round_fixed_ones)
{
	struct rps_ept_table table = table_of(MANY);

	ck_assert_int_eq(add(&table, 0, 1024), 0);
	ck_assert_int_eq(add(&table, 1, 1026), 0);
	ck_assert_int_eq(add(&table, 2, 30), 0);

	ck_assert_int_eq(add(&table, 3, RPMSG_ADDR_ANY), 0);
	ck_assert_uint_eq(ept[3].addr, 1025);
	ck_assert_int_eq(add(&table, 4, RPMSG_ADDR_ANY), 0);
	ck_assert_uint_eq(ept[4].addr, 1027);
}
END_TEST

/* Fixed addresses, the edges among them. */
static const uint32_t fixed[] = { 0, 30, 53, 1023, 1024, 1500, 0xfffffffe };

START_TEST(an_address_in_use_is_refused_and_its_owner_left_alone)
{
	struct rps_ept_table table = table_of(MANY);

	ck_assert_int_eq(add(&table, 0, fixed[_i]), 0);

	ck_assert_int_eq(add(&table, 1, fixed[_i]), -EADDRINUSE);
	ck_assert_ptr_eq(rps_ept_find(&table, fixed[_i]), &ept[0]);
	ck_assert_uint_eq(table.count, 1);
}
END_TEST

START_TEST(endpoints_are_found_whatever_the_order_of_creation)
{
	struct rps_ept_table table = table_of(MANY);

	for (unsigned int i = ARRAY_SIZE(fixed); i-- > 0;)
		ck_assert_int_eq(add(&table, i, fixed[i]), 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(fixed); i++)
		ck_assert_ptr_eq(rps_ept_find(&table, fixed[i]), &ept[i]);
	ck_assert_ptr_null(rps_ept_find(&table, 1));
	ck_assert_ptr_null(rps_ept_find(&table, 1025));
	ck_assert_ptr_null(rps_ept_find(&table, RPMSG_ADDR_ANY));
}
END_TEST

START_TEST(a_removed_endpoint_is_found_no_more)
{
	struct rps_ept_table table = table_of(MANY);

	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(add(&table, i, RPMSG_ADDR_ANY), 0);
	ck_assert_int_eq(rps_ept_remove(&table, &ept[1]), 0);

	ck_assert_ptr_null(rps_ept_find(&table, 1025));
	ck_assert_ptr_eq(rps_ept_find(&table, 1026), &ept[2]);
	ck_assert_int_eq(rps_ept_remove(&table, &ept[1]), -ENOENT);
	ck_assert_uint_eq(table.count, 2);
}
END_TEST

START_TEST(a_stranger_with_the_same_address_is_not_removed_instead)
{
	struct rps_ept_table table = table_of(MANY);
	struct rps_ept stranger = { .addr = 1024 };

	ck_assert_int_eq(add(&table, 0, RPMSG_ADDR_ANY), 0);

	ck_assert_int_eq(rps_ept_remove(&table, &stranger), -ENOENT);
	ck_assert_ptr_eq(rps_ept_find(&table, 1024), &ept[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ept");
	TCase *tcase = tcase_create("addresses");

	tcase_add_test(tcase, dynamic_addresses_count_up_from_1024);
	tcase_add_test(tcase, a_full_table_refuses_and_keeps_what_it_has);
	tcase_add_test(tcase, the_lowest_free_address_is_used_again);
	tcase_add_test(tcase, dynamic_addresses_go_round_fixed_ones);
	tcase_add_loop_test(
		tcase, an_address_in_use_is_refused_and_its_owner_left_alone, 0,
		ARRAY_SIZE(fixed));
	tcase_add_test(tcase,
		       endpoints_are_found_whatever_the_order_of_creation);
	tcase_add_test(tcase, a_removed_endpoint_is_found_no_more);
	tcase_add_test(tcase,
		       a_stranger_with_the_same_address_is_not_removed_instead);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
