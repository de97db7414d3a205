/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor as a whole: good streams, hostile ones, and whom it blames.
 */
#include <inttypes.h>
#include <string.h>

#include "../monitor/monitor_state.h"
#include "suite_main.h"
#include "tape.h"

#define BOTH_ENDS ((1u << DRIVER) | (1u << DEVICE))

static const struct rps_monitor_config everybody = {
	.judged = BOTH_ENDS,
	.observed = BOTH_ENDS,
	.num_max = TAPE_NUM,
	.accesses = true,
};

static const char *name_of(uint32_t rule)
{
	struct rps_rule_info info;

	return rps_monitor_rule(rule, &info) ? info.name : "no rule";
}

static void expect_none(const struct rps_monitor *monitor)
{
	struct rps_finding found;

	if (rps_monitor_findings(monitor, &found, 1))
		ck_abort_msg("%s: %" PRIu64 ", not %" PRIu64,
			     name_of(found.rule), found.observed,
			     found.expected);
}

/* The only finding there is. */
static struct rps_finding only(const struct rps_monitor *monitor)
{
	struct rps_finding found[2];
	size_t count = rps_monitor_findings(monitor, found, 2);

	ck_assert_uint_ge(count, 1);
	ck_assert_msg(count == 1, "%s goes with %s", name_of(found[0].rule),
		      name_of(found[1].rule));
	return found[0];
}

/* --- good streams */

static void chat(struct tape *tape, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		struct tape_msg msg = tape_usual_msg;

		msg.len = (uint16_t)(i % 400);
		tape_send(tape, DRIVER, 0, &msg);
		tape_send(tape, DEVICE, 0, &msg);
	}
}

static const struct good {
	uint16_t start_idx;
	bool accesses;
	unsigned int only;
} good[] = {
	{ 0, true, 0 },
	{ 0xfff0, true, 0 },
	{ 0, false, 0 },
	{ 0xfff0, false, 0 },
	{ 0, false, 1u << DRIVER },
	{ 0xfff0, false, 1u << DRIVER },
	{ 0, false, 1u << DEVICE },
	{ 0xfff0, false, 1u << DEVICE },
};

START_TEST(good_ends_are_not_blamed)
{
	struct rps_monitor_config config = everybody;
	struct tape tape;

	config.accesses = good[_i].accesses;
	config.observed = good[_i].only ? good[_i].only : BOTH_ENDS;
	tape_open(&tape, &config);
	tape.start_idx = good[_i].start_idx;
	tape.only = good[_i].only;
	tape_up(&tape);
	chat(&tape, 100);
	rps_monitor_rest(tape.monitor);

	expect_none(tape.monitor);
	ck_assert_ptr_null(rps_monitor_spoiled(tape.monitor, TO_DRIVER));
	ck_assert_ptr_null(rps_monitor_spoiled(tape.monitor, TO_DEVICE));
	tape_close(&tape);
}
END_TEST

START_TEST(a_ring_may_be_started_again)
{
	struct tape tape;

	tape_open(&tape, &everybody);
	for (unsigned int i = 0; i < 3; i++) {
		tape_up(&tape);
		chat(&tape, 5 + i);
		rps_monitor_rest(tape.monitor);
	}
	expect_none(tape.monitor);
	tape_close(&tape);
}
END_TEST

/* What a device was in the middle of when the reset came is no crime. */
START_TEST(what_follows_a_reset_belongs_to_no_ring)
{
	struct tape tape;

	tape_open(&tape, &everybody);
	tape_up(&tape);
	tape_take(&tape, TO_DRIVER);
	tape_status(&tape, 0);
	tape_write(&tape, DEVICE, 0, &tape_usual_msg);
	tape_complete(&tape, TO_DRIVER, 0, HEADER_BYTES + TAPE_LEN);
	tape_notify(&tape, DEVICE, TO_DRIVER);
	rps_monitor_rest(tape.monitor);
	tape_up(&tape);
	chat(&tape, 5);

	expect_none(tape.monitor);
	tape_close(&tape);
}
END_TEST

