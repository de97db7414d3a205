/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors: fixtures/vectors/resource_table.toml. */
#include <rps/rsc.h>

#include <errno.h>
#include <stdlib.h>

#include "suite_main.h"

#define TABLE_BYTES 88u
#define VDEV_AT     24u

/* V-RSC-1, as far as it is not 0: 32-bit words, and two single bytes. */
static void make(enum rps_order order, uint8_t table[TABLE_BYTES])
{
	static const uint32_t word[][2] = {
		{ 0, 1 },           { 4, 1 },     { 16, 20 },
		{ 20, 3 },          { 24, 7 },    { 32, 1 },
		{ 48, 0xffffffff }, { 52, 4096 }, { 56, 256 },
		{ 68, 0xffffffff }, { 72, 4096 }, { 76, 256 },
	};

	memset(table, 0, TABLE_BYTES);
	for (unsigned int i = 0; i < ARRAY_SIZE(word); i++) {
		uint32_t raw = rps_swap32(order, word[i][1]);

		memcpy(&table[word[i][0]], &raw, sizeof(raw));
	}
	table[45] = 2;
}

/* A copy without a byte behind its end, for those who watch. */
static int find(enum rps_order order, const uint8_t *table, uint32_t bytes,
		uint32_t id, uint32_t *at)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	int result;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, table, bytes);
	result = rps_rsc_find_vdev(order, copy, bytes, id, at);
	free(copy);
	return result;
}

START_TEST(a_table_in_the_hosts_order_is_read)
{
	enum rps_order host = (enum rps_order)(_i % 2);
	enum rps_order writer = (enum rps_order)(_i / 2);
	uint8_t table[TABLE_BYTES];
	uint32_t at = 0;

	make(writer, table);

	ck_assert_int_eq(find(host, table, TABLE_BYTES, 7, &at),
			 host == writer ? 0 : -EINVAL);
	ck_assert_uint_eq(at, host == writer ? VDEV_AT : 0);
}
END_TEST

START_TEST(a_table_cut_anywhere_is_refused)
{
	uint8_t table[TABLE_BYTES];
	uint32_t at = 0;

	make(RPS_ORDER_LE, table);

	ck_assert_int_eq(find(RPS_ORDER_LE, table, (uint32_t)_i, 7, &at),
			 -EINVAL);
}
END_TEST

/* One byte of the vector changed. */
static const struct {
	unsigned int at;
	uint8_t value;
	int result;
} change[] = {
	{ 0, 2, -EINVAL },  { 8, 1, -EINVAL },     { 15, 1, -EINVAL },
	{ 4, 19, -EINVAL }, { 7, 0xff, -EINVAL },  { 16, 85, -EINVAL },
	{ 19, 1, -EINVAL }, { 45, 3, -EINVAL },    { 45, 255, -EINVAL },
	{ 40, 1, -EINVAL }, { 43, 0xff, -EINVAL }, { 20, 99, -ENOENT },
	{ 24, 3, -ENOENT }, { 4, 0, -ENOENT },     { 45, 1, 0 },
};

START_TEST(what_does_not_fit_is_refused_and_others_are_skipped)
{
	uint8_t table[TABLE_BYTES];
	uint32_t at = 0;

	make(RPS_ORDER_LE, table);
	table[change[_i].at] = change[_i].value;

	ck_assert_int_eq(find(RPS_ORDER_LE, table, TABLE_BYTES, 7, &at),
			 change[_i].result);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rsc");
	TCase *tcase = tcase_create("tables");

	tcase_add_loop_test(tcase, a_table_in_the_hosts_order_is_read, 0, 4);
	tcase_add_loop_test(tcase, a_table_cut_anywhere_is_refused, 0,
			    (int)TABLE_BYTES);
	tcase_add_loop_test(tcase,
			    what_does_not_fit_is_refused_and_others_are_skipped,
			    0, ARRAY_SIZE(change));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
