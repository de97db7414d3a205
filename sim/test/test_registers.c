/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/xport.h>

#include <errno.h>

#include "suite_main.h"
#include "world_fixture.h"

static struct rps_world *no_ends(uint64_t features)
{
	struct rps_world_config config = both_ends;

	config.features = features;
	config.driver = false;
	config.device = false;
	return world_of(&config);
}

START_TEST(the_driver_of_the_world_takes_every_step)
{
	static const uint8_t expected[] = { 0, 1, 3, 11, 15 };
	struct rps_world *world = running_world(&both_ends);
	struct rps_status_write write[8];

	ck_assert_uint_eq(rps_world_status_writes(world, write, 8), 5);
	for (unsigned int i = 0; i < 5; i++)
		ck_assert_uint_eq(write[i].status, expected[i]);
	/* All buffers are there before the last step, and no kick is. */
	ck_assert_uint_eq(write[4].avail_idx[0], 4);
	ck_assert_uint_eq(write[4].avail_idx[1], 0);
	ck_assert_uint_eq(write[4].kicks, 0);
	ck_assert_uint_eq(rps_world_get_status(world), 15);
	ck_assert_uint_eq(rps_world_accepted(world), F_NS | F_VERSION_1);
	rps_world_destroy(world);
}
END_TEST

START_TEST(more_writes_than_are_kept_are_still_counted)
{
	struct rps_world *world = no_ends(0);
	struct rps_status_write write[200];

	for (unsigned int i = 0; i < 100; i++)
		rps_world_set_status(world, 1);

	ck_assert_uint_eq(rps_world_status_writes(world, write, 200), 100);
	ck_assert_uint_eq(rps_world_status_writes(world, NULL, 0), 100);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_device_may_refuse_the_features)
{
	struct rps_world_config config = both_ends;
	struct rps_world *world;

	config.refuse_features = true;
	world = world_of(&config);
	ck_assert_int_lt(rps_iut_probe(world), 0);

	ck_assert_uint_eq(rps_world_get_status(world),
			  VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
				  VIRTIO_STATUS_FAILED);
	rps_world_destroy(world);
}
END_TEST

START_TEST(driver_ok_needs_both_queues)
{
	struct rps_world *world = no_ends(0);
	struct rps_xport *xport = rps_world_xport(world);
	struct rps_world_place at;

	rps_world_place(world, &at);
	rps_world_set_queue(world, 0, 4, at.desc[0], at.avail[0], at.used[0]);
	rps_world_set_status(world, 7);
	ck_assert(!xport->ready);

	rps_world_set_status(world, 0);
	for (uint32_t q = 0; q < 2; q++)
		rps_world_set_queue(world, q, 4, at.desc[q], at.avail[q],
				    at.used[q]);
	ck_assert(!xport->ready);
	rps_world_set_status(world, 7);
	ck_assert(xport->ready);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_reset_forgets_features_and_queues)
{
	struct rps_world *world = running_world(&both_ends);
	struct rps_xport *xport = rps_world_xport(world);
	uint32_t generation = xport->generation;

	rps_world_set_status(world, 0);

	ck_assert(!xport->ready);
	ck_assert_uint_gt(xport->generation, generation);
	ck_assert_uint_eq(rps_world_accepted(world), 0);
	ck_assert(!xport->queue[0].enabled);
	rps_world_destroy(world);
}
END_TEST

struct order_row {
	uint64_t features;
	bool native_be;
	enum rps_order expected;
};

static const struct order_row order_row[] = {
	{ 0, false, RPS_ORDER_LE },
	{ 0, true, RPS_ORDER_BE },
	{ F_VERSION_1, false, RPS_ORDER_LE },
	{ F_VERSION_1, true, RPS_ORDER_LE },
};

START_TEST(the_device_follows_the_byte_order_of_the_driver)
{
	struct rps_world_config config = both_ends;
	struct rps_world *world;

	config.features = order_row[_i].features;
	config.native_be = order_row[_i].native_be;
	world = running_world(&config);

	ck_assert_int_eq(rps_world_xport(world)->mem.order,
			 order_row[_i].expected);
	rps_world_destroy(world);
}
END_TEST

