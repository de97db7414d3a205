/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/node.h>

#include <errno.h>

#include "node_pair.h"
#include "suite_main.h"

#define ANY  RPMSG_ADDR_ANY
#define NAME "rpmsg-client-sample"

/* Either role announces to the other; the loop index says which one. */
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

/* Sends whatever it is told to the peer's name service. */
static void send_raw(struct ends *ends, uint32_t src, const void *payload,
		     size_t len_bytes)
{
	ck_assert_int_eq(rps_node_trysend(ends->from, src, RPMSG_NS_ADDR,
					  payload, len_bytes),
			 0);
}

static void send_ns(struct node_pair *pair, struct ends *ends, const char *name,
		    uint32_t addr, uint32_t flags)
{
	struct rps_ns ns = { .addr = addr };
	struct rpmsg_ns_msg wire;

	rps_name_copy(ns.name, name);
	wire = rps_ns_pack(pair->bus->mem.order, &ns);
	wire.flags = cpu_to_virtio32(pair->bus->mem.order, flags);
	send_raw(ends, 0, &wire, sizeof(wire));
	pair_settle(pair);
}

START_TEST(an_announced_endpoint_becomes_a_channel)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.from, &ept, ANY, &inbox);
	rps_name_copy(ept.name, NAME);
	ck_assert_int_eq(rps_node_announce(ends.from, &ept), 0);
	pair_settle(pair);
	ck_assert_ptr_nonnull(
		rps_chan_find(&ends.to->chans, NAME, ANY, ept.addr));

	ck_assert_int_eq(rps_node_withdraw(ends.from, &ept), 0);
	pair_settle(pair);
	ck_assert_uint_eq(ends.to->chans.count, 0);
	pair_destroy(pair);
}
END_TEST

START_TEST(a_destroyed_endpoint_is_withdrawn)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.from, &ept, ANY, &inbox);
	rps_name_copy(ept.name, NAME);
	ck_assert_int_eq(rps_node_announce(ends.from, &ept), 0);
	pair_settle(pair);
	rps_node_destroy_ept(ends.from, &ept);
	pair_settle(pair);

	ck_assert_uint_eq(ends.to->chans.count, 0);
	pair_destroy(pair);
}
END_TEST

START_TEST(a_device_does_not_withdraw_reserved_addresses)
{
	static const uint32_t addr[] = { 30, 1023, 1024 };
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i % 2);
	bool withdrawn = ends.from == &pair->driver || addr[_i / 2] >= 1024;
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.from, &ept, addr[_i / 2], &inbox);
	rps_name_copy(ept.name, NAME);
	ck_assert_int_eq(rps_node_announce(ends.from, &ept), 0);
	rps_node_destroy_ept(ends.from, &ept);
	pair_settle(pair);

	ck_assert_uint_eq(ends.to->chans.count, withdrawn ? 0 : 1);
	pair_destroy(pair);
}
END_TEST

START_TEST(a_service_takes_the_channel_of_its_name)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_chan *chan;

	ck_assert_int_eq(rps_node_serve(ends.to, NAME, inbox_rx, &inbox), 0);
	send_ns(pair, &ends, NAME, 1030, 0);
	send_ns(pair, &ends, "another", 1031, 0);

	chan = rps_chan_find(&ends.to->chans, NAME, ANY, 1030);
	ck_assert_ptr_nonnull(chan);
	ck_assert(chan->bound);
	ck_assert_uint_eq(chan->ept.addr, 1024);
	ck_assert_uint_eq(chan->ept.dst, 1030);
	chan = rps_chan_find(&ends.to->chans, "another", ANY, 1031);
	ck_assert(!chan->bound);
	ck_assert_int_eq(rps_node_trysend(ends.from, 1030, 1024, "x", 1), 0);
	pair_settle(pair);
	ck_assert_uint_eq(inbox.count, 1);
	pair_destroy(pair);
}
END_TEST

struct story {
	const char *name;
	struct {
		const char *name;
		uint32_t addr;
		uint32_t flags;
	} said[3];
	unsigned int expected;
};

