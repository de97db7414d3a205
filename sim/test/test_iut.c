/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reference end against a tester that does what it likes.
 */
#include <rps/iut.h>

#include <errno.h>
#include <stdlib.h>

#include "../world/iut_priv.h"
#include "suite_main.h"
#include "world_fixture.h"

/* A reference device, and the driver in our hands. */
struct fixture {
	struct rps_world *world;
	struct rps_tdrv *tdrv;
	struct rps_world_place place;
	int ept;
};

static struct fixture device_end(void)
{
	struct rps_world_config config = both_ends;
	struct fixture fix;

	config.driver = false;
	config.features = F_NS;
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

/* Sends @len_bytes bytes in one buffer in the spare memory. */
static void say(struct fixture *fix, uint16_t len_bytes)
{
	struct rps_tester_seg seg = { fix->place.spare, 16u + len_bytes, 0 };
	uint8_t hdr[16];

	rps_codec_hdr(false, 7, 30, 0, len_bytes, 0, hdr);
	ck_assert_int_eq(rps_tdrv_write(fix->tdrv, seg.addr, hdr, 16), 0);
	for (uint32_t i = 0; i < len_bytes; i++) {
		uint8_t byte = (uint8_t)i;

		ck_assert_int_eq(rps_tdrv_write(fix->tdrv, seg.addr + 16 + i,
						&byte, 1),
				 0);
	}
	ck_assert_int_eq(rps_tdrv_offer(fix->tdrv, 1, &seg, 1, 0, 0), 0);
	rps_world_kick(fix->world, 1);
	settle(fix->world);
}

/* Around what an inbox keeps of a message. */
static const uint16_t length[] = { 0, 1, 496, 4095, 4096, 4097, 20000, 65519 };

START_TEST(a_message_of_any_length_stays_inside_the_inbox)
{
	struct fixture fix = device_end();
	static uint8_t payload[UINT16_MAX];
	uint32_t kept =
		length[_i] < IUT_PAYLOAD_MAX ? length[_i] : IUT_PAYLOAD_MAX;
	uint32_t src;

	say(&fix, length[_i]);
	say(&fix, 3);

	memset(payload, 0xee, sizeof(payload));
	ck_assert_int_eq(rps_iut_recv(fix.world, RPS_END_DEVICE, fix.ept, &src,
				      payload, sizeof(payload)),
			 length[_i]);
	for (uint32_t i = 0; i < kept; i++)
		ck_assert_uint_eq(payload[i], (uint8_t)i);
	ck_assert_uint_eq(payload[kept], 0xee);
	ck_assert_int_eq(rps_iut_recv(fix.world, RPS_END_DEVICE, fix.ept, &src,
				      payload, sizeof(payload)),
			 3);
	tear_down(&fix);
}
END_TEST

START_TEST(handles_of_channels_follow_those_of_endpoints)
{
	struct rps_world *world = running_world(&both_ends);
	struct iut *iut = world->actor[RPS_END_DEVICE].iut;

	for (unsigned int i = 0; i < IUT_CHANS_MAX; i++) {
		const struct rps_ept *ept = &iut->chan_slot[i].ept;

		ck_assert_int_eq(iut_chan_handle(iut, ept),
				 (int)(IUT_EPTS_MAX + i));
	}
	rps_world_destroy(world);
}
END_TEST

START_TEST(rings_that_cannot_be_are_not_served)
{
	struct fixture fix = device_end();
	struct rps_iut_stats stats;

	rps_world_set_status(fix.world, 0);
	for (uint32_t q = 0; q < 2; q++)
		rps_world_set_queue(fix.world, q, 3, fix.place.desc[q],
				    fix.place.avail[q], fix.place.used[q]);
	rps_world_set_status(fix.world, 7);
	settle(fix.world);

	rps_iut_get_stats(fix.world, RPS_END_DEVICE, &stats);
	ck_assert(!stats.ready);
	ck_assert_int_eq(rps_iut_trysend(fix.world, RPS_END_DEVICE, fix.ept, 7,
					 "x", 1),
			 -ENOTCONN);
	tear_down(&fix);
}
END_TEST

START_TEST(a_reset_ends_what_was_kept)
{
	struct fixture fix = device_end();

	ck_assert_int_eq(rps_iut_hold(fix.world, RPS_END_DEVICE, fix.ept, true),
			 0);
	say(&fix, 1);
	rps_world_set_status(fix.world, 0);
	settle(fix.world);

	ck_assert_int_eq(rps_iut_release(fix.world, RPS_END_DEVICE, 0),
			 -ENOENT);
	tear_down(&fix);
}
END_TEST

START_TEST(more_kept_than_there_is_room_for_goes_back)
{
	struct fixture fix = device_end();
	struct rps_tdrv_used used;

	ck_assert_int_eq(rps_iut_hold(fix.world, RPS_END_DEVICE, fix.ept, true),
			 0);
	say(&fix, 1);
	ck_assert_int_eq(rps_tdrv_reclaim(fix.tdrv, 1, &used), -EAGAIN);
	fix.world->actor[RPS_END_DEVICE].iut->num_held = IUT_HELD_MAX;
	say(&fix, 1);
	ck_assert_int_eq(rps_tdrv_reclaim(fix.tdrv, 1, &used), 0);
	tear_down(&fix);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iut");
	TCase *tcase = tcase_create("iut");

	tcase_add_loop_test(tcase,
			    a_message_of_any_length_stays_inside_the_inbox, 0,
			    ARRAY_SIZE(length));
	tcase_add_test(tcase, handles_of_channels_follow_those_of_endpoints);
	tcase_add_test(tcase, rings_that_cannot_be_are_not_served);
	tcase_add_test(tcase, a_reset_ends_what_was_kept);
	tcase_add_test(tcase, more_kept_than_there_is_room_for_goes_back);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