START_TEST(kicks_and_interrupts_are_counted_by_queue)
{
	struct rps_world *world = no_ends(0);

	rps_world_kick(world, 0);
	rps_world_kick(world, 1);
	rps_world_kick(world, 1);
	rps_world_irq(world, 0);

	ck_assert_uint_eq(rps_world_kicks(world, 0), 1);
	ck_assert_uint_eq(rps_world_kicks(world, 1), 2);
	ck_assert_uint_eq(rps_world_irqs(world, 0), 1);
	ck_assert_uint_eq(rps_world_irqs(world, 1), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(features_beyond_what_was_offered_are_not_taken)
{
	struct rps_world *world = no_ends(F_NS | F_VERSION_1);
	static const uint64_t accept[] = { 0, F_VERSION_1, F_EVENT_IDX };

	rps_world_set_status(world, 3);
	rps_world_accept(world, accept[_i]);
	rps_world_set_status(world, 11);

	ck_assert_uint_eq(rps_world_get_status(world), _i < 2 ? 11 : 3);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_transport_with_32_bits_loses_the_others)
{
	struct rps_world_config config = both_ends;
	struct rps_world *world;

	config.low_features = true;
	world = world_of(&config);

	ck_assert_uint_eq(rps_world_offered(world), F_NS);
	rps_world_accept(world, F_NS | F_VERSION_1);
	ck_assert_uint_eq(rps_world_accepted(world), F_NS);
	rps_world_destroy(world);
}
END_TEST

/* As vhost has it: what can be set, and when. */
START_TEST(the_order_is_told_before_the_start)
{
	struct rps_world_config config = both_ends;
	struct rps_xport *xport;
	struct rps_world *world;
	struct rps_world_place at;

	config.driver = false;
	config.features = F_NS;
	world = world_of(&config);
	ck_assert_int_eq(rps_world_set_vring_endian(world, 0, 0), -ENOTTY);
	rps_world_destroy(world);

	config.told_order = true;
	world = world_of(&config);
	xport = rps_world_xport(world);
	rps_world_place(world, &at);
	for (uint32_t q = 0; q < 2; q++)
		rps_world_set_queue(world, q, 4, at.desc[q], at.avail[q],
				    at.used[q]);
	ck_assert_int_eq(rps_world_set_vring_endian(world, 0, 2), -EINVAL);
	ck_assert_int_eq(rps_world_set_vring_endian(world, 0, 1), 0);
	rps_world_set_status(world, 7);
	ck_assert(!xport->ready);
	ck_assert_int_eq(rps_world_set_vring_endian(world, 1, 1), -EBUSY);
	rps_world_set_status(world, 0);
	ck_assert_int_eq(rps_world_set_vring_endian(world, 1, 1), 0);
	for (uint32_t q = 0; q < 2; q++)
		rps_world_set_queue(world, q, 4, at.desc[q], at.avail[q],
				    at.used[q]);
	rps_world_set_status(world, 7);
	ck_assert(xport->ready);
	ck_assert_int_eq(xport->mem.order, RPS_ORDER_BE);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_device_says_what_it_is_unless_told_otherwise)
{
	struct rps_world_config config = both_ends;
	struct rps_world *world;

	config.device_id = _i ? 3 : 0;
	world = world_of(&config);

	ck_assert_uint_eq(rps_world_device_id(world), _i ? 3 : VIRTIO_ID_RPMSG);
	rps_world_destroy(world);
}
END_TEST

/* A driver in the field says 32 bits; only 16 of them could be right. */
static const uint32_t bad_num[] = { 0, 3, 65536, 65540, 0x80000004 };

START_TEST(a_size_is_not_cut_until_it_fits)
{
	struct rps_world *world = no_ends(0);
	struct rps_tester *tester = rps_tester_create(rps_world_xport(world));
	struct rps_world_place at;

	rps_world_place(world, &at);
	for (uint32_t q = 0; q < 2; q++)
		rps_world_set_queue(world, q, bad_num[_i], at.desc[q],
				    at.avail[q], at.used[q]);
	rps_world_set_status(world, 7);

	ck_assert_int_lt(rps_tester_attach(tester), 0);
	rps_tester_destroy(tester);
	rps_world_destroy(world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("registers");
	TCase *tcase = tcase_create("registers");

	tcase_add_test(tcase, the_driver_of_the_world_takes_every_step);
	tcase_add_test(tcase, more_writes_than_are_kept_are_still_counted);
	tcase_add_test(tcase, a_device_may_refuse_the_features);
	tcase_add_test(tcase, driver_ok_needs_both_queues);
	tcase_add_test(tcase, a_reset_forgets_features_and_queues);
	tcase_add_loop_test(tcase,
			    the_device_follows_the_byte_order_of_the_driver, 0,
			    ARRAY_SIZE(order_row));
	tcase_add_loop_test(
		tcase, features_beyond_what_was_offered_are_not_taken, 0, 3);
	tcase_add_test(tcase, a_transport_with_32_bits_loses_the_others);
	tcase_add_test(tcase, the_order_is_told_before_the_start);
	tcase_add_loop_test(
		tcase, a_device_says_what_it_is_unless_told_otherwise, 0, 2);
	tcase_add_test(tcase, kicks_and_interrupts_are_counted_by_queue);
	tcase_add_loop_test(tcase, a_size_is_not_cut_until_it_fits, 0,
			    ARRAY_SIZE(bad_num));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
