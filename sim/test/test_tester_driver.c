/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lower tester in the driver's place, against the reference device.
 */
#include <rps/tester_driver.h>

#include <errno.h>

#include "suite_main.h"
#include "world_fixture.h"

struct fixture {
	struct rps_world *world;
	struct rps_tdrv *tdrv;
	struct rps_world_place place;
	int ept;
};

/* Modes 0 to 3: either byte order, without and with EVENT_IDX. */
static struct fixture set_up(int mode)
{
	struct rps_world_config config = both_ends;
	struct fixture fix;

	config.driver = false;
	config.features = mode / 2 ? F_INDIRECT | F_EVENT_IDX : F_INDIRECT;
	config.native_be = mode % 2;
	fix.world = world_of(&config);
	fix.tdrv = play_driver(fix.world, &config);
	rps_world_place(fix.world, &fix.place);
	fix.ept = open_at(fix.world, RPS_END_DEVICE, 30);
	return fix;
}

static void tear_down(struct fixture *fix)
{
	rps_tdrv_destroy(fix->tdrv);
	rps_world_destroy(fix->world);
}

static void write_text(struct fixture *fix, uint64_t addr, const char *text)
{
	uint16_t len_bytes = (uint16_t)strlen(text);
	uint8_t hdr[16];

	rps_codec_hdr(rps_tdrv_big_endian(fix->tdrv), 7, 30, 0, len_bytes, 0,
		      hdr);
	ck_assert_int_eq(rps_tdrv_write(fix->tdrv, addr, hdr, 16), 0);
	ck_assert_int_eq(rps_tdrv_write(fix->tdrv, addr + 16, text, len_bytes),
			 0);
}

START_TEST(a_message_goes_down_to_the_device)
{
	struct fixture fix = set_up(_i);
	struct rps_tester_seg seg = { fix.place.spare, 19, 0 };
	struct rps_tdrv_used used;

	ck_assert_int_eq(rps_tdrv_big_endian(fix.tdrv), _i % 2);
	write_text(&fix, seg.addr, "abc");
	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 1, &seg, 1, 0, 77), 0);
	ck_assert(kick(fix.world, fix.tdrv, 1));
	settle(fix.world);

	expect_text(fix.world, RPS_END_DEVICE, fix.ept, "abc");
	ck_assert_int_eq(rps_tdrv_reclaim(fix.tdrv, 1, &used), 0);
	ck_assert_uint_eq(used.id, 77);
	ck_assert_uint_eq(used.len_bytes, 0);
	ck_assert_int_eq(rps_tdrv_reclaim(fix.tdrv, 1, &used), -EAGAIN);
	tear_down(&fix);
}
END_TEST

START_TEST(a_message_may_go_down_in_pieces_and_through_a_table)
{
	struct fixture fix = set_up(_i);
	uint64_t at = fix.place.spare;
	struct rps_tester_seg seg[2] = { { at, 16, 0 }, { at + 16, 3, 0 } };

	write_text(&fix, at, "abc");
	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 1, seg, 2, 0, 1), 0);
	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 1, seg, 2, at + 1024, 2), 0);
	ck_assert(kick(fix.world, fix.tdrv, 1));
	settle(fix.world);

	expect_text(fix.world, RPS_END_DEVICE, fix.ept, "abc");
	expect_text(fix.world, RPS_END_DEVICE, fix.ept, "abc");
	tear_down(&fix);
}
END_TEST

START_TEST(a_message_comes_up_from_the_device)
{
	struct fixture fix = set_up(_i);
	struct rps_tester_seg seg = { fix.place.bufs, 512, 1 };
	uint8_t expected[19] = { [16] = 'x', 'y', 'z' };
	struct rps_tdrv_used used;
	uint8_t observed[19];

	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 0, &seg, 1, 0, 5), 0);
	ck_assert_int_eq(rps_iut_trysend(fix.world, RPS_END_DEVICE, fix.ept, 7,
					 "xyz", 3),
			 0);
	ck_assert_uint_eq(rps_world_irqs(fix.world, 0), 1);
	ck_assert_int_eq(rps_tdrv_reclaim(fix.tdrv, 0, &used), 0);
	ck_assert_uint_eq(used.id, 5);
	ck_assert_uint_eq(used.len_bytes, 19);
	rps_codec_hdr(_i % 2, 30, 7, 0, 3, 0, expected);
	ck_assert_int_eq(rps_tdrv_read(fix.tdrv, seg.addr, observed, 19), 0);
	ck_assert_bytes_eq(observed, expected, 19);
	tear_down(&fix);
}
END_TEST

