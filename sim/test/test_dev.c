/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/dev.h>
#include <rps/vdrv.h>

#include <errno.h>
#include <stdlib.h>

#include "fake_bus.h"
#include "suite_main.h"

#define BUF(i)    (BUS_GPA + 0x20000 + 0x1000 * (uint64_t)(i))
#define TABLE_GPA (BUS_GPA + 0x18000)
#define END_GPA   (BUS_GPA + BUS_BYTES)
#define NUM       8u

/* A device that serves, and the driver's ends of its rings in our hands. */
struct fixture {
	struct fake_bus *bus;
	struct rps_dev *dev;
	struct vdrv rx; /* queue 0: the driver receives here */
	struct vdrv tx;
};

struct setup {
	uint64_t features;
	bool big_endian;
};

static const struct setup plain = { 0, false };

static void make_queue(struct fixture *fix, struct vdrv *vq, unsigned int q)
{
	struct vdrv_params params = { .queue = q, .num = NUM };

	params.event_idx =
		feature_has(fix->bus->xport.features, VIRTIO_F_EVENT_IDX);
	fix->bus->xport.queue[q] = (struct rps_xport_queue){
		.num = NUM,
		.enabled = true,
		.addrs = fix->bus->params.ring[q],
	};
	ck_assert_int_eq(rps_vdrv_init(vq, &fix->bus->mem,
				       fix->bus->params.ring[q], &params,
				       fix->bus->slot[q]),
			 0);
}

static struct fixture set_up(const struct setup *setup)
{
	struct fixture fix = {
		.bus = bus_create(&bus_default),
		.dev = calloc(1, sizeof(struct rps_dev)),
	};
	enum rps_order order = setup->big_endian ? RPS_ORDER_BE : RPS_ORDER_LE;

	ck_assert_ptr_nonnull(fix.dev);
	fix.bus->mem.order = order;
	fix.bus->xport.mem.order = order;
	fix.bus->xport.features.bits = setup->features;
	fix.bus->xport.ready = true;
	make_queue(&fix, &fix.rx, RPS_QUEUE_RX);
	make_queue(&fix, &fix.tx, RPS_QUEUE_TX);
	ck_assert_int_eq(rps_dev_start(fix.dev, &fix.bus->xport), 0);
	return fix;
}

static void tear_down(struct fixture *fix)
{
	free(fix->dev);
	free(fix->bus);
}

START_TEST(rings_that_cannot_be_are_not_served)
{
	struct fixture fix = set_up(&plain);

	fix.bus->xport.queue[_i].num = 3;
	ck_assert_int_eq(rps_dev_start(fix.dev, &fix.bus->xport), -EINVAL);
	ck_assert(!fix.dev->ready);

	fix.bus->xport.queue[_i].num = NUM;
	fix.bus->xport.queue[_i].addrs.used.v = END_GPA;
	ck_assert_int_eq(rps_dev_start(fix.dev, &fix.bus->xport), -EFAULT);
	ck_assert(!fix.dev->ready);
	tear_down(&fix);
}
END_TEST

/* --- receiving */

/* Writes header and payload (byte i is i) to peer address @addr on. */
static void write_msg(struct fixture *fix, uint64_t addr,
		      uint16_t hdr_len_bytes)
{
	struct rps_hdr hdr = { .src = 7, .dst = 8, .len_bytes = hdr_len_bytes };
	struct rpmsg_hdr wire = rps_hdr_pack(fix->bus->mem.order, &hdr);
	uint8_t *at = bus_at(fix->bus, addr);

	memcpy(at, &wire, sizeof(wire));
	for (uint32_t i = 0; i < hdr_len_bytes && addr + 16 + i < END_GPA; i++)
		at[16 + i] = (uint8_t)i;
}

static void offer_tx(struct fixture *fix, const struct vbuf *bufs,
		     uint16_t count)
{
	ck_assert_int_eq(rps_vdrv_offer(&fix->tx, bufs, count, NULL), 0);
}

static void offer_msg(struct fixture *fix, uint16_t hdr_len_bytes,
		      uint32_t desc_len_bytes)
{
	struct vbuf buf = { { BUF(0) }, desc_len_bytes, false };

	write_msg(fix, BUF(0), hdr_len_bytes);
	offer_tx(fix, &buf, 1);
}

struct message_row {
	uint16_t hdr_len_bytes;
	uint32_t desc_len_bytes;
	int expected;
};

