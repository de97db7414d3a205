/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/drv.h>
#include <rps/vdev.h>

#include <errno.h>
#include <stdlib.h>

#include "fake_bus.h"
#include "suite_main.h"

/* A driver that is up, and the device's ends of its rings in our hands. */
struct fixture {
	struct fake_bus *bus;
	struct rps_drv drv;
	struct vdev rx; /* queue 0: the driver receives here */
	struct vdev tx;
};

static void take_rings(struct fixture *fix)
{
	struct vdev *vq[RPS_NUM_QUEUES] = { &fix->rx, &fix->tx };

	for (unsigned int q = 0; q < RPS_NUM_QUEUES; q++) {
		const struct rps_xport_queue *queue = &fix->bus->xport.queue[q];
		struct vdev_params params = {
			.queue = q,
			.num = queue->num,
			.start_idx = queue->base,
			.event_idx = feature_has(fix->bus->xport.features,
						 VIRTIO_F_EVENT_IDX),
		};

		ck_assert_int_eq(rps_vdev_init(vq[q], &fix->bus->xport.mem,
					       queue->addrs, &params),
				 0);
	}
}

static struct fixture set_up(const struct bus_config *config)
{
	struct fixture fix = { .bus = bus_create(config) };

	ck_assert_int_eq(rps_drv_probe(&fix.drv, &fix.bus->mem, &fake_bus_ops,
				       fix.bus, &fix.bus->params),
			 0);
	take_rings(&fix);
	return fix;
}

static void tear_down(struct fixture *fix)
{
	free(fix->bus);
}

/* --- bringing up */

#define NS       BUS_FEATURE(VIRTIO_RPMSG_F_NS)
#define INDIRECT BUS_FEATURE(VIRTIO_F_INDIRECT_DESC)
#define EVENT    BUS_FEATURE(VIRTIO_F_EVENT_IDX)
#define MODERN   BUS_FEATURE(VIRTIO_F_VERSION_1)

struct probe_row {
	const char *name;
	uint64_t features;
	uint32_t device_id;
	uint32_t num_max[2];
	uint32_t num;
	uint32_t buf_bytes;
	bool refuse_features;
	int expected;
	const char *log;
};

/* clang-format off */
static const struct probe_row probe_row[] = {
	{ "modern", NS | MODERN, 7, { 4, 4 }, 4, 512, false, 0,
	  "status 0, status 1, status 3, features 0x100000001, status 11, "
	  "queue 0 of 4, queue 1 of 4, status 15, kick 0" },
	{ "legacy", NS, 7, { 4, 4 }, 4, 512, false, 0,
	  "status 0, status 1, status 3, features 0x1, "
	  "queue 0 of 4, queue 1 of 4, status 7, kick 0" },
	{ "without a name service", MODERN, 7, { 4, 4 }, 4, 512, false, 0,
	  "status 0, status 1, status 3, features 0x100000000, status 11, "
	  "queue 0 of 4, queue 1 of 4, status 15, kick 0" },
	{ "event indices", NS | EVENT, 7, { 4, 4 }, 4, 512, false, 0,
	  "status 0, status 1, status 3, features 0x20000001, "
	  "queue 0 of 4, queue 1 of 4, status 7, kick 0" },
	{ "everything is offered", UINT64_MAX, 7, { 4, 4 }, 4, 512, false, 0,
	  "status 0, status 1, status 3, features 0x320000001, status 11, "
	  "queue 0 of 4, queue 1 of 4, status 15, kick 0" },
	{ "device allows fewer entries", NS, 7, { 2, 4 }, 4, 512, false, 0,
	  "status 0, status 1, status 3, features 0x1, "
	  "queue 0 of 2, queue 1 of 4, status 7, kick 0" },
	{ "device allows more entries", NS, 7, { 16, 16 }, 2, 512, false, 0,
	  "status 0, status 1, status 3, features 0x1, "
	  "queue 0 of 2, queue 1 of 2, status 7, kick 0" },
	{ "a console", NS | MODERN, 3, { 4, 4 }, 4, 512, false, -ENODEV,
	  "status 0, status 1, status 129" },
	{ "features refused", NS | MODERN, 7, { 4, 4 }, 4, 512, true, -ENOTSUP,
	  "status 0, status 1, status 3, features 0x100000001, status 11, "
	  "status 131" },
	{ "no queue 0", NS, 7, { 0, 4 }, 4, 512, false, -ENODEV,
	  "status 0, status 1, status 3, features 0x1, status 131" },
	{ "no queue 1", NS, 7, { 4, 0 }, 4, 512, false, -ENODEV,
	  "status 0, status 1, status 3, features 0x1, queue 0 of 4, "
	  "status 131" },
	{ "3 entries", NS, 7, { 3, 3 }, 4, 512, false, -EINVAL,
	  "status 0, status 1, status 3, features 0x1, status 131" },
	{ "buffers for a header alone", NS, 7, { 4, 4 }, 4, 16, false, -EINVAL,
	  "status 0, status 1, status 3, features 0x1, queue 0 of 4, "
	  "queue 1 of 4, status 131" },
};
/* clang-format on */