/* --- whom it blames */

/* The device returns what it does not have, and later breaks more. */
static void lie(struct tape *tape)
{
	tape_up(tape);
	tape_write(tape, DRIVER, 0, &tape_usual_msg);
	tape_offer(tape, TO_DEVICE, 0, HEADER_BYTES + TAPE_LEN);
	tape_take(tape, TO_DEVICE);
	tape_complete(tape, TO_DEVICE, 3, 0);
	tape_complete(tape, TO_DEVICE, 3, 7);
	tape_look_used(tape, TO_DEVICE);
	tape_event(tape, DRIVER, RPS_EVENT_queue_broken, TO_DEVICE, 2, 3);
}

START_TEST(one_fault_is_told_once)
{
	struct rps_finding found;
	struct tape tape;

	tape_open(&tape, &everybody);
	lie(&tape);

	found = only(tape.monitor);
	ck_assert_str_eq(name_of(found.rule), "used_id");
	ck_assert_uint_eq(found.end, DEVICE);
	ck_assert_uint_eq(found.queue, TO_DEVICE);
	ck_assert_uint_eq(found.observed, 3);
	ck_assert_ptr_nonnull(rps_monitor_spoiled(tape.monitor, TO_DEVICE));
	ck_assert_ptr_null(rps_monitor_spoiled(tape.monitor, TO_DRIVER));
	tape_close(&tape);
}
END_TEST

START_TEST(nobody_is_blamed_for_a_tester)
{
	struct rps_monitor_config config = everybody;
	struct tape tape;

	config.judged = 1u << DRIVER;
	tape_open(&tape, &config);
	lie(&tape);

	expect_none(tape.monitor);
	ck_assert_ptr_nonnull(rps_monitor_spoiled(tape.monitor, TO_DEVICE));
	/* The other queue still makes sense. */
	tape_send(&tape, DEVICE, 0, &tape_usual_msg);
	tape_take(&tape, TO_DRIVER);
	tape_complete(&tape, TO_DRIVER, 1, TAPE_LEN);
	tape_tell(&tape, DEVICE, TO_DRIVER);
	tape_reclaim(&tape, TO_DRIVER);
	tape_offer(&tape, TO_DRIVER, 1, TAPE_BYTES - 1);
	ck_assert_str_eq(name_of(only(tape.monitor).rule), "repost_full");
	tape_close(&tape);
}
END_TEST

START_TEST(a_new_ring_is_judged_anew)
{
	struct tape tape;

	tape_open(&tape, &everybody);
	lie(&tape);
	lie(&tape);

	ck_assert_uint_eq(rps_monitor_findings(tape.monitor, NULL, 0), 2);
	tape_up(&tape);
	ck_assert_ptr_null(rps_monitor_spoiled(tape.monitor, TO_DEVICE));
	chat(&tape, 3);
	ck_assert_uint_eq(rps_monitor_findings(tape.monitor, NULL, 0), 2);
	tape_close(&tape);
}
END_TEST

static const struct change {
	unsigned int part;
	uint64_t offset;
	uint64_t len;
	bool spoils;
} change[] = {
	{ PART_AVAIL, 0, 2, false },
	{ PART_AVAIL, 4 + 2 * TAPE_NUM, 2, false },
	{ PART_USED, 0, 2, false },
	{ PART_USED, 4 + 8 * TAPE_NUM, 2, false },
	{ PART_AVAIL, 0, 4, true },
	{ PART_AVAIL, 2, 2, true },
	{ PART_AVAIL, 4, 1, true },
	{ PART_USED, 4 + 8 * TAPE_NUM - 1, 2, true },
	{ PART_USED, (uint64_t)-1, 2, true },
	{ PART_USED, (uint64_t)-2, 2, false },
	{ PART_USED, 6 + 8 * TAPE_NUM, 64, false },
	{ PART_DESC, 0, 1, true },
	{ PART_DESC, 16 * TAPE_NUM - 1, 1, true },
	{ PART_DESC, 16 * TAPE_NUM, 1, false },
};