/* clang-format off */
static const struct message_row message_row[] = {
	{ 0,      16,      0 },
	{ 12,     28,      0 },
	{ 12,     512,     0 },
	{ 496,    512,     0 },
	{ 0xffff, 0x1000f, 0 },
	{ 0,      0,       -EBADMSG },
	{ 0,      8,       -EBADMSG },
	{ 0,      15,      -EBADMSG },
	{ 1,      16,      -EBADMSG },
	{ 13,     28,      -EBADMSG },
	{ 0xffff, 28,      -EBADMSG },
	{ 0xffff, 0x1000e, -EBADMSG },
};
/* clang-format on */

START_TEST(the_length_is_that_of_the_header_inside_the_buffer)
{
	const struct message_row *row = &message_row[_i / 2];
	const struct setup setup = { 0, _i % 2 };
	struct fixture fix = set_up(&setup);
	struct vdrv_used used;
	struct rps_msg msg;

	offer_msg(&fix, row->hdr_len_bytes, row->desc_len_bytes);

	ck_assert_int_eq(rps_dev_rx(fix.dev, &msg), row->expected);
	if (row->expected == 0) {
		ck_assert_uint_eq(msg.hdr.src, 7);
		ck_assert_uint_eq(msg.hdr.dst, 8);
		ck_assert_uint_eq(msg.hdr.len_bytes, row->hdr_len_bytes);
		ck_assert_ptr_eq(msg.payload, bus_at(fix.bus, BUF(0) + 16));
		rps_dev_rx_done(fix.dev, &msg);
	}
	rps_dev_flush(fix.dev);
	ck_assert_int_eq(rps_vdrv_reclaim(&fix.tx, &used), 0);
	ck_assert_uint_eq(used.len_bytes, 0);
	tear_down(&fix);
}
END_TEST

/* Where a message of 16 + 12 bytes is cut. */
static const uint32_t cut[] = { 1, 8, 15, 16, 17, 27 };

START_TEST(a_message_in_two_pieces_is_put_together)
{
	struct fixture fix = set_up(&plain);
	struct vbuf bufs[2] = { { { BUF(0) }, cut[_i], false },
				{ { BUF(1) }, 28 - cut[_i], false } };
	struct rps_msg msg;

	write_msg(&fix, BUF(0), 12);
	memcpy(bus_at(fix.bus, BUF(1)), bus_at(fix.bus, BUF(0) + cut[_i]),
	       28 - cut[_i]);
	memset(bus_at(fix.bus, BUF(0) + cut[_i]), 0xee, 28 - cut[_i]);
	offer_tx(&fix, bufs, 2);

	ck_assert_int_eq(rps_dev_rx(fix.dev, &msg), 0);
	ck_assert_uint_eq(msg.hdr.dst, 8);
	ck_assert_uint_eq(msg.hdr.len_bytes, 12);
	for (unsigned int i = 0; i < 12; i++)
		ck_assert_uint_eq(msg.payload[i], i);
	tear_down(&fix);
}
END_TEST

START_TEST(a_message_may_come_through_a_table)
{
	const struct setup setup = { BUS_FEATURE(VIRTIO_F_INDIRECT_DESC),
				     false };
	struct fixture fix = set_up(&setup);
	struct vbuf bufs[3] = { { { BUF(0) }, 16, false },
				{ { BUF(0) + 16 }, 5, false },
				{ { BUF(0) + 21 }, 7, false } };
	struct rps_msg msg;

	write_msg(&fix, BUF(0), 12);
	ck_assert_int_eq(rps_vdrv_offer_indirect(&fix.tx,
						 (struct gpa){ TABLE_GPA },
						 bufs, 3, NULL),
			 0);

	ck_assert_int_eq(rps_dev_rx(fix.dev, &msg), 0);
	for (unsigned int i = 0; i < 12; i++)
		ck_assert_uint_eq(msg.payload[i], i);
	tear_down(&fix);
}
END_TEST

START_TEST(pieces_longer_than_the_room_for_them_are_dropped)
{
	struct fixture fix = set_up(&plain);
	uint16_t len_bytes = (uint16_t)((int)RPS_DEV_GATHER_BYTES + _i);
	struct vbuf bufs[2] = { { { BUF(0) }, 16, false },
				{ { BUF(0) + 16 }, len_bytes, false } };
	struct rps_msg msg;

	write_msg(&fix, BUF(0), len_bytes);
	offer_tx(&fix, bufs, 2);

	ck_assert_int_eq(rps_dev_rx(fix.dev, &msg), _i ? -EBADMSG : 0);
	tear_down(&fix);
}
END_TEST

struct bad_row {
	const char *name;
	struct vbuf bufs[2];
	uint16_t count;
};

