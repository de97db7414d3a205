/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our layouts and numbers against the system's Linux headers, which were
 * written by somebody else.
 */
#include <rps/rpmsg.h>
#include <rps/vring.h>
#include <rps/xport.h>

#include "../xport/vhost_user_proto.h"
#include "linux_abi.h"
#include "suite_main.h"

static const struct {
	const char *text;
	uint64_t value;
} our_number[] = {
#define NUMBER(ours, theirs) { #ours, ours },
#include "linux_abi.def"
#undef NUMBER
};

START_TEST(numbers_are_those_of_linux)
{
	ck_assert_uint_eq(ARRAY_SIZE(our_number), num_linux_numbers);
	ck_assert_msg(our_number[_i].value == linux_number[_i],
		      "%s is %llu, Linux has %llu", our_number[_i].text,
		      (unsigned long long)our_number[_i].value,
		      (unsigned long long)linux_number[_i]);
}
END_TEST

START_TEST(layouts_are_those_of_linux)
{
	uint32_t num = 1u << _i;

	for (uint32_t align = 4; align <= 4096; align *= 2) {
		struct rps_vring_layout ours;
		struct linux_layout theirs;

		ck_assert_int_eq(rps_vring_layout(num, align, &ours), 0);
		linux_layout(num, align, &theirs);
		ck_assert_uint_eq(ours.avail, theirs.avail);
		ck_assert_uint_eq(ours.used_event, theirs.used_event);
		ck_assert_uint_eq(ours.used, theirs.used);
		ck_assert_uint_eq(ours.avail_event, theirs.avail_event);
		ck_assert_uint_eq(ours.total, theirs.size);
	}
}
END_TEST

/* Where a comparison in 16 bits can go wrong: around 0 and around half. */
static const uint16_t distance[] = {
	0x0000, 0x0001, 0x0002, 0x0003, 0x00ff, 0x0100, 0x7ffe, 0x7fff,
	0x8000, 0x8001, 0x8002, 0xff00, 0xfffd, 0xfffe, 0xffff,
};

START_TEST(need_event_is_that_of_linux)
{
	uint16_t ahead = distance[_i];

	for (uint32_t new = 0; new <= UINT16_MAX; new ++) {
		uint16_t event = (uint16_t)(new + ahead);

		for (unsigned int i = 0; i < ARRAY_SIZE(distance); i++) {
			uint16_t old = (uint16_t)(new - distance[i]);
			bool ours = rps_vring_need_event(event, (uint16_t) new,
							 old);

			if (ours !=
			    linux_need_event(event, (uint16_t) new, old))
				ck_abort_msg("event 0x%x, new 0x%x, old 0x%x: "
					     "we say %d",
					     event, new, old, ours);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("linux_abi");
	TCase *tcase = tcase_create("Linux' headers");

	tcase_add_loop_test(tcase, numbers_are_those_of_linux, 0,
			    ARRAY_SIZE(our_number));
	tcase_add_loop_test(tcase, layouts_are_those_of_linux, 0, 16);
	tcase_add_loop_test(tcase, need_event_is_that_of_linux, 0,
			    ARRAY_SIZE(distance));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
