/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults in a world: both reference ends talk, and each row strikes.
 */
#include <errno.h>
#include <stdlib.h>

#include "../world/world_priv.h"
#include "suite_main.h"
#include "world_fixture.h"

#define FIRST_FAULT 1
#define ADDR        0x500u
#define LAST_STEP   UINT32_MAX

static const struct rps_world_config modes[] = {
	{ .features = F_NS | F_VERSION_1, .num = 4, .align = 16 },
	{ .features = F_NS, .num = 8, .align = 4096, .native_be = true },
	{ .features = F_NS | F_EVENT_IDX | F_VERSION_1, .num = 4 },
};

static struct rps_world *world_in(const struct rps_world_config *mode)
{
	struct rps_world_config config = *mode;

	config.seed = 1;
	config.buf_bytes = 512;
	config.device_id = 7;
	config.driver = true;
	config.device = true;
	return running_world(&config);
}

/* What both ends do with each other; whatever it meets, it goes on. */
struct talk {
	struct rps_world *world;
	int ept[NUM_ENDS];
	uint32_t addr; /* of both */
};

static void begin(struct talk *talk, struct rps_world *world)
{
	talk->world = world;
	talk->addr = ADDR;
	for (uint32_t end = 0; end < NUM_ENDS; end++)
		talk->ept[end] = open_at(world, end, talk->addr);
}

static int say(struct talk *talk, uint32_t from, const char *text)
{
	return rps_iut_trysend(talk->world, from, talk->ept[from], talk->addr,
			       text, strlen(text));
}

static int hear(struct talk *talk, uint32_t end)
{
	char text[512];
	uint32_t src;

	return rps_iut_recv(talk->world, end, talk->ept[end], &src, text,
			    sizeof(text));
}

/* A receiver that keeps its buffers, and a sender that waits for one. */
static void fill_up(struct talk *talk, uint32_t from)
{
	struct rps_world *world = talk->world;
	uint32_t num = world->config.num;

	(void)!rps_iut_hold(world, 1 - from, talk->ept[1 - from], true);
	for (uint32_t i = 0; i <= num; i++)
		(void)!rps_iut_send_start(world, from, talk->ept[from],
					  talk->addr, "full", 4);
	(void)!rps_iut_hold(world, 1 - from, talk->ept[1 - from], false);
	for (uint32_t i = 0; i <= num; i++)
		(void)!rps_iut_release(world, 1 - from, 0);
}

static void announce(struct talk *talk, uint32_t from)
{
	int ept = rps_iut_open(talk->world, from, "service", ANY, ANY);

	if (ept < 0)
		return;
	(void)!rps_iut_announce(talk->world, from, ept);
	(void)!rps_iut_close(talk->world, from, ept);
}

static void talk_about_everything(struct talk *talk)
{
	for (uint32_t i = 0; i < talk->world->config.num + 2; i++) {
		for (uint32_t end = 0; end < NUM_ENDS; end++)
			(void)!say(talk, end, "hello");
	}
	for (uint32_t end = 0; end < NUM_ENDS; end++) {
		fill_up(talk, end);
		announce(talk, end);
	}
}

static void start_again(struct talk *talk)
{
	struct rps_world *world = talk->world;

	for (uint32_t end = 0; end < NUM_ENDS; end++) {
		if (!world->actor[end].present)
			ck_assert_int_eq(rps_world_revive(world, end), 0);
	}
	(void)!rps_iut_remove(world);
	ck_assert_int_eq(rps_iut_probe(world), 0);
	talk->addr++;
	for (uint32_t end = 0; end < NUM_ENDS; end++) {
		talk->ept[end] = rps_iut_open(world, end, "", talk->addr, ANY);
		ck_assert_int_ge(talk->ept[end], 0);
	}
}

static void expect_talk(struct talk *talk)
{
	for (uint32_t end = 0; end < NUM_ENDS; end++) {
		while (hear(talk, end) >= 0)
			;
		ck_assert_int_eq(rps_iut_trysend(talk->world, 1 - end,
						 talk->ept[1 - end], talk->addr,
						 "fine", 4),
				 0);
		expect_text(talk->world, end, talk->ept[end], "fine");
	}
}

static bool is_made_of_calls(uint32_t fault)
{
	return fault_row[fault].kind >= FAULT_STORM;
}

