/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "../fault/fault_plan.h"
#include "suite_main.h"

#define FIRST_FAULT 1
#define RECORD_MAX  64u

static const enum rps_order orders[] = { RPS_ORDER_LE, RPS_ORDER_BE };

static struct rps_fault_info row(uint32_t number)
{
	struct rps_fault_info info;

	ck_assert(rps_fault_get(number, &info));
	return info;
}

static bool is_word(const char *word, const char *words)
{
	const char *at = strstr(words, word);

	return *word && at && (at == words || at[-1] == ' ') &&
	       (at[strlen(word)] == ' ' || at[strlen(word)] == '\0');
}

START_TEST(a_row_is_found_by_its_name_and_says_what_it_is)
{
	uint32_t number = (uint32_t)_i;
	struct rps_fault_info info = row(number);

	ck_assert_uint_eq(rps_fault_find(info.name), number);
	ck_assert(is_word(info.kind, "STORE REWRITE LOSE LATE TWICE SPURIOUS "
				     "PAUSE DIE RESET DIRTY STORM CHURN FULL"));
	ck_assert(is_word(info.judged, "DRIVER DEVICE BOTH"));
	ck_assert(is_word(info.side, "IN OUT"));
	ck_assert(is_word(info.content, "EXACT DROPS LOSES ANY"));
	ck_assert(is_word(info.after, "WORKS NEXT RESTART"));
	ck_assert_uint_gt(strlen(info.what), 10);
	ck_assert_uint_gt(strlen(info.requirements), 5);
}
END_TEST

/* Who needs a place in memory names one, and nobody else does. */
START_TEST(a_row_has_a_field_where_its_kind_needs_one)
{
	struct rps_fault_info info = row((uint32_t)_i);
	bool needs =
		is_word(info.kind, "STORE REWRITE SPURIOUS PAUSE DIE RESET");

	ck_assert_int_eq(needs, info.field_bytes > 0);
	ck_assert_int_eq(needs, *info.field != '\0');
	if (strcmp(info.how, "FILL") != 0 && needs)
		ck_assert_uint_le(info.field_bytes, 8);
}
END_TEST

START_TEST(what_is_not_in_the_table_is_not_found)
{
	struct rps_fault_info info;

	ck_assert_uint_eq(rps_fault_find(""), 0);
	ck_assert_uint_eq(rps_fault_find("used_id_past_the_table"), 0);
	ck_assert(!rps_fault_get(0, &info));
	ck_assert(!rps_fault_get(NUM_FAULTS, &info));
}
END_TEST

/* --- the plan */

static const struct fault_ground ground = {
	.num = 8,
	.buf_bytes = 512,
	.memory_end = 0x10020000,
	.self = 5,
};

static struct fault_spot spot_of(uint32_t number, uint32_t judged)
{
	const struct fault_row *fault = &fault_row[number];

	return (struct fault_spot){
		.kind = fault->kind,
		.end = judged,
		.queue = fault_queue(judged, fault->side),
		.seam = fault_place[fault->field].seam,
		.ns = true,
		.len_bytes = RECORD_MAX,
	};
}

static uint32_t judged_by(uint32_t number)
{
	return fault_row[number].judged & JUDGED_DRIVER ? 0 : 1;
}

static bool is_made_of_calls(uint32_t number)
{
	return is_word(row(number).kind, "STORM CHURN FULL");
}

static bool changes_memory(uint32_t number)
{
	return is_word(row(number).kind, "STORE REWRITE");
}

/* Return: how often the fault struck at @count occasions. */
static uint32_t occasions(struct fault_plan *plan, uint32_t number,
			  uint32_t count)
{
	struct fault_spot spot = spot_of(number, judged_by(number));
	uint8_t record[RECORD_MAX] = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		if (!changes_memory(number)) {
			(void)fault_strike(plan, &spot);
			continue;
		}
		if (fault_row[number].field == FIELD_DESC_NEXT)
			spot.seam = SEAM_DESC_FLAGS;
		(void)fault_change(plan, &spot, &ground, record);
	}
	return fault_fired(plan, number);
}