/* clang-format off */
static const struct story story[] = {
	{ "twice",            { { "a", 1, 0 }, { "a", 1, 0 } },          1 },
	{ "two addresses",    { { "a", 1, 0 }, { "a", 2, 0 } },          2 },
	{ "two names",        { { "a", 1, 0 }, { "b", 1, 0 } },          2 },
	{ "gone",             { { "a", 1, 0 }, { "a", 1, 1 } },          0 },
	{ "back again",       { { "a", 1, 0 }, { "a", 1, 1 }, { "a", 1, 0 } }, 1 },
	{ "never there",      { { "a", 1, 1 } },                         0 },
	{ "wrong address",    { { "a", 1, 0 }, { "a", 2, 1 } },          1 },
	{ "wrong name",       { { "a", 1, 0 }, { "b", 1, 1 } },          1 },
	{ "gone twice",       { { "a", 1, 0 }, { "a", 1, 1 }, { "a", 1, 1 } }, 0 },
	{ "unknown flag",     { { "a", 1, 2 } },                         1 },
	{ "all flags",        { { "a", 1, 0 }, { "a", 1, 0xffffffff } }, 0 },
};
/* clang-format on */

START_TEST(channels_follow_what_is_said)
{
	const struct story *row = &story[_i / 2];
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);

	for (unsigned int i = 0; i < ARRAY_SIZE(row->said); i++) {
		if (row->said[i].name)
			send_ns(pair, &ends, row->said[i].name,
				row->said[i].addr, row->said[i].flags);
	}
	ck_assert_msg(ends.to->chans.count == row->expected, "%s", row->name);
	pair_destroy(pair);
}
END_TEST

static const size_t bad_len[] = { 0, 1, 36, 39, 41, 44, 496 };

START_TEST(an_announcement_of_another_length_is_ignored)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	uint8_t payload[496] = "abc";

	send_raw(&ends, 1, payload, bad_len[_i / 2]);
	pair_settle(pair);
	ck_assert_uint_eq(ends.to->chans.count, 0);
	ck_assert_uint_eq(ends.to->num_dropped, 1);

	send_ns(pair, &ends, "good", 1, 0);
	ck_assert_uint_eq(ends.to->chans.count, 1);
	pair_destroy(pair);
}
END_TEST

START_TEST(a_name_without_terminator_is_cut)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct rpmsg_ns_msg wire;

	memset(&wire, 'A', sizeof(wire));
	wire.flags.raw = 0;
	send_raw(&ends, 1, &wire, sizeof(wire));
	pair_settle(pair);

	ck_assert_ptr_nonnull(rps_chan_find(&ends.to->chans,
					    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					    ANY, 0x41414141));
	pair_destroy(pair);
}
END_TEST

START_TEST(a_full_table_counts_what_it_refuses)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);

	for (uint32_t i = 0; i < 1000; i++)
		send_ns(pair, &ends, "a", i, 0);

	ck_assert_uint_eq(ends.to->chans.count, PAIR_CHANS);
	ck_assert_uint_eq(ends.to->num_chans_refused, 1000 - PAIR_CHANS);
	pair_destroy(pair);
}
END_TEST

START_TEST(without_the_feature_nobody_listens_or_speaks)
{
	struct bus_config config = bus_default;
	struct node_pair *pair;
	struct ends ends;
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	config.features = BUS_FEATURE(VIRTIO_F_VERSION_1);
	pair = pair_create(&config);
	ends = ends_of(pair, _i);
	pair_open(ends.from, &ept, ANY, &inbox);
	ept.announced = true;
	pair_connect(pair);
	pair_settle(pair);
	ck_assert_uint_eq(ends.to->num_dropped, 0);

	ck_assert_int_eq(rps_node_announce(ends.from, &ept), -EOPNOTSUPP);
	ck_assert(!ept.announced);
	send_ns(pair, &ends, "a", 1, 0);
	ck_assert_uint_eq(ends.to->chans.count, 0);
	ck_assert_uint_eq(ends.to->num_dropped, 1);
	pair_destroy(pair);
}
END_TEST

START_TEST(what_was_announced_before_the_link_is_said_once_it_is_up)
{
	struct node_pair *pair = pair_create(&bus_default);
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.from, &ept, 900, &inbox);
	rps_name_copy(ept.name, NAME);
	ck_assert_int_eq(rps_node_announce(ends.from, &ept), 0);
	pair_connect(pair);
	pair_settle(pair);
	ck_assert_uint_eq(ends.to->chans.count, 1);

	/* And again after the next start. */
	rps_node_stop(&pair->driver);
	rps_node_stop(&pair->device);
	ck_assert_uint_eq(ends.to->chans.count, 0);
	pair_connect(pair);
	pair_settle(pair);
	ck_assert_uint_eq(ends.to->chans.count, 1);
	pair_destroy(pair);
}
END_TEST

