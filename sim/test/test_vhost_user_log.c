/* SPDX-License-Identifier: BSD-3-Clause */
#include "../xport/vhost_user_log.h"

#include <stdlib.h>
#include <string.h>

#include "suite_main.h"

static struct vu_log vu_log;

static void setup(void)
{
	memset(&vu_log, 0, sizeof(vu_log));
}

START_TEST(lines_come_oldest_first)
{
	char text[32];

	rps_vu_log_add(&vu_log, "one");
	rps_vu_log_add(&vu_log, "%s", "two");

	ck_assert_uint_eq(rps_vu_log_text(&vu_log, text, sizeof(text)), 8);
	ck_assert_str_eq(text, "one\ntwo\n");
}
END_TEST

START_TEST(the_oldest_gives_way)
{
	char text[VU_LOG_LINES * 8];

	for (unsigned int i = 0; i < VU_LOG_LINES + 3; i++)
		rps_vu_log_add(&vu_log, "%u", i);

	rps_vu_log_text(&vu_log, text, sizeof(text));
	ck_assert_int_eq(strncmp(text, "3\n4\n", 4), 0);
	ck_assert_ptr_nonnull(strstr(text, "\n130\n"));
}
END_TEST

START_TEST(a_long_line_is_cut)
{
	char text[2 * VU_LOG_LINE_BYTES];
	char line[2 * VU_LOG_LINE_BYTES];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	rps_vu_log_add(&vu_log, "%s", line);

	ck_assert_uint_eq(rps_vu_log_text(&vu_log, text, sizeof(text)),
			  VU_LOG_LINE_BYTES);
}
END_TEST

/* _i: bytes of the buffer */
START_TEST(any_buffer_is_terminated)
{
	char text[12];

	memset(text, '#', sizeof(text));
	rps_vu_log_add(&vu_log, "one");
	rps_vu_log_add(&vu_log, "two");

	ck_assert_uint_eq(rps_vu_log_text(&vu_log, text, (size_t)_i), 8);
	if (_i > 0) {
		size_t len = _i > 9 ? 8 : (size_t)_i - 1;

		ck_assert_uint_eq(strlen(text), len);
		ck_assert_mem_eq(text, "one\ntwo\n", len);
	}
	ck_assert_int_eq(text[_i > 9 ? 9 : _i], '#');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user_log");
	TCase *tests = tcase_create("log");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, lines_come_oldest_first);
	tcase_add_test(tests, the_oldest_gives_way);
	tcase_add_test(tests, a_long_line_is_cut);
	tcase_add_loop_test(tests, any_buffer_is_terminated, 0, 12);
	suite_add_tcase(suite, tests);
	return suite_main(suite);
}