START_TEST(a_fault_strikes_once_at_its_occasion)
{
	uint32_t number = (uint32_t)_i;

	if (is_made_of_calls(number))
		return;
	for (uint32_t nth = 0; nth < 3; nth++) {
		struct fault_plan plan = { 0 };

		ck_assert_int_eq(
			fault_arm(&plan, number, judged_by(number), nth), 0);
		ck_assert_uint_eq(occasions(&plan, number, nth), 0);
		ck_assert_uint_eq(occasions(&plan, number, 1), 1);
		ck_assert_uint_eq(occasions(&plan, number, 5), 1);
		ck_assert_uint_eq(plan.num_shots, 1);
		ck_assert_uint_eq(plan.shot[0].fault, number);
		ck_assert_uint_eq(plan.shot[0].nth, nth);
	}
}
END_TEST

START_TEST(other_occasions_are_none)
{
	uint32_t number = (uint32_t)_i;
	struct fault_spot here = spot_of(number, judged_by(number));
	struct fault_spot other[4] = { here, here, here, here };
	uint8_t record[RECORD_MAX] = { 0 };
	struct fault_plan plan = { 0 };

	if (!changes_memory(number))
		return;
	ck_assert_int_eq(fault_arm(&plan, number, judged_by(number), 0), 0);
	other[0].end = 1 - here.end;
	other[1].queue = 1 - here.queue;
	other[2].seam = SEAM_FENCE;
	other[3].kind = here.kind == FAULT_STORE ? FAULT_REWRITE : FAULT_STORE;
	for (unsigned int i = 0; i < ARRAY_SIZE(other); i++)
		ck_assert(!fault_change(&plan, &other[i], &ground, record));
	here.len_bytes = 1;
	ck_assert(!fault_change(&plan, &here, &ground, record));
	ck_assert_uint_eq(fault_fired(&plan, number), 0);
}
END_TEST

START_TEST(an_announcement_is_told_from_other_payload)
{
	uint32_t number = rps_fault_find("ns_addr_any");
	struct fault_spot spot = spot_of(number, 0);
	uint8_t record[RECORD_MAX] = { 0 };
	struct fault_plan plan = { 0 };

	ck_assert_int_eq(fault_arm(&plan, number, 0, 0), 0);
	spot.ns = false;
	ck_assert(!fault_change(&plan, &spot, &ground, record));
	spot.ns = true;
	ck_assert(fault_change(&plan, &spot, &ground, record));
}
END_TEST

/* What lands where the number @was would have. */
struct landing {
	const char *fault;
	uint64_t was;
	uint64_t lands;
};

/* clang-format off */
static const struct landing landings[] = {
	{ "used_len_half_header",  28,          8 },
	{ "used_id_upper_half",    3,           0x10003 },
	{ "used_idx_back",         0,           0xfffe },
	{ "used_idx_jumps",        0xffff,      7 },
	{ "used_id_of_another",    2,           3 },
	{ "used_id_past_by_one",   2,           9 },
	{ "used_len_above_buffer", 28,          513 },
	{ "hdr_len_of_buffer",     12,          496 },
	{ "desc_addr_across_end",  0x10001000,  0x1001fff8 },
	{ "desc_addr_top",         0x10001000,  UINT64_MAX },
	{ "desc_addr_above_4g",    0x10001000,  0x110001000 },
	{ "hdr_flags_unknown",     0,           0xffff },
	{ "ns_flags_unknown",      0,           0xfffffffe },
};
/* clang-format on */

static uint64_t number_at(enum rps_order order, const uint8_t *at,
			  uint32_t bytes)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < bytes; i++) {
		uint32_t from = order == RPS_ORDER_BE ? i : bytes - 1 - i;

		value = value << 8 | at[from];
	}
	return value;
}

static void put_number(enum rps_order order, uint8_t *at, uint32_t bytes,
		       uint64_t value)
{
	for (uint32_t i = 0; i < bytes; i++) {
		uint32_t to = order == RPS_ORDER_BE ? bytes - 1 - i : i;

		at[to] = (uint8_t)(value >> (8 * i));
	}
}

