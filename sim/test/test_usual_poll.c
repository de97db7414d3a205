/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages that come one by one: what a poll does about each, what a hostile
 * peer may make of the next one, and what its receiver knows of the last one.
 */
#include <rps/node.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node_ends.h"
#include "suite_main.h"

/* Entries of the rings of bus_default, and bytes that its buffers take. */
#define NUM        4u
#define ROOM_BYTES (BUS_BUF_BYTES - RPMSG_HDR_BYTES)

/* The loop index says which role sends, and how notifications are asked for. */
static void connect_ends(struct ends *ends, int index, uint32_t num)
{
	struct bus_config config = bus_default;

	config.num = num;
	if (index / 2)
		config.features |= BUS_FEATURE(VIRTIO_F_EVENT_IDX);
	ends_connect(ends, index % 2 ? RPS_ROLE_DEVICE : RPS_ROLE_DRIVER,
		     &config);
}

static int say(struct rps_node *node, const void *payload, size_t len_bytes)
{
	return rps_node_trysend(node, 1, ENDS_ADDR, payload, len_bytes);
}

/* One message goes over, and is heard at once. */
static void pass(struct ends *ends, const char *text)
{
	unsigned int heard = ends->inbox.count;

	ck_assert_int_eq(say(ends->from, text, strlen(text)), 0);
	ck_assert(!rps_node_poll(ends->to));
	ck_assert_uint_eq(ends->inbox.count, heard + 1);
	ck_assert_uint_eq(ends->inbox.len_bytes, strlen(text));
	ck_assert_uint_eq(ends->inbox.first, (uint8_t)text[0]);
}

/* --- how it goes */

static enum rps_rx_result answer(struct rps_node *node, struct rps_ept *ept,
				 const struct rps_msg *msg, void *priv)
{
	(void)priv;
	ck_assert_int_eq(rps_node_trysend(node, ept->addr, msg->hdr.src,
					  msg->payload, msg->hdr.len_bytes),
			 0);
	return RPS_RX_DONE;
}

static const size_t length[] = { 0, 1, 3, 7, 15, 16, 31, 32, 48, 64, 65, 496 };

