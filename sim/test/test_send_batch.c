/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages that are shown and told together, and messages that are written
 * where they are to lie.
 */
#include <rps/node.h>

#include <errno.h>
#include <string.h>

#include "node_ends.h"
#include "suite_main.h"

/* Entries of the rings of bus_default.  Either role sends to the other; the loop
 * index says which one. */
#define NUM 4u

static int say(struct rps_node *node, const char *text)
{
	return rps_node_trysend(node, 1, 30, text, strlen(text));
}

START_TEST(a_batch_is_shown_and_told_when_it_ends)
{
	struct ends ends;
	unsigned int before;

	ends_connect(&ends, _i, &bus_default);
	before = ends_told_of_messages(&ends, ends.from);
	rps_node_cork(ends.from);
	rps_node_cork(ends.from);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(say(ends.from, "x"), 0);
	rps_node_uncork(ends.from);
	ck_assert(!rps_node_poll(ends.to));
	ck_assert_uint_eq(ends.inbox.count, 0);
	ck_assert_uint_eq(ends_told_of_messages(&ends, ends.from), before);

	rps_node_uncork(ends.from);
	ck_assert_uint_eq(ends_told_of_messages(&ends, ends.from), before + 1);
	rps_node_poll(ends.to);
	ck_assert_uint_eq(ends.inbox.count, 3);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(an_empty_batch_tells_nothing)
{
	struct ends ends;
	unsigned int before;

	ends_connect(&ends, _i, &bus_default);
	before = ends_told_of_messages(&ends, ends.from);
	rps_node_cork(ends.from);
	rps_node_uncork(ends.from);
	ck_assert_uint_eq(ends_told_of_messages(&ends, ends.from), before);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(a_batch_without_buffers_is_shown_as_far_as_it_got)
{
	struct ends ends;

	ends_connect(&ends, _i, &bus_default);
	rps_node_cork(ends.from);
	for (unsigned int i = 0; i < NUM; i++)
		ck_assert_int_eq(say(ends.from, "x"), 0);
	ck_assert_int_eq(say(ends.from, "y"), -ENOMEM);
	rps_node_poll(ends.to);
	ck_assert_uint_eq(ends.inbox.count, NUM);
	ck_assert_int_eq(say(ends.from, "y"), 0);
	rps_node_uncork(ends.from);
	pair_settle(ends.pair);
	ck_assert_uint_eq(ends.inbox.count, NUM + 1);
	pair_destroy(ends.pair);
}
END_TEST

static enum rps_rx_result answer(struct rps_node *node, struct rps_ept *ept,
				 const struct rps_msg *msg, void *priv)
{
	(void)priv;
	ck_assert_int_eq(
		rps_node_trysend(node, ept->addr, msg->hdr.src, "a", 1), 0);
	return RPS_RX_DONE;
}

START_TEST(answers_of_one_poll_are_told_once)
{
	struct rps_ept back = { .addr = 1, .rx = inbox_rx };
	struct rps_ept there = { .addr = 31, .rx = answer };
	struct inbox inbox = { 0 };
	struct ends ends;
	unsigned int before;

	ends_connect(&ends, _i, &bus_default);
	back.priv = &inbox;
	ck_assert_int_eq(rps_node_create_ept(ends.to, &back), 0);
	ck_assert_int_eq(rps_node_create_ept(ends.from, &there), 0);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(rps_node_trysend(ends.to, 1, 31, "q", 1), 0);

	before = ends_told_of_messages(&ends, ends.from);
	rps_node_poll(ends.from);
	ck_assert_uint_eq(ends_told_of_messages(&ends, ends.from), before + 1);
	rps_node_poll(ends.to);
	ck_assert_uint_eq(inbox.count, 3);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(whoever_polls_is_told_nothing_and_misses_nothing)
{
	struct ends ends;
	unsigned int before;

	ends_connect(&ends, _i, &bus_default);
	rps_node_polled(ends.to, true);
	before = ends_told_of_messages(&ends, ends.from);
	for (unsigned int i = 0; i < 3 * NUM; i++) {
		ck_assert_int_eq(say(ends.from, "x"), 0);
		rps_node_poll(ends.to);
		ck_assert_uint_eq(ends.inbox.count, i + 1);
	}
	ck_assert_uint_eq(ends_told_of_messages(&ends, ends.from), before);

	rps_node_polled(ends.to, false);
	ck_assert(!rps_node_poll(ends.to));
	ck_assert_int_eq(say(ends.from, "x"), 0);
	ck_assert_uint_eq(ends_told_of_messages(&ends, ends.from), before + 1);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(what_is_written_in_place_arrives)
{
	static const uint32_t len_bytes[] = { 0, 1, 496 };
	struct ends ends;

	ends_connect(&ends, _i, &bus_default);
	for (unsigned int i = 0; i < 3; i++) {
		struct rps_room room;

		ck_assert_int_eq(rps_node_get(ends.from, &room), 0);
		ck_assert_uint_eq(room.room_bytes, 496);
		room.payload[0] = (uint8_t)('a' + i);
		ck_assert_int_eq(rps_node_send_room(ends.from, &room, 7, 30,
						    len_bytes[i]),
				 0);
		pair_settle(ends.pair);
		ck_assert_uint_eq(ends.inbox.count, i + 1);
		ck_assert_uint_eq(ends.inbox.src, 7);
		ck_assert_uint_eq(ends.inbox.len_bytes, len_bytes[i]);
		ck_assert_uint_eq(ends.inbox.first, len_bytes[i] ? 'a' + i : 0);
	}
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(a_message_too_long_for_its_room_is_refused_and_can_be_cut)
{
	struct rps_room room;
	struct ends ends;

	ends_connect(&ends, _i, &bus_default);
	ck_assert_int_eq(rps_node_get(ends.from, &room), 0);
	ck_assert_int_eq(rps_node_send_room(ends.from, &room, 7, 30, 497),
			 -EMSGSIZE);
	ck_assert_int_eq(rps_node_send_room(ends.from, &room, RPMSG_ADDR_ANY,
					    30, 1),
			 -EINVAL);
	ck_assert_int_eq(rps_node_send_room(ends.from, &room, 7, 30, 496), 0);
	pair_settle(ends.pair);
	ck_assert_uint_eq(ends.inbox.count, 1);
	pair_destroy(ends.pair);
}
END_TEST

/* FLO-014 */
START_TEST(a_buffer_given_back_unsent_leaves_no_trace)
{
	struct ends ends;
	unsigned int before;

	ends_connect(&ends, _i, &bus_default);
	before = ends_told_of_messages(&ends, ends.from);
	for (unsigned int i = 0; i < 10 * NUM; i++) {
		struct rps_room room[NUM];
		unsigned int num = 1 + i % NUM;

		for (unsigned int n = 0; n < num; n++)
			ck_assert_int_eq(rps_node_get(ends.from, &room[n]), 0);
		for (unsigned int n = 0; n < num; n++)
			rps_node_unget(ends.from, &room[n]);
	}
	ck_assert_uint_eq(ends_told_of_messages(&ends, ends.from), before);
	ck_assert(!rps_node_poll(ends.to));
	ck_assert_uint_eq(ends.to->num_dropped + ends.inbox.count, 0);

	for (unsigned int i = 0; i < NUM; i++)
		ck_assert_int_eq(say(ends.from, "x"), 0);
	ck_assert_int_eq(say(ends.from, "x"), -ENOMEM);
	pair_settle(ends.pair);
	ck_assert_uint_eq(ends.inbox.count, NUM);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(rooms_run_out_with_the_buffers)
{
	struct rps_room room[NUM + 1];
	struct ends ends;

	ends_connect(&ends, _i, &bus_default);
	for (unsigned int i = 0; i < NUM; i++)
		ck_assert_int_eq(rps_node_get(ends.from, &room[i]), 0);
	ck_assert_int_eq(rps_node_get(ends.from, &room[NUM]), -ENOMEM);
	ck_assert_int_eq(say(ends.from, "x"), -ENOMEM);
	/* In another order than they were lent in. */
	for (unsigned int i = NUM; i-- > 0;)
		ck_assert_int_eq(
			rps_node_send_room(ends.from, &room[i], 7, 30, i), 0);
	pair_settle(ends.pair);
	ck_assert_uint_eq(ends.inbox.count, NUM);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(without_a_link_there_is_no_room)
{
	struct node_pair *pair = pair_create(&bus_default);
	struct rps_node *node = _i ? &pair->device : &pair->driver;
	struct rps_room room;

	ck_assert_int_eq(rps_node_get(node, &room), -ENOTCONN);
	pair_destroy(pair);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("send_batch");
	TCase *batch = tcase_create("batches");
	TCase *place = tcase_create("in place");

	tcase_add_loop_test(batch, a_batch_is_shown_and_told_when_it_ends, 0,
			    2);
	tcase_add_loop_test(batch, an_empty_batch_tells_nothing, 0, 2);
	tcase_add_loop_test(
		batch, a_batch_without_buffers_is_shown_as_far_as_it_got, 0, 2);
	tcase_add_loop_test(batch, answers_of_one_poll_are_told_once, 0, 2);
	tcase_add_loop_test(
		batch, whoever_polls_is_told_nothing_and_misses_nothing, 0, 2);
	suite_add_tcase(suite, batch);
	tcase_add_loop_test(place, what_is_written_in_place_arrives, 0, 2);
	tcase_add_loop_test(
		place,
		a_message_too_long_for_its_room_is_refused_and_can_be_cut, 0,
		2);
	tcase_add_loop_test(place, a_buffer_given_back_unsent_leaves_no_trace,
			    0, 2);
	tcase_add_loop_test(place, rooms_run_out_with_the_buffers, 0, 2);
	tcase_add_loop_test(place, without_a_link_there_is_no_room, 0, 2);
	suite_add_tcase(suite, place);
	return suite_main(suite);
}