START_TEST(what_lands_is_what_the_row_says_in_either_order)
{
	const struct landing *landing = &landings[_i];
	uint32_t number = rps_fault_find(landing->fault);
	struct rps_fault_info info = row(number);
	struct fault_spot spot = spot_of(number, judged_by(number));

	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		struct fault_ground here = ground;
		uint8_t record[RECORD_MAX];
		uint8_t expected[RECORD_MAX];
		struct fault_plan plan = { 0 };

		here.order = orders[i];
		memset(record, 0x5a, sizeof(record));
		put_number(here.order, record + info.field_at, info.field_bytes,
			   landing->was);
		memcpy(expected, record, sizeof(record));
		put_number(here.order, expected + info.field_at,
			   info.field_bytes, landing->lands);

		ck_assert_int_eq(fault_arm(&plan, number, spot.end, 0), 0);
		ck_assert(fault_change(&plan, &spot, &here, record));
		ck_assert_uint_eq(number_at(here.order, record + info.field_at,
					    info.field_bytes),
				  landing->lands);
		ck_assert_bytes_eq(record, expected, sizeof(record));
	}
}
END_TEST

START_TEST(a_value_comes_again)
{
	uint32_t number = rps_fault_find("used_id_again");
	struct fault_spot spot = spot_of(number, 0);
	struct fault_ground here = ground;
	struct fault_plan plan = { 0 };
	static const uint8_t stored[] = { 3, 4, 5 };
	static const uint8_t landed[] = { 3, 3, 5 };

	here.order = RPS_ORDER_LE;
	ck_assert_int_eq(fault_arm(&plan, number, 0, 1), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(stored); i++) {
		uint8_t record[RECORD_MAX] = { stored[i] };

		(void)fault_change(&plan, &spot, &here, record);
		ck_assert_uint_eq(record[0], landed[i]);
	}
}
END_TEST

/* The flags get NEXT, and the next behind them is the row's. */
START_TEST(a_chain_that_goes_on_says_so)
{
	uint32_t number = rps_fault_find("desc_next_self");
	struct fault_spot spot = spot_of(number, 1);
	struct fault_ground here = ground;
	struct fault_plan plan = { 0 };

	here.order = RPS_ORDER_LE;
	ck_assert_int_eq(fault_arm(&plan, number, 1, 1), 0);
	for (unsigned int i = 0; i < 3; i++) {
		uint8_t flags[RECORD_MAX] = { 2 };
		uint8_t next[RECORD_MAX] = { 0 };

		spot.seam = SEAM_DESC_FLAGS;
		ck_assert_int_eq(fault_change(&plan, &spot, &here, flags),
				 i == 1);
		spot.seam = SEAM_DESC_NEXT;
		(void)fault_change(&plan, &spot, &here, next);
		ck_assert_uint_eq(flags[0], i == 1 ? 3 : 2);
		ck_assert_uint_eq(next[0], i == 1 ? here.self : 0);
	}
	ck_assert_uint_eq(fault_fired(&plan, number), 1);
}
END_TEST

START_TEST(a_name_is_filled)
{
	uint32_t number = rps_fault_find("ns_name_endless");
	struct fault_spot spot = spot_of(number, 1);
	uint8_t record[RECORD_MAX] = "a name";
	uint8_t expected[RECORD_MAX] = { 0 };
	struct fault_plan plan = { 0 };

	memset(expected, 'F', 32);
	ck_assert_int_eq(fault_arm(&plan, number, 1, 0), 0);
	ck_assert(fault_change(&plan, &spot, &ground, record));
	ck_assert_bytes_eq(record, expected, sizeof(record));
}
END_TEST

struct refusal {
	const char *fault; /* "": none */
	uint32_t judged;
	int error;
};

static const struct refusal refusals[] = {
	{ "", 0, -EINVAL },
	{ "used_id_again", 1, -EINVAL },
	{ "desc_len_zero", 0, -EINVAL },
	{ "hdr_dst_any", 2, -EINVAL },
	{ "announcement_storm", 0, -ENOTSUP },
	{ "both_rings_full", 1, -ENOTSUP },
};