START_TEST(the_device_is_brought_up_step_by_step)
{
	const struct probe_row *row = &probe_row[_i];
	struct bus_config config = bus_default;
	struct fake_bus *bus;
	struct rps_drv drv;

	config.features = row->features;
	config.device_id = row->device_id;
	memcpy(config.num_max, row->num_max, sizeof(config.num_max));
	config.num = row->num;
	config.buf_bytes = row->buf_bytes;
	config.refuse_features = row->refuse_features;
	bus = bus_create(&config);

	ck_assert_int_eq(rps_drv_probe(&drv, &bus->mem, &fake_bus_ops, bus,
				       &bus->params),
			 row->expected);
	ck_assert_str_eq(bus->log, row->log);
	ck_assert_int_eq(drv.ready, row->expected == 0);
	free(bus);
}
END_TEST

START_TEST(addresses_outside_the_memory_are_refused)
{
	struct fake_bus *bus = bus_create(&bus_default);
	uint64_t *addr[] = { &bus->params.bufs.v, &bus->params.ring[0].desc.v,
			     &bus->params.ring[1].used.v };
	const int expected[] = { -EINVAL, -EFAULT, -EFAULT };
	struct rps_drv drv;

	*addr[_i] = BUS_GPA + BUS_BYTES - 16;

	ck_assert_int_eq(rps_drv_probe(&drv, &bus->mem, &fake_bus_ops, bus,
				       &bus->params),
			 expected[_i]);
	ck_assert_uint_eq(bus->status & VIRTIO_STATUS_FAILED,
			  VIRTIO_STATUS_FAILED);
	free(bus);
}
END_TEST

struct order_row {
	bool modern;
	bool native_be;
	enum rps_order expected;
};

static const struct order_row order_row[] = {
	{ false, false, RPS_ORDER_LE },
	{ false, true, RPS_ORDER_BE },
	{ true, false, RPS_ORDER_LE },
	{ true, true, RPS_ORDER_LE },
};

START_TEST(features_decide_the_byte_order)
{
	const struct order_row *row = &order_row[_i];
	struct bus_config config = bus_default;
	struct fixture fix;
	struct vchain chain;

	config.features = row->modern ? NS | MODERN : NS;
	config.native_be = row->native_be;
	fix = set_up(&config);

	ck_assert_int_eq(fix.bus->mem.order, row->expected);
	ck_assert_int_eq(rps_vdev_take(&fix.rx, &chain), 0);
	ck_assert_uint_eq(chain.seg[0].len_bytes, 512);
	tear_down(&fix);
}
END_TEST

START_TEST(receive_buffers_are_posted_and_no_others)
{
	struct fixture fix = set_up(&bus_default);
	uint64_t addr = fix.bus->params.bufs.v;
	struct vchain chain;

	for (unsigned int i = 0; i < 4; i++) {
		ck_assert_int_eq(rps_vdev_take(&fix.rx, &chain), 0);
		ck_assert_uint_eq(chain.num_segs, 1);
		ck_assert_uint_eq(chain.seg[0].addr.v, addr + 512 * i);
		ck_assert_uint_eq(chain.seg[0].len_bytes, 512);
		ck_assert(chain.seg[0].device_writes);
	}
	ck_assert_int_eq(rps_vdev_take(&fix.rx, &chain), -EAGAIN);
	ck_assert_int_eq(rps_vdev_take(&fix.tx, &chain), -EAGAIN);
	tear_down(&fix);
}
END_TEST

START_TEST(the_shorter_ring_limits_both_directions)
{
	struct bus_config config = bus_default;
	struct fixture fix;

	config.num_max[RPS_QUEUE_TX] = 2;
	fix = set_up(&config);

	ck_assert_uint_eq(fix.drv.num_bufs, 2);
	ck_assert_uint_eq(rps_vdrv_in_flight(&fix.drv.rx), 2);
	tear_down(&fix);
}
END_TEST

