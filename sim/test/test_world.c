/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/world.h>

#include <errno.h>
#include <stdlib.h>

#include "suite_main.h"
#include "world_fixture.h"

/* What the two reference ends must manage with each other. */
static const struct rps_world_config mode[] = {
	{ .features = F_NS, .num = 4, .align = 4096 },
	{ .features = F_NS, .num = 4, .align = 4096, .native_be = true },
	{ .features = F_NS | F_VERSION_1, .num = 4, .native_be = true },
	{ .features = F_NS | F_EVENT_IDX, .num = 8, .align = 4 },
	{ .features = F_NS | F_EVENT_IDX | F_VERSION_1, .num = 8, .align = 64 },
	{ .features = F_NS, .num = 1, .align = 16 },
	{ .features = F_NS, .num = 256, .align = 4096, .dirty = 0xff },
	{ .features = F_NS | F_EVENT_IDX, .num = 4, .start_idx = 0xfff0 },
	{ .features = F_NS, .num = 2, .start_idx = 0xffff, .dirty = 0xa5 },
};

static struct rps_world *world_in_mode(int i)
{
	struct rps_world_config config = mode[i];

	config.seed = 1;
	config.buf_bytes = 512;
	config.device_id = 7;
	config.driver = true;
	config.device = true;
	return running_world(&config);
}

/* @count messages each way, each read before the next is sent. */
static void exchange(struct rps_world *world, unsigned int count)
{
	int handle[2];

	for (uint32_t end = 0; end < 2; end++)
		handle[end] = open_at(world, end, 30);
	for (unsigned int i = 0; i < count; i++) {
		for (uint32_t end = 0; end < 2; end++) {
			ck_assert_int_eq(rps_iut_trysend(world, end,
							 handle[end], 30,
							 "hello world!", 12),
					 0);
			expect_text(world, 1 - end, handle[1 - end],
				    "hello world!");
		}
	}
}

static struct rps_monitor *watch(struct rps_world *world)
{
	const struct rps_monitor_config config = {
		.judged = 1u << RPS_END_DRIVER | 1u << RPS_END_DEVICE,
		.observed = 1u << RPS_END_DRIVER | 1u << RPS_END_DEVICE,
		.num_max = 256,
		.accesses = true,
	};
	struct rps_monitor *monitor = rps_monitor_create(&config);

	ck_assert_ptr_nonnull(monitor);
	rps_world_watch(world, monitor);
	return monitor;
}

/* A rule by its name. */
static uint32_t rule(const char *name)
{
	struct rps_rule_info info;
	uint32_t number = 0;

	while (rps_monitor_rule(number, &info) && strcmp(info.name, name) != 0)
		number++;
	return number;
}

START_TEST(a_monitor_has_nothing_against_the_reference_ends)
{
	struct rps_world_config config = mode[_i];
	struct rps_monitor *monitor;
	struct rps_world *world;
	struct rps_rule_info info;
	struct rps_finding found;

	config.seed = 1;
	config.buf_bytes = 512;
	config.device_id = 7;
	config.driver = true;
	config.device = true;
	world = world_of(&config);
	monitor = watch(world);
	ck_assert_int_eq(rps_iut_probe(world), 0);
	exchange(world, 40);

	if (rps_monitor_findings(monitor, &found, 1)) {
		ck_assert(rps_monitor_rule(found.rule, &info));
		ck_abort_msg("%s", info.says);
	}
	for (uint32_t end = 0; end < 2; end++)
		ck_assert_uint_gt(
			rps_monitor_exercised(monitor, rule("entry_before_idx"),
					      end),
			40);
	/* It is asked what is pending once all is at rest. */
	ck_assert_uint_ge(rps_monitor_exercised(monitor, rule("drained"),
						RPS_END_DEVICE) +
				  rps_monitor_exercised(monitor,
							rule("full_ring"),
							RPS_END_DEVICE),
			  40);
	rps_world_watch(world, NULL);
	rps_world_destroy(world);
	rps_monitor_destroy(monitor);
}
END_TEST

START_TEST(both_reference_ends_talk_to_each_other)
{
	struct rps_world *world = world_in_mode(_i);
	struct rps_iut_stats stats;

	exchange(world, long_loop(600));

	ck_assert(rps_world_guards_intact(world));
	for (uint32_t end = 0; end < 2; end++) {
		rps_iut_get_stats(world, end, &stats);
		ck_assert_uint_eq(stats.dropped, 0);
		ck_assert(!stats.broken);
	}
	rps_world_destroy(world);
}
END_TEST

static char *log_of(struct rps_world *world)
{
	size_t size = rps_world_log(world, NULL, 0) + 1;
	char *text = malloc(size);

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(rps_world_log(world, text, size), size - 1);
	return text;
}

START_TEST(the_same_configuration_gives_the_same_log)
{
	char *text[2];

	for (unsigned int i = 0; i < 2; i++) {
		struct rps_world *world = world_in_mode(_i);

		exchange(world, 10);
		text[i] = log_of(world);
		rps_world_destroy(world);
	}
	ck_assert_uint_gt(strlen(text[0]), 1000);
	ck_assert_str_eq(text[0], text[1]);
	free(text[0]);
	free(text[1]);
}
END_TEST