START_TEST(each_row_strikes_once_and_a_restart_heals_it)
{
	uint32_t fault = (uint32_t)_i;

	if (is_made_of_calls(fault))
		return;
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(modes); i++) {
		struct rps_world *world = world_in(&modes[i / 2]);
		struct rps_fault_info info;
		struct talk talk;

		ck_assert(rps_fault_get(fault, &info));
		/* With EVENT_IDX nobody writes the flags. */
		if (!(fault_row[fault].judged & (1u << (i % 2))) ||
		    (i / 2 == 2 && strstr(info.name, "_flags_unknown") &&
		     fault_row[fault].field <= FIELD_USED_FLAGS)) {
			rps_world_destroy(world);
			continue;
		}
		begin(&talk, world);
		ck_assert_int_eq(rps_world_arm(world, fault, i % 2, info.nth),
				 0);
		talk_about_everything(&talk);
		if (fault_row[fault].kind == FAULT_DIRTY)
			start_again(&talk);
		ck_assert_msg(rps_world_fired(world, fault) == 1,
			      "%s in mode %u, judged %u: fired %u times",
			      info.name, i / 2, i % 2,
			      rps_world_fired(world, fault));
		ck_assert(rps_world_guards_intact(world));

		rps_world_disarm(world);
		start_again(&talk);
		expect_talk(&talk);
		ck_assert(rps_world_guards_intact(world));
		rps_world_destroy(world);
	}
}
END_TEST

static char *log_after_talk(const char *fault, uint32_t nth)
{
	struct rps_world *world = world_in(&modes[0]);
	size_t size;
	char *text;
	struct talk talk;

	begin(&talk, world);
	if (fault)
		ck_assert_int_eq(
			rps_world_arm(world, rps_fault_find(fault), 0, nth), 0);
	talk_about_everything(&talk);
	size = rps_world_log(world, NULL, 0) + 1;
	text = malloc(size);
	ck_assert_ptr_nonnull(text);
	rps_world_log(world, text, size);
	rps_world_destroy(world);
	return text;
}

START_TEST(an_armed_fault_changes_nothing_until_it_strikes)
{
	char *without = log_after_talk(NULL, 0);
	char *with = log_after_talk("hdr_dst_nobody", LAST_STEP);
	char *struck = log_after_talk("hdr_dst_nobody", 3);

	ck_assert_str_eq(without, with);
	ck_assert_str_ne(without, struck);
	ck_assert_ptr_nonnull(strstr(struck, "fault_fire"));
	free(without);
	free(with);
	free(struck);
}
END_TEST

struct news {
	const char *fault;
	int first; /* payload bytes right after the message, or -EAGAIN */
	int both;  /* messages there after the next one */
};

static const struct news news[] = {
	{ "notify_lost", -EAGAIN, 2 },
	{ "notify_late", 5, 2 },
	{ "notify_twice", 5, 2 },
	{ "notify_spurious", 5, 2 },
};

START_TEST(a_message_without_notification_comes_with_the_next)
{
	for (uint32_t end = 0; end < NUM_ENDS; end++) {
		struct rps_world *world = world_in(&modes[0]);
		struct talk talk;
		int first;
		int count = 0;

		begin(&talk, world);
		ck_assert_int_eq(rps_world_arm(world,
					       rps_fault_find(news[_i].fault),
					       end, 0),
				 0);
		ck_assert_int_eq(say(&talk, 1 - end, "hello"), 0);
		first = hear(&talk, end);
		ck_assert_int_eq(first, news[_i].first);
		count += first >= 0;
		ck_assert_int_eq(say(&talk, 1 - end, "again"), 0);
		while (hear(&talk, end) >= 0)
			count++;
		ck_assert_int_eq(count, news[_i].both);
		rps_world_destroy(world);
	}
}
END_TEST

