/* SPDX-License-Identifier: BSD-3-Clause */
#include "suite_main.h"

#include <stdio.h>
#include <stdlib.h>

int suite_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	/* A program that checks nothing has not passed. */
	if (srunner_ntests_run(runner) == 0)
		failed = 1;
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

uint32_t long_loop(uint32_t wanted)
{
	const char *limit = getenv("RPS_TEST_MESSAGES");
	unsigned long messages = limit ? strtoul(limit, NULL, 10) : wanted;

	return messages < wanted ? (uint32_t)messages : wanted;
}

const char *hex(char *text, const void *bytes, size_t len_bytes)
{
	const uint8_t *byte = bytes;

	text[0] = '\0';
	for (size_t i = 0; i < len_bytes; i++)
		snprintf(text + 3 * i, 4, "%02x ", byte[i]);
	return text;
}
