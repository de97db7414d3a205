/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every unit test program needs besides Check.
 */
#ifndef TEST_SUITE_MAIN_H
#define TEST_SUITE_MAIN_H

#include <check.h>
#include <string.h>

#include <rps/api.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Runs @suite and frees it. Return: exit status of the program. */
int suite_main(Suite *suite);

/* How many messages a long loop sends: @wanted, or fewer where checkers that
 * make every access slow have asked for it with RPS_TEST_MESSAGES. */
uint32_t long_loop(uint32_t wanted);

/* "12 34 ab", for comparisons that show both sides. Return: @text, which
 * holds 3 * @len_bytes + 1 characters. */
const char *hex(char *text, const void *bytes, size_t len_bytes);

/* Compares bytes, and shows both sides where they differ. */
#define ck_assert_bytes_eq(observed, expected, len_bytes)                      \
	do {                                                                   \
		char observed_hex[3 * (len_bytes) + 1];                        \
		char expected_hex[3 * (len_bytes) + 1];                        \
                                                                               \
		ck_assert_str_eq(hex(observed_hex, observed, len_bytes),       \
				 hex(expected_hex, expected, len_bytes));      \
	} while (0)

#endif
