/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "../world/world_priv.h"
#include "suite_main.h"
#include "world_fixture.h"

#define SERVICE    0x500u
#define LEN_OFFSET 12u /* of hdr.len in a header */

static uint64_t spare(const struct rps_world *world)
{
	struct rps_world_place place;

	rps_world_place(world, &place);
	return place.spare;
}

static uint8_t *byte_at(struct rps_world *world, uint64_t addr)
{
	return world->arena + (addr - world->arena_base);
}

/* One message from the driver's end to the device's. */
static void exchange(struct rps_world *world, int from, int to)
{
	ck_assert_int_eq(rps_iut_trysend(world, RPS_END_DRIVER, from, SERVICE,
					 "hello", 5),
			 0);
	settle(world);
	expect_text(world, RPS_END_DEVICE, to, "hello");
}

START_TEST(it_fires_at_the_nth_read_and_only_once)
{
	struct rps_world *world = running_world(&both_ends);
	int to = open_at(world, RPS_END_DEVICE, SERVICE);
	int from = open_at(world, RPS_END_DRIVER, 0x600);
	uint8_t *byte = byte_at(world, spare(world));

	*byte = 0;
	ck_assert_int_eq(rps_world_tamper(world, RPS_END_DEVICE, "hdr",
					  (uint32_t)_i, spare(world), "\x5c",
					  1),
			 0);
	for (int before = 0; before < _i; before++) {
		exchange(world, from, to);
		ck_assert(!rps_world_tampered(world));
		ck_assert_uint_eq(*byte, 0);
	}
	exchange(world, from, to);
	ck_assert(rps_world_tampered(world));
	ck_assert_uint_eq(*byte, 0x5c);

	*byte = 1;
	exchange(world, from, to);
	ck_assert_uint_eq(*byte, 1);
	rps_world_destroy(world);
}
END_TEST

START_TEST(another_end_does_not_set_it_off)
{
	struct rps_world *world = running_world(&both_ends);
	int to = open_at(world, RPS_END_DEVICE, SERVICE);
	int from = open_at(world, RPS_END_DRIVER, 0x600);

	ck_assert_int_eq(rps_world_tamper(world, RPS_END_DRIVER, "hdr", 0,
					  spare(world), "x", 1),
			 0);
	exchange(world, from, to);

	ck_assert(!rps_world_tampered(world));
	rps_world_destroy(world);
}
END_TEST

START_TEST(a_header_rewritten_after_it_was_read_changes_nothing)
{
	struct rps_world *world = running_world(&both_ends);
	int to = open_at(world, RPS_END_DEVICE, SERVICE);
	int from = open_at(world, RPS_END_DRIVER, 0x600);
	struct rps_world_place place;
	uint64_t sent;

	rps_world_place(world, &place);
	/* Send buffers lie behind the receive buffers; the first is the first
	 * to be used. */
	sent = place.bufs + place.bufs_bytes / 2;
	ck_assert_int_eq(rps_world_tamper(world, RPS_END_DEVICE, "hdr", 0,
					  sent + LEN_OFFSET, "\xff\xff", 2),
			 0);
	exchange(world, from, to);

	ck_assert(rps_world_tampered(world));
	ck_assert_uint_eq(*byte_at(world, sent + LEN_OFFSET), 0xff);
	rps_world_destroy(world);
}
END_TEST

struct refusal {
	uint32_t end;
	const char *seam;
	uint64_t offset; /* from the spare memory */
	uint32_t len;
	int error;
};

static const struct refusal refusals[] = {
	{ 2, "hdr", 0, 1, -EINVAL },
	{ RPS_END_DRIVER, "header", 0, 1, -EINVAL },
	{ RPS_END_DRIVER, "", 0, 1, -EINVAL },
	{ RPS_END_DRIVER, "hdr", 0, TAMPER_BYTES_MAX + 1, -EINVAL },
	{ RPS_END_DRIVER, "hdr", UINT64_C(1) << 32, 1, -EFAULT },
};

START_TEST(what_cannot_be_is_refused)
{
	const struct refusal *refusal = &refusals[_i];
	struct rps_world *world = running_world(&both_ends);
	uint8_t bytes[TAMPER_BYTES_MAX + 1] = { 0 };

	ck_assert_int_eq(rps_world_tamper(world, refusal->end, refusal->seam, 0,
					  spare(world) + refusal->offset, bytes,
					  refusal->len),
			 refusal->error);
	ck_assert(!world->tamper.armed);
	rps_world_destroy(world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tamper");
	TCase *tcase = tcase_create("tamper");

	tcase_add_loop_test(tcase, it_fires_at_the_nth_read_and_only_once, 0,
			    3);
	tcase_add_test(tcase, another_end_does_not_set_it_off);
	tcase_add_test(tcase,
		       a_header_rewritten_after_it_was_read_changes_nothing);
	tcase_add_loop_test(tcase, what_cannot_be_is_refused, 0,
			    ARRAY_SIZE(refusals));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
