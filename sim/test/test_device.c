/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lower tester in the device's place, against the reference driver.
 */
#include <rps/tester.h>

#include <errno.h>

#include "suite_main.h"
#include "world_fixture.h"

struct fixture {
	struct rps_world *world;
	struct rps_tester *tester;
	int ept;
};

static struct rps_world *driver_alone(int mode)
{
	struct rps_world_config config = both_ends;

	config.device = false;
	config.features = mode / 2 ? F_NS | F_EVENT_IDX : F_NS;
	config.native_be = mode % 2;
	return world_of(&config);
}

/* Modes 0 to 3: either byte order, without and with EVENT_IDX. */
static struct fixture set_up(int mode)
{
	struct fixture fix = { .world = driver_alone(mode) };

	fix.tester = rps_tester_create(rps_world_xport(fix.world));
	ck_assert_ptr_nonnull(fix.tester);
	ck_assert_int_eq(rps_iut_probe(fix.world), 0);
	ck_assert_int_eq(rps_tester_attach(fix.tester), 0);
	fix.ept = open_at(fix.world, RPS_END_DRIVER, 30);
	return fix;
}

static void tear_down(struct fixture *fix)
{
	rps_tester_destroy(fix->tester);
	rps_world_destroy(fix->world);
}

START_TEST(rings_are_there_while_a_driver_is_running)
{
	struct rps_world *world = driver_alone(0);
	struct rps_tester *tester = rps_tester_create(rps_world_xport(world));
	struct rps_tester_buf buf;

	ck_assert(!rps_tester_ready(tester));
	ck_assert_int_eq(rps_tester_attach(tester), -EAGAIN);
	ck_assert_int_eq(rps_tester_take(tester, 0, &buf), -ESTALE);

	ck_assert_int_eq(rps_iut_probe(world), 0);
	ck_assert(rps_tester_ready(tester));
	ck_assert(rps_tester_stale(tester));
	ck_assert_int_eq(rps_tester_attach(tester), 0);
	ck_assert(!rps_tester_stale(tester));
	ck_assert_int_eq(rps_tester_take(tester, 0, &buf), 0);

	ck_assert_int_eq(rps_iut_remove(world), 0);
	ck_assert(rps_tester_stale(tester));
	ck_assert_int_eq(rps_tester_complete(tester, 0, 0, 0), -ESTALE);
	ck_assert_int_eq(rps_tester_notify(tester, 0, true), -ESTALE);
	ck_assert_int_eq(rps_tester_kicks(tester, 0, true), -ESTALE);
	rps_tester_destroy(tester);
	rps_world_destroy(world);
}
END_TEST

START_TEST(the_drivers_choices_can_be_read)
{
	struct fixture fix = set_up(_i);
	struct rps_world_place place;
	struct rps_tester_queue queue;

	rps_world_place(fix.world, &place);
	ck_assert_uint_eq(rps_tester_features(fix.tester),
			  _i / 2 ? F_NS | F_EVENT_IDX : F_NS);
	ck_assert_int_eq(rps_tester_big_endian(fix.tester), _i % 2);
	for (uint32_t q = 0; q < 2; q++) {
		rps_tester_queue(fix.tester, q, &queue);
		ck_assert_uint_eq(queue.num, 4);
		ck_assert(queue.enabled);
		ck_assert_uint_eq(queue.desc, place.desc[q]);
		ck_assert_uint_eq(queue.avail, place.avail[q]);
		ck_assert_uint_eq(queue.used, place.used[q]);
		ck_assert_uint_eq(queue.kicks, q == 0);
	}
	tear_down(&fix);
}
END_TEST

START_TEST(a_message_goes_up_to_the_driver)
{
	struct fixture fix = set_up(_i);
	struct rps_tester_queue queue;
	struct rps_tester_buf buf;
	uint8_t hdr[16];

	ck_assert_int_eq(rps_tester_take(fix.tester, 0, &buf), 0);
	ck_assert_uint_eq(buf.num_segs, 1);
	ck_assert_uint_eq(buf.seg[0].len_bytes, 512);
	ck_assert(buf.seg[0].device_writes);
	rps_codec_hdr(_i % 2, 7, 30, 0, 3, 0, hdr);
	ck_assert_int_eq(rps_tester_write(fix.tester, buf.seg[0].addr, hdr, 16),
			 0);
	ck_assert_int_eq(rps_tester_write(fix.tester, buf.seg[0].addr + 16,
					  "abc", 3),
			 0);
	ck_assert_int_eq(rps_tester_complete(fix.tester, 0, buf.head, 19), 0);
	ck_assert_int_eq(rps_tester_notify(fix.tester, 0, false), 1);
	settle(fix.world);

	expect_text(fix.world, RPS_END_DRIVER, fix.ept, "abc");
	rps_tester_queue(fix.tester, 0, &queue);
	ck_assert_uint_eq(queue.used_idx, 1);
	ck_assert_uint_eq(queue.taken_idx, 1);
	tear_down(&fix);
}
END_TEST