START_TEST(what_cannot_be_is_refused)
{
	struct fault_plan plan = { 0 };

	ck_assert_int_eq(fault_arm(&plan, rps_fault_find(refusals[_i].fault),
				   refusals[_i].judged, 0),
			 refusals[_i].error);
	ck_assert_int_eq(fault_arm(&plan, NUM_FAULTS, 0, 0), -EINVAL);
	ck_assert(!plan.on);
}
END_TEST

START_TEST(more_than_there_is_room_for_is_refused)
{
	uint32_t number = rps_fault_find("hdr_dst_any");
	struct fault_plan plan = { 0 };

	for (uint32_t i = 0; i < FAULT_ARMED_MAX; i++)
		ck_assert_int_eq(fault_arm(&plan, number, 0, i), 0);
	ck_assert_int_eq(fault_arm(&plan, number, 0, 0), -ENOSPC);
	ck_assert_uint_eq(occasions(&plan, number, FAULT_ARMED_MAX + 5),
			  FAULT_ARMED_MAX);
}
END_TEST

START_TEST(counts_stay_until_the_next_is_armed)
{
	uint32_t number = rps_fault_find("hdr_dst_any");
	struct fault_plan plan = { 0 };

	ck_assert_int_eq(fault_arm(&plan, number, 0, 0), 0);
	ck_assert_uint_eq(occasions(&plan, number, 1), 1);
	fault_disarm(&plan);
	ck_assert(!plan.on);
	ck_assert_uint_eq(fault_fired(&plan, number), 1);
	ck_assert_int_eq(fault_arm(&plan, number, 0, 0), 0);
	ck_assert_uint_eq(fault_fired(&plan, number), 0);
	ck_assert_uint_eq(plan.num_armed, 1);
	ck_assert_uint_eq(plan.num_shots, 0);
}
END_TEST

/* --- swarms */

static uint32_t swarm_of(struct fault_plan *plan, const char *name,
			 uint64_t seed)
{
	int count;

	memset(plan, 0, sizeof(*plan));
	count = fault_arm_swarm(plan, name, 0, seed);
	ck_assert_int_ge(count, 0);
	ck_assert_uint_eq(plan->num_armed, (uint32_t)count);
	return (uint32_t)count;
}

START_TEST(a_seed_picks_some_and_always_the_same)
{
	const char *name = rps_swarm_name((uint32_t)_i);
	struct fault_plan *plan = calloc(2, sizeof(*plan));
	uint32_t different = 0;
	uint32_t some = 0;

	ck_assert_ptr_nonnull(plan);
	for (uint64_t seed = 0; seed < 20; seed++) {
		uint32_t count = swarm_of(&plan[0], name, seed);

		swarm_of(&plan[1], name, seed);
		ck_assert_int_eq(memcmp(&plan[0], &plan[1], sizeof(*plan)), 0);
		swarm_of(&plan[1], name, seed + 1);
		different += memcmp(&plan[0], &plan[1], sizeof(*plan)) != 0;
		ck_assert_uint_lt(count, FAULT_ARMED_MAX);
		some += count;
	}
	ck_assert_uint_gt(different, 15);
	ck_assert_uint_gt(some, 20);
	free(plan);
}
END_TEST

/* When a fault strikes does not depend on who else takes part. */
START_TEST(every_fault_has_a_stream_of_its_own)
{
	struct fault_plan *plan = calloc(2, sizeof(*plan));
	uint32_t met = 0;

	ck_assert_ptr_nonnull(plan);
	/* "everything" picks as many of the lies, and other faults besides. */
	swarm_of(&plan[0], "lies", 7);
	swarm_of(&plan[1], "everything", 7);
	ck_assert_uint_gt(plan[0].num_armed, 0);
	ck_assert_uint_lt(plan[0].num_armed, plan[1].num_armed);
	for (uint32_t i = 0; i < plan[0].num_armed; i++) {
		for (uint32_t k = 0; k < plan[1].num_armed; k++) {
			if (plan[0].armed[i].number != plan[1].armed[k].number)
				continue;
			ck_assert_uint_eq(plan[0].armed[i].stream.state,
					  plan[1].armed[k].stream.state);
			met++;
		}
	}
	ck_assert_uint_eq(met, plan[0].num_armed);
	free(plan);
}
END_TEST

