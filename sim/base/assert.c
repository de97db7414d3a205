/* SPDX-License-Identifier: BSD-3-Clause */
#include "assert.h"

#include <stdio.h>
#include <stdlib.h>

void rps_assert_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "rpmsg-cts: bug at %s:%d: %s\n", file, line, condition);
	abort();
}
