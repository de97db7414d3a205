/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The upper tester: our hands on a reference end, whichever it is.
 */
#include <rps/iut.h>

#include <errno.h>

#include "suite_main.h"
#include "world_fixture.h"

#define SECOND UINT64_C(1000000000)

START_TEST(endpoints_are_opened_and_closed)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int first = rps_iut_open(world, end, "a", ANY, ANY);
	int second = rps_iut_open(world, end, "b", 30, ANY);

	ck_assert_uint_eq(rps_iut_addr(world, end, first), 1024);
	ck_assert_uint_eq(rps_iut_addr(world, end, second), 30);
	ck_assert_int_eq(rps_iut_open(world, end, "c", 30, ANY), -EADDRINUSE);
	ck_assert_int_eq(rps_iut_close(world, end, second), 0);
	ck_assert_int_eq(rps_iut_close(world, end, second), -EBADF);
	ck_assert_uint_eq(rps_iut_addr(world, end, second), ANY);
	rps_world_destroy(world);
}
END_TEST

static const int bad_handle[] = { -1, 0, 1, 2047, 2048, 5000, INT32_MAX };

START_TEST(a_handle_of_nothing_is_refused_everywhere)
{
	struct rps_world *world = running_world(&both_ends);
	int handle = bad_handle[_i / 2];
	uint32_t end = (uint32_t)_i % 2;
	uint32_t src;

	ck_assert_int_eq(rps_iut_close(world, end, handle), -EBADF);
	ck_assert_uint_eq(rps_iut_addr(world, end, handle), ANY);
	ck_assert_int_eq(rps_iut_announce(world, end, handle), -EBADF);
	ck_assert_int_eq(rps_iut_withdraw(world, end, handle), -EBADF);
	ck_assert_int_eq(rps_iut_trysend(world, end, handle, 30, "x", 1),
			 -EBADF);
	ck_assert_int_eq(rps_iut_send_start(world, end, handle, 30, "x", 1),
			 -EBADF);
	ck_assert_int_eq(rps_iut_send_result(world, end, handle), -EBADF);
	ck_assert_int_eq(rps_iut_recv(world, end, handle, &src, NULL, 0),
			 -EAGAIN);
	ck_assert_int_eq(rps_iut_hold(world, end, handle, true), -EBADF);
	rps_world_destroy(world);
}
END_TEST

START_TEST(an_endpoint_without_destination_cannot_send)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int handle = open_at(world, end, 30);
	int bound = rps_iut_open(world, end, "", 31, 40);
	int peer = open_at(world, 1 - end, 40);

	ck_assert_int_eq(rps_iut_trysend(world, end, handle, ANY, "x", 1),
			 -EINVAL);
	ck_assert_int_eq(rps_iut_trysend(world, end, bound, ANY, "y", 1), 0);
	expect_text(world, 1 - end, peer, "y");
	rps_world_destroy(world);
}
END_TEST

START_TEST(off_channel_addresses_go_out_as_they_are)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int peer = open_at(world, 1 - end, 40);
	char text[4];
	uint32_t src;

	ck_assert_int_eq(rps_iut_sendoff(world, end, 4000, 40, "x", 1), 0);
	ck_assert_int_eq(rps_iut_recv(world, 1 - end, peer, &src, text, 4), 1);
	ck_assert_uint_eq(src, 4000);
	ck_assert_int_eq(rps_iut_sendoff(world, end, ANY, 40, "x", 1), -EINVAL);
	rps_world_destroy(world);
}
END_TEST