START_TEST(a_ring_that_a_tester_changed_says_nothing)
{
	const struct change *c = &change[_i];
	struct tape tape;

	tape_open(&tape, &everybody);
	tape_up(&tape);
	tape_event(&tape, DEVICE, RPS_EVENT_memory_change,
		   tape_part(TO_DEVICE, c->part) + c->offset, c->len, 0);

	ck_assert_int_eq(rps_monitor_spoiled(tape.monitor, TO_DEVICE) != NULL,
			 c->spoils);
	ck_assert_ptr_null(rps_monitor_spoiled(tape.monitor, TO_DRIVER));
	tape_close(&tape);
}
END_TEST

START_TEST(poisoned_words_are_nobodys_stale_ring)
{
	struct tape tape;

	tape_open(&tape, &everybody);
	tape_up(&tape);
	tape_event(&tape, DEVICE, RPS_EVENT_memory_change,
		   tape_part(TO_DRIVER, PART_AVAIL), 2, 0);
	tape.queue[TO_DRIVER].word[DRIVER] = 0xfffe;
	chat(&tape, 2);

	expect_none(tape.monitor);
	tape_close(&tape);
}
END_TEST

START_TEST(an_injected_fault_is_nobodys)
{
	struct tape tape;

	tape_open(&tape, &everybody);
	tape_up(&tape);
	tape_event(&tape, DRIVER, RPS_EVENT_fault_fire, 0, 0, 0);

	ck_assert_ptr_nonnull(rps_monitor_spoiled(tape.monitor, TO_DRIVER));
	ck_assert_ptr_nonnull(rps_monitor_spoiled(tape.monitor, TO_DEVICE));
	tape_close(&tape);
}
END_TEST

START_TEST(rings_that_differ_in_size_are_no_ring)
{
	struct tape tape;

	tape_open(&tape, &everybody);
	tape_up(&tape);
	tape_event(&tape, DEVICE, RPS_EVENT_ring_start, TO_DEVICE, TAPE_NUM / 2,
		   0);

	ck_assert_ptr_nonnull(rps_monitor_spoiled(tape.monitor, TO_DEVICE));
	expect_none(tape.monitor);
	tape_close(&tape);
}
END_TEST

/* --- one end alone: its peer is judged by what it saw */

START_TEST(the_device_sees_what_the_driver_does)
{
	struct rps_monitor_config config = everybody;
	struct tape_msg flagged = tape_usual_msg;
	struct tape tape;

	config.judged = 1u << DRIVER;
	config.observed = 1u << DEVICE;
	config.accesses = false;
	tape_open(&tape, &config);
	tape.only = config.observed;
	tape_up(&tape);
	chat(&tape, 3);
	expect_none(tape.monitor);
	ck_assert_uint_gt(
		rps_monitor_exercised(tape.monitor, RULE_direction, DRIVER), 0);

	flagged.flags = 1;
	tape_send(&tape, DRIVER, 0, &flagged);
	ck_assert_str_eq(name_of(only(tape.monitor).rule), "header_flags");
	tape_close(&tape);
}
END_TEST

START_TEST(the_device_sees_a_buffer_that_comes_twice)
{
	struct rps_monitor_config config = everybody;
	struct tape tape;

	config.judged = 1u << DRIVER;
	config.observed = 1u << DEVICE;
	config.accesses = false;
	tape_open(&tape, &config);
	tape.only = config.observed;
	tape_up(&tape);
	for (unsigned int i = 0; i < 2; i++) {
		tape_offer(&tape, TO_DEVICE, 0, HEADER_BYTES + TAPE_LEN);
		tape_take(&tape, TO_DEVICE);
	}

	ck_assert_str_eq(name_of(only(tape.monitor).rule), "avail_once");
	ck_assert_uint_eq(only(tape.monitor).end, DRIVER);
	tape_close(&tape);
}
END_TEST