/* The peer keeps what comes in, so that no buffer is free. */
static void use_up_buffers(struct node_pair *pair, struct ends *ends,
			   struct rps_ept *ept, struct inbox *inbox)
{
	inbox->result = RPS_RX_HOLD;
	pair_open(ends->to, ept, 30, inbox);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(rps_node_trysend(ends->from, 1, 30, "x", 1),
				 0);
	pair_settle(pair);
	ck_assert_int_eq(rps_node_trysend(ends->from, 1, 30, "x", 1), -ENOMEM);
}

START_TEST(announcements_wait_for_buffers_in_their_order)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept[2];

	use_up_buffers(pair, &ends, &ept[0], &inbox);
	pair_open(ends.from, &ept[1], 900, &inbox);
	rps_name_copy(ept[1].name, NAME);
	ck_assert_int_eq(rps_node_announce(ends.from, &ept[1]), 0);
	ck_assert_int_eq(rps_node_withdraw(ends.from, &ept[1]), 0);
	ck_assert_int_eq(rps_node_announce(ends.from, &ept[1]), 0);
	pair_settle(pair);
	ck_assert_uint_eq(ends.to->chans.count, 0);

	for (unsigned int i = 0; i < 3; i++) {
		rps_node_release(ends.to, &inbox.msg);
		pair_settle(pair);
		inbox.msg.buf = (uint16_t)(inbox.msg.buf - 1);
	}
	ck_assert_uint_eq(ends.to->chans.count, 1);
	pair_destroy(pair);
}
END_TEST

START_TEST(too_many_waiting_announcements_are_refused)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept[2];

	use_up_buffers(pair, &ends, &ept[0], &inbox);
	pair_open(ends.from, &ept[1], 900, &inbox);
	for (unsigned int i = 0; i < RPS_NS_PENDING_MAX; i++)
		ck_assert_int_eq(rps_node_withdraw(ends.from, &ept[1]), 0);

	ck_assert_int_eq(rps_node_announce(ends.from, &ept[1]), -ENOBUFS);
	ck_assert(!ept[1].announced);
	pair_destroy(pair);
}
END_TEST

#define MANY 60u

static unsigned int num_announced; /* by the peer's name service callback */

static enum rps_rx_result count_ns(struct rps_node *node, struct rps_ept *ept,
				   const struct rps_msg *msg, void *priv)
{
	(void)node;
	(void)ept;
	(void)msg;
	(void)priv;
	num_announced++;
	return RPS_RX_DONE;
}

START_TEST(many_endpoints_are_all_announced_when_the_link_comes_up)
{
	struct node_pair *pair = pair_create(&bus_default);
	struct ends ends = ends_of(pair, _i);
	struct rps_ept listener = { .addr = RPMSG_NS_ADDR, .rx = count_ns };
	struct inbox inbox = { 0 };
	struct rps_ept ept[MANY];

	num_announced = 0;
	for (unsigned int i = 0; i < MANY; i++) {
		pair_open(ends.from, &ept[i], ANY, &inbox);
		ck_assert_int_eq(rps_node_announce(ends.from, &ept[i]), 0);
	}
	pair_connect(pair);
	/* Announcements are counted, and not made into channels. */
	ends.to->ns = false;
	ck_assert_int_eq(rps_node_create_ept(ends.to, &listener), 0);
	for (unsigned int i = 0; i < MANY; i++)
		pair_settle(pair);

	ck_assert_uint_eq(num_announced, MANY);
	pair_destroy(pair);
}
END_TEST

/* --- channels of one's own */

START_TEST(a_channel_with_a_fixed_address_is_announced)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };

	ck_assert_int_eq(rps_node_serve(ends.from, NAME, inbox_rx, &inbox), 0);
	ck_assert_int_eq(rps_node_open_chan(ends.from, NAME, 1900, 1030), 0);
	pair_settle(pair);
	ck_assert_ptr_nonnull(rps_chan_find(&ends.to->chans, NAME, ANY, 1900));

	ck_assert_int_eq(rps_node_open_chan(ends.from, NAME, 1900, 1030),
			 -EEXIST);
	ck_assert_int_eq(rps_node_close_chan(ends.from, NAME, 1900, 1030), 0);
	ck_assert_int_eq(rps_node_close_chan(ends.from, NAME, 1900, 1030),
			 -ENOENT);
	pair_settle(pair);
	ck_assert_uint_eq(ends.to->chans.count, 0);
	pair_destroy(pair);
}
END_TEST