START_TEST(removal_resets_the_device)
{
	struct fixture fix = set_up(&bus_default);

	rps_drv_remove(&fix.drv);

	ck_assert_uint_eq(fix.bus->status, 0);
	ck_assert(!fix.drv.ready);
	tear_down(&fix);
}
END_TEST

/* --- receiving */

/* The device writes a message and says whatever it likes about it. */
static uint64_t put(struct fixture *fix, uint16_t hdr_len_bytes,
		    uint32_t used_len_bytes)
{
	struct rps_hdr hdr = { .src = 7, .dst = 8, .len_bytes = hdr_len_bytes };
	struct rpmsg_hdr wire = rps_hdr_pack(fix->bus->xport.mem.order, &hdr);
	struct vchain chain;

	ck_assert_int_eq(rps_vdev_take(&fix->rx, &chain), 0);
	memcpy(chain.seg[0].host, &wire, sizeof(wire));
	for (uint32_t i = 16; i < chain.seg[0].len_bytes; i++)
		chain.seg[0].host[i] = (uint8_t)i;
	rps_vdev_complete(&fix->rx, chain.head, used_len_bytes);
	return chain.seg[0].addr.v;
}

struct message_row {
	uint16_t hdr_len_bytes;
	uint32_t used_len_bytes;
	int expected;
};

/* clang-format off */
static const struct message_row message_row[] = {
	{ 0,      16,         0 },
	{ 1,      17,         0 },
	{ 12,     28,         0 },
	{ 12,     512,        0 },
	{ 495,    511,        0 },
	{ 496,    512,        0 },
	{ 0,      0,          -EBADMSG },
	{ 0,      15,         -EBADMSG },
	{ 0xffff, 0,          -EBADMSG },
	{ 0xffff, 8,          -EBADMSG },
	{ 0xffff, 15,         -EBADMSG },
	{ 1,      16,         -EBADMSG },
	{ 13,     28,         -EBADMSG },
	{ 496,    28,         -EBADMSG },
	{ 497,    512,        -EBADMSG },
	{ 12,     513,        -EBADMSG },
	{ 0xffff, 0xffffffff, -EBADMSG },
	{ 12,     0x8000001c, -EBADMSG },
};
/* clang-format on */

START_TEST(lengths_are_believed_only_as_far_as_they_go_together)
{
	const struct message_row *row = &message_row[_i / 2];
	struct bus_config config = bus_default;
	struct fixture fix;
	struct rps_msg msg;

	config.features = NS;
	config.native_be = _i % 2;
	fix = set_up(&config);
	put(&fix, row->hdr_len_bytes, row->used_len_bytes);

	ck_assert_int_eq(rps_drv_rx(&fix.drv, &msg), row->expected);
	if (row->expected == 0) {
		ck_assert_uint_eq(msg.hdr.src, 7);
		ck_assert_uint_eq(msg.hdr.dst, 8);
		ck_assert_uint_eq(msg.hdr.len_bytes, row->hdr_len_bytes);
		if (row->hdr_len_bytes)
			ck_assert_uint_eq(msg.payload[0], 16);
	}
	tear_down(&fix);
}
END_TEST

START_TEST(a_malformed_message_costs_no_buffer)
{
	struct fixture fix = set_up(&bus_default);
	struct rps_msg msg;

	for (unsigned int i = 0; i < 3 * 4; i++) {
		put(&fix, 0xffff, 0);
		ck_assert_int_eq(rps_drv_rx(&fix.drv, &msg), -EBADMSG);
		rps_drv_flush(&fix.drv);
	}
	put(&fix, 12, 28);
	ck_assert_int_eq(rps_drv_rx(&fix.drv, &msg), 0);
	ck_assert_int_eq(rps_drv_rx(&fix.drv, &msg), -EAGAIN);
	tear_down(&fix);
}
END_TEST

START_TEST(a_buffer_is_offered_again_with_its_full_size)
{
	struct fixture fix = set_up(&bus_default);
	struct vchain chain;
	struct rps_msg msg;
	uint64_t addr = 0;

	for (unsigned int i = 0; i < 4; i++)
		addr = put(&fix, 1, 17);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(rps_drv_rx(&fix.drv, &msg), 0);
	ck_assert_int_eq(rps_vdev_take(&fix.rx, &chain), -EAGAIN);

	rps_drv_rx_done(&fix.drv, &msg);
	rps_drv_flush(&fix.drv);
	ck_assert_int_eq(rps_vdev_take(&fix.rx, &chain), 0);
	ck_assert_uint_eq(chain.seg[0].addr.v, addr);
	ck_assert_uint_eq(chain.seg[0].len_bytes, 512);
	tear_down(&fix);
}
END_TEST