START_TEST(each_handle_reads_its_own_messages_in_order)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int a = open_at(world, end, 30);
	int b = open_at(world, end, 31);
	const char *said[] = { "a1", "b1", "a2", "b2", "a3" };

	for (unsigned int i = 0; i < 5; i++)
		ck_assert_int_eq(rps_iut_sendoff(world, 1 - end, 1,
						 said[i][0] == 'a' ? 30 : 31,
						 said[i], 2),
				 0);
	expect_text(world, end, b, "b1");
	expect_text(world, end, a, "a1");
	expect_text(world, end, b, "b2");
	expect_text(world, end, a, "a2");
	expect_text(world, end, a, "a3");
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_message_longer_than_the_room_is_cut_and_gone)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int handle = open_at(world, end, 30);
	char text[5] = "----";
	uint32_t src;

	ck_assert_int_eq(rps_iut_sendoff(world, 1 - end, 1, 30, "abcdef", 6),
			 0);
	ck_assert_int_eq(rps_iut_recv(world, end, handle, &src, text, 3), 6);
	ck_assert_str_eq(text, "abc-");
	ck_assert_int_eq(rps_iut_recv(world, end, handle, &src, text, 3),
			 -EAGAIN);
	rps_world_destroy(world);
}
END_TEST

START_TEST(messages_read_too_late_are_counted)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int handle = open_at(world, end, 30);
	struct rps_iut_stats stats;

	for (unsigned int i = 0; i < 1030; i++)
		ck_assert_int_eq(rps_iut_sendoff(world, 1 - end, 1, 30, "x", 1),
				 0);
	rps_iut_get_stats(world, end, &stats);
	ck_assert_uint_eq(stats.inbox_lost, 6);
	expect_text(world, end, handle, "x");
	rps_world_destroy(world);
}
END_TEST

/* --- keeping buffers and waiting for them */

static int use_up_buffers(struct rps_world *world, uint32_t end)
{
	int keeper = open_at(world, 1 - end, 40);
	int sender = open_at(world, end, 30);

	ck_assert_int_eq(rps_iut_hold(world, 1 - end, keeper, true), 0);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(
			rps_iut_trysend(world, end, sender, 40, "x", 1), 0);
	ck_assert_int_eq(rps_iut_trysend(world, end, sender, 40, "x", 1),
			 -ENOMEM);
	return sender;
}