START_TEST(other_channels_are_not_announced)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };

	ck_assert_int_eq(rps_node_open_chan(ends.from, "nobody", 900, 1030), 0);
	ck_assert_int_eq(rps_node_serve(ends.from, NAME, inbox_rx, &inbox), 0);
	ck_assert_int_eq(rps_node_open_chan(ends.from, NAME, ANY, 1030), 0);
	pair_settle(pair);

	ck_assert_uint_eq(ends.to->chans.count, 0);
	pair_destroy(pair);
}
END_TEST

START_TEST(a_channel_whose_address_is_taken_is_not_made)
{
	struct node_pair *pair = connected();
	struct ends ends = ends_of(pair, _i);
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_open(ends.from, &ept, 900, &inbox);
	ck_assert_int_eq(rps_node_serve(ends.from, NAME, inbox_rx, &inbox), 0);

	ck_assert_int_eq(rps_node_open_chan(ends.from, NAME, 900, 1030),
			 -EADDRINUSE);
	ck_assert_uint_eq(ends.from->chans.count, 0);
	pair_destroy(pair);
}
END_TEST

START_TEST(channels_run_out_and_need_a_link)
{
	struct node_pair *pair = pair_create(&bus_default);
	struct ends ends = ends_of(pair, _i);

	ck_assert_int_eq(rps_node_open_chan(ends.from, "a", ANY, 1), -ENOTCONN);
	pair_connect(pair);
	for (uint32_t i = 0; i < PAIR_CHANS; i++)
		ck_assert_int_eq(rps_node_open_chan(ends.from, "a", ANY, i), 0);
	ck_assert_int_eq(rps_node_open_chan(ends.from, "a", ANY, 99), -ENOSPC);
	pair_destroy(pair);
}
END_TEST

static TCase *peer_tests(void)
{
	TCase *tcase = tcase_create("peer");

	tcase_add_loop_test(tcase, an_announced_endpoint_becomes_a_channel, 0,
			    2);
	tcase_add_loop_test(tcase, a_destroyed_endpoint_is_withdrawn, 0, 2);
	tcase_add_loop_test(
		tcase, a_device_does_not_withdraw_reserved_addresses, 0, 6);
	tcase_add_loop_test(tcase, a_service_takes_the_channel_of_its_name, 0,
			    2);
	tcase_add_loop_test(tcase, channels_follow_what_is_said, 0,
			    2 * ARRAY_SIZE(story));
	tcase_add_loop_test(tcase, an_announcement_of_another_length_is_ignored,
			    0, 2 * ARRAY_SIZE(bad_len));
	tcase_add_loop_test(tcase, a_name_without_terminator_is_cut, 0, 2);
	tcase_add_loop_test(tcase, a_full_table_counts_what_it_refuses, 0, 2);
	tcase_add_loop_test(tcase, without_the_feature_nobody_listens_or_speaks,
			    0, 2);
	return tcase;
}

static TCase *waiting_tests(void)
{
	TCase *tcase = tcase_create("waiting");

	tcase_add_loop_test(
		tcase, what_was_announced_before_the_link_is_said_once_it_is_up,
		0, 2);
	tcase_add_loop_test(
		tcase, announcements_wait_for_buffers_in_their_order, 0, 2);
	tcase_add_loop_test(tcase, too_many_waiting_announcements_are_refused,
			    0, 2);
	tcase_add_loop_test(
		tcase, many_endpoints_are_all_announced_when_the_link_comes_up,
		0, 2);
	return tcase;
}

static TCase *own_tests(void)
{
	TCase *tcase = tcase_create("own channels");

	tcase_add_loop_test(tcase, a_channel_with_a_fixed_address_is_announced,
			    0, 2);
	tcase_add_loop_test(tcase, other_channels_are_not_announced, 0, 2);
	tcase_add_loop_test(tcase, a_channel_whose_address_is_taken_is_not_made,
			    0, 2);
	tcase_add_loop_test(tcase, channels_run_out_and_need_a_link, 0, 2);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("name service");

	suite_add_tcase(suite, peer_tests());
	suite_add_tcase(suite, waiting_tests());
	suite_add_tcase(suite, own_tests());
	return suite_main(suite);
}