START_TEST(buffers_given_back_are_told_once_a_batch)
{
	struct fixture fix = set_up(&bus_default);
	struct rps_msg msg;

	for (unsigned int i = 0; i < 2; i++) {
		put(&fix, 1, 17);
		ck_assert_int_eq(rps_drv_rx(&fix.drv, &msg), 0);
		rps_drv_rx_done(&fix.drv, &msg);
	}
	ck_assert_uint_eq(fix.bus->kicks[RPS_QUEUE_RX], 1);
	rps_drv_flush(&fix.drv);
	ck_assert_uint_eq(fix.bus->kicks[RPS_QUEUE_RX], 2);
	rps_drv_flush(&fix.drv);
	ck_assert_uint_eq(fix.bus->kicks[RPS_QUEUE_RX], 2);
	tear_down(&fix);
}
END_TEST

START_TEST(rearming_tells_what_came_in_meanwhile)
{
	struct fixture fix = set_up(&bus_default);

	ck_assert(!rps_drv_settle(&fix.drv));
	put(&fix, 1, 17);
	ck_assert(rps_drv_settle(&fix.drv));
	tear_down(&fix);
}
END_TEST

START_TEST(a_device_that_lies_breaks_receiving_for_good)
{
	struct fixture fix = set_up(&bus_default);
	struct rps_msg msg;

	rps_vdev_complete(&fix.rx, 4, 28);
	ck_assert_int_eq(rps_drv_rx(&fix.drv, &msg), -EPROTO);
	put(&fix, 12, 28);
	ck_assert_int_eq(rps_drv_rx(&fix.drv, &msg), -EPROTO);
	tear_down(&fix);
}
END_TEST

/* --- sending */

static int say(struct fixture *fix, uint16_t len_bytes)
{
	static const uint8_t payload[1024] = "payload";
	struct rps_hdr hdr = { .src = 1, .dst = 2, .len_bytes = len_bytes };

	return rps_drv_send(&fix->drv, &hdr, payload);
}

static const uint16_t good_len[] = { 0, 1, 12, 495, 496 };

START_TEST(a_message_is_one_descriptor_of_its_own_length)
{
	uint16_t len_bytes = good_len[_i / 2];
	struct bus_config config = bus_default;
	struct rps_hdr hdr = { .src = 1, .dst = 2, .len_bytes = len_bytes };
	struct rpmsg_hdr wire;
	struct fixture fix;
	struct vchain chain;

	config.features = NS;
	config.native_be = _i % 2;
	fix = set_up(&config);
	wire = rps_hdr_pack(fix.bus->mem.order, &hdr);

	ck_assert_int_eq(say(&fix, len_bytes), 0);
	ck_assert_int_eq(rps_vdev_take(&fix.tx, &chain), 0);
	ck_assert_uint_eq(chain.num_segs, 1);
	ck_assert_uint_eq(chain.seg[0].len_bytes, 16u + len_bytes);
	ck_assert(!chain.seg[0].device_writes);
	ck_assert_bytes_eq(chain.seg[0].host, &wire, 16);
	if (len_bytes)
		ck_assert_uint_eq(chain.seg[0].host[16], 'p');
	ck_assert_uint_eq(fix.bus->kicks[RPS_QUEUE_TX], 1);
	tear_down(&fix);
}
END_TEST

START_TEST(each_direction_has_buffers_of_its_own_size)
{
	struct bus_config config = bus_default;
	struct fixture fix;
	struct vchain chain;

	config.buf_bytes = 128;
	config.tx_buf_bytes = 1024;
	fix = set_up(&config);

	ck_assert_int_eq(say(&fix, 1009), -EMSGSIZE);
	for (unsigned int i = 0; i < 4; i++) {
		ck_assert_int_eq(say(&fix, 1008), 0);
		ck_assert_int_eq(rps_vdev_take(&fix.tx, &chain), 0);
		ck_assert_uint_eq(chain.seg[0].addr.v,
				  fix.bus->params.bufs.v + 4 * 128 + i * 1024);
		ck_assert_int_eq(rps_vdev_take(&fix.rx, &chain), 0);
		ck_assert_uint_eq(chain.seg[0].addr.v,
				  fix.bus->params.bufs.v + i * 128);
		ck_assert_uint_eq(chain.seg[0].len_bytes, 128);
	}
	tear_down(&fix);
}
END_TEST