START_TEST(a_message_comes_down_from_the_driver)
{
	struct fixture fix = set_up(_i);
	struct rps_tester_buf buf;
	uint8_t expected[19] = { [16] = 'a', 'b', 'c' };
	uint8_t observed[19];

	ck_assert_int_eq(rps_iut_trysend(fix.world, RPS_END_DRIVER, fix.ept, 7,
					 "abc", 3),
			 0);
	rps_codec_hdr(_i % 2, 30, 7, 0, 3, 0, expected);
	ck_assert_int_eq(rps_tester_take(fix.tester, 1, &buf), 0);
	ck_assert_uint_eq(buf.seg[0].len_bytes, 19);
	ck_assert(!buf.seg[0].device_writes);
	ck_assert_int_eq(
		rps_tester_read(fix.tester, buf.seg[0].addr, observed, 19), 0);
	ck_assert_bytes_eq(observed, expected, 19);
	ck_assert_int_eq(rps_tester_take(fix.tester, 1, &buf), -EAGAIN);
	tear_down(&fix);
}
END_TEST

START_TEST(notifications_are_for_those_who_want_them)
{
	struct fixture fix = set_up(_i);
	struct rps_tester_buf buf;

	/* Nobody waits for a send buffer. */
	ck_assert_int_eq(rps_iut_trysend(fix.world, RPS_END_DRIVER, fix.ept, 7,
					 "abc", 3),
			 0);
	ck_assert_int_eq(rps_tester_take(fix.tester, 1, &buf), 0);
	ck_assert_int_eq(rps_tester_complete(fix.tester, 1, buf.head, 0), 0);
	ck_assert_int_eq(rps_tester_notify(fix.tester, 1, false), 0);
	ck_assert_uint_eq(rps_world_irqs(fix.world, 1), 0);
	ck_assert_int_eq(rps_tester_notify(fix.tester, 1, true), 1);
	ck_assert_uint_eq(rps_world_irqs(fix.world, 1), 1);
	tear_down(&fix);
}
END_TEST

START_TEST(kicks_can_be_refused)
{
	struct fixture fix = set_up(_i);

	ck_assert_int_eq(rps_tester_kicks(fix.tester, 1, false), 0);
	ck_assert_int_eq(rps_iut_trysend(fix.world, RPS_END_DRIVER, fix.ept, 7,
					 "a", 1),
			 0);
	ck_assert_uint_eq(rps_world_kicks(fix.world, 1), 0);
	tear_down(&fix);
}
END_TEST

START_TEST(kicks_can_be_wanted_again)
{
	struct fixture fix = set_up(_i);

	ck_assert_int_eq(rps_tester_kicks(fix.tester, 1, false), 0);
	ck_assert_int_eq(rps_tester_kicks(fix.tester, 1, true), 0);
	ck_assert_int_eq(rps_iut_trysend(fix.world, RPS_END_DRIVER, fix.ept, 7,
					 "a", 1),
			 0);
	ck_assert_uint_eq(rps_world_kicks(fix.world, 1), 1);
	tear_down(&fix);
}
END_TEST

START_TEST(it_can_lie)
{
	struct fixture fix = set_up(_i);
	struct rps_iut_stats stats;

	ck_assert_int_eq(
		rps_tester_complete(fix.tester, 0, 0xffffffff, 0xffffffff), 0);
	ck_assert_int_eq(rps_tester_notify(fix.tester, 0, true), 1);
	settle(fix.world);

	rps_iut_get_stats(fix.world, RPS_END_DRIVER, &stats);
	ck_assert(stats.broken);
	ck_assert(rps_world_guards_intact(fix.world));
	tear_down(&fix);
}
END_TEST

START_TEST(addresses_and_queues_outside_are_refused)
{
	struct fixture fix = set_up(0);
	struct rps_tester_buf buf;
	uint8_t byte = 0;

	ck_assert_int_eq(rps_tester_read(fix.tester, 0, &byte, 1), -EFAULT);
	ck_assert_int_eq(rps_tester_write(fix.tester, UINT64_MAX, &byte, 1),
			 -EFAULT);
	ck_assert_int_eq(rps_tester_take(fix.tester, 2, &buf), -ESTALE);
	ck_assert_int_eq(rps_tester_complete(fix.tester, 2, 0, 0), -ESTALE);
	ck_assert_int_eq(rps_tester_notify(fix.tester, 2, true), -ESTALE);
	ck_assert_int_eq(rps_tester_kicks(fix.tester, 2, true), -ESTALE);
	tear_down(&fix);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lower tester as device");
	TCase *tcase = tcase_create("device");

	tcase_add_test(tcase, rings_are_there_while_a_driver_is_running);
	tcase_add_loop_test(tcase, the_drivers_choices_can_be_read, 0, 4);
	tcase_add_loop_test(tcase, a_message_goes_up_to_the_driver, 0, 4);
	tcase_add_loop_test(tcase, a_message_comes_down_from_the_driver, 0, 4);
	tcase_add_loop_test(tcase, notifications_are_for_those_who_want_them, 0,
			    4);
	tcase_add_loop_test(tcase, kicks_can_be_refused, 0, 4);
	tcase_add_loop_test(tcase, kicks_can_be_wanted_again, 0, 4);
	tcase_add_loop_test(tcase, it_can_lie, 0, 4);
	tcase_add_test(tcase, addresses_and_queues_outside_are_refused);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
