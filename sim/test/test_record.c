/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/record.h>

#include "../base/seam.h"
#include "suite_main.h"

START_TEST(every_seam_has_a_name_of_its_own)
{
	for (unsigned int i = 0; i < NUM_SEAMS; i++) {
		ck_assert_ptr_nonnull(rps_seam_name(i));
		for (unsigned int j = 0; j < i; j++)
			ck_assert_str_ne(rps_seam_name(i), rps_seam_name(j));
	}
	ck_assert_ptr_null(rps_seam_name(NUM_SEAMS));
}
END_TEST

START_TEST(every_event_has_a_name_of_its_own)
{
	for (unsigned int i = 0; i < RPS_NUM_EVENTS; i++) {
		ck_assert_ptr_nonnull(rps_event_name(i));
		for (unsigned int j = 0; j < i; j++)
			ck_assert_str_ne(rps_event_name(i), rps_event_name(j));
	}
	ck_assert_ptr_null(rps_event_name(RPS_NUM_EVENTS));
}
END_TEST

START_TEST(operands_come_without_gaps)
{
	ck_assert_str_eq(rps_event_operand(RPS_EVENT_message_send, 0), "src");
	ck_assert_str_eq(rps_event_operand(RPS_EVENT_message_send, 2), "len");
	ck_assert_str_eq(rps_event_operand(RPS_EVENT_message_send, 3), "");
	ck_assert_str_eq(rps_event_operand(RPS_NUM_EVENTS, 0), "");
	for (unsigned int i = 0; i < RPS_NUM_EVENTS; i++) {
		for (unsigned int j = 1; j < 3; j++) {
			if (*rps_event_operand(i, j))
				ck_assert_str_ne(rps_event_operand(i, j - 1),
						 "");
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tcase = tcase_create("record");

	tcase_add_test(tcase, every_seam_has_a_name_of_its_own);
	tcase_add_test(tcase, every_event_has_a_name_of_its_own);
	tcase_add_test(tcase, operands_come_without_gaps);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
