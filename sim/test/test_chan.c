/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/chan.h>

#include "suite_main.h"

#define ANY RPMSG_ADDR_ANY

static struct rps_chan slot[3];

static struct rps_chan_table empty_table(void)
{
	memset(slot, 0, sizeof(slot));
	return (struct rps_chan_table){ slot, ARRAY_SIZE(slot), 0 };
}

START_TEST(a_channel_is_known_by_name_and_both_addresses)
{
	struct rps_chan_table table = empty_table();
	struct rps_chan *chan = rps_chan_add(&table, "a", ANY, 1024);

	ck_assert_ptr_eq(rps_chan_find(&table, "a", ANY, 1024), chan);
	ck_assert_ptr_null(rps_chan_find(&table, "b", ANY, 1024));
	ck_assert_ptr_null(rps_chan_find(&table, "aa", ANY, 1024));
	ck_assert_ptr_null(rps_chan_find(&table, "", ANY, 1024));
	ck_assert_ptr_null(rps_chan_find(&table, "a", ANY, 1025));
	ck_assert_ptr_null(rps_chan_find(&table, "a", 1, 1024));
}
END_TEST

START_TEST(one_name_can_have_several_addresses)
{
	struct rps_chan_table table = empty_table();
	struct rps_chan *first = rps_chan_add(&table, "a", ANY, 1024);
	struct rps_chan *second = rps_chan_add(&table, "a", ANY, 1025);

	ck_assert_uint_eq(table.count, 2);
	rps_chan_remove(&table, first);
	ck_assert_ptr_null(rps_chan_find(&table, "a", ANY, 1024));
	ck_assert_ptr_eq(rps_chan_find(&table, "a", ANY, 1025), second);
	ck_assert_uint_eq(table.count, 1);
}
END_TEST

START_TEST(a_full_table_takes_no_more_until_one_goes)
{
	struct rps_chan_table table = empty_table();

	for (uint32_t i = 0; i < ARRAY_SIZE(slot); i++)
		ck_assert_ptr_nonnull(rps_chan_add(&table, "a", ANY, i));
	ck_assert_ptr_null(rps_chan_add(&table, "a", ANY, 99));

	rps_chan_remove(&table, &slot[1]);
	ck_assert_ptr_eq(rps_chan_add(&table, "b", ANY, 99), &slot[1]);
	ck_assert_uint_eq(table.count, ARRAY_SIZE(slot));
}
END_TEST

START_TEST(a_slot_used_again_keeps_nothing)
{
	struct rps_chan_table table = empty_table();
	struct rps_chan *chan = rps_chan_add(&table, "a", ANY, 1024);

	chan->bound = true;
	chan->ept.announced = true;
	rps_chan_remove(&table, chan);
	chan = rps_chan_add(&table, "b", 5, 6);

	ck_assert(!chan->bound);
	ck_assert(!chan->ept.announced);
	ck_assert_str_eq(chan->name, "b");
}
END_TEST

/* 30 to 33 characters. */
static const char *const length[] = {
	"123456789012345678901234567890",
	"1234567890123456789012345678901",
	"12345678901234567890123456789012",
	"123456789012345678901234567890123",
};

START_TEST(a_long_name_is_found_by_the_name_it_was_given)
{
	struct rps_chan_table table = empty_table();
	struct rps_chan *chan = rps_chan_add(&table, length[_i], ANY, 1);

	ck_assert_uint_lt(strlen(chan->name), RPMSG_NAME_SIZE);
	ck_assert_ptr_eq(rps_chan_find(&table, length[_i], ANY, 1), chan);
	ck_assert_ptr_eq(rps_chan_find(&table, chan->name, ANY, 1), chan);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chan");
	TCase *tcase = tcase_create("table");

	tcase_add_test(tcase, a_channel_is_known_by_name_and_both_addresses);
	tcase_add_test(tcase, one_name_can_have_several_addresses);
	tcase_add_test(tcase, a_full_table_takes_no_more_until_one_goes);
	tcase_add_test(tcase, a_slot_used_again_keeps_nothing);
	tcase_add_loop_test(tcase,
			    a_long_name_is_found_by_the_name_it_was_given, 0,
			    ARRAY_SIZE(length));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