START_TEST(interrupts_can_be_refused_and_wanted_again)
{
	struct fixture fix = set_up(_i);
	struct rps_tester_seg seg = { fix.place.bufs, 512, 1 };
	struct rps_tdrv_used used;

	for (unsigned int on = 0; on < 2; on++) {
		rps_tdrv_irqs(fix.tdrv, 0, on);
		ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 0, &seg, 1, 0, 0), 0);
		ck_assert_int_eq(rps_iut_trysend(fix.world, RPS_END_DEVICE,
						 fix.ept, 7, "x", 1),
				 0);
		ck_assert_uint_eq(rps_world_irqs(fix.world, 0), on);
		ck_assert_int_eq(rps_tdrv_reclaim(fix.tdrv, 0, &used), 0);
	}
	tear_down(&fix);
}
END_TEST

START_TEST(a_kick_is_needed_once_for_what_was_offered)
{
	struct fixture fix = set_up(_i);
	struct rps_tester_seg seg = { fix.place.spare, 19, 0 };

	ck_assert(!rps_tdrv_kick_needed(fix.tdrv, 1));
	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 1, &seg, 1, 0, 0), 0);
	ck_assert(rps_tdrv_kick_needed(fix.tdrv, 1));
	ck_assert(!rps_tdrv_kick_needed(fix.tdrv, 1));
	ck_assert_uint_eq(rps_world_kicks(fix.world, 1), 0);
	tear_down(&fix);
}
END_TEST

START_TEST(a_buffer_is_shown_at_its_moment)
{
	struct fixture fix = set_up(_i);
	struct rps_tester_seg seg = { fix.place.spare, 19, 0 };
	struct rps_tdrv_moment moment = { 0, 3, 100 };
	struct rps_tdrv_used used;

	write_text(&fix, seg.addr, "abc");
	ck_assert_int_eq(rps_tdrv_offer_at(fix.tdrv, 1, &seg, 4, &moment), 1);
	rps_world_kick(fix.world, 1);
	settle(fix.world);
	expect_text(fix.world, RPS_END_DEVICE, fix.ept, "abc");

	moment.used_idx = 2;
	ck_assert_int_eq(rps_tdrv_offer_at(fix.tdrv, 1, &seg, 5, &moment),
			 -ETIME);
	rps_world_kick(fix.world, 1);
	settle(fix.world);
	for (uint32_t token = 4; token < 6; token++) {
		ck_assert_int_eq(rps_tdrv_reclaim(fix.tdrv, 1, &used), 0);
		ck_assert_uint_eq(used.id, token);
	}
	tear_down(&fix);
}
END_TEST

START_TEST(what_no_ring_could_hold_is_refused)
{
	struct fixture fix = set_up(0);
	struct rps_tester_seg seg[RPS_TESTER_SEGS_MAX + 1] = {
		{ fix.place.spare, 16, 0 }
	};
	uint8_t byte = 0;

	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 1, seg, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 1, seg,
					RPS_TESTER_SEGS_MAX + 1, 0, 0),
			 -EINVAL);
	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 2, seg, 1, 0, 0), -EINVAL);
	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 1, seg, 5, 0, 0), -ENOSPC);
	ck_assert_int_eq(rps_tdrv_offer(fix.tdrv, 1, seg, 1, 8, 0), -EFAULT);
	ck_assert_int_eq(rps_tdrv_read(fix.tdrv, 0, &byte, 1), -EFAULT);
	ck_assert_int_eq(rps_tdrv_write(fix.tdrv, UINT64_MAX, &byte, 1),
			 -EFAULT);
	tear_down(&fix);
}
END_TEST

START_TEST(destroying_takes_nothing)
{
	rps_tdrv_destroy(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lower tester as driver");
	TCase *tcase = tcase_create("driver");

	tcase_add_loop_test(tcase, a_message_goes_down_to_the_device, 0, 4);
	tcase_add_loop_test(tcase,
			    a_message_may_go_down_in_pieces_and_through_a_table,
			    0, 4);
	tcase_add_loop_test(tcase, a_message_comes_up_from_the_device, 0, 4);
	tcase_add_loop_test(tcase, interrupts_can_be_refused_and_wanted_again,
			    0, 4);
	tcase_add_loop_test(tcase, a_kick_is_needed_once_for_what_was_offered,
			    0, 4);
	tcase_add_loop_test(tcase, a_buffer_is_shown_at_its_moment, 0, 4);
	tcase_add_test(tcase, what_no_ring_could_hold_is_refused);
	tcase_add_test(tcase, destroying_takes_nothing);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