START_TEST(each_message_is_answered_and_told_once)
{
	static uint8_t bytes[ROOM_BYTES];
	struct ends ends;

	connect_ends(&ends, _i, NUM);
	ends.ept.rx = answer;
	ends.inbox.result = RPS_RX_DONE;
	for (unsigned int i = 0; i < 5 * NUM * NUM; i++) {
		size_t len_bytes =
			length[i % (sizeof(length) / sizeof(*length))];
		struct rps_ept back;
		struct inbox inbox = { 0 };
		unsigned int from = ends_told(&ends, ends.from);
		unsigned int to = ends_told(&ends, ends.to);

		memset(bytes, (int)i, sizeof(bytes));
		pair_open(ends.from, &back, 1, &inbox);
		ck_assert_int_eq(say(ends.from, bytes, len_bytes), 0);
		ck_assert_uint_eq(ends_told(&ends, ends.from), from + 1);
		ck_assert(!rps_node_poll(ends.to));
		ck_assert_uint_eq(ends_told_of_messages(&ends, ends.to) > 0, 1);
		/* Nobody waits for buffers, but without event words a peer
		 * that takes any notification takes all. */
		ck_assert_uint_le(ends_told(&ends, ends.to),
				  to + (_i / 2 ? 1 : 2));
		ck_assert(!rps_node_poll(ends.from));
		ck_assert_uint_eq(inbox.count, 1);
		ck_assert_uint_eq(inbox.src, ENDS_ADDR);
		ck_assert_uint_eq(inbox.len_bytes, len_bytes);
		ck_assert_uint_eq(inbox.first, len_bytes ? bytes[0] : 0);
		rps_node_destroy_ept(ends.from, &back);
	}
	ck_assert_uint_eq(ends.to->num_dropped + ends.from->num_dropped, 0);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(a_message_that_is_held_is_no_matter_to_the_next)
{
	struct rps_msg held;
	struct ends ends;

	connect_ends(&ends, _i, NUM);
	for (unsigned int round = 0; round < 3 * NUM; round++) {
		ends.inbox.result = RPS_RX_HOLD;
		pass(&ends, "held");
		held = ends.inbox.msg;
		ends.inbox.result = RPS_RX_DONE;
		for (unsigned int i = 0; i < NUM + round; i++)
			pass(&ends, "next");
		ck_assert_int_eq(memcmp(held.payload, "held", 4), 0);
		rps_node_release(ends.to, &held);
		/* All of them are there again. */
		for (unsigned int i = 0; i < NUM; i++)
			ck_assert_int_eq(say(ends.from, "x", 1), 0);
		ck_assert_int_eq(say(ends.from, "x", 1), -ENOMEM);
		pair_settle(ends.pair);
	}
	pair_destroy(ends.pair);
}
END_TEST

static struct rps_msg held_before;

static enum rps_rx_result release_other(struct rps_node *node,
					struct rps_ept *ept,
					const struct rps_msg *msg, void *priv)
{
	(void)inbox_rx(node, ept, msg, priv);
	rps_node_release(node, &held_before);
	return RPS_RX_DONE;
}

START_TEST(a_callback_may_give_back_another_one)
{
	struct ends ends;

	connect_ends(&ends, _i, NUM);
	for (unsigned int round = 0; round < 3 * NUM; round++) {
		ends.ept.rx = inbox_rx;
		ends.inbox.result = RPS_RX_HOLD;
		pass(&ends, "held");
		held_before = ends.inbox.msg;
		ends.ept.rx = release_other;
		pass(&ends, "next");
		for (unsigned int i = 0; i < NUM; i++)
			ck_assert_int_eq(say(ends.from, "x", 1), 0);
		ck_assert_int_eq(say(ends.from, "x", 1), -ENOMEM);
		ends.ept.rx = inbox_rx;
		ends.inbox.result = RPS_RX_DONE;
		pair_settle(ends.pair);
	}
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(whoever_waits_for_a_buffer_is_told_of_the_one_that_comes_back)
{
	struct rps_send send;
	struct ends ends;
	unsigned int told;

	connect_ends(&ends, _i, 1);
	for (unsigned int i = 0; i < 5; i++) {
		pass(&ends, "first");
		ck_assert_int_eq(say(ends.from, "first", 5), 0);
		send = (struct rps_send){ .node = ends.from,
					  .src = 1,
					  .dst = ENDS_ADDR,
					  .payload = "next",
					  .len_bytes = 4 };
		ck_assert_int_eq(rps_send_begin(&send, 0), -EAGAIN);
		told = ends_told(&ends, ends.to);
		ck_assert(!rps_node_poll(ends.to));
		ck_assert_uint_eq(ends_told(&ends, ends.to), told + 1);
		ck_assert_int_eq(rps_send_poll(&send, 0), 0);
		pair_settle(ends.pair);
	}
	ck_assert_uint_eq(ends.inbox.count, 3 * 5);
	pair_destroy(ends.pair);
}
END_TEST

/* The one that the callback gives back is the one that was waited for. */
START_TEST(whoever_waits_is_told_of_what_a_callback_gives_back)
{
	struct rps_send send;
	struct ends ends;
	unsigned int told;

	connect_ends(&ends, _i, 2);
	for (unsigned int i = 0; i < 5; i++) {
		ends.ept.rx = inbox_rx;
		ends.inbox.result = RPS_RX_HOLD;
		pass(&ends, "held");
		held_before = ends.inbox.msg;
		ck_assert_int_eq(say(ends.from, "last", 4), 0);
		send = (struct rps_send){ .node = ends.from,
					  .src = 1,
					  .dst = ENDS_ADDR,
					  .payload = "next",
					  .len_bytes = 4 };
		ck_assert_int_eq(rps_send_begin(&send, 0), -EAGAIN);
		ends.ept.rx = release_other;
		told = ends_told(&ends, ends.to);
		ck_assert(!rps_node_poll(ends.to));
		ck_assert_uint_eq(ends_told(&ends, ends.to), told + 1);
		ck_assert_int_eq(rps_send_poll(&send, 0), 0);
		ends.ept.rx = inbox_rx;
		ends.inbox.result = RPS_RX_DONE;
		pair_settle(ends.pair);
	}
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(a_message_in_an_open_batch_is_shown_by_a_poll)
{
	struct ends ends;
	struct rps_ept back;
	struct inbox inbox = { 0 };

	connect_ends(&ends, _i, NUM);
	pair_open(ends.from, &back, 1, &inbox);
	for (unsigned int i = 0; i < 2 * NUM; i++) {
		rps_node_cork(ends.to);
		ck_assert_int_eq(
			rps_node_trysend(ends.to, ENDS_ADDR, 1, "a", 1), 0);
		pass(&ends, "x");
		ck_assert_int_eq(
			rps_node_trysend(ends.to, ENDS_ADDR, 1, "b", 1), 0);
		ck_assert(!rps_node_poll(ends.from));
		ck_assert_uint_eq(inbox.count, 2 * i + 1);
		rps_node_uncork(ends.to);
		ck_assert(!rps_node_poll(ends.from));
		ck_assert_uint_eq(inbox.count, 2 * i + 2);
	}
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(whoever_polled_all_the_time_is_told_again_afterwards)
{
	struct ends ends;

	connect_ends(&ends, _i, NUM);
	for (unsigned int i = 0; i < 2 * NUM; i++) {
		unsigned int told;

		rps_node_polled(ends.to, true);
		pass(&ends, "x");
		told = ends_told(&ends, ends.from);
		pass(&ends, "x");
		ck_assert_uint_eq(ends_told(&ends, ends.from), told);
		rps_node_polled(ends.to, false);
		pass(&ends, "x");
		told = ends_told(&ends, ends.from);
		pass(&ends, "x");
		ck_assert_uint_eq(ends_told(&ends, ends.from), told + 1);
	}
	pair_destroy(ends.pair);
}
END_TEST

/* --- a driver that changes what it said */

#define OUTSIDE (BUS_GPA + BUS_BYTES)

/* What a descriptor says behind one that was good, and is no longer; 0 leaves
 * it as it is. */
static const struct unlike {
	uint64_t addr;
	uint32_t len_bytes;
	uint16_t flags; /* the other ones */
	bool len_zero;
} unlike_row[] = {
	{ .addr = OUTSIDE },
	{ .addr = OUTSIDE - 511 },
	{ .addr = OUTSIDE - 16 },
	{ .addr = BUS_GPA - 1 },
	{ .addr = UINT64_MAX - 15 },
	{ .addr = UINT64_MAX - 511 },
	{ .len_bytes = 15 },
	{ .len_zero = true },
	{ .len_bytes = UINT32_MAX },
	{ .addr = OUTSIDE - 512, .len_bytes = 513 },
	{ .flags = VRING_DESC_F_WRITE },
	{ .flags = VRING_DESC_F_INDIRECT },
	{ .flags = VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT },
};

#define NUM_UNLIKE ((int)(sizeof(unlike_row) / sizeof(unlike_row[0])))

static void spoil(struct vring_desc *desc, const struct unlike *row)
{
	if (row->addr)
		desc->addr.raw = row->addr;
	if (row->len_bytes || row->len_zero)
		desc->len.raw = row->len_bytes;
	desc->flags.raw ^= row->flags;
}

START_TEST(a_message_in_a_buffer_unlike_the_last_one_is_looked_at)
{
	const struct unlike *row = &unlike_row[_i / 4];
	struct ends ends;

	/* The driver sends. */
	connect_ends(&ends, _i % 4 & ~1, NUM);
	for (unsigned int i = 0; i < 2 * NUM; i++) {
		struct vdev *rx = &ends.to->dev.rx;
		struct vring_desc *desc;
		struct vring_desc kept;
		unsigned int heard;
		uint16_t head;

		pass(&ends, i % 2 ? "good" : "not as long");
		heard = ends.inbox.count;
		ck_assert_int_eq(say(ends.from, "bad", 3), 0);
		head = rx->ring.avail->ring[rx->avail_idx & rx->ring.mask].raw;
		desc = &rx->ring.desc[head];
		kept = *desc;
		spoil(desc, row);
		if (_i % 2) /* two of them at once */
			ck_assert_int_eq(say(ends.from, "good", 4), 0);
		(void)rps_node_poll(ends.to);
		*desc = kept;
		ck_assert_uint_eq(ends.inbox.count,
				  heard + (unsigned int)_i % 2);
		ck_assert_uint_eq(ends.to->num_dropped, i + 1);
		ck_assert(!rps_vdev_is_broken(rx));
	}
	/* Each buffer went back, the bad ones too. */
	for (unsigned int i = 0; i < NUM; i++)
		ck_assert_int_eq(say(ends.from, "x", 1), 0);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(a_buffer_to_send_in_unlike_the_last_one_is_looked_at)
{
	const struct unlike *row = &unlike_row[_i / 4];
	static const uint8_t bytes[64] = { 1 };
	struct ends ends;
	struct vdev *tx;
	unsigned int heard = 0;

	/* The device sends. */
	connect_ends(&ends, _i % 4 | 1, NUM);
	tx = &ends.from->dev.tx;
	for (unsigned int i = 0; i < 2 * NUM; i++) {
		uint16_t head;
		struct vring_desc *desc;
		struct vring_desc kept;
		int err;

		pass(&ends, "good");
		heard++;
		head = tx->ring.avail->ring[tx->avail_idx & tx->ring.mask].raw;
		desc = &tx->ring.desc[head];
		kept = *desc;
		spoil(desc, row);
		err = say(ends.from, bytes, _i % 2 ? 40 : 4);
		*desc = kept;
		/* Another one was taken for it, or none was there. */
		ck_assert(err == 0 || err == -ENOMEM);
		pair_settle(ends.pair);
		heard += err == 0;
		ck_assert_uint_eq(ends.inbox.count, heard);
		ck_assert(!rps_vdev_is_broken(tx));
	}
	pair_destroy(ends.pair);
}
END_TEST

/* Where no buffer could begin that is as long as the last one. */
START_TEST(a_short_buffer_at_the_end_of_memory_is_good)
{
	struct ends ends;
	struct vring_desc *desc;
	struct vring_desc kept;
	struct vdev *rx;
	uint8_t *end;

	connect_ends(&ends, 2 * _i, NUM);
	rx = &ends.to->dev.rx;
	end = ends.pair->bus->bytes + BUS_BYTES;
	for (unsigned int i = 0; i < 3 * NUM; i++) {
		pass(&ends, "longer than the next one");
		ck_assert_int_eq(say(ends.from, "next", 4), 0);
		desc = &rx->ring.desc[rx->ring.avail
					      ->ring[rx->avail_idx &
						     rx->ring.mask]
					      .raw];
		kept = *desc;
		memcpy(end - 20, bus_at(ends.pair->bus, desc->addr.raw), 20);
		desc->addr.raw = OUTSIDE - 20;
		(void)rps_node_poll(ends.to);
		*desc = kept;
		ck_assert_ptr_eq(ends.inbox.msg.payload, end - 4);
		ck_assert_uint_eq(ends.inbox.count, 2 * i + 2);
	}
	ck_assert_uint_eq(ends.to->num_dropped, 0);
	pair_destroy(ends.pair);
}
END_TEST

/* As long as it says now, and not as long as the last one. */
START_TEST(a_message_fits_into_what_its_buffer_says)
{
	static const uint8_t bytes[ROOM_BYTES];
	struct ends ends;
	struct vring_desc *desc;
	struct vdev *tx;

	connect_ends(&ends, 2 * _i + 1, NUM);
	tx = &ends.from->dev.tx;
	pass(&ends, "good");
	desc = &tx->ring.desc[tx->ring.avail->ring[tx->avail_idx & tx->ring.mask]
				      .raw];
	desc->len.raw = RPMSG_HDR_BYTES + 40;
	ck_assert_int_eq(say(ends.from, bytes, 41), -EMSGSIZE);
	ck_assert_int_eq(say(ends.from, bytes, ROOM_BYTES), -EMSGSIZE);
	ck_assert_int_eq(say(ends.from, bytes, 40), 0);
	ck_assert_int_eq(say(ends.from, bytes, 65536), -EMSGSIZE);
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(a_new_link_knows_nothing_of_the_last_one)
{
	static uint8_t kept[BUS_BYTES];
	struct ends ends;
	struct fake_bus *other;
	struct fake_bus *bus;

	connect_ends(&ends, _i, NUM);
	for (unsigned int i = 0; i < NUM; i++)
		pass(&ends, "good");
	bus = ends.pair->bus;
	rps_node_stop(&ends.pair->device);
	rps_node_stop(&ends.pair->driver);

	/* The same addresses, elsewhere in this process. */
	other = bus_create(&bus->config);
	memcpy(kept, bus->bytes, sizeof(kept));
	bus->mem.region[0].host = other->bytes;
	bus->xport.mem.region[0].host = other->bytes;
	pair_connect(ends.pair);
	for (unsigned int i = 0; i < NUM; i++)
		pass(&ends, "here");
	ck_assert_mem_eq(bus->bytes, kept, sizeof(kept));
	free(other);
	pair_destroy(ends.pair);
}
END_TEST

/* --- messages that do not fit */

START_TEST(what_a_header_says_has_to_fit)
{
	static const uint16_t wild[] = { ROOM_BYTES + 1, 4096, UINT16_MAX };
	struct ends ends;

	connect_ends(&ends, _i, NUM);
	for (unsigned int i = 0; i < 2 * NUM; i++) {
		uint8_t *hdr;

		pass(&ends, "good");
		/* The buffer of the next one, wherever it lies. */
		hdr = (uint8_t *)(uintptr_t)ends.inbox.msg.payload -
		      RPMSG_HDR_BYTES;
		memset(hdr, 0, RPMSG_HDR_BYTES);
		for (unsigned int n = 1; n < NUM; n++)
			pass(&ends, "good");
		ck_assert_int_eq(say(ends.from, "bad", 3), 0);
		memcpy(hdr + offsetof(struct rpmsg_hdr, len), &wild[i % 3],
		       sizeof(wild[0]));
		(void)rps_node_poll(ends.to);
		ck_assert_uint_eq(ends.inbox.count, (i + 1) * NUM);
		ck_assert_uint_eq(ends.to->num_dropped, i + 1);
	}
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(what_is_too_long_is_not_sent)
{
	static const size_t wild[] = { ROOM_BYTES + 1,
				       UINT16_MAX,
				       UINT16_MAX + 1,
				       UINT16_MAX + 1 + 40,
				       (size_t)UINT32_MAX + 1 + 40,
				       SIZE_MAX };
	static const uint8_t bytes[ROOM_BYTES];
	struct ends ends;

	connect_ends(&ends, _i, NUM);
	for (unsigned int i = 0; i < 3 * NUM; i++) {
		ck_assert_int_eq(say(ends.from, bytes, wild[i % 6]), -EMSGSIZE);
		pass(&ends, "good");
		ck_assert_int_eq(rps_node_trysend(ends.from, RPMSG_ADDR_ANY,
						  ENDS_ADDR, bytes, 40),
				 -EINVAL);
		ck_assert_int_eq(rps_node_trysend(ends.from, 1, RPMSG_ADDR_ANY,
						  bytes, 400),
				 -EINVAL);
	}
	pair_destroy(ends.pair);
}
END_TEST

/* --- a device that gives back what it has not */

static const uint32_t wild_id[] = { NUM,
				    NUM + 1,
				    255,
				    256,
				    257,
				    512,
				    0x80000000,
				    UINT32_MAX,
				    UINT32_MAX - 1,
				    UINT32_MAX - 255 };

#define NUM_WILD ((int)(sizeof(wild_id) / sizeof(wild_id[0])))

START_TEST(a_number_that_is_no_buffers_breaks_the_queue)
{
	struct vring_used_elem *elem;
	struct ends ends;
	struct vdrv *rx;

	connect_ends(&ends, _i % 2 ? 3 : 1, NUM);
	pass(&ends, "good");
	rx = &ends.to->drv.rx;
	ck_assert_int_eq(say(ends.from, "bad", 3), 0);
	elem = &rx->ring.used->ring[rx->used_idx & rx->ring.mask];
	elem->id.raw = wild_id[_i / 2];
	ck_assert(!rps_node_poll(ends.to));
	ck_assert(rps_vdrv_is_broken(rx));
	ck_assert_uint_eq(ends.inbox.count, 1);
	ck_assert(!rps_node_poll(ends.to));
	pair_destroy(ends.pair);
}
END_TEST

START_TEST(a_buffer_to_send_in_that_is_no_buffer_is_not_taken)
{
	struct vring_used_elem *elem;
	struct ends ends;
	struct vdrv *tx;

	connect_ends(&ends, _i % 2 ? 2 : 0, NUM);
	for (unsigned int i = 0; i < 2 * NUM; i++)
		pass(&ends, "good");
	tx = &ends.from->drv.tx;
	/* What was given back is not looked at before it is needed. */
	(void)!rps_node_trysend(ends.from, 1, ENDS_ADDR, "good", 4);
	(void)rps_node_poll(ends.to);
	elem = &tx->ring.used->ring[tx->used_idx & tx->ring.mask];
	elem->id.raw = wild_id[_i / 2];
	ck_assert_int_eq(say(ends.from, "bad", 3), -EPIPE);
	ck_assert(rps_vdrv_is_broken(tx));
	pair_destroy(ends.pair);
}
END_TEST

static const uint32_t wild_len[] = { 0, 15, 513, UINT32_MAX, 0x80000000 };

START_TEST(a_length_that_cannot_be_is_dropped)
{
	struct vring_used_elem *elem;
	struct ends ends;
	struct vdrv *rx;

	connect_ends(&ends, _i % 2 ? 3 : 1, NUM);
	rx = &ends.to->drv.rx;
	for (unsigned int i = 0; i < 2 * NUM; i++) {
		pass(&ends, "good");
		ck_assert_int_eq(say(ends.from, "bad", 3), 0);
		elem = &rx->ring.used->ring[rx->used_idx & rx->ring.mask];
		elem->len.raw = wild_len[_i / 2];
		(void)rps_node_poll(ends.to);
		ck_assert_uint_eq(ends.inbox.count, i + 1);
		ck_assert_uint_eq(ends.to->num_dropped, i + 1);
	}
	ck_assert(!rps_vdrv_is_broken(rx));
	pair_destroy(ends.pair);
}
END_TEST

/* An index goes one further than there are buffers to give back. */
START_TEST(one_more_than_there_can_be_is_refused)
{
	struct ends ends;

	connect_ends(&ends, _i, NUM);
	ends.inbox.result = RPS_RX_HOLD;
	for (unsigned int i = 0; i < NUM; i++)
		pass(&ends, "held");
	if (ends.to->role == RPS_ROLE_DRIVER)
		ends.to->drv.rx.ring.used->idx.raw++;
	else
		ends.to->dev.rx.ring.avail->idx.raw++;
	ck_assert(!rps_node_poll(ends.to));
	ck_assert_uint_eq(ends.inbox.count, NUM);
	ck_assert(ends.to->role == RPS_ROLE_DRIVER
			  ? rps_vdrv_is_broken(&ends.to->drv.rx)
			  : rps_vdev_is_broken(&ends.to->dev.rx));
	pair_destroy(ends.pair);
}
END_TEST

/* It is the driver's decision when a buffer is the device's again. */
START_TEST(a_buffer_that_was_not_shown_cannot_come_back)
{
	struct rps_msg held[NUM];
	struct vring *ring;
	struct ends ends;

	connect_ends(&ends, 2 * _i + 1, NUM);
	ring = &ends.to->drv.rx.ring;
	ends.inbox.result = RPS_RX_HOLD;
	for (unsigned int i = 0; i < NUM; i++) {
		pass(&ends, "held");
		held[i] = ends.inbox.msg;
	}
	rps_node_cork(ends.to);
	rps_node_release(ends.to, &held[2]);
	ring->used->ring[ends.to->drv.rx.used_idx & ring->mask].id.raw =
		held[2].buf;
	ring->used->idx.raw++;
	ck_assert(!rps_node_poll(ends.to));
	ck_assert_uint_eq(ends.inbox.count, NUM);
	ck_assert(rps_vdrv_is_broken(&ends.to->drv.rx));
	rps_node_uncork(ends.to);
	pair_destroy(ends.pair);
}
END_TEST

static TCase *good_peers(void)
{
	TCase *tcase = tcase_create("one by one");

	tcase_add_loop_test(tcase, each_message_is_answered_and_told_once, 0,
			    4);
	tcase_add_loop_test(
		tcase, a_message_that_is_held_is_no_matter_to_the_next, 0, 4);
	tcase_add_loop_test(tcase, a_callback_may_give_back_another_one, 0, 4);
	tcase_add_loop_test(
		tcase,
		whoever_waits_for_a_buffer_is_told_of_the_one_that_comes_back,
		0, 4);
	tcase_add_loop_test(tcase,
			    whoever_waits_is_told_of_what_a_callback_gives_back,
			    0, 4);
	tcase_add_loop_test(
		tcase, a_message_in_an_open_batch_is_shown_by_a_poll, 0, 4);
	tcase_add_loop_test(
		tcase, whoever_polled_all_the_time_is_told_again_afterwards, 0,
		4);
	return tcase;
}

static TCase *bad_drivers(void)
{
	TCase *tcase = tcase_create("descriptors that change");

	tcase_add_loop_test(
		tcase, a_message_in_a_buffer_unlike_the_last_one_is_looked_at,
		0, 4 * NUM_UNLIKE);
	tcase_add_loop_test(
		tcase, a_buffer_to_send_in_unlike_the_last_one_is_looked_at, 0,
		4 * NUM_UNLIKE);
	tcase_add_loop_test(tcase, a_short_buffer_at_the_end_of_memory_is_good,
			    0, 2);
	tcase_add_loop_test(tcase, a_message_fits_into_what_its_buffer_says, 0,
			    2);
	tcase_add_loop_test(tcase, a_new_link_knows_nothing_of_the_last_one, 0,
			    4);
	tcase_add_loop_test(tcase, what_a_header_says_has_to_fit, 0, 4);
	tcase_add_loop_test(tcase, what_is_too_long_is_not_sent, 0, 4);
	return tcase;
}

static TCase *bad_devices(void)
{
	TCase *tcase = tcase_create("used entries that cannot be");

	tcase_add_loop_test(tcase, a_number_that_is_no_buffers_breaks_the_queue,
			    0, 2 * NUM_WILD);
	tcase_add_loop_test(tcase,
			    a_buffer_to_send_in_that_is_no_buffer_is_not_taken,
			    0, 2 * NUM_WILD);
	tcase_add_loop_test(tcase, a_length_that_cannot_be_is_dropped, 0,
			    2 * (int)(sizeof(wild_len) / sizeof(wild_len[0])));
	tcase_add_loop_test(tcase, one_more_than_there_can_be_is_refused, 0, 4);
	tcase_add_loop_test(tcase, a_buffer_that_was_not_shown_cannot_come_back,
			    0, 2);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("usual_poll");

	suite_add_tcase(suite, good_peers());
	suite_add_tcase(suite, bad_drivers());
	suite_add_tcase(suite, bad_devices());
	return suite_main(suite);
}
