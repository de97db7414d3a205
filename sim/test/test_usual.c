/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arrays of messages, in and out; what an observer hears of a node that took
 * the short way before.
 */
#include <rps/node.h>
#include <rps/probe.h>

#include <errno.h>
#include <string.h>

#include "node_ends.h"
#include "suite_main.h"

/* Entries of the rings of bus_default, and bytes that its buffers take.  Either
 * role sends to the other; the loop index says which one. */
#define NUM        4u
#define ROOM_BYTES (BUS_BUF_BYTES - RPMSG_HDR_BYTES)

/* All that a copy may take another way for, and the ends of each. */
static const size_t length[] = { 0,  1,  2,  3,  4,  7,  8,  15,  16,
				 31, 32, 33, 63, 64, 65, 99, 495, ROOM_BYTES };

#define NUM_LENGTHS (sizeof(length) / sizeof(length[0]))

static void fill(uint8_t *bytes, size_t len_bytes, uint8_t seed)
{
	for (size_t i = 0; i < len_bytes; i++)
		bytes[i] = (uint8_t)(seed + 7 * i);
}

START_TEST(messages_of_every_length_arrive_as_they_were_sent)
{
	size_t len_bytes = length[(unsigned int)_i / 2];
	uint8_t wanted[ROOM_BYTES];
	struct ends ends;
	struct rps_out out[2] = { { wanted, len_bytes },
				  { wanted, len_bytes } };

	ends_connect(&ends, _i % 2, &bus_default);
	/* More rounds than entries: each buffer is used again. */
	for (uint8_t round = 0; round < 3 * NUM; round++) {
		struct rps_in in[NUM];

		fill(wanted, len_bytes, round);
		ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, out, 2),
				 2);
		ck_assert_int_eq(rps_node_trysend(ends.from, 2, 30, wanted,
						  len_bytes),
				 0);
		ck_assert_uint_eq(rps_node_receive(ends.to, in, NUM), 3);
		for (unsigned int i = 0; i < 3; i++) {
			ck_assert_ptr_eq(in[i].ept, &ends.ept);
			ck_assert_uint_eq(in[i].msg.hdr.src, i < 2 ? 1 : 2);
			ck_assert_uint_eq(in[i].msg.hdr.len_bytes, len_bytes);
			ck_assert_mem_eq(in[i].msg.payload, wanted, len_bytes);
		}
		ck_assert(!rps_node_done(ends.to, in, 3));
		pair_settle(ends.pair);
	}
	ck_assert_uint_eq(ends.inbox.count, 0);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(lengths_that_differ_are_no_matter)
{
	uint8_t bytes[ROOM_BYTES];
	struct ends ends;

	ends_connect(&ends, _i, &bus_default);
	fill(bytes, sizeof(bytes), 1);
	for (unsigned int i = 0; i < 4 * NUM_LENGTHS; i++) {
		size_t len_bytes = length[5 * i % NUM_LENGTHS];
		struct rps_out out = { bytes, len_bytes };
		struct rps_in in;

		ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, &out, 1),
				 1);
		ck_assert_uint_eq(rps_node_receive(ends.to, &in, 1), 1);
		ck_assert_uint_eq(in.msg.hdr.len_bytes, len_bytes);
		ck_assert_mem_eq(in.msg.payload, bytes, len_bytes);
		ck_assert(!rps_node_done(ends.to, &in, 1));
	}
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(a_batch_is_told_once_by_each_end)
{
	struct rps_out out[3] = { { "a", 1 }, { "b", 1 }, { "c", 1 } };
	struct rps_in in[NUM];
	struct ends ends;
	unsigned int from;
	unsigned int to;

	ends_connect(&ends, _i, &bus_default);
	from = ends_told(&ends, ends.from);
	to = ends_told(&ends, ends.to);
	ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, out, 3), 3);
	ck_assert_uint_eq(ends_told(&ends, ends.from), from + 1);
	ck_assert_uint_eq(rps_node_receive(ends.to, in, NUM), 3);
	ck_assert_uint_eq(ends_told(&ends, ends.to), to);
	ck_assert(!rps_node_done(ends.to, in, 3));
	ck_assert_uint_le(ends_told(&ends, ends.to), to + 1);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(a_batch_goes_as_far_as_it_can)
{
	static const uint8_t bytes[ROOM_BYTES + 1];
	struct rps_out out[NUM + 1];
	struct rps_in in[NUM + 1];
	struct ends ends;

	ends_connect(&ends, _i, &bus_default);
	for (unsigned int i = 0; i < NUM + 1; i++)
		out[i] = (struct rps_out){ bytes, 9 };
	out[2].len_bytes = ROOM_BYTES + 1;
	ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, &out[2], 1),
			 -EMSGSIZE);
	ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, out, NUM), 2);
	out[2].len_bytes = 9;
	ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, out, NUM), 2);
	ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, out, 1),
			 -ENOMEM);
	ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, out, 0), 0);
	ck_assert_int_eq(rps_node_send_batch(ends.from, RPMSG_ADDR_ANY, 30, out,
					     1),
			 -EINVAL);

	ck_assert_uint_eq(rps_node_receive(ends.to, in, NUM + 1), NUM);
	ck_assert(!rps_node_done(ends.to, in, NUM));
	ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, out, NUM + 1),
			 NUM);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(what_is_not_for_the_caller_is_dealt_with)
{
	struct rps_ept named = { .addr = 40, .name = "x", .rx = inbox_rx };
	struct rps_in in[NUM];
	struct ends ends;

	ends_connect(&ends, _i, &bus_default);
	named.priv = &ends.inbox;
	ck_assert_int_eq(rps_node_create_ept(ends.from, &named), 0);
	ck_assert_int_eq(rps_node_announce(ends.from, &named), 0);
	ck_assert_int_eq(rps_node_trysend(ends.from, 1, 31, "to nobody", 9), 0);
	ck_assert_int_eq(rps_node_trysend(ends.from, 1, 30, "x", 1), 0);

	ck_assert_uint_eq(rps_node_receive(ends.to, in, NUM), 1);
	ck_assert_ptr_eq(in[0].ept, &ends.ept);
	ck_assert_uint_eq(ends.to->num_dropped, 1);
	ck_assert_ptr_nonnull(
		rps_chan_find(&ends.to->chans, "x", RPMSG_ADDR_ANY, 40));
	ck_assert(!rps_node_done(ends.to, in, 1));
	pair_settle(ends.pair);
	ck_assert_uint_eq(ends.inbox.count, 0);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(buffers_come_back_in_any_order_and_not_all_at_once)
{
	struct rps_out out[NUM] = {
		{ "0", 1 }, { "1", 1 }, { "2", 1 }, { "3", 1 }
	};
	struct ends ends;

	ends_connect(&ends, _i, &bus_default);
	for (unsigned int round = 0; round < 5; round++) {
		struct rps_in in[NUM];
		struct rps_in back[NUM];

		ck_assert_int_eq(
			rps_node_send_batch(ends.from, 1, 30, out, NUM), NUM);
		ck_assert_uint_eq(rps_node_receive(ends.to, in, 1), 1);
		ck_assert_uint_eq(rps_node_receive(ends.to, &in[1], NUM), 3);
		ck_assert_uint_eq(rps_node_receive(ends.to, back, NUM), 0);
		for (unsigned int i = 0; i < NUM; i++)
			back[i] = in[NUM - 1 - i];
		ck_assert(!rps_node_done(ends.to, back, 3));
		ck_assert(!rps_node_done(ends.to, &back[3], 1));
	}
	pair_destroy(ends.pair);
}
END_TEST

/* A device that gives back what it has given back already. */
START_TEST(a_buffer_that_is_held_does_not_come_twice)
{
	struct rps_out out[2] = { { "a", 1 }, { "b", 1 } };
	struct vring_used_elem *elem;
	struct rps_in in[NUM];
	struct ends ends;
	struct vring *ring;

	ends_connect(&ends, RPS_ROLE_DEVICE, &bus_default);
	ring = &ends.to->drv.rx.ring;
	ck_assert_int_eq(rps_node_send_batch(ends.from, 1, 30, out, 2), 2);
	elem = ring->used->ring;
	elem[1].id = elem[0].id;

	ck_assert_uint_eq(rps_node_receive(ends.to, in, NUM), 1);
	ck_assert_uint_eq(rps_node_receive(ends.to, &in[1], NUM), 0);
	ck_assert(rps_vdrv_is_broken(&ends.to->drv.rx));
	ck_assert(!rps_node_done(ends.to, in, 1));
	ck_assert(!rps_node_poll(ends.to));
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(without_a_link_nothing_is_sent_or_received)
{
	struct node_pair *pair = pair_create(&bus_default);
	struct rps_node *node = _i ? &pair->device : &pair->driver;
	struct rps_out out = { "x", 1 };
	struct rps_in in;

	ck_assert_int_eq(rps_node_send_batch(node, 1, 30, &out, 1), -ENOTCONN);
	ck_assert_uint_eq(rps_node_receive(node, &in, 1), 0);
	ck_assert(!rps_node_done(node, &in, 0));
	pair_destroy(pair);
}
END_TEST

static void count_messages(void *priv, enum rps_event event, uint64_t a,
			   uint64_t b, uint64_t c)
{
	unsigned int *count = priv;

	(void)a;
	(void)b;
	(void)c;
	if (event == RPS_EVENT_message_send ||
	    event == RPS_EVENT_message_deliver)
		(*count)++;
}

START_TEST(an_observer_may_come_and_go)
{
	unsigned int count = 0;
	struct rps_probe probe = { count_messages, &count };
	struct ends ends;

	ends_connect(&ends, _i, &bus_default);
	for (unsigned int round = 0; round < 3; round++) {
		const struct rps_probe *now = round == 1 ? &probe : NULL;

		ends.from->mem->probe = now;
		ends.to->mem->probe = now;
		rps_node_observed(ends.from);
		rps_node_observed(ends.to);
		ck_assert_int_eq(rps_node_trysend(ends.from, 1, 30, "x", 1), 0);
		(void)rps_node_poll(ends.to);
	}
	ck_assert_uint_eq(ends.inbox.count, 3);
	ck_assert_uint_eq(count, 2);
	pair_destroy(ends.pair);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("usual");
	TCase *tcase = tcase_create("arrays");

	tcase_add_loop_test(tcase,
			    messages_of_every_length_arrive_as_they_were_sent,
			    0, 2 * (int)NUM_LENGTHS);
	tcase_add_loop_test(tcase, lengths_that_differ_are_no_matter, 0, 2);
	tcase_add_loop_test(tcase, a_batch_is_told_once_by_each_end, 0, 2);
	tcase_add_loop_test(tcase, a_batch_goes_as_far_as_it_can, 0, 2);
	tcase_add_loop_test(tcase, what_is_not_for_the_caller_is_dealt_with, 0,
			    2);
	tcase_add_loop_test(tcase,
			    buffers_come_back_in_any_order_and_not_all_at_once,
			    0, 2);
	tcase_add_test(tcase, a_buffer_that_is_held_does_not_come_twice);
	tcase_add_loop_test(tcase, without_a_link_nothing_is_sent_or_received,
			    0, 2);
	tcase_add_loop_test(tcase, an_observer_may_come_and_go, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