START_TEST(a_device_that_wants_bus_addresses_gets_them)
{
	const uint64_t offset = UINT64_C(0x7000000000);
	struct bus_config config = bus_default;
	struct fixture fix;
	struct vchain chain;

	config.bus_offset = offset;
	if (_i)
		config.features |= BUS_FEATURE(VIRTIO_F_ACCESS_PLATFORM);
	fix = set_up(&config);

	ck_assert_int_eq(say(&fix, 12), 0);
	ck_assert_uint_eq(fix.bus->xport.queue[0].addrs.desc.v,
			  fix.bus->params.ring[0].desc.v + (_i ? offset : 0));
	ck_assert_int_eq(rps_vdev_take(&fix.tx, &chain), 0);
	ck_assert_uint_eq(chain.seg[0].addr.v,
			  fix.bus->params.bufs.v + 4 * 512 + (_i ? offset : 0));
	ck_assert_int_eq(rps_vdev_take(&fix.rx, &chain), 0);
	tear_down(&fix);
}
END_TEST

/* Sizes in configuration space, by what they lead to. */
static const struct {
	uint64_t features;
	uint32_t to_driver;
	uint32_t to_device;
	bool bufsz;
	uint8_t version;
	int result;
	uint32_t rx_bytes;
} agreement[] = {
	{ BUS_FEATURE(1), 128, 256, true, 1, 0, 128 },
	{ BUS_FEATURE(1), 512, 512, true, 1, 0, 512 },
	{ BUS_FEATURE(1), 513, 512, true, 1, -EINVAL, 0 },
	{ BUS_FEATURE(1), 512, 513, true, 1, -EINVAL, 0 },
	{ BUS_FEATURE(1), 16, 512, true, 1, -EINVAL, 0 },
	{ BUS_FEATURE(1), 128, 256, true, 2, -EINVAL, 0 },
	{ BUS_FEATURE(1), 128, 256, false, 1, 0, 512 },
	{ 0, 128, 256, true, 1, 0, 512 },
};

START_TEST(sizes_in_configuration_space_count_if_negotiated)
{
	struct bus_config config = bus_default;
	struct rps_bufsz sizes = { agreement[_i].to_driver,
				   agreement[_i].to_device };
	struct fixture fix = { 0 };

	config.features |= agreement[_i].features;
	config.bufsz = agreement[_i].bufsz;
	config.space_bytes = RPS_BUFSZ_BYTES;
	rps_bufsz_pack(RPS_ORDER_LE, &sizes, config.space);
	config.space[0] = agreement[_i].version;
	fix.bus = bus_create(&config);

	ck_assert_int_eq(rps_drv_probe(&fix.drv, &fix.bus->mem, &fake_bus_ops,
				       fix.bus, &fix.bus->params),
			 agreement[_i].result);
	if (agreement[_i].result == 0)
		ck_assert_uint_eq(fix.drv.params.buf_bytes,
				  agreement[_i].rx_bytes);
	tear_down(&fix);
}
END_TEST

static const uint16_t long_len[] = { 497, 512, 1024 };

START_TEST(what_does_not_fit_leaves_no_trace)
{
	struct fixture fix = set_up(&bus_default);
	struct vchain chain;

	ck_assert_int_eq(say(&fix, long_len[_i]), -EMSGSIZE);
	ck_assert_int_eq(rps_vdev_take(&fix.tx, &chain), -EAGAIN);
	ck_assert_uint_eq(fix.bus->kicks[RPS_QUEUE_TX], 0);
	ck_assert_uint_eq(fix.drv.num_tx_free, 4);
	tear_down(&fix);
}
END_TEST

START_TEST(an_empty_message_needs_no_payload)
{
	struct fixture fix = set_up(&bus_default);
	struct rps_hdr hdr = { .src = 1, .dst = 2 };

	ck_assert_int_eq(rps_drv_send(&fix.drv, &hdr, NULL), 0);
	tear_down(&fix);
}
END_TEST