/* So many steps later, or when nothing else can go on: never at once. */
START_TEST(a_late_notification_comes_late)
{
	struct rps_world *world = world_in(&modes[0]);
	struct talk talk;

	begin(&talk, world);
	ck_assert_int_eq(rps_world_arm(world, rps_fault_find("notify_late"),
				       RPS_END_DEVICE, 0),
			 0);
	rps_world_kick(world, RPS_QUEUE_TX);
	ck_assert_uint_eq(world->num_late, 1);
	ck_assert_uint_eq(world->actor[RPS_END_DEVICE].wake, 0);
	settle(world);
	ck_assert_uint_eq(world->num_late, 0);
	rps_world_kick(world, RPS_QUEUE_TX);
	ck_assert_uint_eq(world->num_late, 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(who_paused_goes_on_when_faults_end)
{
	struct rps_world *world = world_in(&modes[0]);
	struct talk talk;

	begin(&talk, world);
	ck_assert_int_eq(rps_world_arm(world, rps_fault_find("device_pauses"),
				       RPS_END_DRIVER, 0),
			 0);
	ck_assert_int_eq(say(&talk, RPS_END_DRIVER, "one"), 0);
	ck_assert(world->actor[RPS_END_DEVICE].frozen);
	ck_assert_int_eq(say(&talk, RPS_END_DRIVER, "two"), 0);
	ck_assert_int_eq(say(&talk, RPS_END_DEVICE, "no"), -ETIME);

	rps_world_disarm(world);
	settle(world);
	expect_text(world, RPS_END_DEVICE, talk.ept[RPS_END_DEVICE], "one");
	expect_text(world, RPS_END_DEVICE, talk.ept[RPS_END_DEVICE], "two");
	ck_assert_int_eq(say(&talk, RPS_END_DEVICE, "yes"), 0);
	expect_text(world, RPS_END_DRIVER, talk.ept[RPS_END_DRIVER], "yes");
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_dead_end_is_replaced_by_one_that_knows_nothing)
{
	struct rps_world *world = world_in(&modes[0]);
	struct rps_iut_stats stats;
	struct talk talk;

	begin(&talk, world);
	ck_assert_int_eq(rps_world_arm(world,
				       rps_fault_find("peer_dies_writing"),
				       RPS_END_DRIVER, 0),
			 0);
	ck_assert_int_eq(say(&talk, RPS_END_DEVICE, "last"), -ETIME);
	ck_assert_int_eq(say(&talk, RPS_END_DEVICE, "none"), -ENODEV);
	ck_assert(!rps_world_is_alive(world, RPS_END_DEVICE));
	ck_assert(rps_world_is_alive(world, RPS_END_DRIVER));
	ck_assert(!rps_world_is_alive(world, 2));
	ck_assert_int_eq(rps_world_revive(world, 2), -EINVAL);
	ck_assert_int_eq(rps_world_revive(world, RPS_END_DEVICE), 0);
	rps_iut_get_stats(world, RPS_END_DEVICE, &stats);
	ck_assert_uint_eq(stats.epts, 0);
	ck_assert(rps_world_is_alive(world, RPS_END_DEVICE));
	ck_assert(!stats.ready);
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_swarm_is_the_same_for_the_same_seed)
{
	struct rps_shot shot[2][FAULT_SHOTS_MAX];
	uint32_t count[2];

	for (unsigned int i = 0; i < 2; i++) {
		struct rps_world *world = world_in(&modes[0]);
		struct talk talk;

		begin(&talk, world);
		ck_assert_int_gt(rps_world_swarm(world, "notifications",
						 RPS_END_DRIVER, 5),
				 0);
		talk_about_everything(&talk);
		count[i] = rps_world_shots(world, shot[i], FAULT_SHOTS_MAX);
		rps_world_destroy(world);
	}
	ck_assert_uint_gt(count[0], 0);
	ck_assert_uint_eq(count[0], count[1]);
	ck_assert_int_eq(
		memcmp(shot[0], shot[1], count[0] * sizeof(shot[0][0])), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *tcase = tcase_create("faults");

	tcase_add_loop_test(tcase, each_row_strikes_once_and_a_restart_heals_it,
			    FIRST_FAULT, NUM_FAULTS);
	tcase_add_test(tcase, an_armed_fault_changes_nothing_until_it_strikes);
	tcase_add_loop_test(tcase,
			    a_message_without_notification_comes_with_the_next,
			    0, ARRAY_SIZE(news));
	tcase_add_test(tcase, a_late_notification_comes_late);
	tcase_add_test(tcase, who_paused_goes_on_when_faults_end);
	tcase_add_test(tcase, a_dead_end_is_replaced_by_one_that_knows_nothing);
	tcase_add_test(tcase, a_swarm_is_the_same_for_the_same_seed);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
