/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/node.h>

#include <errno.h>

#include "node_pair.h"
#include "suite_main.h"

/* Either role sends to the other; the loop index says which one. */
struct ends {
	struct rps_node *from;
	struct rps_node *to;
};

static struct ends ends_of(struct node_pair *pair, int i)
{
	if (i % 2)
		return (struct ends){ &pair->device, &pair->driver };
	return (struct ends){ &pair->driver, &pair->device };
}

static struct node_pair *connected(void)
{
	struct node_pair *pair = pair_create(&bus_default);

	pair_connect(pair);
	return pair;
}

static int say(struct rps_node *node, uint32_t src, uint32_t dst, uint8_t byte)
{
	return rps_node_trysend(node, src, dst, &byte, 1);
}

START_TEST(a_message_arrives_at_the_endpoint_it_is_for)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox[2] = { 0 };
	struct rps_ept ept[2];

	pair_open(ends.to, &ept[0], 30, &inbox[0]);
	pair_open(ends.to, &ept[1], 31, &inbox[1]);
	ck_assert_int_eq(say(ends.from, 4000, 31, 'x'), 0);
	pair_settle(pair);

	ck_assert_uint_eq(inbox[0].count, 0);
	ck_assert_uint_eq(inbox[1].count, 1);
	ck_assert_uint_eq(inbox[1].src, 4000);
	ck_assert_uint_eq(inbox[1].first, 'x');
	pair_destroy(pair);
}
END_TEST

START_TEST(a_destination_is_adopted_once_and_on_request)
{
	struct node_pair *pair = pair_create(&bus_default);
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	ends.to->learn_dst = _i / 2;
	pair_connect(pair);
	pair_settle(pair);
	pair_open(ends.to, &ept, 30, &inbox);
	ept.dst = RPMSG_ADDR_ANY;
	for (uint32_t src = 77; src < 79; src++) {
		ck_assert_int_eq(say(ends.from, src, 30, 'x'), 0);
		pair_settle(pair);
	}

	ck_assert_uint_eq(inbox.count, 2);
	ck_assert_uint_eq(ept.dst, _i / 2 ? 77 : RPMSG_ADDR_ANY);
	pair_destroy(pair);
}
END_TEST

START_TEST(flow_control_is_refused)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.from, &ept, 30, &inbox);

	ck_assert_int_eq(rps_node_flow_control(ends.from, &ept, _i / 2),
			 -EOPNOTSUPP);
	pair_settle(pair);
	ck_assert_uint_eq(ends.to->num_dropped, 0);
	pair_destroy(pair);
}
END_TEST

START_TEST(any_source_may_write_to_an_endpoint)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.to, &ept, 30, &inbox);
	ept.dst = 77;
	ck_assert_int_eq(say(ends.from, 78, 30, 'x'), 0);
	pair_settle(pair);

	ck_assert_uint_eq(inbox.count, 1);
	ck_assert_uint_eq(inbox.src, 78);
	pair_destroy(pair);
}
END_TEST

START_TEST(an_empty_message_is_a_message)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { .len_bytes = 99 };
	struct rps_ept ept;

	pair_open(ends.to, &ept, 30, &inbox);
	ck_assert_int_eq(rps_node_trysend(ends.from, 1, 30, NULL, 0), 0);
	pair_settle(pair);

	ck_assert_uint_eq(inbox.count, 1);
	ck_assert_uint_eq(inbox.len_bytes, 0);
	pair_destroy(pair);
}
END_TEST

START_TEST(messages_to_nobody_cost_nothing)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.to, &ept, 30, &inbox);
	for (unsigned int i = 0; i < 50; i++) {
		ck_assert_int_eq(say(ends.from, 1, 4711, 'x'), 0);
		pair_settle(pair);
	}
	ck_assert_int_eq(say(ends.from, 1, 30, 'y'), 0);
	pair_settle(pair);

	ck_assert_uint_eq(inbox.count, 1);
	ck_assert_uint_eq(ends.to->num_dropped, 50);
	pair_destroy(pair);
}
END_TEST

START_TEST(a_destroyed_endpoint_hears_nothing_more)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.to, &ept, 30, &inbox);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), 0);
	rps_node_destroy_ept(ends.to, &ept);
	pair_settle(pair);

	ck_assert_uint_eq(inbox.count, 0);
	ck_assert_uint_eq(ends.to->num_dropped, 1);
	pair_destroy(pair);
}
END_TEST

static enum rps_rx_result destroy_myself(struct rps_node *node,
					 struct rps_ept *ept,
					 const struct rps_msg *msg, void *priv)
{
	unsigned int *count = priv;

	(void)msg;
	++*count;
	rps_node_destroy_ept(node, ept);
	return RPS_RX_DONE;
}

START_TEST(a_callback_may_destroy_its_own_endpoint)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	unsigned int count = 0;
	struct rps_ept ept = { .addr = 30,
			       .rx = destroy_myself,
			       .priv = &count };

	ck_assert_int_eq(rps_node_create_ept(ends.to, &ept), 0);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), 0);
	ck_assert_int_eq(say(ends.from, 1, 30, 'y'), 0);
	pair_settle(pair);

	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(ends.to->num_dropped, 1);
	pair_destroy(pair);
}
END_TEST