START_TEST(send_buffers_run_out_and_come_back)
{
	struct fixture fix = set_up(&bus_default);
	struct vchain chain;

	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < 4; i++)
			ck_assert_int_eq(say(&fix, 1), 0);
		ck_assert_int_eq(say(&fix, 1), -ENOMEM);
		for (unsigned int i = 0; i < 4; i++) {
			ck_assert_int_eq(rps_vdev_take(&fix.tx, &chain), 0);
			/* What a device says it wrote is of no interest. */
			rps_vdev_complete(&fix.tx, chain.head, 0xffffffff);
		}
	}
	ck_assert_int_eq(say(&fix, 1), 0);
	tear_down(&fix);
}
END_TEST

START_TEST(a_device_that_lies_breaks_sending_for_good)
{
	struct fixture fix = set_up(&bus_default);

	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(say(&fix, 1), 0);
	rps_vdev_complete(&fix.tx, 0xffff, 0);
	ck_assert_int_eq(say(&fix, 1), -EPIPE);
	rps_vdev_complete(&fix.tx, 0, 0);
	ck_assert_int_eq(say(&fix, 1), -EPIPE);
	tear_down(&fix);
}
END_TEST

START_TEST(returns_interrupt_only_while_somebody_waits)
{
	struct fixture fix = set_up(&bus_default);
	struct vchain chain;

	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(say(&fix, 1), 0);

	/* Two waiters: the last one to go switches off. */
	for (unsigned int waiters = 0; waiters < 3; waiters++) {
		if (waiters == 1) {
			rps_drv_tx_wait_begin(&fix.drv);
			rps_drv_tx_wait_begin(&fix.drv);
			rps_drv_tx_wait_end(&fix.drv);
		} else if (waiters == 2) {
			rps_drv_tx_wait_end(&fix.drv);
		}
		ck_assert_int_eq(rps_vdev_take(&fix.tx, &chain), 0);
		rps_vdev_complete(&fix.tx, chain.head, 0);
		ck_assert_int_eq(rps_vdev_notify_needed(&fix.tx), waiters == 1);
	}
	tear_down(&fix);
}
END_TEST

static TCase *probe_tests(void)
{
	TCase *tcase = tcase_create("probe");

	tcase_add_loop_test(tcase, the_device_is_brought_up_step_by_step, 0,
			    ARRAY_SIZE(probe_row));
	tcase_add_loop_test(tcase, addresses_outside_the_memory_are_refused, 0,
			    3);
	tcase_add_loop_test(tcase, features_decide_the_byte_order, 0,
			    ARRAY_SIZE(order_row));
	tcase_add_test(tcase, receive_buffers_are_posted_and_no_others);
	tcase_add_test(tcase, the_shorter_ring_limits_both_directions);
	tcase_add_test(tcase, removal_resets_the_device);
	return tcase;
}

static TCase *rx_tests(void)
{
	TCase *tcase = tcase_create("rx");

	tcase_add_loop_test(
		tcase, lengths_are_believed_only_as_far_as_they_go_together, 0,
		2 * ARRAY_SIZE(message_row));
	tcase_add_test(tcase, a_malformed_message_costs_no_buffer);
	tcase_add_test(tcase, a_buffer_is_offered_again_with_its_full_size);
	tcase_add_test(tcase, buffers_given_back_are_told_once_a_batch);
	tcase_add_test(tcase, rearming_tells_what_came_in_meanwhile);
	tcase_add_test(tcase, a_device_that_lies_breaks_receiving_for_good);
	return tcase;
}

static TCase *tx_tests(void)
{
	TCase *tcase = tcase_create("tx");

	tcase_add_test(tcase, each_direction_has_buffers_of_its_own_size);
	tcase_add_loop_test(tcase, a_device_that_wants_bus_addresses_gets_them,
			    0, 2);
	tcase_add_loop_test(tcase,
			    sizes_in_configuration_space_count_if_negotiated, 0,
			    ARRAY_SIZE(agreement));
	tcase_add_loop_test(tcase,
			    a_message_is_one_descriptor_of_its_own_length, 0,
			    2 * ARRAY_SIZE(good_len));
	tcase_add_loop_test(tcase, what_does_not_fit_leaves_no_trace, 0,
			    ARRAY_SIZE(long_len));
	tcase_add_test(tcase, an_empty_message_needs_no_payload);
	tcase_add_test(tcase, send_buffers_run_out_and_come_back);
	tcase_add_test(tcase, a_device_that_lies_breaks_sending_for_good);
	tcase_add_test(tcase, returns_interrupt_only_while_somebody_waits);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("drv");

	suite_add_tcase(suite, probe_tests());
	suite_add_tcase(suite, rx_tests());
	suite_add_tcase(suite, tx_tests());
	return suite_main(suite);
}
