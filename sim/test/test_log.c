/* SPDX-License-Identifier: BSD-3-Clause */
#include "../world/log.h"

#include <stdlib.h>

#include "suite_main.h"

#define DRIVER 0
#define DEVICE 1
#define R(when, who, how, where, x, y, z)                                      \
	{                                                                      \
		.step = (when), .end = (who), .kind = RPS_RECORD_##how,        \
		.what = (where), .a = (x), .b = (y), .c = (z)                  \
	}

struct line {
	struct rps_record record;
	const char *expected;
};

/* clang-format off */
static const struct line line[] = {
	{ R(1, DRIVER, LOAD, SEAM_USED_IDX, 0x1000, 0xabcd, 2),
	  "       1 driver load used.idx @1000 = 0xabcd\n" },
	{ R(2, DEVICE, ACQUIRE, SEAM_AVAIL_IDX, 0x1002, 1, 2),
	  "       2 device acquire avail.idx @1002 = 0x1\n" },
	{ R(3, DRIVER, STORE, SEAM_DESC_ADDR, 0x2000, UINT64_MAX, 8),
	  "       3 driver store desc.addr @2000 = 0xffffffffffffffff\n" },
	{ R(4, DRIVER, PUBLISH, SEAM_AVAIL_IDX, 0x1002, 2, 2),
	  "       4 driver publish avail.idx @1002 = 0x2\n" },
	{ R(123456789, DEVICE, FENCE, SEAM_FENCE, 0, 0, 0),
	  "123456789 device fence\n" },
	{ R(6, DEVICE, COPY_IN, SEAM_HDR, 0x3000, 0xbeef, 16),
	  "       6 device copy_in hdr @3000 16 bytes digest 0000beef\n" },
	{ R(7, DRIVER, COPY_OUT, SEAM_PAYLOAD, 0x3010, 0xdeadbeef, 496),
	  "       7 driver copy_out payload @3010 496 bytes digest deadbeef\n" },
	{ R(8, DRIVER, EVENT, RPS_EVENT_message_send, 1, 2, 3),
	  "       8 driver message_send src 0x1 dst 0x2 len 0x3\n" },
	{ R(9, DEVICE, EVENT, RPS_EVENT_notify, 1, 0, 0),
	  "       9 device notify queue 0x1\n" },
	{ R(UINT64_MAX, DEVICE, EVENT, RPS_EVENT_message_drop, UINT64_MAX, UINT64_MAX, UINT64_MAX),
	  "18446744073709551615 device message_drop why 0xffffffffffffffff "
	  "src 0xffffffffffffffff dst 0xffffffffffffffff\n" },
};
/* clang-format on */

START_TEST(a_record_is_a_line)
{
	struct log log;
	char text[256];

	ck_assert_int_eq(log_init(&log), 0);
	log_add(&log, &line[_i].record);

	ck_assert_uint_eq(log_text(&log, text, sizeof(text)),
			  strlen(line[_i].expected));
	ck_assert_str_eq(text, line[_i].expected);
	log_finish(&log);
}
END_TEST

START_TEST(what_does_not_fit_is_cut_and_still_counted)
{
	size_t whole = strlen(line[0].expected) + strlen(line[1].expected);
	struct log log;
	char text[20];

	ck_assert_int_eq(log_init(&log), 0);
	log_add(&log, &line[0].record);
	log_add(&log, &line[1].record);

	ck_assert_uint_eq(log_text(&log, NULL, 0), whole);
	ck_assert_uint_eq(log_text(&log, text, sizeof(text)), whole);
	ck_assert_uint_eq(strlen(text), sizeof(text) - 1);
	ck_assert_mem_eq(text, line[0].expected, sizeof(text) - 1);
	log_finish(&log);
}
END_TEST

START_TEST(the_oldest_records_give_way)
{
	struct rps_record record = { .kind = RPS_RECORD_FENCE,
				     .what = SEAM_FENCE };
	size_t line_bytes = strlen("      10 driver fence\n");
	size_t size = (LOG_RECORDS + 1) * line_bytes + 1;
	char *text = malloc(size);
	struct log log;

	ck_assert_int_eq(log_init(&log), 0);
	for (record.step = 0; record.step < LOG_RECORDS + 10; record.step++)
		log_add(&log, &record);

	ck_assert_uint_eq(log_text(&log, text, size), LOG_RECORDS * line_bytes);
	ck_assert_mem_eq(text, "      10 driver fence\n", line_bytes);
	free(text);
	log_finish(&log);
}
END_TEST

START_TEST(records_come_out_as_they_went_in)
{
	struct rps_record record = { .kind = RPS_RECORD_FENCE,
				     .what = SEAM_FENCE };
	struct rps_record out[3];
	struct log log;

	ck_assert_int_eq(log_init(&log), 0);
	ck_assert_uint_eq(log_records(&log, out, 3), 0);
	for (record.step = 0; record.step < LOG_RECORDS + 10; record.step++)
		log_add(&log, &record);

	ck_assert_uint_eq(log_records(&log, out, 3), LOG_RECORDS);
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_uint_eq(out[i].step, 10 + i);
		ck_assert_uint_eq(out[i].kind, RPS_RECORD_FENCE);
	}
	log_finish(&log);
}
END_TEST

START_TEST(an_empty_log_is_an_empty_text)
{
	char text[4] = "abc";
	struct log log;

	ck_assert_int_eq(log_init(&log), 0);
	ck_assert_uint_eq(log_text(&log, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
	log_finish(&log);
	log_finish(&log);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");

	tcase_add_loop_test(tcase, a_record_is_a_line, 0, ARRAY_SIZE(line));
	tcase_add_test(tcase, records_come_out_as_they_went_in);
	tcase_add_test(tcase, what_does_not_fit_is_cut_and_still_counted);
	tcase_add_test(tcase, the_oldest_records_give_way);
	tcase_add_test(tcase, an_empty_log_is_an_empty_text);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