START_TEST(a_kept_buffer_can_be_given_back)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int sender = use_up_buffers(world, end);

	ck_assert_int_eq(rps_iut_release(world, 1 - end, 4), -ENOENT);
	ck_assert_int_eq(rps_iut_release(world, 1 - end, 2), 0);
	ck_assert_int_eq(rps_iut_trysend(world, end, sender, 40, "y", 1), 0);
	ck_assert_int_eq(rps_iut_trysend(world, end, sender, 40, "y", 1),
			 -ENOMEM);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_blocked_sender_goes_on_with_the_first_buffer)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int sender = use_up_buffers(world, end);
	int send = rps_iut_send_start(world, end, sender, 40, "y", 1);

	ck_assert_int_eq(rps_iut_send_result(world, end, send), -EINPROGRESS);
	ck_assert_int_eq(rps_iut_release(world, 1 - end, 0), 0);
	ck_assert_int_eq(rps_iut_send_result(world, end, send), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_blocked_sender_gives_up_after_fifteen_seconds)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int sender = use_up_buffers(world, end);
	int send = rps_iut_send_start(world, end, sender, 40, "y", 1);

	ck_assert_int_ge(rps_world_advance(world, 15 * SECOND - 1, WORLD_STEPS),
			 0);
	ck_assert_int_eq(rps_iut_send_result(world, end, send), -EINPROGRESS);
	ck_assert_int_ge(rps_world_advance(world, 1, WORLD_STEPS), 0);
	ck_assert_int_eq(rps_iut_send_result(world, end, send), -ETIMEDOUT);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_blocked_sender_ends_with_the_link)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int sender = use_up_buffers(world, end);
	int send = rps_iut_send_start(world, end, sender, 40, "y", 1);

	ck_assert_int_eq(rps_iut_remove(world), 0);
	ck_assert_int_eq(rps_iut_send_result(world, end, send), -ENOTCONN);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_second_probe_starts_from_the_beginning)
{
	struct rps_world *world = running_world(&both_ends);
	int sender = use_up_buffers(world, RPS_END_DRIVER);
	int send =
		rps_iut_send_start(world, RPS_END_DRIVER, sender, 40, "y", 1);

	ck_assert_int_eq(rps_iut_probe(world), 0);
	ck_assert_int_eq(rps_iut_send_result(world, RPS_END_DRIVER, send),
			 -ENOTCONN);
	ck_assert_int_eq(
		rps_iut_trysend(world, RPS_END_DRIVER, sender, 40, "x", 1), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(an_empty_message_needs_no_memory)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int sender = open_at(world, end, 30);
	int peer = open_at(world, 1 - end, 40);
	uint32_t src;
	int send;

	ck_assert_int_eq(rps_iut_trysend(world, end, sender, 40, NULL, 0), 0);
	send = rps_iut_send_start(world, end, sender, 40, NULL, 0);
	ck_assert_int_eq(rps_iut_send_result(world, end, send), 0);
	for (unsigned int i = 0; i < 2; i++)
		ck_assert_int_eq(
			rps_iut_recv(world, 1 - end, peer, &src, NULL, 0), 0);
	rps_world_destroy(world);
}
END_TEST

/* --- channels */

START_TEST(borrowed_buffers_are_kept_by_number)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = _i ? RPS_END_DEVICE : RPS_END_DRIVER;
	int ept = open_at(world, end, 40);
	int room[2];

	ck_assert_int_eq(rps_iut_unget(world, end, 0), -EBADF);
	ck_assert_int_eq(rps_iut_unget(world, end, -1), -EBADF);
	ck_assert_int_eq(rps_iut_unget(world, end, 64), -EBADF);
	for (unsigned int i = 0; i < 2; i++) {
		room[i] = rps_iut_get(world, end);
		ck_assert_int_eq(room[i], i);
	}
	ck_assert_int_eq(rps_iut_send_room(world, end, 0, ept + 1, "x", 1),
			 -EBADF);
	/* An endpoint without a destination cannot send; nothing is lost. */
	ck_assert_int_eq(rps_iut_send_room(world, end, 0, ept, "x", 1),
			 -EINVAL);
	ck_assert_int_eq(rps_iut_send_room(world, end, 0, ept, world, 4000),
			 -EMSGSIZE);
	ck_assert_int_eq(rps_iut_unget(world, end, 0), 0);
	ck_assert_int_eq(rps_iut_unget(world, end, 0), -EBADF);
	ck_assert_int_eq(rps_iut_get(world, end), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_borrowed_buffer_is_sent)
{
	struct rps_world *world = running_world(&both_ends);
	int to = open_at(world, RPS_END_DEVICE, 30);
	int from = rps_iut_open(world, RPS_END_DRIVER, "x", 40, 30);

	ck_assert_int_eq(rps_iut_get(world, RPS_END_DRIVER), 0);
	ck_assert_int_eq(rps_iut_send_room(world, RPS_END_DRIVER, 0, from,
					   "in place", 8),
			 0);
	settle(world);

	expect_text(world, RPS_END_DEVICE, to, "in place");
	ck_assert_int_eq(rps_iut_unget(world, RPS_END_DRIVER, 0), -EBADF);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_served_channel_can_be_talked_to)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	int announced = rps_iut_open(world, 1 - end, "echo", ANY, ANY);
	struct rps_chan_info chan;

	ck_assert_int_eq(rps_iut_serve(world, end, "echo"), 0);
	ck_assert_int_eq(rps_iut_announce(world, 1 - end, announced), 0);
	ck_assert_int_eq(rps_iut_chans(world, end, &chan, 1), 1);
	ck_assert_str_eq(chan.name, "echo");
	ck_assert_uint_eq(chan.dst, 1024);
	ck_assert_uint_eq(chan.src, ANY);
	ck_assert_int_ge(chan.handle, 0);

	ck_assert_int_eq(rps_iut_trysend(world, end, chan.handle, ANY, "hi", 2),
			 0);
	expect_text(world, 1 - end, announced, "hi");
	ck_assert_int_eq(rps_iut_trysend(world, 1 - end, announced, chan.addr,
					 "ho", 2),
			 0);
	expect_text(world, end, chan.handle, "ho");
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_channel_nobody_serves_is_listed_unbound)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	struct rps_chan_info chan;

	ck_assert_int_eq(rps_iut_open_chan(world, end, "lonely", ANY, 77), 0);
	ck_assert_int_eq(rps_iut_chans(world, end, &chan, 1), 1);
	ck_assert_int_eq(chan.handle, -1);
	ck_assert_uint_eq(chan.addr, ANY);
	ck_assert_int_eq(rps_iut_chans(world, end, NULL, 0), 1);
	ck_assert_int_eq(rps_iut_close_chan(world, end, "lonely", ANY, 77), 0);
	ck_assert_int_eq(rps_iut_chans(world, end, NULL, 0), 0);
	ck_assert_int_eq(rps_iut_close_chan(world, end, "lonely", ANY, 77),
			 -ENOENT);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_thousand_endpoints_have_a_thousand_addresses)
{
	struct rps_world *world = running_world(&both_ends);
	uint32_t end = (uint32_t)_i;
	struct rps_iut_stats stats;

	for (uint32_t i = 0; i < 1000; i++) {
		int handle = open_at(world, end, ANY);

		ck_assert_uint_eq(rps_iut_addr(world, end, handle), 1024 + i);
	}
	rps_iut_get_stats(world, end, &stats);
	ck_assert_uint_eq(stats.epts, 1000);
	rps_world_destroy(world);
}
END_TEST

