/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/node.h>

#include <errno.h>

#include "node_pair.h"
#include "suite_main.h"

#define SECOND UINT64_C(1000000000)
#define START  (7 * SECOND)

/* A sender whose peer keeps every message, so that all buffers are out. */
struct stuck {
	struct node_pair *pair;
	struct rps_node *from;
	struct rps_node *to;
	struct inbox inbox;
	struct rps_ept ept;
};

static void get_stuck(struct stuck *stuck, int role)
{
	struct node_pair *pair = pair_create(&bus_default);

	*stuck = (struct stuck){ .pair = pair };
	stuck->from = role ? &pair->device : &pair->driver;
	stuck->to = role ? &pair->driver : &pair->device;
	stuck->inbox.result = RPS_RX_HOLD;
	pair_connect(pair);
	pair_open(stuck->to, &stuck->ept, 30, &stuck->inbox);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(rps_node_trysend(stuck->from, 1, 30, "x", 1),
				 0);
	pair_settle(pair);
}

static struct rps_send send_of(struct stuck *stuck)
{
	return (struct rps_send){
		.node = stuck->from,
		.src = 1,
		.dst = 30,
		.payload = "y",
		.len_bytes = 1,
	};
}

START_TEST(with_a_buffer_it_goes_at_once)
{
	struct stuck stuck;
	struct rps_send send;

	get_stuck(&stuck, _i);
	rps_node_release(stuck.to, &stuck.inbox.msg);
	send = send_of(&stuck);

	ck_assert_int_eq(rps_send_begin(&send, START), 0);
	ck_assert(!send.waiting);
	pair_settle(stuck.pair);
	ck_assert_uint_eq(stuck.inbox.count, 5);
	pair_destroy(stuck.pair);
}
END_TEST

START_TEST(it_waits_fifteen_seconds_and_no_longer)
{
	struct stuck stuck;
	struct rps_send send;

	get_stuck(&stuck, _i);
	send = send_of(&stuck);

	ck_assert_int_eq(rps_send_begin(&send, START), -EAGAIN);
	ck_assert_int_eq(rps_send_poll(&send, START + 14 * SECOND), -EAGAIN);
	ck_assert_int_eq(rps_send_poll(&send, START + 15 * SECOND - 1),
			 -EAGAIN);
	ck_assert_int_eq(rps_send_poll(&send, START + 15 * SECOND), -ETIMEDOUT);
	ck_assert(!send.waiting);
	ck_assert_uint_eq(stuck.pair->driver.drv.tx_waiters, 0);
	pair_settle(stuck.pair);
	ck_assert_uint_eq(stuck.inbox.count, 4);
	pair_destroy(stuck.pair);
}
END_TEST

START_TEST(a_returned_buffer_is_told_and_ends_the_wait)
{
	unsigned int queue = _i ? RPS_QUEUE_RX : RPS_QUEUE_TX;
	struct stuck stuck;
	struct rps_send send;
	unsigned int told;

	get_stuck(&stuck, _i);
	send = send_of(&stuck);
	ck_assert_int_eq(rps_send_begin(&send, START), -EAGAIN);
	told = stuck.pair->bus->irqs[queue] + stuck.pair->bus->kicks[queue];
	rps_node_release(stuck.to, &stuck.inbox.msg);

	ck_assert_uint_eq(stuck.pair->bus->irqs[queue] +
				  stuck.pair->bus->kicks[queue],
			  told + 1);
	ck_assert_int_eq(rps_send_poll(&send, START + SECOND), 0);
	pair_settle(stuck.pair);
	ck_assert_uint_eq(stuck.inbox.first, 'y');
	pair_destroy(stuck.pair);
}
END_TEST

START_TEST(a_buffer_at_the_last_moment_still_counts)
{
	struct stuck stuck;
	struct rps_send send;

	get_stuck(&stuck, _i);
	send = send_of(&stuck);
	ck_assert_int_eq(rps_send_begin(&send, START), -EAGAIN);
	rps_node_release(stuck.to, &stuck.inbox.msg);

	ck_assert_int_eq(rps_send_poll(&send, START + 16 * SECOND), 0);
	pair_destroy(stuck.pair);
}
END_TEST

START_TEST(an_error_is_no_reason_to_wait)
{
	struct stuck stuck;
	struct rps_send send;

	get_stuck(&stuck, _i);
	send = send_of(&stuck);
	send.dst = RPMSG_ADDR_ANY;
	ck_assert_int_eq(rps_send_begin(&send, START), -EINVAL);
	ck_assert(!send.waiting);
	send = send_of(&stuck);
	rps_node_stop(stuck.from);
	ck_assert_int_eq(rps_send_begin(&send, START), -ENOTCONN);
	pair_destroy(stuck.pair);
}
END_TEST

START_TEST(a_link_that_goes_down_ends_the_wait)
{
	struct stuck stuck;
	struct rps_send send;

	get_stuck(&stuck, _i);
	send = send_of(&stuck);
	ck_assert_int_eq(rps_send_begin(&send, START), -EAGAIN);
	rps_node_stop(stuck.from);

	ck_assert_int_eq(rps_send_poll(&send, START + SECOND), -ENOTCONN);
	ck_assert(!send.waiting);
	pair_destroy(stuck.pair);
}
END_TEST

START_TEST(a_cancelled_wait_is_forgotten)
{
	struct stuck stuck;
	struct rps_send send[2];

	get_stuck(&stuck, _i);
	for (unsigned int i = 0; i < 2; i++) {
		send[i] = send_of(&stuck);
		ck_assert_int_eq(rps_send_begin(&send[i], START), -EAGAIN);
	}
	rps_send_cancel(&send[0]);
	rps_send_cancel(&send[0]);
	ck_assert_uint_eq(stuck.pair->driver.drv.tx_waiters, _i ? 0 : 1);
	rps_send_cancel(&send[1]);
	ck_assert_uint_eq(stuck.pair->driver.drv.tx_waiters, 0);
	pair_destroy(stuck.pair);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("send");
	TCase *tcase = tcase_create("both roles");

	tcase_add_loop_test(tcase, with_a_buffer_it_goes_at_once, 0, 2);
	tcase_add_loop_test(tcase, it_waits_fifteen_seconds_and_no_longer, 0,
			    2);
	tcase_add_loop_test(tcase, a_returned_buffer_is_told_and_ends_the_wait,
			    0, 2);
	tcase_add_loop_test(tcase, a_buffer_at_the_last_moment_still_counts, 0,
			    2);
	tcase_add_loop_test(tcase, an_error_is_no_reason_to_wait, 0, 2);
	tcase_add_loop_test(tcase, a_link_that_goes_down_ends_the_wait, 0, 2);
	tcase_add_loop_test(tcase, a_cancelled_wait_is_forgotten, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