START_TEST(the_driver_sees_what_the_device_does)
{
	struct rps_monitor_config config = everybody;
	struct tape tape;

	config.judged = 1u << DEVICE;
	config.observed = 1u << DRIVER;
	config.accesses = false;
	tape_open(&tape, &config);
	tape.only = config.observed;
	tape_up(&tape);
	chat(&tape, 3);
	expect_none(tape.monitor);

	tape_write(&tape, DRIVER, 0, &tape_usual_msg);
	tape_offer(&tape, TO_DEVICE, 0, HEADER_BYTES + TAPE_LEN);
	tape_take(&tape, TO_DEVICE);
	tape_complete(&tape, TO_DEVICE, 0, 28);
	tape_reclaim(&tape, TO_DEVICE);
	ck_assert_str_eq(name_of(only(tape.monitor).rule), "used_len_zero");
	ck_assert_uint_eq(only(tape.monitor).end, DEVICE);
	tape_close(&tape);
}
END_TEST

/* --- hostile streams */

struct chance {
	uint64_t state;
};

static uint64_t draw(struct chance *chance, uint64_t below)
{
	chance->state ^= chance->state << 13;
	chance->state ^= chance->state >> 7;
	chance->state ^= chance->state << 17;
	return chance->state % below;
}

/* Numbers that mean something more often than not. */
static uint64_t number(struct chance *chance)
{
	switch (draw(chance, 6)) {
	case 0:
		return draw(chance, 8);
	case 1:
		return tape_part((unsigned int)draw(chance, 2),
				 (unsigned int)draw(chance, 3)) +
		       draw(chance, 48);
	case 2:
		return tape_buffer((unsigned int)draw(chance, 2),
				   (unsigned int)draw(chance, 4)) +
		       draw(chance, 2) * HEADER_BYTES;
	case 3:
		return draw(chance, 0x10000);
	case 4:
		return UINT64_MAX - draw(chance, 4);
	default:
		return draw(chance, UINT64_MAX);
	}
}

static void noise(struct tape *tape, struct chance *chance)
{
	uint64_t kind = draw(chance, RPS_RECORD_EVENT + 4);
	bool event = kind >= RPS_RECORD_EVENT;

	tape_put(tape, (unsigned int)draw(chance, 3),
		 event ? RPS_RECORD_EVENT : (enum rps_record_kind)kind,
		 (unsigned int)draw(chance,
				    event ? RPS_NUM_EVENTS + 1 : NUM_SEAMS + 1),
		 number(chance), number(chance), number(chance));
}

static const struct rps_monitor_config seen_by[] = {
	{ .judged = 3, .observed = 3, .num_max = TAPE_NUM, .accesses = true },
	{ .judged = 3, .observed = 3, .num_max = 1, .accesses = true },
	{ .judged = 3, .observed = 3, .num_max = 64 },
	{ .judged = 3, .observed = 1, .num_max = TAPE_NUM },
	{ .judged = 3, .observed = 2, .num_max = TAPE_NUM },
	{ .judged = 3, .observed = 0, .num_max = TAPE_NUM, .accesses = true },
};

START_TEST(noise_does_no_harm)
{
	uint32_t rounds = long_loop(10000);
	struct chance chance = { 0x9e3779b9u + (unsigned int)_i };
	struct tape tape;

	tape_open(&tape, &seen_by[_i]);
	for (uint32_t i = 0; i < rounds; i++) {
		if (draw(&chance, 8) == 0)
			tape_up(&tape);
		if (draw(&chance, 4) == 0)
			tape_send(&tape, (unsigned int)draw(&chance, 2),
				  (uint16_t)draw(&chance, 4), &tape_usual_msg);
		for (unsigned int n = 0; n < 40; n++)
			noise(&tape, &chance);
		if (draw(&chance, 4) == 0)
			rps_monitor_rest(tape.monitor);
	}
	ck_assert_uint_gt(rps_monitor_findings(tape.monitor, NULL, 0), 0);
	tape_close(&tape);
}
END_TEST