/* clang-format off */
static const struct bad_row bad_row[] = {
	{ "to be written", { { { BUF(0) }, 512, true } }, 1 },
	{ "partly to be written",
	  { { { BUF(0) }, 28, false }, { { BUF(1) }, 512, true } }, 2 },
	{ "outside", { { { END_GPA - 8 }, 28, false } }, 1 },
	{ "address 0", { { { 0 }, 28, false } }, 1 },
	{ "partly outside",
	  { { { BUF(0) }, 16, false }, { { END_GPA }, 12, false } }, 2 },
	{ "short in two pieces",
	  { { { BUF(0) }, 8, false }, { { BUF(1) }, 7, false } }, 2 },
};
/* clang-format on */

START_TEST(a_bad_buffer_goes_back_and_the_next_is_served)
{
	const struct bad_row *row = &bad_row[_i];
	struct fixture fix = set_up(&plain);
	struct rps_msg msg;

	write_msg(&fix, BUF(0), 12);
	offer_tx(&fix, row->bufs, row->count);
	offer_msg(&fix, 12, 28);

	ck_assert_msg(rps_dev_rx(fix.dev, &msg) == -EBADMSG, "%s", row->name);
	ck_assert_uint_eq(rps_vdrv_in_flight(&fix.tx), 2);
	rps_dev_flush(fix.dev);
	ck_assert_int_eq(rps_vdrv_reclaim(&fix.tx, &(struct vdrv_used){ 0 }),
			 0);
	ck_assert_int_eq(rps_dev_rx(fix.dev, &msg), 0);
	ck_assert_int_eq(rps_dev_rx(fix.dev, &msg), -EAGAIN);
	tear_down(&fix);
}
END_TEST

START_TEST(returned_buffers_are_notified_once_a_batch)
{
	struct fixture fix = set_up(&plain);
	struct rps_msg msg;

	for (unsigned int i = 0; i < 3; i++) {
		offer_msg(&fix, 12, 28);
		ck_assert_int_eq(rps_dev_rx(fix.dev, &msg), 0);
		rps_dev_rx_done(fix.dev, &msg);
	}
	rps_dev_flush(fix.dev);
	rps_dev_flush(fix.dev);
	ck_assert_uint_eq(fix.bus->irqs[RPS_QUEUE_TX], 1);
	tear_down(&fix);
}
END_TEST

START_TEST(a_driver_that_lies_breaks_receiving_for_good)
{
	struct fixture fix = set_up(&plain);
	struct rps_msg msg;

	offer_msg(&fix, 12, 28);
	fix.tx.ring.avail->ring[0] = cpu_to_virtio16(RPS_ORDER_LE, NUM);
	ck_assert_int_eq(rps_dev_rx(fix.dev, &msg), -EPROTO);
	fix.tx.ring.avail->ring[0] = cpu_to_virtio16(RPS_ORDER_LE, 0);
	ck_assert_int_eq(rps_dev_rx(fix.dev, &msg), -EPROTO);
	tear_down(&fix);
}
END_TEST

START_TEST(rearming_tells_what_came_in_meanwhile)
{
	struct fixture fix = set_up(&plain);

	ck_assert(!rps_dev_settle(fix.dev));
	offer_msg(&fix, 12, 28);
	ck_assert(rps_dev_settle(fix.dev));
	tear_down(&fix);
}
END_TEST

/* --- sending */

static void offer_rx(struct fixture *fix, const struct vbuf *bufs,
		     uint16_t count)
{
	ck_assert_int_eq(rps_vdrv_offer(&fix->rx, bufs, count, NULL), 0);
}

static int say(struct fixture *fix, uint16_t len_bytes)
{
	static uint8_t payload[1024];
	struct rps_hdr hdr = { .src = 1, .dst = 2, .len_bytes = len_bytes };

	for (unsigned int i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)i;
	return rps_dev_send(fix->dev, &hdr, payload);
}

static const uint16_t good_len[] = { 0, 1, 12, 495, 496 };