static TCase *message_tests(void)
{
	TCase *tcase = tcase_create("messages");

	tcase_add_loop_test(tcase, endpoints_are_opened_and_closed, 0, 2);
	tcase_add_loop_test(tcase, a_handle_of_nothing_is_refused_everywhere, 0,
			    2 * ARRAY_SIZE(bad_handle));
	tcase_add_loop_test(tcase, an_endpoint_without_destination_cannot_send,
			    0, 2);
	tcase_add_loop_test(tcase, off_channel_addresses_go_out_as_they_are, 0,
			    2);
	tcase_add_loop_test(tcase, each_handle_reads_its_own_messages_in_order,
			    0, 2);
	tcase_add_loop_test(
		tcase, a_message_longer_than_the_room_is_cut_and_gone, 0, 2);
	tcase_add_loop_test(tcase, messages_read_too_late_are_counted, 0, 2);
	tcase_add_loop_test(tcase, an_empty_message_needs_no_memory, 0, 2);
	return tcase;
}

static TCase *waiting_tests(void)
{
	TCase *tcase = tcase_create("waiting");

	tcase_add_loop_test(tcase, a_kept_buffer_can_be_given_back, 0, 2);
	tcase_add_loop_test(
		tcase, a_blocked_sender_goes_on_with_the_first_buffer, 0, 2);
	tcase_add_loop_test(
		tcase, a_blocked_sender_gives_up_after_fifteen_seconds, 0, 2);
	tcase_add_loop_test(tcase, a_blocked_sender_ends_with_the_link, 0, 2);
	tcase_add_test(tcase, a_second_probe_starts_from_the_beginning);
	return tcase;
}

static TCase *channel_tests(void)
{
	TCase *tcase = tcase_create("channels");

	tcase_add_loop_test(tcase, a_served_channel_can_be_talked_to, 0, 2);
	tcase_add_loop_test(tcase, borrowed_buffers_are_kept_by_number, 0, 2);
	tcase_add_test(tcase, a_borrowed_buffer_is_sent);
	tcase_add_loop_test(tcase, a_channel_nobody_serves_is_listed_unbound, 0,
			    2);
	tcase_add_loop_test(
		tcase, a_thousand_endpoints_have_a_thousand_addresses, 0, 2);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("upper tester");

	suite_add_tcase(suite, message_tests());
	suite_add_tcase(suite, waiting_tests());
	suite_add_tcase(suite, channel_tests());
	return suite_main(suite);
}