START_TEST(later_findings_are_counted)
{
	struct rps_finding found[RPS_FINDINGS_MAX + 1] = { 0 };
	struct tape tape;

	tape_open(&tape, &everybody);
	for (unsigned int i = 0; i < RPS_FINDINGS_MAX + 10; i++)
		lie(&tape);

	ck_assert_uint_eq(rps_monitor_findings(tape.monitor, found,
					       RPS_FINDINGS_MAX + 1),
			  RPS_FINDINGS_MAX + 10);
	ck_assert_uint_gt(found[RPS_FINDINGS_MAX - 1].step, found[0].step);
	ck_assert_uint_eq(found[RPS_FINDINGS_MAX].step, 0);
	tape_close(&tape);
}
END_TEST

/* --- what it says of itself */

START_TEST(rules_have_an_end)
{
	struct rps_monitor *monitor = rps_monitor_create(&everybody);
	struct rps_rule_info info;
	uint32_t count = 0;

	ck_assert_ptr_nonnull(monitor);
	while (rps_monitor_rule(count, &info)) {
		ck_assert_ptr_nonnull(strchr(info.requirement, '-'));
		ck_assert_uint_gt(strlen(info.says), 10);
		ck_assert_uint_gt(strlen(info.quantity), 0);
		count++;
	}
	ck_assert_uint_eq(count, NUM_RULES);
	ck_assert_uint_eq(rps_monitor_exercised(monitor, NUM_RULES, 0), 0);
	ck_assert_uint_eq(rps_monitor_exercised(monitor, 0, NUM_ENDS), 0);
	ck_assert_ptr_null(rps_monitor_spoiled(monitor, NUM_QUEUES));
	rps_monitor_destroy(monitor);
	rps_monitor_destroy(NULL);
}
END_TEST

START_TEST(a_ring_that_is_too_large_is_not_judged)
{
	struct rps_monitor_config config = everybody;
	struct tape tape;

	config.num_max = TAPE_NUM / 2;
	tape_open(&tape, &config);
	tape_up(&tape);
	chat(&tape, 3);

	ck_assert_uint_eq(
		rps_monitor_exercised(tape.monitor, RULE_direction, DRIVER), 0);
	expect_none(tape.monitor);
	tape_close(&tape);
}
END_TEST

START_TEST(records_may_come_in_one_piece)
{
	const struct rps_record record[] = {
		{ .kind = RPS_RECORD_EVENT,
		  .what = RPS_EVENT_status_write,
		  .a = STATUS_ACK,
		  .step = 1 },
		{ .kind = RPS_RECORD_EVENT,
		  .what = RPS_EVENT_status_write,
		  .a = STATUS_FAILED,
		  .step = 2 },
	};
	struct rps_monitor *monitor = rps_monitor_create(&everybody);

	ck_assert_ptr_nonnull(monitor);
	rps_monitor_feed_all(monitor, record, ARRAY_SIZE(record));
	ck_assert_uint_eq(only(monitor).step, 2);
	ck_assert_uint_eq(only(monitor).queue, RPS_NO_QUEUE);
	rps_monitor_destroy(monitor);
}
END_TEST

static TCase *blame(void)
{
	TCase *tcase = tcase_create("blame");

	tcase_add_test(tcase, one_fault_is_told_once);
	tcase_add_test(tcase, nobody_is_blamed_for_a_tester);
	tcase_add_test(tcase, a_new_ring_is_judged_anew);
	tcase_add_loop_test(tcase, a_ring_that_a_tester_changed_says_nothing, 0,
			    ARRAY_SIZE(change));
	tcase_add_test(tcase, poisoned_words_are_nobodys_stale_ring);
	tcase_add_test(tcase, an_injected_fault_is_nobodys);
	tcase_add_test(tcase, rings_that_differ_in_size_are_no_ring);
	tcase_add_test(tcase, the_device_sees_what_the_driver_does);
	tcase_add_test(tcase, the_device_sees_a_buffer_that_comes_twice);
	tcase_add_test(tcase, the_driver_sees_what_the_device_does);
	return tcase;
}