START_TEST(a_message_is_written_and_its_length_reported)
{
	uint16_t len_bytes = good_len[_i / 2];
	const struct setup setup = { 0, _i % 2 };
	struct fixture fix = set_up(&setup);
	struct rps_hdr hdr = { .src = 1, .dst = 2, .len_bytes = len_bytes };
	struct rpmsg_hdr wire = rps_hdr_pack(fix.bus->mem.order, &hdr);
	struct vbuf buf = { { BUF(0) }, 512, true };
	uint8_t *at = bus_at(fix.bus, BUF(0));
	struct vdrv_used used;

	memset(at, 0xee, 513);
	offer_rx(&fix, &buf, 1);

	ck_assert_int_eq(say(&fix, len_bytes), 0);
	ck_assert_int_eq(rps_vdrv_reclaim(&fix.rx, &used), 0);
	ck_assert_uint_eq(used.len_bytes, 16u + len_bytes);
	ck_assert_bytes_eq(at, &wire, 16);
	for (unsigned int i = 0; i < len_bytes; i++)
		ck_assert_uint_eq(at[16 + i], (uint8_t)i);
	ck_assert_uint_eq(at[16 + len_bytes], 0xee);
	ck_assert_uint_eq(fix.bus->irqs[RPS_QUEUE_RX], 1);
	tear_down(&fix);
}
END_TEST

START_TEST(a_buffer_in_pieces_is_filled_piece_by_piece)
{
	struct fixture fix = set_up(&plain);
	struct vbuf bufs[3] = { { { BUF(0) }, 10, true },
				{ { BUF(1) }, 10, true },
				{ { BUF(2) }, 10, true } };
	uint8_t *last = bus_at(fix.bus, BUF(2));

	offer_rx(&fix, bufs, 3);

	ck_assert_int_eq(say(&fix, 14), 0);
	/* Bytes 20 to 29 of the message are bytes 4 to 13 of the payload. */
	for (unsigned int i = 0; i < 10; i++)
		ck_assert_uint_eq(last[i], 4 + i);
	tear_down(&fix);
}
END_TEST

START_TEST(a_buffer_too_small_is_kept_for_a_shorter_message)
{
	struct fixture fix = set_up(&plain);
	struct vbuf buf = { { BUF(0) }, 128, true };
	struct vdrv_used used;

	offer_rx(&fix, &buf, 1);

	ck_assert_int_eq(say(&fix, 113), -EMSGSIZE);
	ck_assert_int_eq(rps_vdrv_reclaim(&fix.rx, &used), -EAGAIN);
	ck_assert_uint_eq(fix.bus->irqs[RPS_QUEUE_RX], 0);
	ck_assert_int_eq(say(&fix, 112), 0);
	ck_assert_int_eq(rps_vdrv_reclaim(&fix.rx, &used), 0);
	ck_assert_uint_eq(used.len_bytes, 128);
	tear_down(&fix);
}
END_TEST

START_TEST(without_buffers_nothing_is_sent)
{
	struct fixture fix = set_up(&plain);
	struct vbuf buf = { { BUF(0) }, 512, true };

	ck_assert_int_eq(say(&fix, 1), -ENOMEM);
	offer_rx(&fix, &buf, 1);
	ck_assert_int_eq(say(&fix, 1), 0);
	ck_assert_int_eq(say(&fix, 1), -ENOMEM);
	tear_down(&fix);
}
END_TEST

/* clang-format off */
static const struct vbuf bad_rx[] = {
	{ { BUF(0) },      0,   true },
	{ { BUF(0) },      8,   true },
	{ { BUF(0) },      15,  true },
	{ { BUF(0) },      512, false },
	{ { END_GPA - 8 }, 512, true },
	{ { 0 },           512, true },
};
/* clang-format on */

START_TEST(a_buffer_that_cannot_carry_a_header_goes_back_unwritten)
{
	struct fixture fix = set_up(&plain);
	struct vbuf good = { { BUF(1) }, 512, true };
	struct vdrv_used used;

	memset(bus_at(fix.bus, BUF(0)), 0xee, 512);
	offer_rx(&fix, &bad_rx[_i], 1);
	offer_rx(&fix, &good, 1);

	ck_assert_int_eq(say(&fix, 1), 0);
	ck_assert_int_eq(rps_vdrv_reclaim(&fix.rx, &used), 0);
	ck_assert_uint_eq(used.len_bytes, 0);
	ck_assert_int_eq(rps_vdrv_reclaim(&fix.rx, &used), 0);
	ck_assert_uint_eq(used.len_bytes, 17);
	ck_assert_uint_eq(*(uint8_t *)bus_at(fix.bus, BUF(0)), 0xee);
	tear_down(&fix);
}
END_TEST

START_TEST(a_bad_buffer_that_goes_back_is_notified)
{
	struct fixture fix = set_up(&plain);
	struct vbuf small = { { BUF(1) }, 20, true };

	offer_rx(&fix, &bad_rx[0], 1);
	ck_assert_int_eq(say(&fix, 1), -ENOMEM);
	ck_assert_uint_eq(fix.bus->irqs[RPS_QUEUE_RX], 1);

	offer_rx(&fix, &bad_rx[0], 1);
	offer_rx(&fix, &small, 1);
	ck_assert_int_eq(say(&fix, 5), -EMSGSIZE);
	ck_assert_uint_eq(fix.bus->irqs[RPS_QUEUE_RX], 2);
	tear_down(&fix);
}
END_TEST