START_TEST(a_kept_buffer_comes_back_once_and_others_flow)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { .result = RPS_RX_HOLD };
	struct inbox other = { 0 };
	struct rps_ept ept[2];

	pair_open(ends.to, &ept[0], 30, &inbox);
	pair_open(ends.to, &ept[1], 31, &other);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), 0);
	pair_settle(pair);
	for (unsigned int i = 0; i < 12; i++) {
		ck_assert_int_eq(say(ends.from, 1, 31, 'y'), 0);
		pair_settle(pair);
	}
	ck_assert_uint_eq(other.count, 12);
	ck_assert_uint_eq(inbox.msg.payload[0], 'x');

	rps_node_release(ends.to, &inbox.msg);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(say(ends.from, 1, 31, 'z'), 0);
	ck_assert_int_eq(say(ends.from, 1, 31, 'z'), -ENOMEM);
	pair_destroy(pair);
}
END_TEST

START_TEST(all_buffers_kept_stop_the_sender)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { .result = RPS_RX_HOLD };
	struct rps_ept ept;

	pair_open(ends.to, &ept, 30, &inbox);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(say(ends.from, 1, 30, 'x'), 0);
	pair_settle(pair);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), -ENOMEM);

	rps_node_release(ends.to, &inbox.msg);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), 0);
	pair_destroy(pair);
}
END_TEST

struct refusal {
	uint32_t src;
	uint32_t dst;
	size_t len_bytes;
	int expected;
};

/* clang-format off */
static const struct refusal refusal[] = {
	{ RPMSG_ADDR_ANY, 30,             1,       -EINVAL },
	{ 1,              RPMSG_ADDR_ANY, 1,       -EINVAL },
	{ 1,              30,             497,     -EMSGSIZE },
	{ 1,              30,             65535,   -EMSGSIZE },
	{ 1,              30,             65536,   -EMSGSIZE },
	{ 1,              30,             65540,   -EMSGSIZE },
	{ 1,              30,             SIZE_MAX, -EMSGSIZE },
};
/* clang-format on */

START_TEST(what_is_refused_leaves_no_trace)
{
	const struct refusal *row = &refusal[_i / 2];
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	static const uint8_t payload[65540];
	struct rps_ept ept;

	pair_open(ends.to, &ept, 30, &inbox);

	ck_assert_int_eq(rps_node_trysend(ends.from, row->src, row->dst,
					  payload, row->len_bytes),
			 row->expected);
	pair_settle(pair);
	ck_assert_uint_eq(inbox.count, 0);
	ck_assert_uint_eq(ends.to->num_dropped, 0);
	pair_destroy(pair);
}
END_TEST

START_TEST(without_a_link_nothing_is_sent)
{
	struct node_pair *pair = pair_create(&bus_default);
	struct ends ends = ends_of(pair, _i);

	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), -ENOTCONN);
	ck_assert(!rps_node_poll(ends.from));
	pair_connect(pair);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), 0);
	rps_node_stop(ends.from);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), -ENOTCONN);
	ck_assert(!rps_node_poll(ends.from));
	pair_destroy(pair);
}
END_TEST

START_TEST(endpoints_outlive_the_link)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.to, &ept, 30, &inbox);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), 0);
	rps_node_stop(&pair->driver);
	rps_node_stop(&pair->device);
	pair_connect(pair);
	pair_settle(pair);
	ck_assert_uint_eq(inbox.count, 0);

	ck_assert_int_eq(say(ends.from, 1, 30, 'y'), 0);
	pair_settle(pair);
	ck_assert_uint_eq(inbox.count, 1);
	ck_assert_uint_eq(inbox.first, 'y');
	pair_destroy(pair);
}
END_TEST

START_TEST(the_address_of_the_name_service_is_taken)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct rps_ept ept = { .addr = RPMSG_NS_ADDR, .rx = inbox_rx };

	ck_assert_int_eq(rps_node_create_ept(ends.to, &ept), -EADDRINUSE);
	pair_destroy(pair);
}
END_TEST

START_TEST(services_run_out)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);

	for (unsigned int i = 0; i < RPS_SERVICES_MAX; i++)
		ck_assert_int_eq(rps_node_serve(ends.to, "a", inbox_rx, NULL),
				 0);
	ck_assert_int_eq(rps_node_serve(ends.to, "b", inbox_rx, NULL), -ENOSPC);
	pair_destroy(pair);
}
END_TEST

/* A peer that goes on and on, and what it was heard to say. */
struct chatter {
	struct rps_node *from;
	unsigned int heard;
	unsigned int left;
};

static enum rps_rx_result goes_on(struct rps_node *node, struct rps_ept *ept,
				  const struct rps_msg *msg, void *priv)
{
	struct chatter *chatter = priv;

	(void)node;
	(void)msg;
	chatter->heard++;
	if (chatter->left > 0) {
		chatter->left--;
		ck_assert_int_eq(say(chatter->from, 1, ept->addr, 'x'), 0);
	}
	return RPS_RX_DONE;
}