/* --- the state as one thing */

static uint64_t hash_of(struct tape *tape)
{
	return monitor_hash(tape->monitor);
}

static void send_both_ways(struct tape *tape)
{
	tape_send(tape, DRIVER, 0, &tape_usual_msg);
	tape_send(tape, DEVICE, 0, &tape_usual_msg);
}

START_TEST(a_monitor_goes_back_to_what_was_kept)
{
	struct tape tape, kept;
	uint64_t before, after;
	uint64_t met;

	tape_open(&tape, &everybody);
	tape_up(&tape);
	ck_assert_int_eq(monitor_keep(tape.monitor), 0);
	kept = tape;
	before = hash_of(&tape);
	send_both_ways(&tape);
	after = hash_of(&tape);
	ck_assert(before != after);
	/* A finding, and an endpoint that the first run did not have. */
	tape_event(&tape, DEVICE, RPS_EVENT_endpoint_create, 77, 0, 0);
	tape_elem(&tape, TO_DRIVER, 99, 0);
	tape_used(&tape, TO_DRIVER, 99, 0);
	ck_assert_ptr_nonnull(monitor_first(tape.monitor));
	ck_assert_ptr_nonnull(rps_monitor_spoiled(tape.monitor, TO_DRIVER));
	met = rps_monitor_exercised(tape.monitor, RULE_avail_once, DRIVER);

	monitor_go_back(tape.monitor);
	tape = kept;
	ck_assert(hash_of(&tape) == before);
	ck_assert_ptr_null(monitor_first(tape.monitor));
	ck_assert_ptr_null(rps_monitor_spoiled(tape.monitor, TO_DRIVER));
	send_both_ways(&tape);
	ck_assert(hash_of(&tape) == after);
	ck_assert_uint_eq(rps_monitor_findings(tape.monitor, NULL, 0), 0);
	ck_assert_uint_gt(rps_monitor_exercised(tape.monitor, RULE_avail_once,
						DRIVER),
			  met);
	tape_close(&tape);
}
END_TEST

START_TEST(what_is_forgiven_can_be_found_again)
{
	struct tape_msg msg = tape_usual_msg;
	struct tape tape;

	msg.flags = 1;
	tape_open(&tape, &everybody);
	tape_up(&tape);
	for (unsigned int i = 0; i < 2; i++) {
		tape_write(&tape, DRIVER, i, &msg);
		ck_assert_ptr_nonnull(monitor_first(tape.monitor));
		monitor_forgive(tape.monitor);
		ck_assert_ptr_null(monitor_first(tape.monitor));
	}
	tape_close(&tape);
}
END_TEST

/* What an end does, while the other one does something else. */
struct act {
	void (*of_driver)(struct tape *tape);
	void (*of_device)(struct tape *tape);
};

static void driver_offers(struct tape *tape)
{
	tape_write(tape, DRIVER, 1, &tape_usual_msg);
	tape_offer(tape, TO_DEVICE, 1, HEADER_BYTES + TAPE_LEN);
}

static void driver_fences(struct tape *tape)
{
	tape_fence(tape, DRIVER);
}

static void ask(struct tape *tape, unsigned int end, unsigned int queue)
{
	tape_wish(tape, end, queue, 0);
	tape_fence(tape, end);
	tape_look(tape, end, queue);
	tape_arm(tape, end, queue);
}

static void driver_asks(struct tape *tape)
{
	ask(tape, DRIVER, TO_DRIVER);
}

static void device_takes(struct tape *tape)
{
	tape_take(tape, TO_DRIVER);
}

static void device_fills(struct tape *tape)
{
	tape_take(tape, TO_DRIVER);
	tape_write(tape, DEVICE, 0, &tape_usual_msg);
	tape_elem(tape, TO_DRIVER, 0, HEADER_BYTES + TAPE_LEN);
}

static void device_asks(struct tape *tape)
{
	ask(tape, DEVICE, TO_DEVICE);
}