START_TEST(a_cleared_log_begins_anew)
{
	struct rps_world *world = running_world(&both_ends);

	ck_assert_uint_gt(rps_world_log(world, NULL, 0), 0);
	rps_world_log_clear(world);
	ck_assert_uint_eq(rps_world_log(world, NULL, 0), 0);
	rps_world_destroy(world);
}
END_TEST

START_TEST(the_driver_can_be_removed_and_probed_again)
{
	struct rps_world *world = world_in_mode(_i);
	struct rps_iut_stats stats;

	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(rps_iut_remove(world), 0);
		for (uint32_t end = 0; end < 2; end++) {
			rps_iut_get_stats(world, end, &stats);
			ck_assert(!stats.ready);
		}
		ck_assert_int_eq(rps_iut_probe(world), 0);
	}
	exchange(world, 20);
	rps_world_destroy(world);
}
END_TEST

struct refusal {
	const char *name;
	uint32_t num;
	uint32_t align;
	uint32_t buf_bytes;
};

/* clang-format off */
static const struct refusal refusal[] = {
	{ "no entries",          0,     4096, 512 },
	{ "3 entries",           3,     4096, 512 },
	{ "too many entries",    65536, 4096, 512 },
	{ "no buffers",          4,     4096, 0 },
	{ "buffers too large",   4,     4096, 4097 },
	{ "align 1",             4,     1,    512 },
	{ "align 2",             4,     2,    512 },
	{ "align 24",            4,     24,   512 },
};
/* clang-format on */

START_TEST(a_world_that_makes_no_sense_is_not_made)
{
	struct rps_world_config config = both_ends;
	int error = 0;

	config.num = refusal[_i].num;
	config.align = refusal[_i].align;
	config.buf_bytes = refusal[_i].buf_bytes;

	ck_assert_ptr_null(rps_world_create(&config, &error));
	ck_assert_int_eq(error, -EINVAL);
	ck_assert_ptr_null(rps_world_create(&config, NULL));
}
END_TEST

START_TEST(destroying_takes_nothing_and_the_unfinished)
{
	struct rps_world *world = running_world(&both_ends);

	rps_world_destroy(NULL);
	rps_world_kick(world, 1);
	ck_assert_int_eq(rps_world_run(world, 1), -ETIME);
	rps_world_destroy(world);
}
END_TEST

START_TEST(an_end_that_is_not_there_can_do_nothing)
{
	struct rps_world_config config = both_ends;
	struct rps_world *world;

	config.driver = false;
	world = world_of(&config);

	ck_assert_int_eq(rps_iut_probe(world), -ENODEV);
	ck_assert_int_eq(rps_iut_open(world, RPS_END_DRIVER, "", 30, ANY),
			 -ENODEV);
	ck_assert_int_ge(rps_iut_open(world, RPS_END_DEVICE, "", 30, ANY), 0);
	rps_world_destroy(world);
}
END_TEST

#define SEEN_MAX 4096u

struct seen {
	struct rps_record record[SEEN_MAX];
	size_t count;
};

static void see(void *priv, const struct rps_record *record)
{
	struct seen *seen = priv;

	if (seen->count < SEEN_MAX)
		seen->record[seen->count++] = *record;
}

START_TEST(an_observer_sees_what_the_log_keeps)
{
	static struct seen seen;
	static struct rps_record kept[SEEN_MAX];
	const struct rps_sink sink = { see, &seen };
	struct rps_world *world = running_world(&both_ends);

	rps_world_log_clear(world);
	rps_world_observe(world, &sink);
	exchange(world, 2);
	rps_world_observe(world, NULL);

	ck_assert_uint_gt(seen.count, 20);
	ck_assert_uint_eq(rps_world_records(world, kept, SEEN_MAX), seen.count);
	for (size_t i = 0; i < seen.count; i++) {
		ck_assert_uint_eq(seen.record[i].step, kept[i].step);
		ck_assert_uint_eq(seen.record[i].kind, kept[i].kind);
		ck_assert_uint_eq(seen.record[i].what, kept[i].what);
		ck_assert_uint_eq(seen.record[i].b, kept[i].b);
	}
	rps_world_kick(world, 1);
	ck_assert_uint_gt(rps_world_records(world, NULL, 0), seen.count);
	rps_world_destroy(world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("world");
	TCase *tcase = tcase_create("world");

	tcase_add_loop_test(tcase, both_reference_ends_talk_to_each_other, 0,
			    ARRAY_SIZE(mode));
	tcase_add_loop_test(tcase,
			    a_monitor_has_nothing_against_the_reference_ends, 0,
			    ARRAY_SIZE(mode));
	tcase_add_loop_test(tcase, the_same_configuration_gives_the_same_log, 0,
			    ARRAY_SIZE(mode));
	tcase_add_test(tcase, a_cleared_log_begins_anew);
	tcase_add_test(tcase, an_observer_sees_what_the_log_keeps);
	tcase_add_loop_test(tcase, the_driver_can_be_removed_and_probed_again,
			    0, ARRAY_SIZE(mode));
	tcase_add_loop_test(tcase, a_world_that_makes_no_sense_is_not_made, 0,
			    ARRAY_SIZE(refusal));
	tcase_add_test(tcase, destroying_takes_nothing_and_the_unfinished);
	tcase_add_test(tcase, an_end_that_is_not_there_can_do_nothing);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