START_TEST(one_poll_handles_no_more_than_was_there)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct chatter chatter = { .from = ends.from, .left = 3 };
	struct rps_ept ept = { .addr = 30, .rx = goes_on, .priv = &chatter };

	ck_assert_int_eq(rps_node_create_ept(ends.to, &ept), 0);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), 0);
	ck_assert_int_eq(say(ends.from, 1, 30, 'x'), 0);

	ck_assert(rps_node_poll(ends.to));
	ck_assert_uint_eq(chatter.heard, 2);
	ck_assert(rps_node_poll(ends.to));
	ck_assert_uint_eq(chatter.heard, 4);
	ck_assert(!rps_node_poll(ends.to));
	ck_assert_uint_eq(chatter.heard, 5);
	pair_destroy(pair);
}
END_TEST

/* Both byte orders, flags and events, across the wrap of the indices. */
/* clang-format off */
static const struct bus_config mode[] = {
	{ .features = BUS_FEATURE(0), .device_id = 7, .num_max = { 4, 4 },
	  .num = 4, .buf_bytes = 512, .start_idx = 0xfff0, .native_be = false },
	{ .features = BUS_FEATURE(0), .device_id = 7, .num_max = { 4, 4 },
	  .num = 4, .buf_bytes = 512, .start_idx = 0xfff0, .native_be = true },
	{ .features = BUS_FEATURE(29), .device_id = 7, .num_max = { 4, 4 },
	  .num = 4, .buf_bytes = 512, .start_idx = 0xfff0, .native_be = false },
	{ .features = BUS_FEATURE(29) | BUS_FEATURE(32), .device_id = 7, .num_max = { 2, 2 },
	  .num = 2, .buf_bytes = 64, .start_idx = 0, .native_be = true },
	{ .features = BUS_FEATURE(0), .device_id = 7, .num_max = { 1, 1 },
	  .num = 1, .buf_bytes = 17, .start_idx = 0xffff, .native_be = true },
};
/* clang-format on */

START_TEST(long_traffic_in_both_directions_loses_nothing)
{
	struct node_pair *pair = pair_create(&mode[_i]);
	uint32_t messages = long_loop(20000);
	struct inbox inbox[2] = { 0 };
	struct rps_ept ept[2];

	pair_connect(pair);
	pair_open(&pair->driver, &ept[0], 30, &inbox[0]);
	pair_open(&pair->device, &ept[1], 30, &inbox[1]);
	for (uint32_t i = 0; i < messages; i++) {
		ck_assert_int_eq(say(&pair->driver, 1, 30, (uint8_t)i), 0);
		ck_assert_int_eq(say(&pair->device, 2, 30, (uint8_t)~i), 0);
		pair_settle(pair);
		ck_assert_uint_eq(inbox[0].first, (uint8_t)~i);
		ck_assert_uint_eq(inbox[1].first, (uint8_t)i);
	}
	ck_assert_uint_eq(inbox[0].count, messages);
	ck_assert_uint_eq(inbox[1].count, messages);
	pair_destroy(pair);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("node");
	TCase *tcase = tcase_create("both roles");
	TCase *traffic = tcase_create("traffic");

	tcase_add_loop_test(tcase, a_message_arrives_at_the_endpoint_it_is_for,
			    0, 2);
	tcase_add_loop_test(tcase, a_destination_is_adopted_once_and_on_request,
			    0, 4);
	tcase_add_loop_test(tcase, flow_control_is_refused, 0, 4);
	tcase_add_loop_test(tcase, any_source_may_write_to_an_endpoint, 0, 2);
	tcase_add_loop_test(tcase, an_empty_message_is_a_message, 0, 2);
	tcase_add_loop_test(tcase, messages_to_nobody_cost_nothing, 0, 2);
	tcase_add_loop_test(tcase, a_destroyed_endpoint_hears_nothing_more, 0,
			    2);
	tcase_add_loop_test(tcase, a_callback_may_destroy_its_own_endpoint, 0,
			    2);
	tcase_add_loop_test(
		tcase, a_kept_buffer_comes_back_once_and_others_flow, 0, 2);
	tcase_add_loop_test(tcase, all_buffers_kept_stop_the_sender, 0, 2);
	tcase_add_loop_test(tcase, what_is_refused_leaves_no_trace, 0,
			    2 * ARRAY_SIZE(refusal));
	tcase_add_loop_test(tcase, without_a_link_nothing_is_sent, 0, 2);
	tcase_add_loop_test(tcase, endpoints_outlive_the_link, 0, 2);
	tcase_add_loop_test(tcase, the_address_of_the_name_service_is_taken, 0,
			    2);
	tcase_add_loop_test(tcase, services_run_out, 0, 2);
	tcase_add_loop_test(tcase, one_poll_handles_no_more_than_was_there, 0,
			    2);
	tcase_add_loop_test(traffic,
			    long_traffic_in_both_directions_loses_nothing, 0,
			    ARRAY_SIZE(mode));
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, traffic);
	return suite_main(suite);
}