START_TEST(a_driver_that_lies_breaks_sending_for_good)
{
	struct fixture fix = set_up(&plain);

	fix.rx.ring.avail->idx = cpu_to_virtio16(RPS_ORDER_LE, NUM + 1);
	ck_assert_int_eq(say(&fix, 1), -EPIPE);
	fix.rx.ring.avail->idx = cpu_to_virtio16(RPS_ORDER_LE, 1);
	ck_assert_int_eq(say(&fix, 1), -EPIPE);
	tear_down(&fix);
}
END_TEST

START_TEST(an_empty_message_needs_no_payload)
{
	struct fixture fix = set_up(&plain);
	struct vbuf buf = { { BUF(0) }, 512, true };
	struct rps_hdr hdr = { .src = 1, .dst = 2 };

	offer_rx(&fix, &buf, 1);
	ck_assert_int_eq(rps_dev_send(fix.dev, &hdr, NULL), 0);
	tear_down(&fix);
}
END_TEST

START_TEST(stopping_touches_no_byte_and_forgets_all)
{
	struct fixture fix = set_up(&plain);
	static uint8_t before[BUS_BYTES];
	struct vbuf buf = { { BUF(0) }, 20, true };

	offer_rx(&fix, &buf, 1);
	ck_assert_int_eq(say(&fix, 100), -EMSGSIZE);
	memcpy(before, fix.bus->bytes, sizeof(before));
	rps_dev_stop(fix.dev);
	ck_assert_mem_eq(fix.bus->bytes, before, sizeof(before));

	make_queue(&fix, &fix.rx, RPS_QUEUE_RX);
	make_queue(&fix, &fix.tx, RPS_QUEUE_TX);
	ck_assert_int_eq(rps_dev_start(fix.dev, &fix.bus->xport), 0);
	ck_assert_int_eq(say(&fix, 1), -ENOMEM);
	tear_down(&fix);
}
END_TEST

static TCase *rx_tests(void)
{
	TCase *tcase = tcase_create("rx");

	tcase_add_loop_test(tcase, rings_that_cannot_be_are_not_served, 0, 2);
	tcase_add_loop_test(tcase,
			    the_length_is_that_of_the_header_inside_the_buffer,
			    0, 2 * ARRAY_SIZE(message_row));
	tcase_add_loop_test(tcase, a_message_in_two_pieces_is_put_together, 0,
			    ARRAY_SIZE(cut));
	tcase_add_test(tcase, a_message_may_come_through_a_table);
	tcase_add_loop_test(
		tcase, pieces_longer_than_the_room_for_them_are_dropped, 0, 2);
	tcase_add_loop_test(tcase,
			    a_bad_buffer_goes_back_and_the_next_is_served, 0,
			    ARRAY_SIZE(bad_row));
	tcase_add_test(tcase, returned_buffers_are_notified_once_a_batch);
	tcase_add_test(tcase, a_driver_that_lies_breaks_receiving_for_good);
	tcase_add_test(tcase, rearming_tells_what_came_in_meanwhile);
	return tcase;
}

static TCase *tx_tests(void)
{
	TCase *tcase = tcase_create("tx");

	tcase_add_loop_test(tcase, a_message_is_written_and_its_length_reported,
			    0, 2 * ARRAY_SIZE(good_len));
	tcase_add_test(tcase, a_buffer_in_pieces_is_filled_piece_by_piece);
	tcase_add_test(tcase, a_buffer_too_small_is_kept_for_a_shorter_message);
	tcase_add_test(tcase, without_buffers_nothing_is_sent);
	tcase_add_loop_test(
		tcase, a_buffer_that_cannot_carry_a_header_goes_back_unwritten,
		0, ARRAY_SIZE(bad_rx));
	tcase_add_test(tcase, a_bad_buffer_that_goes_back_is_notified);
	tcase_add_test(tcase, a_driver_that_lies_breaks_sending_for_good);
	tcase_add_test(tcase, an_empty_message_needs_no_payload);
	tcase_add_test(tcase, stopping_touches_no_byte_and_forgets_all);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("dev");

	suite_add_tcase(suite, rx_tests());
	suite_add_tcase(suite, tx_tests());
	return suite_main(suite);
}