static const struct act act[] = {
	{ driver_offers, device_takes }, { driver_offers, device_fills },
	{ driver_fences, device_fills }, { driver_asks, device_asks },
	{ driver_asks, device_takes },   { driver_fences, device_asks },
};

START_TEST(steps_that_do_not_touch_each_other_can_be_told_either_way)
{
	uint64_t hash[2];

	for (unsigned int first = 0; first < 2; first++) {
		struct tape tape;

		tape_open(&tape, &everybody);
		tape_up(&tape);
		if (first == 0)
			act[_i].of_driver(&tape);
		act[_i].of_device(&tape);
		if (first == 1)
			act[_i].of_driver(&tape);
		hash[first] = hash_of(&tape);
		ck_assert_uint_eq(rps_monitor_findings(tape.monitor, NULL, 0),
				  0);
		tape_close(&tape);
	}
	ck_assert(hash[0] == hash[1]);
}
END_TEST

/* What is found later hangs on each of these, whatever memory is like. */
static void nothing(struct tape *tape)
{
	(void)tape;
}

static void driver_reads_wish(struct tape *tape)
{
	tape_read_wish(tape, DRIVER, TO_DEVICE);
}

static void driver_reads_fenced_wish(struct tape *tape)
{
	tape_fence(tape, DRIVER);
	tape_read_wish(tape, DRIVER, TO_DEVICE);
}

static void driver_tells(struct tape *tape)
{
	tape_tell(tape, DRIVER, TO_DEVICE);
}

static void driver_decides(struct tape *tape)
{
	tape_fence(tape, DRIVER);
	tape_read_wish(tape, DRIVER, TO_DEVICE);
	tape_decided(tape, DRIVER, TO_DEVICE, 0, true);
}

static void device_looks(struct tape *tape)
{
	tape_look_avail(tape, TO_DEVICE);
}

static void device_reads_slot(struct tape *tape)
{
	tape_look_avail(tape, TO_DEVICE);
	tape_read_slot(tape, TO_DEVICE);
}

static void (*const later[])(struct tape *tape) = {
	nothing,           driver_fences,
	driver_reads_wish, driver_reads_fenced_wish,
	driver_decides,    driver_tells,
	device_looks,      device_reads_slot,
	device_asks,
};

START_TEST(what_is_still_to_be_judged_is_in_the_hash)
{
	uint64_t hash[ARRAY_SIZE(later)];

	for (unsigned int i = 0; i < ARRAY_SIZE(later); i++) {
		struct tape tape;

		tape_open(&tape, &everybody);
		tape_up(&tape);
		driver_offers(&tape);
		later[i](&tape);
		hash[i] = hash_of(&tape);
		tape_close(&tape);
		for (unsigned int j = 0; j < i; j++)
			ck_assert_msg(hash[i] != hash[j], "%u and %u", i, j);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("monitor");
	TCase *tcase = tcase_create("streams");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, good_ends_are_not_blamed, 0,
			    ARRAY_SIZE(good));
	tcase_add_test(tcase, a_ring_may_be_started_again);
	tcase_add_test(tcase, what_follows_a_reset_belongs_to_no_ring);
	tcase_add_loop_test(tcase, noise_does_no_harm, 0, ARRAY_SIZE(seen_by));
	tcase_add_test(tcase, later_findings_are_counted);
	tcase_add_test(tcase, rules_have_an_end);
	tcase_add_test(tcase, a_ring_that_is_too_large_is_not_judged);
	tcase_add_test(tcase, records_may_come_in_one_piece);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, blame());

	tcase = tcase_create("state");
	tcase_add_test(tcase, a_monitor_goes_back_to_what_was_kept);
	tcase_add_test(tcase, what_is_forgiven_can_be_found_again);
	tcase_add_loop_test(
		tcase,
		steps_that_do_not_touch_each_other_can_be_told_either_way, 0,
		ARRAY_SIZE(act));
	tcase_add_test(tcase, what_is_still_to_be_judged_is_in_the_hash);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