START_TEST(a_swarm_strikes_at_about_its_rate_and_can_be_replayed)
{
	struct fault_plan *plan = calloc(2, sizeof(*plan));
	uint32_t number, one_in, fired;

	ck_assert_ptr_nonnull(plan);
	swarm_of(&plan[0], "notifications", 3);
	number = plan[0].armed[0].number;
	one_in = plan[0].armed[0].one_in;
	ck_assert_uint_gt(one_in, 1);
	fired = occasions(&plan[0], number, SWARM_STRIKES_MAX * one_in / 2);
	ck_assert_uint_gt(fired, 0);
	ck_assert_uint_lt(fired, SWARM_STRIKES_MAX);
	fired = occasions(&plan[0], number, 400 * one_in);
	ck_assert_uint_eq(fired, SWARM_STRIKES_MAX);

	for (uint32_t i = 0; i < plan[0].num_shots; i++)
		ck_assert(i >= FAULT_ARMED_MAX ||
			  !fault_arm(&plan[1], plan[0].shot[i].fault,
				     plan[0].shot[i].judged,
				     plan[0].shot[i].nth));
	occasions(&plan[1], number, 500 * one_in);
	ck_assert_uint_eq(plan[1].num_shots, SWARM_STRIKES_MAX);
	for (uint32_t i = 0; i < plan[1].num_shots; i++)
		ck_assert_uint_eq(plan[0].shot[i].nth, plan[1].shot[i].nth);
	free(plan);
}
END_TEST

START_TEST(a_swarm_that_is_not_there_is_refused)
{
	struct fault_plan plan = { 0 };

	ck_assert_int_eq(fault_arm_swarm(&plan, "wasps", 0, 1), -EINVAL);
	ck_assert_int_eq(fault_arm_swarm(&plan, "lies", 2, 1), -EINVAL);
	ck_assert(!plan.on);
	ck_assert_ptr_null(rps_swarm_name(NUM_SWARMS));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fault");
	TCase *table = tcase_create("table");
	TCase *plan = tcase_create("plan");
	TCase *swarm = tcase_create("swarm");

	tcase_add_loop_test(table,
			    a_row_is_found_by_its_name_and_says_what_it_is,
			    FIRST_FAULT, NUM_FAULTS);
	tcase_add_loop_test(table, a_row_has_a_field_where_its_kind_needs_one,
			    FIRST_FAULT, NUM_FAULTS);
	tcase_add_test(table, what_is_not_in_the_table_is_not_found);
	suite_add_tcase(suite, table);

	tcase_add_loop_test(plan, a_fault_strikes_once_at_its_occasion,
			    FIRST_FAULT, NUM_FAULTS);
	tcase_add_loop_test(plan, other_occasions_are_none, FIRST_FAULT,
			    NUM_FAULTS);
	tcase_add_test(plan, an_announcement_is_told_from_other_payload);
	tcase_add_loop_test(plan,
			    what_lands_is_what_the_row_says_in_either_order, 0,
			    ARRAY_SIZE(landings));
	tcase_add_test(plan, a_value_comes_again);
	tcase_add_test(plan, a_chain_that_goes_on_says_so);
	tcase_add_test(plan, a_name_is_filled);
	tcase_add_loop_test(plan, what_cannot_be_is_refused, 0,
			    ARRAY_SIZE(refusals));
	tcase_add_test(plan, more_than_there_is_room_for_is_refused);
	tcase_add_test(plan, counts_stay_until_the_next_is_armed);
	suite_add_tcase(suite, plan);

	tcase_add_loop_test(swarm, a_seed_picks_some_and_always_the_same, 0,
			    NUM_SWARMS);
	tcase_add_test(swarm, every_fault_has_a_stream_of_its_own);
	tcase_add_test(swarm,
		       a_swarm_strikes_at_about_its_rate_and_can_be_replayed);
	tcase_add_test(swarm, a_swarm_that_is_not_there_is_refused);
	suite_add_tcase(suite, swarm);
	return suite_main(suite);
}
